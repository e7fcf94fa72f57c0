"""docs/guide/explainability.md: its examples run, and every setting is in it."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from containers.analyzer.explain import PdpConfig, ShapConfig
from containers.analyzer.shap_values import AGGREGATIONS

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "explainability.md").read_text(
    encoding="utf-8"
)


@pytest.fixture
def said(tmp_path, capsys):
    """What the examples leave behind, one after the other."""
    names = {"folder": tmp_path}
    for block in re.findall(r"```python\n(.*?)```", GUIDE, re.S):
        exec(block, names)  # noqa: S102 - our own guide
    return names


def test_the_examples_do_what_they_say(said, tmp_path, capsys):
    """Kernel SHAP of a model that is a function, and of trees with grouped columns."""
    printed = json.loads(capsys.readouterr().out)
    overall = printed["kernel_shap"]["label0"]["global_shap_values"]

    assert overall == {"age": pytest.approx(0.0950), "job": pytest.approx(0.025)}
    assert [curve["feature_name"] for curve in printed["pdp"]] == ["age"]
    assert sorted(path.name for path in (tmp_path / "explanations_shap").iterdir()) == [
        "baseline.csv",
        "out.csv",
    ]
    assert list(said["document"]["kernel_shap"]["label0"]["global_shap_values"]) == ["a", "job"]
    assert said["document"]["shap_method"] == "tree_shap"


@pytest.mark.parametrize(
    "name", [*(field.name for kind in (ShapConfig, PdpConfig) for field in fields(kind)), *AGGREGATIONS]
)
def test_every_setting_is_in_the_guide(name):
    """By its name in the configuration."""
    assert re.search(rf"[`\"]{name}[`\"]", GUIDE)

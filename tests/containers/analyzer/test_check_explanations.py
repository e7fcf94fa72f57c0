"""The explainability check: exact values of our own model, by the columns that people know."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import checks, contract
from containers.analyzer import check_explanations
from containers.contract import ProcessingPaths, TrainingPaths
from containers.processing import prep
from containers.processing.job import DataError
from containers.training import train

SETTINGS = {"methods": {"shap": {"agg_method": "mean_abs", "save_local_shap_values": True}}}
USECASE: dict[str, Any] = {
    "name": "test",
    "problem": "binary",
    "label": "y",
    "positive": 1,
    "source": {"missing": []},
    "columns": {"a": "number", "b": "number", "c": "string", "y": "integer"},
    "split": {"strategy": "stratified", "validation": 0.2, "test": 0.3, "seed": 1, "order_by": ""},
    "flow": [{"operator": "encode", "columns": ["c"], "method": "one_hot"}],
}


def rows(number: int, *, reason: str = "a") -> pd.DataFrame:
    """Of which ``reason`` decides most."""
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"a": draw.normal(size=number), "b": draw.normal(size=number)})
    frame["c"] = draw.choice(["x", "y", "z"], number)
    odds = 4 * frame[reason] + (frame["c"] == "x")
    frame["y"] = (odds + draw.logistic(size=number) > 0).astype(int)
    return frame


def trained(base: Path, reason: str) -> ProcessingPaths:
    """What the check gets: a model of ours and prepared test rows."""
    paths = ProcessingPaths(base / "prep")
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps(USECASE))
    paths.input(contract.DATA).mkdir(parents=True)
    table = pa.Table.from_pandas(rows(2000, reason=reason))
    pq.write_table(table, paths.input(contract.DATA) / contract.PART_FILE)
    prep.main(paths)
    channels = TrainingPaths(base / "training")
    for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW):
        channels.channel(name).parent.mkdir(parents=True, exist_ok=True)
        channels.channel(name).symlink_to(paths.output(name))
    train.main(channels, {"problem": "binary", "rounds": "20", "early_stopping_rounds": "0"})
    check = ProcessingPaths(base / "check")
    check.input(contract.MODEL).mkdir(parents=True)
    check.input(contract.TEST).symlink_to(paths.output(contract.TEST))
    check.output(checks.OUTPUT).mkdir(parents=True)
    with tarfile.open(check.input(contract.MODEL) / contract.MODEL_ARCHIVE, "w:gz") as packed:
        for path in sorted(channels.model.iterdir()):
            packed.add(path, path.name)
    return check


@pytest.fixture(scope="module")
def decided_by(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ProcessingPaths]:
    """Two models with other reasons."""
    return {reason: trained(tmp_path_factory.mktemp(reason), reason) for reason in ("a", "b")}


def explain(paths: ProcessingPaths, output: Path, baseline: Path | None = None) -> dict[str, Any]:
    output.mkdir()
    check_explanations.main(SETTINGS, paths, output, baseline)
    document: dict[str, Any] = json.loads((output / checks.ANALYSIS_FILE).read_text(encoding="utf-8"))
    return document


def test_a_category_is_one_reason(decided_by: dict[str, ProcessingPaths], tmp_path: Path) -> None:
    """Whatever columns it was encoded into; and what decides most has the greatest value."""
    values = explain(decided_by["a"], tmp_path / "now")["explanations"]["kernel_shap"]["label0"][
        "global_shap_values"
    ]

    assert set(values) == {"a", "b", "c"}
    assert values["a"] > values["c"] > values["b"]


def test_the_reasons_are_drawn(decided_by: dict[str, ProcessingPaths], tmp_path: Path) -> None:
    """What matters, which way, from which value on, and three predictions taken apart."""
    explain(decided_by["a"], tmp_path / "now")

    names = {path.name for path in (tmp_path / "now").glob("*.png")}

    assert {"shap_global.png", "shap_beeswarm.png", "shap_dependence_1.png"} <= names
    assert len([name for name in names if name.startswith("shap_waterfall_")]) == 3


def test_what_the_model_depends_on(decided_by: dict[str, ProcessingPaths], tmp_path: Path) -> None:
    """Partial dependence of each column that people know: it rises with what decides, categories are whole again."""
    curves = {
        each["feature_name"]: each
        for each in explain(decided_by["a"], tmp_path / "now")["explanations"]["pdp"]
    }

    assert set(curves) == {"a", "b", "c"}
    (rising,) = curves["a"]["model_predictions"]
    assert rising[-1] - rising[0] > 0.5
    assert set(curves["c"]["feature_values"]) == {"x", "y", "z"}
    assert sum(curves["c"]["data_distribution"]) == pytest.approx(1)


def test_a_page_and_the_values_of_each_row_are_left(
    decided_by: dict[str, ProcessingPaths], tmp_path: Path
) -> None:
    """The page says whose values they are and holds its pictures; a line of values for each test row."""
    explain(decided_by["a"], tmp_path / "now")

    page = (tmp_path / "now" / "report.html").read_text(encoding="utf-8")
    assert "read off the trees" in page
    assert page.count("data:image/png;base64,") == len(list((tmp_path / "now").glob("*.png")))
    local = pd.read_csv(tmp_path / "now" / "explanations_shap" / "out.csv")
    assert list(local.columns) == ["a_label0", "b_label0", "c_label0"]
    assert len(local) == 600


def test_known_rows_are_encoded_back() -> None:
    """A category that was encoded into columns of yes and no is itself, and becomes those columns again."""
    rows = pd.DataFrame(
        {
            "a": [1.5, 2.5, 3.5],
            "c_x": [1.0, 0.0, 0.0],
            "c_y": [0.0, 1.0, 0.0],
            "t_0": [0.2, 0.3, 0.4],
            "t_1": 0.5,
        }
    )

    known = check_explanations.Known(rows, {"c": ["c_x", "c_y"], "t": ["t_0", "t_1"]})

    assert known.rows["c"].tolist() == ["x", "y", None]
    assert known.rows["t"].tolist() == [0.2, 0.3, 0.4]
    pd.testing.assert_frame_equal(known.encoded(known.rows), rows)


def test_the_report_says_whose_method_it_was(decided_by: dict[str, ProcessingPaths], tmp_path: Path) -> None:
    """The values stand where Clarify's readers look for them, but they are no Kernel SHAP."""
    assert explain(decided_by["a"], tmp_path / "now")["explanations"]["shap_method"] == "tree_shap"


def test_other_reasons_are_a_violation(decided_by: dict[str, ProcessingPaths], tmp_path: Path) -> None:
    """The same model again is none."""
    before = tmp_path / "before"
    explain(decided_by["a"], before)

    explain(decided_by["a"], tmp_path / "same", before)
    explain(decided_by["b"], tmp_path / "other", before)

    assert not (tmp_path / "same" / checks.VIOLATIONS_FILE).exists()
    report = json.loads((tmp_path / "other" / checks.VIOLATIONS_FILE).read_text(encoding="utf-8"))
    (violation,) = report["violations"]
    assert violation["constraint_check_type"] == "feature_attribution_drift_check"


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"explanations": {"kernel_shap": 3}}'])
def test_a_baseline_of_another_kind_is_refused(
    content: str, decided_by: dict[str, ProcessingPaths], tmp_path: Path
) -> None:
    """In a sentence."""
    (tmp_path / checks.ANALYSIS_FILE).write_text(content)

    with pytest.raises(DataError, match=r"the baseline analysis\.json is no analysis of explanations"):
        explain(decided_by["a"], tmp_path / "now", tmp_path)

"""The guide to evaluation says what there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from containers.contract import METRIC_GROUPS
from containers.processing.report import Scored, assess

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "evaluation.md"


@pytest.mark.parametrize("problem", METRIC_GROUPS)
def test_every_metric_and_key_is_documented(problem):
    """What the report holds is in the guide, by name."""
    scores = np.array([[0.9, 0.1], [0.2, 0.8]]) if problem == "multiclass" else np.array([0.2, 0.7])
    rows = Scored(np.array([0.0, 1.0]), scores)
    assessment = assess(problem, ("no", "yes"), rows, rows, rule="f1", resamples=2)
    text = GUIDE.read_text(encoding="utf-8")
    names = [*assessment.document(), *assessment.metrics]
    parts = [
        part
        for name in names
        for part in name.replace("macro_", "macro_ ").replace("weighted_", "weighted_ ").split()
    ]

    assert [part for part in parts if f"`{part}`" not in text] == []

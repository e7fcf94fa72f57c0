"""The guide on compatibility says of each step type and each image what the code does."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from local_sagemaker.errors import ValidationException
from local_sagemaker.jobs.images import Images
from local_sagemaker.pipelines.steps import NOT_YET, STEP_TYPES

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "compatibility.md"


def rows() -> list[list[str]]:
    """The cells of every table row."""
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_step_types() -> None:
    """Those that run are in the left column, the others in the right."""
    runs, not_yet = next(row for row in rows() if row[0].startswith("Processing"))

    assert set(runs.split(", ")) == set(STEP_TYPES)
    assert not_yet.split(", ") == list(NOT_YET)


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (image.strip(" `"), what)
        for cell, what in (row[:2] for row in rows())
        if cell.startswith("`") and "_" not in cell
        for image in cell.split(",")
    ],
)
def test_images(image: str, what: str) -> None:
    """An image that is said to run resolves; one that does not says why."""
    uri = f"683313688378.dkr.ecr.us-east-1.amazonaws.com/{image}:1.0"
    if "where" in what:  # … something is installed
        what = "is not installed" if find_spec(what.split("`")[1]) is None else "runs"
    refusal = next((text for text in ("not run yet", "is not installed") if text in what), "")
    if not refusal:
        assert Images({}).resolve(uri)
        return
    with pytest.raises(ValidationException) as refused:
        Images({}).resolve(uri)
    assert refusal.replace("not run yet", "cannot run it yet") in str(refused.value)

"""XGBoost's algorithm mode: what its images differ in."""

import pytest

from local_sagemaker.jobs.training_algorithm import pickles


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("r/sagemaker-xgboost:1.0-1-cpu-py3", True),
        ("r/sagemaker-xgboost:1.2-2", True),
        ("r/sagemaker-xgboost:0.90-2-cpu-py3", True),
        ("r/xgboost:1", True),
        ("r/xgboost:latest", True),
        ("r/sagemaker-xgboost:1.3-1", False),
        ("r/sagemaker-xgboost:1.7-1", False),
        ("r/sagemaker-xgboost:3.2-0", False),
        ("localhost:5000/team/xgboost", False),
        ("r/team/my-xgboost:1.0-1", False),
    ],
)
def test_old_images_pickle(image: str, expected: bool) -> None:
    """XGBoost's images before 1.3-1 pickle the model; others, and what has no version, do not."""
    assert pickles(image) == expected

"""An image with an algorithm of its own, run without any code of the user: XGBoost's algorithm mode.

https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html
"""

from __future__ import annotations

import re
from pathlib import Path

from local_sagemaker.jobs.images import Runtime
from local_sagemaker.jobs.program import Program
from local_sagemaker.jobs.runtimes.xgboost_parameters import METRICS

_PROJECT = Path(__file__).parents[2]  # what ``-m local_sagemaker…`` is found from
_VERSION = re.compile(
    r"/sagemaker-xgboost:(\d+)\.(\d+)-|/xgboost:(?:1|latest)$"
)  # the last is the first image of all
_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"


def program(runtime: Runtime, image: str) -> Program:
    """The program that stands for the image's algorithm."""
    options = ("--pickle",) if pickles(image) else ()
    return Program(("python3", "-m", runtime.algorithm, *options), {"PYTHONPATH": str(_PROJECT)})


def pickles(image: str) -> bool:
    """Whether the image leaves its model as a pickle: XGBoost's did before 1.3-1, and programs count on it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html
    """
    found = _VERSION.search(image)
    return found is not None and (int(found[1] or 0), int(found[2] or 0)) < (1, 3)


def metric_definitions() -> list[dict[str, str]]:
    """The metrics that SageMaker reads from the algorithm's log without being told: ``validation:rmse``."""
    return [
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:{_NUMBER}.*"}
        for channel in ("train", "validation")
        for metric in METRICS
    ]

"""Which checks a pipeline has, and what each of them is told to analyse. No SDK import."""

from __future__ import annotations

from typing import Any

from containers import checks
from containers.checks import CHECKS, Check
from pipelines.config import Config, UseCase

# A check's parameters are its name and one of these.
SKIP, REGISTER, FAIL = "SkipCheck", "RegisterNewBaseline", "FailOnViolation"
PROBLEM_TYPES = {
    "binary": "BinaryClassification",
    "multiclass": "MulticlassClassification",
    "regression": "Regression",
}


def enabled(config: Config) -> dict[Check, str]:
    """The checks that are on, in the order of the pipeline, each with its form: ``native`` or ``processing``."""
    forms = config.environment.checks
    return {
        check: forms.form(check.setting)
        for check in CHECKS.values()
        if forms.form(check.setting) != "off" and settings(check, config.usecase) is not None
    }


def settings(check: Check, usecase: UseCase) -> dict[str, Any] | None:
    """What ``check`` analyses, in the words of AWS's containers; None where the use case gives it nothing to do."""
    if check == checks.DATA_QUALITY:
        return {"dataset_format": {"parquet": {}}}
    return None

"""The use case as it is measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from containers.checks import CHECKS
from pipelines import config
from pipelines.config import Config
from steps.deployment import Deployment
from steps.settings import Checks


def load(name: str) -> Config:
    """The settings of the use case ``name`` on the local SageMaker.

    A search that stops trials early does more or less work as the clock has it, so it does not here. Checks are off:
    they compare with an approved package, which a plain script has not. Nor does it deploy anything.
    """
    found = config.load("local", name)
    tuning = replace(found.usecase.tuning, early_stopping="Off")
    off: dict[str, Any] = {each.setting: "off" for each in CHECKS.values()}
    environment = found.environment.model_copy(update={"checks": Checks(**off), "deploy": Deployment()})
    usecase = found.usecase.model_copy(update={"tuning": tuning})
    return found.model_copy(update={"usecase": usecase, "environment": environment})


def write(found: Config, target: Path) -> None:
    """Write what the plain script must know as one JSON file."""
    settings = found.usecase.model_dump(mode="json")
    settings["hyperparameters"] = {name: str(value) for name, value in found.usecase.hyperparameters.items()}
    target.write_text(json.dumps(settings), encoding="utf-8")

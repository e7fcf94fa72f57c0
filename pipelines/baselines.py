"""What AWS's check steps must be told in a first run, when no approved model has a baseline for them yet.

A ClarifyCheck or QualityCheck step without a previous baseline fails, unless it is told to skip the comparison and to
register what it calculates. Whoever starts a run need not know: that is looked up and passed. The checks that are
processing jobs see to it themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from containers.analyzer.check_baselines import Approved, latest_approved
from containers.checks import CHECKS, Check
from pipelines.checks import REGISTER, SKIP

NATIVE = ("ClarifyCheck", "QualityCheck")


@dataclass(frozen=True)
class FirstRun:
    """The parameters that a run needs because it is the first, and a line that says so."""

    values: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def first_run(sagemaker: Any, definition: Mapping[str, Any], given: Mapping[str, str]) -> FirstRun:
    """What to start a deployed ``definition`` with, beside the parameters that are ``given``."""
    native = {step["Name"]: step for step in definition["Steps"] if step["Type"] in NATIVE}
    approved: dict[str, Approved] = {}
    new: list[Check] = []
    for name, step in native.items():
        group = step["ModelPackageGroupName"]
        if name in CHECKS:
            found = approved.setdefault(group, latest_approved(sagemaker, group))
            new += [] if found.addresses(CHECKS[name]) else [CHECKS[name]]
    declared = {parameter["Name"] for parameter in definition["Parameters"]}
    wanted = [f"{check.name}{switch}" for check in new for switch in (SKIP, REGISTER)]
    values = {name: "true" for name in wanted if name in declared and name not in given}
    if not values:
        return FirstRun()
    names = ", ".join(check.name for check in new)
    return FirstRun(values, f"no approved model has a baseline yet for {names}: this run's is the first")

"""What the checks of an execution found: one line each, with the baseline, the violations and the report's address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from containers import checks
from containers.checks import CHECKS, Check
from pipelines.baselines import NATIVE
from pipelines.errors import RunError
from pipelines.service import Execution, Service, Step


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    check: Check
    violations: int
    compared_with: str  # a package's ARN or a baseline's address; empty where nothing was compared
    skipped: bool
    report: str  # address: of the violations where there are any, of all files otherwise

    def __str__(self) -> str:
        if self.skipped:
            said = "skipped"
        elif not self.compared_with:
            said = "no baseline yet: this run's is the first"
        else:
            count = {0: "no violation", 1: "1 violation"}.get(
                self.violations, f"{self.violations} violations"
            )
            said = f"{count} of {_short(self.compared_with)}"
        return f"{said}  {self.report}"


def findings(service: Service, execution: Execution) -> Iterator[Finding]:
    """The checks that have ended, in the order of the steps; one that left no verdict is left out."""
    for step in execution.steps:
        if step.name in CHECKS and step.job_arn and step.ended:
            check = CHECKS[step.name]
            native = next((step.metadata[kind] for kind in NATIVE if kind in step.metadata), None)
            try:
                yield _native(service, check, native) if native else _processing(service, check, step)
            except RunError:
                continue


def _processing(service: Service, check: Check, step: Step) -> Finding:
    output = service.outputs(step.job_arn)[checks.OUTPUT]
    verdict = service.read_json(f"{output}/{checks.VERDICT_FILE}")
    return Finding(
        check,
        verdict["violations"],
        verdict["compared_with"] or "",
        verdict["skipped"],
        f"{output}/{checks.VIOLATIONS_FILE if verdict['violations'] else ''}",
    )


def _native(service: Service, check: Check, metadata: Mapping[str, Any]) -> Finding:
    if "CalculatedBaselineConstraints" not in metadata:
        raise RunError(f"{check.name} ended without a result")
    report = metadata.get("ViolationReport", "")
    skipped = metadata.get("SkipCheck", False)
    first = skipped and metadata.get("RegisterNewBaseline", False)
    used = metadata.get("BaselineUsedForDriftCheckConstraints", "")
    return Finding(
        check,
        len(service.read_json(report)["violations"]) if report else 0,
        "" if skipped else used,
        skipped and not first,
        report or metadata["CalculatedBaselineConstraints"].rpartition("/")[0] + "/",
    )


def _short(name: str) -> str:
    """A package as people call it, ``roaming/3``; of an address the end, which begins with the execution."""
    if name.startswith("s3://"):
        return "…/" + "/".join(name.split("/")[-4:])
    return name.partition(":model-package/")[2] or name

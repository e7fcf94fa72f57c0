"""Ask an endpoint what evaluation has already answered, before its traffic counts as moved.

    python -m containers.processing.smoke_test --package arn:…/roaming/3 --endpoint roaming --configuration roaming-v3-…

Waits until the endpoint serves the wanted configuration, sends rows of the raw test set in each of its formats, and
holds every answer to the offline one, to the last bit. Where an answer differs, the version is rejected in the registry
with the reason, and whoever deploys goes back to the one before. The report is written whatever came of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from containers import aws, contract
from containers.contract import ProcessingPaths
from containers.processing import deployment_state
from containers.processing.deployment_state import OVER, Look, Variant, Wanted, look
from containers.processing.endpoint_probe import Different, Probe, read
from containers.processing.job import DataError, run
from containers.registry import latest_approved

GLANCE = 5  # rows that are asked at each look while the traffic moves
BACK_SECONDS = 300.0  # that the way back is watched for
SAY_EVERY = 30.0  # seconds of silence at most
REASON = 1024  # characters of ApprovalDescription


@dataclass
class Report:
    """``smoke_test.json``."""

    endpoint: str
    configuration: str
    package: str
    version: int
    status: str = ""
    message: str = ""
    variant: str | None = None
    rows: int = 0
    equal: int = 0  # in every format
    formats: dict[str, int] = field(default_factory=dict)  # format -> rows that were answered as expected
    latency_ms: dict[str, float] = field(
        default_factory=dict
    )  # percentiles of requests of one row, and their number
    during_update: dict[str, int] = field(default_factory=lambda: {"asked": 0, "new": 0})


@dataclass(frozen=True)
class SmokeTest:
    """One deployment under test; ``sagemaker`` is boto3's client."""

    sagemaker: Any
    asked: Wanted
    probe: Probe
    report: Report
    form: str
    minutes: float

    def run(self) -> None:
        """Wait, ask, compare; what came of it is in the report.

        Raises:
            DataError: the endpoint does not serve the package, or not as evaluation did.
        """
        asked, report = self.asked, self.report
        found = self._wait()
        report.status, report.message = found.state, f"{_sentence(found.message)} Nothing was tested."
        if found.state == "Superseded":
            return
        if found.state != "InService":
            raise DataError(report.message)
        serving = deployment_state.variant(self.sagemaker, asked)
        if serving is None:
            raise DataError(f"{asked.configuration} has no variant with a model of {asked.package}.")
        try:
            self._ask(serving)
        except Different as difference:
            # Answers of a newer version, whose traffic has begun to move, are no fault of this one.
            again = look(self.sagemaker, asked)
            if again.state == "Superseded":
                report.status, report.message = again.state, _sentence(again.message)
                return
            report.status = "Different"
            report.message = f"{difference} {self._reject(str(difference))}"
            raise DataError(report.message) from None
        report.message = _passed(asked, serving, report)

    def _wait(self) -> Look:
        """Look until it is over; meanwhile see how much of the traffic has moved. DataError when the time is up."""
        began, said, last, glances = time.monotonic(), 0.0, "", self.report.during_update
        moved = False
        while True:
            found = look(self.sagemaker, self.asked, moved=moved)
            if found.state in OVER:
                return found
            passed = time.monotonic() - began
            if found.state == "Moving":
                moved = True
                self._glance(glances)
            if found.message != last or passed - said > SAY_EVERY:
                seen = f"; {glances['new']} of {glances['asked']} answers were the new model's"
                _say(f"{passed:.0f} s: {found.message}{seen if moved else ''}")
                said, last = passed, found.message
            if passed > self.minutes * 60:
                self.report.status = "TimedOut"
                self.report.message = f"After {self.minutes:g} minutes {found.message}. Nothing was tested."
                raise DataError(self.report.message)
            time.sleep(min(10.0, max(0.2, passed / 20)))

    def _glance(self, glances: dict[str, int]) -> None:
        """Ask a few rows of whoever answers: old and new models share the traffic."""
        for _ in range(GLANCE):
            glances["new"] += self.probe.is_new(glances["asked"] % len(self.probe.case.rows))
            glances["asked"] += 1

    def _ask(self, serving: Variant) -> None:
        """Raises Different."""
        report, rows = self.report, len(self.probe.case.rows)
        report.variant, report.rows = serving.name, rows
        target = None if serving.alone or serving.shadow else serving.name
        measured = replace(self.probe, target=target).everything(compare=not serving.shadow)
        report.formats, report.latency_ms = measured.formats, measured.latency_ms
        report.equal = 0 if serving.shadow else rows

    def _reject(self, reason: str) -> str:
        """Take the version out of service in the registry; returns what that has led to."""
        asked = self.asked
        self.sagemaker.update_model_package(
            ModelPackageArn=asked.package,
            ModelApprovalStatus="Rejected",
            ApprovalDescription=f"Smoke test: {reason}"[:REASON],
        )
        rejected = f"Version {asked.version} is rejected"
        before = latest_approved(self.sagemaker, asked.group)
        if before is None:
            return f"{rejected}. No other version is approved, so {asked.endpoint} goes on serving it."
        version = before["ModelPackageVersion"]
        if self.form == "native":
            return f"{rejected}. {asked.endpoint} goes on serving it: native steps have no way back."
        _say(f"{rejected}; waiting for {asked.endpoint} to go back to version {version}")
        deadline = time.monotonic() + BACK_SECONDS
        while time.monotonic() < deadline:
            if deployment_state.serves_another(self.sagemaker, asked):
                return f"{rejected}, and {asked.endpoint} is back at version {version}."
            time.sleep(0.5)
        return f"{rejected}, and {asked.endpoint} on its way back to version {version}."


def main(
    paths: ProcessingPaths,
    package: str,
    endpoint: str,
    configuration: str,
    status: str = "",
    form: str = "guarded",
    minutes: float = 30,
    sagemaker: Any = None,
    runtime: Any = None,
) -> None:
    """Test the deployment of ``package`` (ARN); ``status`` is what the step before said of it. Clients are boto3's.

    Raises:
        DataError: the endpoint does not serve the package, or not as evaluation did; or the inputs are not there.
    """
    sagemaker = sagemaker or aws.client("sagemaker")
    probe = Probe(runtime or aws.client("sagemaker-runtime"), endpoint, read(paths))
    try:
        asked = deployment_state.wanted(sagemaker, package, endpoint, configuration)
        report = Report(endpoint, configuration, package, asked.version)
        try:
            if status == "Superseded":  # the configuration is the newer version's
                report.status = status
                report.message = (
                    f"A newer version is approved: {asked.version} is neither deployed nor tested."
                )
            else:
                SmokeTest(sagemaker, asked, probe, report, form, minutes).run()
        finally:
            _write(paths, report)
    except (BotoCoreError, ClientError) as error:
        raise DataError(f"the endpoint {endpoint} could not be tested: {error}") from None
    _say(report.message)


def _passed(asked: Wanted, serving: Variant, report: Report) -> str:
    if serving.shadow:
        return (
            f"{asked.endpoint} has version {asked.version} as its shadow {serving.name}, whose answers nobody sees: "
            f"{report.rows} rows were answered by the other variant, and nothing was compared."
        )
    return (
        f"{asked.endpoint} serves version {asked.version} ({serving.name}): {report.equal} of {report.rows} rows are "
        f"answered as evaluation did in {len(report.formats)} formats, one row in {report.latency_ms['p50']:g} ms "
        f"(p99 {report.latency_ms['p99']:g} ms)."
    )


def _write(paths: ProcessingPaths, report: Report) -> None:
    output = paths.output(contract.SMOKE_TEST)
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(vars(report), indent=1, allow_nan=False, ensure_ascii=False)
    (output / contract.SMOKE_TEST_FILE).write_text(text + "\n", encoding="utf-8")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _say(text: str) -> None:
    print(text, flush=True)


def _arguments() -> Mapping[str, Any]:
    parser = argparse.ArgumentParser(prog="smoke_test", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--package", required=True, help="the ARN of the registered model package")
    parser.add_argument("--endpoint", required=True, help="the endpoint's name")
    parser.add_argument("--configuration", required=True, help="the endpoint configuration that serves it")
    parser.add_argument("--status", default="", help="what the deployment said: Updating, Superseded, …")
    parser.add_argument("--form", choices=("guarded", "native"), default="guarded", help="how it is deployed")
    parser.add_argument("--minutes", type=float, default=30, help="how long to wait for the endpoint")
    return vars(parser.parse_args())


if __name__ == "__main__":
    sys.exit(run(main, ProcessingPaths(), **_arguments()))

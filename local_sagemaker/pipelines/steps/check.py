"""What ClarifyCheck and QualityCheck have in common: a processing job that calculates a baseline and compares.

The job always calculates a new baseline. Unless SkipCheck, it is also given the previous one, and reports what
violates it. RegisterNewBaseline decides which of the two later steps read as BaselineUsedForDriftCheck….
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-quality-clarify-baseline-lifecycle.html

====  ========  =======  ===================  ==========================
Skip  Register  compare  previous is needed   BaselineUsedForDriftCheck…
====  ========  =======  ===================  ==========================
no    no        yes      yes                  previous
no    yes       yes      yes                  newly calculated
yes   no        no       yes                  previous
yes   yes       no       no                   newly calculated
====  ========  =======  ===================  ==========================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_sagemaker import json_text
from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.baselines import Baseline, NoBaseline, previous
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import Scope, resolve
from local_sagemaker.pipelines.problem import hint
from local_sagemaker.pipelines.steps.base import Attempt, Document, StepFailure, Success
from local_sagemaker.pipelines.steps.job import JobStep
from local_sagemaker.s3 import names
from local_sagemaker.s3.store import ObjectStore

REPORT = "constraint_violations.json"  # in the job's output, and there only where something is violated
_FOLDERS = {  # where the containers find the previous baseline
    "Constraints": "/opt/ml/processing/baseline/constraints",
    "Statistics": "/opt/ml/processing/baseline/stats",
}
SETTINGS = {
    "CheckType": "string",
    "ModelPackageGroupName": "string",
    "SkipCheck": "boolean",
    "FailOnViolation": "boolean",
    "RegisterNewBaseline": "boolean",
    "SuppliedBaselineConstraints": "string",
}
# AWS's list of what decides about using a result again, in terms of the request; outputs are not in it. It has
# no FailOnViolation: but then a violation that was let pass once would pass again where it must not.
CACHE_KEYS = ("AppSpecification", "Environment", "ProcessingInputs", "ProcessingResources", *SETTINGS)


@dataclass(frozen=True, kw_only=True)
class CheckStep(JobStep):
    """One of the two: ``title`` is what AWS's messages call it, ``files`` the parts of its baseline."""

    title: str
    types: tuple[str, ...]  # of CheckType
    files: Mapping[str, str]  # part of the baseline -> file in the job's output

    def mistakes(self, step: Step) -> Iterable[str]:
        """An unknown CheckType; no place for the results."""
        check_type = step.settings.get("CheckType")
        if check_type is None:
            yield f"CheckType is missing. (There is: {', '.join(self.types)}.)"
        elif check_type not in self.types:
            yield f"there is no CheckType {check_type!r} of a {self.name} step.{hint(str(check_type), self.types)}"
        if not _outputs(step.arguments):
            yield "ProcessingOutputConfig has no output with an S3Output, where the baseline would go."

    def prepare(self, step: Step, scope: Scope) -> Document:
        """The request, and beside its members the step's own settings; null is the same as absent."""
        settings = resolve(step.settings, scope)
        given = {key: value for key, value in settings.items() if value is not None}
        return {**super().prepare(step, scope), **given}

    def request(self, attempt: Attempt) -> Document:
        """The job's request, before it is told the previous baseline."""
        return {key: value for key, value in attempt.arguments.items() if key not in self.settings}

    def run(self, attempt: Attempt) -> Success:
        """Calculate, compare, and fail where a violation says so."""
        switches = _Switches.of(attempt.arguments)
        known = self._previous(attempt) if switches.need_previous else {}
        request = self.request(attempt)
        output = str(_outputs(request)[0]["S3Uri"]).rstrip("/")
        calculated = {part: f"{output}/{file}" for part, file in self.files.items()}
        report = f"{output}/{REPORT}"
        before = {uri: _identity(attempt.store, uri) for uri in (*calculated.values(), report)}

        done = self.run_job(
            attempt,
            request if switches.skip else comparing(request, known),
            _facts(attempt.arguments, switches),
        )

        # What an earlier job with the same output left there is not this one's.
        written = [uri for uri, old in before.items() if _identity(attempt.store, uri) not in (None, old)]
        for uri in calculated.values():
            if uri not in written:
                reason = f"ClientError: {self.title} check job wrote no {uri}"
                raise StepFailure(reason, metadata=done.metadata)
        properties = {
            **_named("CalculatedBaseline", calculated),
            **_named("BaselineUsedForDriftCheck", calculated if switches.register else known),
        }
        told = {**done.metadata[self.shown_as], **properties}
        violations = _violations(attempt.store, report) if report in written and not switches.skip else []
        if not violations:
            return Success(properties, {self.shown_as: told})
        metadata = {self.shown_as: {**told, "ViolationReport": report}}
        if not switches.fail:
            return Success(properties, metadata)
        raise StepFailure(
            f"ClientError: {self.title} check failed. See violation report: {report} ({_said(violations)})",
            metadata=metadata,
            properties=properties,
        )

    def _previous(self, attempt: Attempt) -> Baseline:
        given = attempt.arguments
        supplied = {
            part: str(given[key]) for part in self.files if given.get(key := f"SuppliedBaseline{part}")
        }
        try:
            found = previous(given["CheckType"], supplied, given.get("ModelPackageGroupName"), attempt.send)
        except NoBaseline as missing:
            raise StepFailure(
                f"ClientError: {self.title} check needs a previous baseline, and there is none: {missing}. "
                "In a first run, set SkipCheck and RegisterNewBaseline to true."
            ) from None
        for uri in found.values():
            if _identity(attempt.store, uri) is None:
                raise StepFailure(
                    f"ClientError: {self.title} check cannot read its previous baseline: "
                    f"there is no object {uri}."
                )
        return found


def comparing(request: Mapping[str, Any], baseline: Baseline) -> Document:
    """The request of a job that compares with a baseline: further inputs, and where they are."""
    inputs, environment = list(request.get("ProcessingInputs", ())), dict(request.get("Environment", {}))
    for part, uri in baseline.items():
        name = f"baseline_{part.lower()}"
        inputs.append(
            {
                "InputName": name,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": _FOLDERS[part],
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        )
        environment[name] = f"{_FOLDERS[part]}/{uri.rpartition('/')[2]}"
    return {**request, "ProcessingInputs": inputs, "Environment": environment}


@dataclass(frozen=True)
class _Switches:
    """What a check step is told to do and not to do."""

    skip: bool
    register: bool
    fail: bool

    @staticmethod
    def of(arguments: Mapping[str, Any]) -> _Switches:
        """Read them, where they are given. Raises StepFailure for what came out of an expression as no boolean."""
        found = {"SkipCheck": False, "RegisterNewBaseline": False, "FailOnViolation": True}
        for name in found:
            value = arguments.get(name, found[name])
            if not isinstance(value, bool):
                raise StepFailure(f"ClientError: {name} is true or false, not {value!r}.")
            found[name] = value
        return _Switches(*found.values())

    @property
    def need_previous(self) -> bool:
        """Whether there must be a previous baseline, to compare with or to hand on."""
        return not (self.skip and self.register)


def _facts(arguments: Mapping[str, Any], switches: _Switches) -> Document:
    """What the step says about itself from the start."""
    group = arguments.get("ModelPackageGroupName")
    return {
        "CheckType": arguments["CheckType"],
        "SkipCheck": switches.skip,
        "RegisterNewBaseline": switches.register,
        **({"ModelPackageGroupName": group} if group else {}),
    }


def _outputs(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The S3Outputs of a request, which may not be in its final form yet."""
    config = request.get("ProcessingOutputConfig")
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    listed = outputs if isinstance(outputs, list) else []
    return [each["S3Output"] for each in listed if isinstance(each, Mapping) and "S3Output" in each]


def _named(prefix: str, baseline: Baseline) -> Baseline:
    return {f"{prefix}{part}": uri for part, uri in baseline.items()}


def _identity(store: ObjectStore, uri: str) -> tuple[float, str] | None:
    """What tells an object from the one that it replaces; None where there is none."""
    try:
        found = store.get(*names.split_uri(uri))
    except AwsError:
        return None
    return found.modified, found.etag


def _violations(store: ObjectStore, uri: str) -> list[Mapping[str, Any]]:
    try:
        found = json_text.parse(store.read(uri))["violations"]
        return [dict(each) for each in found]
    except (ValueError, TypeError, KeyError) as error:
        raise StepFailure(f"ClientError: {uri} is no violation report: {error!r}") from None


def _said(violations: list[Mapping[str, Any]]) -> str:
    """How many, and the first of them in the container's words."""
    first = violations[0]
    names_ = " ".join(str(value) for key, value in first.items() if key != "description")
    count = f"{len(violations)} violation{'s' if len(violations) > 1 else ''}"
    return f"{count}, first {names_}: {first.get('description', '')}"

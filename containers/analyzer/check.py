"""A check of data or model as a processing job: analyse, compare with the approved model's baseline, judge.

    python3 -m containers.analyzer.check --check DataBias --group roaming --skip false --register false --fail false

It does what AWS's ClarifyCheck and QualityCheck steps do around their containers, with the same files, for accounts in
which those are closed. Where there is no baseline yet there is nothing to compare with: the check passes and says so,
and what it has calculated becomes the baseline.
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-quality-clarify-baseline-lifecycle.html
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from containers import aws, checks
from containers.analyzer import check_analyses
from containers.analyzer.check_baselines import latest_approved, read
from containers.checks import CHECKS, Check
from containers.contract import ProcessingPaths
from containers.processing.job import DataError, read_settings, run

MOST_NAMED = 3  # violations in the message; the report has them all


@dataclass(frozen=True)
class Previous:
    """The baseline to compare with: file name -> content, and whose it is."""

    package: str
    files: Mapping[str, bytes] = field(default_factory=dict)


class Registry(Protocol):
    """Where the previous baseline comes from."""

    def previous(self, group: str, check: Check) -> Previous | None:
        """The baseline that the latest approved package of ``group`` carries for ``check``, if it has one."""


@dataclass(frozen=True)
class Options:
    """How a check was asked to go about it; the names are those of AWS's check steps."""

    skip: bool = False
    register: bool = False  # what is calculated now becomes the baseline
    fail: bool = False  # the job fails where there is a violation

    def carried(self, previous: Previous | None) -> str:
        """Which baseline the package shall carry: ``new`` or ``previous``."""
        return "new" if self.register or previous is None else "previous"


def main(paths: ProcessingPaths, check: Check, group: str, options: Options, registry: Registry) -> None:
    """Write the analysis, its violations, the baseline to carry and the verdict into the output ``check``.

    Raises:
        DataError: the data cannot be analysed, the baseline is gone; or there are violations, and they shall fail.
    """
    settings = read_settings(paths, check.settings_file)
    output = paths.output(checks.OUTPUT)
    output.mkdir(parents=True, exist_ok=True)
    previous = None if options.skip and options.register else registry.previous(group, check)
    with tempfile.TemporaryDirectory() as folder:
        baseline = None
        if previous is not None and not options.skip:
            baseline = _write(Path(folder), previous.files)
        check_analyses.analyse(check, settings, paths, output, baseline)
    violations = read_violations(output)
    carry(check, output, previous if options.carried(previous) == "previous" else None)
    verdict = document(check, options, previous, violations)
    (output / checks.VERDICT_FILE).write_text(json.dumps(verdict, indent=1) + "\n", encoding="utf-8")
    print(verdict["message"], flush=True)
    if violations and options.fail:
        raise DataError(f"{check.name} check failed. {verdict['message']}")


def document(
    check: Check, options: Options, previous: Previous | None, violations: list[dict[str, Any]]
) -> dict[str, Any]:
    """The verdict, ``check.json``."""
    return {
        "version": 1,
        "check": check.name,
        "compared_with": previous.package if previous and not options.skip else None,
        "skipped": options.skip,
        "violations": len(violations),
        "baseline": options.carried(previous),
        "message": message(options, previous, violations),
    }


def message(options: Options, previous: Previous | None, violations: list[dict[str, Any]]) -> str:
    """The verdict in a sentence or two."""
    if options.skip:
        return f"The check was skipped; the {options.carried(previous)} baseline is carried on."
    if previous is None:
        return "There is no approved model with a baseline yet: nothing to compare with. This run's is the first."
    against = f"the baseline of {previous.package.rsplit(':', 1)[-1]}"
    renewed = " This run's values become the baseline." if options.register else ""
    if not violations:
        return f"No violation of {against}.{renewed}"
    named = "; ".join(describe(each) for each in violations[:MOST_NAMED])
    more = f"; and {len(violations) - MOST_NAMED} more" if len(violations) > MOST_NAMED else ""
    count = "1 violation" if len(violations) == 1 else f"{len(violations)} violations"
    return f"{count} of {against}: {named}{more}.{renewed}"


def describe(violation: Mapping[str, Any]) -> str:
    """One entry of a violation report, whichever container's: of what, and what is wrong."""
    place = [violation.get(name) for name in ("feature_name", "facet", "facet_value", "label", "metric_name")]
    what = " ".join(str(part) for part in place if part not in (None, ""))
    return f"{what}: {str(violation['description']).strip().rstrip('.')}"


def read_violations(output: Path) -> list[dict[str, Any]]:
    """The entries of the violation report; none where it was not written."""
    file = output / checks.VIOLATIONS_FILE
    if not file.is_file():
        return []
    violations: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["violations"]
    return violations


def carry(check: Check, output: Path, previous: Previous | None) -> None:
    """Put the baseline that the package shall carry beside the analysis: the previous one, or this run's."""
    if previous is not None:
        _write(output / checks.BASELINE, previous.files)
        return
    (output / checks.BASELINE).mkdir(exist_ok=True)
    for name in filter(None, (check.constraints_file, check.statistics_file)):
        shutil.copy(output / name, output / checks.BASELINE / name)


class ModelRegistry:
    """SageMaker's registry and S3, asked with the job's own credentials."""

    def previous(self, group: str, check: Check) -> Previous | None:
        """Asks for the latest approved package, and fetches the files that it names.

        Raises:
            DataError: the registry does not answer, or a file is gone.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            approved = latest_approved(aws.client("sagemaker"), group)
            addresses = approved.addresses(check)
            s3 = aws.client("s3") if addresses else None
            files = {name: read(s3, uri, approved.package) for name, uri in addresses.items()}
        except (BotoCoreError, ClientError) as error:
            raise DataError(
                f"the baseline of group {group} cannot be looked up: {error}. The job needs a network, and its role "
                "sagemaker:ListModelPackages, sagemaker:DescribeModelPackage and s3:GetObject"
            ) from None
        return Previous(approved.package, files) if addresses else None


def _write(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _switch(text: str) -> bool:
    """A pipeline's boolean parameter as it arrives in an argument."""
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="check", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", choices=sorted(CHECKS), required=True)
    parser.add_argument("--group", required=True, help="the model package group that holds the baselines")
    for name in ("skip", "register", "fail"):
        parser.add_argument(f"--{name}", type=_switch, default=False, metavar="true|false")
    given = parser.parse_args()
    sys.exit(
        run(
            main,
            ProcessingPaths(),
            CHECKS[given.check],
            given.group,
            Options(given.skip, given.register, given.fail),
            ModelRegistry(),
        )
    )

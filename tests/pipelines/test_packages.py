"""The registered versions on the command line: listed, approved, rejected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.__main__ import main
from pipelines.config import USECASES

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def group(request: pytest.FixtureRequest) -> str:
    return f"packages-{abs(hash(request.node.nodeid))}"[:40]


@pytest.fixture
def command(
    group: str,
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """``command("packages")``: exit status, output and error of a command for a use case with a group of its own."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    usecase = tmp_path / "usecase.toml"
    text = (USECASES / "roaming.toml").read_text(encoding="utf-8")
    usecase.write_text(text.replace('group = "roaming"', f'group = "{group}"'), encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--usecase", str(usecase)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def versions(client: Callable[[str], Any], group: str) -> list[str]:
    """Two pending versions; the second has an evaluation report."""
    sagemaker, s3 = client("sagemaker"), client("s3")
    bucket = "packages-reports"
    s3.create_bucket(Bucket=bucket)
    report = {"binary_classification_metrics": {"auc": {"value": 0.98765}}}
    s3.put_object(Bucket=bucket, Key=f"{group}.json", Body=json.dumps(report))
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    statistics = {"ContentType": "application/json", "S3Uri": f"s3://{bucket}/{group}.json"}
    metrics = [{}, {"ModelMetrics": {"ModelQuality": {"Statistics": statistics}}}]
    return [
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            InferenceSpecification={
                "Containers": [{"Image": "an/image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            **more,
        )["ModelPackageArn"]
        for more in metrics
    ]


def test_an_empty_registry_is_no_error(command: Command) -> None:
    """Before the first run there is nothing to list, and that is said."""
    status, out, _ = command("packages")
    assert (status, "has no package yet" in out) == (0, True)


@pytest.mark.usefixtures("versions")
def test_versions_are_listed_with_their_metric(command: Command) -> None:
    """The newest first, with status and the gate's metric where a report has it."""
    _, out, _ = command("packages")
    second, first = out.splitlines()[1:3]
    assert second.split()[0] == "2"
    assert "0.9877" in second
    assert first.split()[0] == "1"
    assert " - " in first


def test_a_decision_is_kept_with_its_reason(
    command: Command, versions: list[str], client: Callable[[str], Any]
) -> None:
    """By number, by ARN and by 'latest'; what was before is said."""
    _, out, _ = command("approve", "1", "--reason", "reviewed")
    assert "version 1 was PendingManualApproval, and is Approved" in out
    found = client("sagemaker").describe_model_package(ModelPackageName=versions[0])
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "reviewed")
    assert "version 2 was PendingManualApproval, and is Rejected" in command("reject", "latest")[1]
    assert "version 1 was Approved, and is Rejected" in command("reject", versions[0])[1]


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("reason", ["one line\nand another", "x" * 1025])
def test_a_reason_that_a_package_cannot_keep_is_refused(command: Command, reason: str) -> None:
    """Before anything is changed, in one line."""
    status, _, err = command("approve", "1", "--reason", reason)
    assert (status, err) == (2, "error: A reason is one line of at most 1024 characters.\n")


@pytest.mark.usefixtures("versions")
def test_a_version_that_is_not_there_is_named(command: Command) -> None:
    """One line with the versions that there are, and exit status 2."""
    status, _, err = command("approve", "7")
    assert status == 2
    assert "has no version '7'. It has 2, 1; or say 'latest'." in err


def test_there_is_nothing_to_approve_before_the_first_run(command: Command) -> None:
    """The group is made with its first package."""
    status, _, err = command("approve", "latest")
    assert (status, "has no package yet" in err) == (2, True)

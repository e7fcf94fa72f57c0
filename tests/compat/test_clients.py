"""Clients that are not the SDK: boto3's waiters and paginators, and the AWS CLI."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Client = Callable[[str], Any]
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
QUICK = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture(scope="module")
def jobs(client: Client, local: Any) -> Iterator[dict[str, str]]:
    """One processing job that prints, one that would run for an hour, and a training job without a script."""
    sagemaker = client("sagemaker")

    def process(name: str, script: str) -> str:
        sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=local.settings.role_arn,
            AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "-c", script]},
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
        )
        return name

    training = "clients-training"
    sagemaker.create_training_job(
        TrainingJobName=training,
        RoleArn=local.settings.role_arn,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", "print('trained')"],
        },
        OutputDataConfig={"S3OutputPath": f"s3://{local.settings.bucket}/clients"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    yield {
        "quick": process("clients-quick", "print('hello from a job')"),
        "slow": process("clients-slow", "import time; time.sleep(3600)"),
        "training": training,
    }
    sagemaker.stop_processing_job(ProcessingJobName="clients-slow")


@pytest.fixture(scope="session")
def aws(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the AWS CLI."""
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("the AWS CLI is not installed")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, program, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize("kind", ["processing", "training"])
def test_waiters(client: Client, jobs: dict[str, str], kind: str) -> None:
    """boto3's own waiters see a job end."""
    name = jobs["quick" if kind == "processing" else "training"]
    member = f"{kind.title()}Job"
    sagemaker = client("sagemaker")
    sagemaker.get_waiter(f"{kind}_job_completed_or_stopped").wait(
        **{f"{member}Name": name}, WaiterConfig=QUICK
    )
    job = getattr(sagemaker, f"describe_{kind}_job")(**{f"{member}Name": name})

    assert job[f"{member}Status"] == "Completed", job.get("FailureReason")


def test_paginators(client: Client, jobs: dict[str, str]) -> None:
    """A page at a time finds every job once."""
    pages = client("sagemaker").get_paginator("list_processing_jobs")
    names = [
        job["ProcessingJobName"]
        for page in pages.paginate(NameContains="clients-", PaginationConfig={"PageSize": 1})
        for job in page["ProcessingJobSummaries"]
    ]

    assert sorted(names) == [jobs["quick"], jobs["slow"]]


def test_logs_by_boto3(client: Client, jobs: dict[str, str]) -> None:
    """A job's log is a stream of the group that AWS uses."""
    client("sagemaker").get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName=jobs["quick"], WaiterConfig=QUICK
    )
    events = client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=f"{jobs['quick']}/"
    )["events"]

    assert [event["message"] for event in events] == ["hello from a job"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sts get-caller-identity --query Arn", "assumed-role/local-sagemaker-execution/"),
        ("iam get-role --role-name local-sagemaker-execution --query Role.RoleName", "local-sagemaker"),
        ("s3 ls", "sagemaker-us-east-1-123456789012"),
        ("sagemaker list-pipelines", "PipelineSummaries"),
        ("sagemaker describe-processing-job --processing-job-name clients-slow", "InProgress"),
        ("sagemaker search --resource TrainingJob --query Results[].TrainingJob.TrainingJobName", "clients-"),
        ("logs describe-log-groups --query logGroups[].logGroupName", "/aws/sagemaker/ProcessingJobs"),
        ("sqs list-queues", ""),  # the CLI asks for SQS's public address, whatever the environment says
    ],
)
def test_the_cli(
    aws: Callable[..., subprocess.CompletedProcess[str]], jobs: dict[str, str], command: str, expected: str
) -> None:
    """Commands answer as they do on AWS."""
    done = aws(*command.split())

    assert done.returncode == 0, done.stderr
    assert expected in done.stdout


def test_files_by_the_cli(aws: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """``aws s3 sync`` up and down is the identity."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "sub").mkdir(parents=True)
    (here / "sub" / "a file.txt").write_text("content")
    place = "s3://sagemaker-us-east-1-123456789012/clients-sync"

    assert aws("s3", "sync", str(here), place).returncode == 0
    assert aws("s3", "sync", place, str(there)).returncode == 0
    assert (there / "sub" / "a file.txt").read_text() == "content"


def test_what_is_not_there_says_so(
    aws: Callable[..., subprocess.CompletedProcess[str]], client: Client
) -> None:
    """An operation that nobody offers is refused by name, once, and never with a page of HTML."""
    sagemaker = client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ClientError) as refused:
        sagemaker.create_labeling_job(
            LabelingJobName="l",
            LabelAttributeName="label",
            InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://b/m"}}},
            OutputConfig={"S3OutputPath": "s3://b/o"},
            RoleArn="arn:aws:iam::123456789012:role/local-sagemaker-execution",
            HumanTaskConfig={
                "WorkteamArn": "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/w",
                "UiConfig": {"UiTemplateS3Uri": "s3://b/t"},
                "TaskTitle": "t",
                "TaskDescription": "t",
                "NumberOfHumanWorkersPerDataObject": 1,
                "TaskTimeLimitInSeconds": 60,
            },
        )

    assert refused.value.response["Error"]["Code"] == "UnsupportedOperation"
    assert "CreateLabelingJob" in refused.value.response["Error"]["Message"]
    done = aws("sagemaker", "describe-training-job", "--training-job-name", "nobody")
    assert done.returncode != 0
    assert "Requested resource not found" in done.stderr


def test_the_printed_environment_is_enough(environment: dict[str, str]) -> None:
    """``boto3.client`` with no argument at all reaches the local SageMaker, and no profile of the user's."""
    program = "import boto3, json; meta = boto3.client('sagemaker').meta; "
    program += "print(json.dumps([meta.endpoint_url, meta.region_name]))"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == [environment["AWS_ENDPOINT_URL"], "us-east-1"]

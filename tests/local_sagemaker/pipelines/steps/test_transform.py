"""The Transform step: a pipeline that creates a model and scores with it."""

from __future__ import annotations

import copy
import gzip
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.pipelines.check import check
from local_sagemaker.pipelines.steps.transform import TRANSFORM
from tests.local_sagemaker.endpoints.conftest import archive, booster, echo
from tests.local_sagemaker.transform.conftest import Transforms

__all__ = ["booster"]  # a fixture
SDK = json.loads((Path(__file__).parents[1] / "definitions" / "sdk_3_27_transform.json").read_text())


@pytest.fixture
def transforms(local: Any, client: Any) -> Transforms:
    return Transforms(client, local.settings.bucket, local.settings.role_arn)


def definition(container: dict[str, Any], bucket: str, prefix: str, **step: Any) -> str:
    """Model -> Transform -> Fail, whose message is what the transform step says of itself."""
    source = {"Std:Join": {"On": "/", "Values": ["s3:/", bucket, {"Get": "Parameters.Data"}]}}
    place = {"S3DataType": "S3Prefix", "S3Uri": source}
    target = {"Std:Join": {"On": "/", "Values": ["s3:/", bucket, {"Get": "Execution.PipelineExecutionId"}]}}
    steps = [
        {
            "Name": "Create",
            "Type": "Model",
            "Arguments": {
                "PrimaryContainer": container,
                "ExecutionRoleArn": "arn:aws:iam::123456789012:role/local-sagemaker-execution",
            },
        },
        {
            "Name": "Score",
            "Type": "Transform",
            "Arguments": {
                "ModelName": {"Get": "Steps.Create.ModelName"},
                "TransformInput": {
                    "DataSource": {"S3DataSource": place},
                    "ContentType": "text/csv",
                    "SplitType": "Line",
                },
                "TransformOutput": {"S3OutputPath": target},
                "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            },
            **step,
        },
        {
            "Name": "Tell",
            "Type": "Fail",
            "Arguments": {
                "ErrorMessage": {
                    "Std:Join": {
                        "On": " ",
                        "Values": [
                            {"Get": "Steps.Score.TransformJobStatus"},
                            {"Get": "Steps.Score.TransformOutput.S3OutputPath"},
                        ],
                    }
                }
            },
        },
    ]
    parameters = [{"Name": "Data", "Type": "String", "DefaultValue": prefix}]
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": steps})


def run(transforms: Transforms, text: str, name: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """An execution of a pipeline, and its steps by name, once it has ended."""
    sagemaker = transforms.sagemaker
    if not name:
        name = f"p-{uuid.uuid4().hex[:8]}"
        sagemaker.create_pipeline(
            PipelineName=name,
            PipelineDefinition=text,
            RoleArn=transforms.role,
            ClientRequestToken=uuid.uuid4().hex,
        )
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    deadline = time.monotonic() + 120
    while (execution := sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))[
        "PipelineExecutionStatus"
    ] == "Executing":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return execution | {"PipelineName": name}, {step["StepName"]: step for step in steps}


def test_a_pipeline_scores(transforms):
    """The job runs with the step's model; later steps read its description; its ARN is in the step's metadata."""
    container = transforms.container(echo("scored"))
    prefix = transforms.put({"rows.csv": "1,2\n"})

    execution, steps = run(transforms, definition(container, transforms.bucket, prefix))

    assert steps["Score"]["StepStatus"] == "Succeeded", steps["Score"]
    job = transforms.sagemaker.describe_transform_job(
        TransformJobName=steps["Score"]["Metadata"]["TransformJob"]["Arn"].rpartition("/")[2]
    )
    assert transforms.outputs(job) == {"rows.csv.out": b"scored:1,2\n"}
    path = f"s3://{transforms.bucket}/{execution['PipelineExecutionArn'].rpartition('/')[2]}"
    assert steps["Tell"]["FailureReason"] == f"Completed {path}"
    tags = transforms.sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"]
    assert {"Key": "sagemaker:pipeline-step-name", "Value": "Score"} in tags


def test_a_job_that_fails_fails_the_step(transforms):
    """With the job's reason."""
    container = transforms.container(echo("scored"))

    execution, steps = run(transforms, definition(container, transforms.bucket, "nothing-there/"))

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert steps["Score"]["FailureReason"].startswith("ClientError: No S3 objects found under S3 URL")


def test_what_the_sdk_writes_is_right():
    """The definition of SDK 3.27's TransformStep, and of a monitored one, has no mistakes."""
    assert list(check(copy.deepcopy(SDK))) == []


MISTAKES = [
    (("Arguments", "TransformInput", "SplitType"), "Lines", "SplitType"),
    (("Arguments", "TransformOutput"), {}, "S3OutputPath"),
    (("Arguments", "Model"), "m", "Model"),
    (("CacheConfig", "ExpireAfter"), "a month", "ExpireAfter"),
    (("PropertyFiles",), [], "PropertyFiles"),
]


@pytest.mark.parametrize(("path", "value", "named"), MISTAKES)
def test_mistakes_are_found_before_anything_runs(path, value, named):
    """In what the job is asked for as in what the step has beside it."""
    definition = copy.deepcopy(SDK)
    *way, last = path
    place = definition["Steps"][1]
    for key in way:
        place = place[key]
    place[last] = value

    problems = [str(problem) for problem in check(definition)]

    assert problems
    assert all("Score" in problem for problem in problems)
    assert any(named in problem for problem in problems)


def test_what_the_sdk_writes_runs(transforms, booster):
    """With gzip, filters, a join and data capture, on the algorithm of XGBoost."""
    own = f"sdk-{uuid.uuid4().hex[:8]}"
    transforms.put(
        {
            "model.tar.gz": archive({"xgboost-model": bytes(booster.save_raw("ubj"))}),
            "data/rows.csv.gz": gzip.compress(b"a,1,2,3\nb,-1,-2,-3\n"),
        },
        f"{own}/",
    )
    text = json.dumps({**SDK, "Steps": [SDK["Steps"][0], SDK["Steps"][1], SDK["Steps"][4]]})
    text = text.replace(f"s3://{transforms.bucket}/", f"s3://{transforms.bucket}/{own}/")

    _, steps = run(transforms, text)

    assert steps["Score"]["StepStatus"] == "Succeeded", steps["Score"]
    job = transforms.sagemaker.describe_transform_job(
        TransformJobName=steps["Score"]["Metadata"]["TransformJob"]["Arn"].rpartition("/")[2]
    )
    (output,) = transforms.outputs(job).values()
    rows = [row.split(",") for row in output.decode().split()]
    assert [row[0] for row in rows] == ["a", "b"]
    assert float(rows[0][1]) > 0.5 > float(rows[1][1])
    assert [len(row) for row in rows] == [4, 4]  # inference id and time come after what the filter left


def test_the_cache_key():
    """AWS's list: data, model and what is done with them; not where the output goes, or how much at a time."""
    assert set(TRANSFORM.cache_key(SDK["Steps"][1]["Arguments"])) == {
        "DataProcessing",
        "Environment",
        "ModelName",
        "TransformInput",
    }


def test_a_result_is_used_again(transforms):
    """A second execution with the same model and data makes no job; its step has the first one's output."""
    model = transforms.model(transforms.container(echo("once")))
    prefix = transforms.put({"rows.csv": "1\n"})
    made = json.loads(
        definition({}, transforms.bucket, prefix, CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})
    )
    score = made["Steps"][1]
    score["Arguments"]["ModelName"] = model
    text = json.dumps({**made, "Steps": [score, made["Steps"][2]]})

    first, one = run(transforms, text)
    second, two = run(transforms, text, first["PipelineName"])

    assert two["Score"]["CacheHitResult"]["SourcePipelineExecutionArn"] == first["PipelineExecutionArn"]
    assert two["Tell"]["FailureReason"] == one["Tell"]["FailureReason"]
    assert second["PipelineExecutionArn"] != first["PipelineExecutionArn"]


def test_what_is_lost_is_tried_again(transforms, monkeypatch):
    """A retry policy on internal errors runs another job where the first one's process was lost."""
    from local_sagemaker.transform.containers import Containers

    prefix, calls = transforms.put({"rows.csv": "1\n"}), []
    start = Containers.start

    def lost_once(containers: Containers) -> None:
        calls.append(containers)
        if len(calls) == 1:
            containers.abandon()
        start(containers)

    monkeypatch.setattr(Containers, "start", lost_once)
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 0, "MaxAttempts": 2}
    text = definition(transforms.container(echo("again")), transforms.bucket, prefix, RetryPolicies=[policy])

    _, steps = run(transforms, text)

    assert steps["Score"]["StepStatus"] == "Succeeded"
    assert steps["Score"]["AttemptCount"] == 1
    assert len(calls) == 2


def test_a_stopped_execution_stops_its_job(transforms):
    """The job ends as Stopped, and so does the step."""
    container = transforms.container(echo("slow", "import time\ntime.sleep(600)"))
    text = definition(container, transforms.bucket, transforms.put({"rows.csv": "1\n"}))
    sagemaker, name = transforms.sagemaker, f"p-{uuid.uuid4().hex[:8]}"
    sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDefinition=text,
        RoleArn=transforms.role,
        ClientRequestToken=uuid.uuid4().hex,
    )
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]

    def job() -> str:
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        found = [step.get("Metadata", {}).get("TransformJob", {}).get("Arn", "") for step in steps]
        return max(found, default="").rpartition("/")[2]

    while not job():
        time.sleep(0.02)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=uuid.uuid4().hex)

    assert transforms.ended(job())["TransformJobStatus"] == "Stopped"

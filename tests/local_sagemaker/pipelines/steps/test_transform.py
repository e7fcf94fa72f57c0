"""The Transform step: a pipeline that creates a model and scores with it."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

from tests.local_sagemaker.endpoints.conftest import echo
from tests.local_sagemaker.transform.conftest import Transforms


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

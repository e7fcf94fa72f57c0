"""What SageMaker and its containers do in a role's name."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from tests.local_sagemaker.authorization.enforced import Enforced, Statement

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}
# Reads what it was given and what it was not, and says who it is.
PROGRAM = """
import json, boto3, os
said = {"arn": boto3.client("sts").get_caller_identity()["Arn"]}
for key in ("mine/x", "theirs/x"):
    try:
        said[key] = boto3.client("s3").get_object(Bucket=os.environ["BUCKET"], Key=key)["Body"].read().decode()
    except Exception as error:
        said[key] = str(error)
open("/opt/ml/processing/output/said", "w").write(json.dumps(said))
"""
FUNCTION = """
import boto3
def handler(event, context):
    try:
        return boto3.client("s3").get_object(Bucket=event["bucket"], Key="mine/x")["Body"].read().decode()
    except Exception as error:
        return str(error)
"""


def allow(action: str, *resource: str) -> Statement:
    return {"Effect": "Allow", "Action": action.split(), "Resource": list(resource) or "*"}


def processing(enforced: Enforced, role: str, output: str, data: str = "mine/") -> dict[str, Any]:
    """A request with one input, its program, and one output; without its job's name."""
    place, uri = "/opt/ml/processing", f"s3://{enforced.bucket}"
    reads = {"LocalPath": f"{place}/input", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {
        "RoleArn": role,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", f"{place}/input/program.py"],
        },
        "Environment": {"BUCKET": enforced.bucket},
        "ProcessingResources": CLUSTER,
        "ProcessingInputs": [{"InputName": "in", "S3Input": {"S3Uri": f"{uri}/{data}", **reads}}],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"{uri}/{output}",
                        "LocalPath": f"{place}/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    }


def put_program(enforced: Enforced) -> None:
    enforced.owner("s3").put_object(Bucket=enforced.bucket, Key="mine/program.py", Body=PROGRAM.encode())


def run(enforced: Enforced, role: str, output: str, data: str = "mine/") -> dict[str, Any]:
    """A job, from its creation to its end."""
    name, sagemaker = enforced.name(), enforced.owner("sagemaker")
    sagemaker.create_processing_job(ProcessingJobName=name, **processing(enforced, role, output, data))
    while True:
        job: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        if job["ProcessingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        time.sleep(0.05)


def said(role: str, action: str, resource: str) -> str:
    session = f"arn:aws:sts::123456789012:assumed-role/{role.rpartition('/')[2]}/SageMaker"
    return f"User: {session} is not authorized to perform: {action} on resource: {resource}"


def test_a_job_reads_and_writes_as_its_role(enforced: Enforced) -> None:
    """Its program calls with the role's credentials, and so do those who bring its inputs and take its outputs."""
    bucket = f"arn:aws:s3:::{enforced.bucket}"
    role = enforced.role(
        allow("s3:ListBucket", bucket),
        allow("s3:GetObject", f"{bucket}/mine/*"),
        allow("s3:PutObject", f"{bucket}/roles/*"),
    )
    put_program(enforced)
    well = run(enforced, role, "roles/out")
    no_input = run(enforced, role, "roles/out", "theirs/")
    no_output = run(enforced, role, "elsewhere")
    text = enforced.owner("s3").get_object(Bucket=enforced.bucket, Key="roles/out/said")["Body"].read()
    answers = json.loads(text)

    assert well["ProcessingJobStatus"] == "Completed", well.get("FailureReason")
    assert answers["arn"] == f"arn:aws:sts::123456789012:assumed-role/{role.rpartition('/')[2]}/SageMaker"
    assert answers["mine/x"] == "x"
    assert said(role, "s3:GetObject", f"{bucket}/theirs/x") in answers["theirs/x"]
    assert said(role, "s3:GetObject", f"{bucket}/theirs/x") in no_input["FailureReason"]
    assert no_input["FailureReason"].startswith("ClientError: Data download failed: ")
    assert said(role, "s3:PutObject", f"{bucket}/elsewhere/said") in no_output["FailureReason"]


def test_a_pipelines_steps_act_as_its_role(enforced: Enforced) -> None:
    """A step whose request the pipeline's role may not make fails by the name of the action; with it, it runs."""
    name, sagemaker = enforced.name(), enforced.owner("sagemaker")
    put_program(enforced)
    job_role = enforced.role(allow("s3:*"))
    needed = [
        "sagemaker:CreateProcessingJob sagemaker:DescribeProcessingJob",
        "sagemaker:AddTags",
        "iam:PassRole",
    ]
    arguments = processing(enforced, job_role, "pipelines/out")
    definition = {
        "Version": "2020-12-01",
        "Steps": [{"Name": "p", "Type": "Processing", "Arguments": arguments}],
    }
    outcomes = []
    for number in range(len(needed) + 1):
        role = enforced.role(*(allow(each) for each in needed[:number]))
        request = {"PipelineName": name, "RoleArn": role, "PipelineDefinition": json.dumps(definition)}
        (sagemaker.update_pipeline if number else sagemaker.create_pipeline)(**request)
        execution = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
        step = enforced.finished(execution)["p"]
        outcomes.append((step["StepStatus"], step.get("FailureReason", ""), role))

    actions = ["sagemaker:CreateProcessingJob", "iam:PassRole", "iam:PassRole"]
    for (status, reason, role), action in zip(outcomes, actions, strict=False):
        assert status == "Failed"
        assert (
            f"assumed-role/{role.rpartition('/')[2]}/SageMaker is not authorized to perform: {action} "
            in reason
        )
    assert outcomes[-1][:2] == ("Succeeded", "")


def test_a_function_calls_as_its_role(enforced: Enforced) -> None:
    """Its own, not that of whoever invokes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("code.py", FUNCTION)
    client, answers = enforced.owner("lambda"), []
    for role in (enforced.role(allow("s3:GetObject")), enforced.role(allow("s3:PutObject"))):
        name = enforced.name()
        code = {
            "Code": {"ZipFile": file.getvalue()},
            "Handler": "code.handler",
            "Timeout": 60,
            "MemorySize": 512,
        }
        client.create_function(FunctionName=name, Runtime="python3.12", Role=role, **code)
        payload = json.dumps({"bucket": enforced.bucket})
        answers.append(json.loads(client.invoke(FunctionName=name, Payload=payload)["Payload"].read()))

    assert answers[0] == "x"
    assert "is not authorized to perform: s3:GetObject" in answers[1]

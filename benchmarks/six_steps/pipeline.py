"""The six steps as a pipeline of processing jobs, its data, and what is read from an execution of it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.six_steps import step

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
INPUT = f"{step.BASE}/input"
ROWS = 70_000
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"

Shape = Mapping[str, Sequence[str]]


def rows(number: int = ROWS, seed: int = 20) -> pd.DataFrame:
    """The small file: six group keys and a value, the same every time."""
    random = np.random.default_rng(seed)
    keys = {key: random.integers(0, 400, number) for key in "abcdef"}
    return pd.DataFrame({**keys, "value": random.normal(size=number).round(6)})


def publish(s3: Any, bucket: str, data: pd.DataFrame) -> None:
    """Put the script and the data where ``definition`` says that they are."""
    s3.put_object(Bucket=bucket, Key="six-steps/code/step.py", Body=Path(step.__file__).read_bytes())
    body = io.BytesIO()
    data.to_parquet(body)
    s3.put_object(Bucket=bucket, Key=f"six-steps/data/{step.FILE}", Body=body.getvalue())


def definition(shape: Shape, bucket: str, role: str) -> str:
    """The pipeline definition: a processing step for each step of the shape."""
    root = f"s3://{bucket}/six-steps"
    steps = [_step(key, before, root, role) for key, before in shape.items()]
    return json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": steps})


def _step(key: str, before: Sequence[str], root: str, role: str) -> dict[str, Any]:
    data: dict[str, Any] = {each: _result(root, each) for each in before} or {"raw": f"{root}/data"}
    output = {
        "S3Uri": _result(root, key),
        "LocalPath": f"{step.BASE}/output/{key}",
        "S3UploadMode": "EndOfJob",
    }
    return {
        "Name": key,
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", f"{INPUT}/code/step.py"],
                "ContainerArguments": [key],
            },
            "RoleArn": role,
            "ProcessingInputs": [
                _input("code", f"{root}/code", "code"),
                *(_input(name, uri, f"data/{name}") for name, uri in data.items()),
            ],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": key, "S3Output": output}]},
        },
        "DependsOn": list(before),
    }


def _result(root: str, key: str) -> dict[str, Any]:
    values = [f"{root}/runs", {"Get": "Execution.PipelineExecutionId"}, key]
    return {"Std:Join": {"On": "/", "Values": values}}


def _input(name: str, uri: Any, folder: str) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": f"{INPUT}/{folder}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def overhead(sagemaker: Any, logs: Any, arn: str) -> float:
    """What each step of a chain took beside its script's work, in seconds."""
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    began = min(each["StartTime"] for each in steps)
    ended = max(each["EndTime"] for each in steps)
    work = sum(_worked(logs, each["Metadata"]["ProcessingJob"]["Arn"]) for each in steps)
    return float(((ended - began).total_seconds() - work) / len(steps))


def _worked(logs: Any, job_arn: str) -> float:
    """The seconds of work that a job's script has printed."""
    name = job_arn.rpartition("/")[2]
    events = logs.filter_log_events(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")["events"]
    lines = [event["message"] for event in events if event["message"].startswith("worked ")]
    return float(lines[-1].split()[1])

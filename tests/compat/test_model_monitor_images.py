"""The images of Model Monitor as processing jobs by plain boto3: merge, analyse what was merged, and fail."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REGISTRY = "156813124566.dkr.ecr.us-east-1.amazonaws.com"
ANALYZER = f"{REGISTRY}/sagemaker-model-monitor-analyzer"
MERGER = f"{REGISTRY}/sagemaker-model-monitor-groundtruth-merger"
PREFIX = "model-monitor-images"

Started = Callable[..., dict[str, Any]]


@pytest.fixture
def start(client: Callable[[str], Any], local: Any) -> Started:
    """Runs a job of an image until it has ended; inputs and outputs are keys in the default bucket, by their path."""
    sagemaker, bucket = client("sagemaker"), local.settings.bucket

    def run(name: str, image: str, inputs: dict[str, str], output: str, **environment: str) -> dict[str, Any]:
        found = [
            {
                "InputName": f"input-{number}",
                "S3Input": {
                    "S3Uri": f"s3://{bucket}/{PREFIX}/{key}",
                    "LocalPath": f"/opt/ml/processing/{path}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
            for number, (path, key) in enumerate(inputs.items())
        ]
        result = {
            "OutputName": "result",
            "S3Output": {
                "S3Uri": f"s3://{bucket}/{PREFIX}/{output}",
                "LocalPath": "/opt/ml/processing/output",
                "S3UploadMode": "EndOfJob",
            },
        }
        cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 20}
        sagemaker.create_processing_job(
            ProcessingJobName=f"{PREFIX}-{name}",
            AppSpecification={"ImageUri": image},
            RoleArn=local.settings.role_arn,
            ProcessingResources={"ClusterConfig": cluster},
            ProcessingInputs=found,
            ProcessingOutputConfig={"Outputs": [result]},
            Environment={"output_path": "/opt/ml/processing/output", **environment},
        )
        while True:
            job: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=f"{PREFIX}-{name}")
            if job["ProcessingJobStatus"] not in ("InProgress", "Stopping"):
                return job
            time.sleep(0.05)

    return run


def test_what_a_schedule_of_model_quality_starts(
    start: Started, client: Callable[[str], Any], local: Any, shared_data: Callable[[str], Path]
) -> None:
    """First the merger, then the analyzer on what it made, with the paths and variables that AWS's schedule has."""
    folder, s3, bucket = shared_data("checkstep/monitor"), client("s3"), local.settings.bucket
    hour = "2021/05/06/22"
    s3.upload_file(str(folder / "capture.jsonl"), bucket, f"{PREFIX}/capture/{hour}/c.jsonl")
    s3.upload_file(str(folder / "actuals.jsonl"), bucket, f"{PREFIX}/truth/{hour}/t.jsonl")

    merged = start(
        "merge",
        MERGER,
        {
            f"groundtruth/{hour}": f"truth/{hour}",
            f"input_data/endpoint/AllTraffic/{hour}": f"capture/{hour}",
        },
        "merged",
        dataset_source="/opt/ml/processing/input_data",
        ground_truth_source="/opt/ml/processing/groundtruth",
    )
    analysed = start(
        "analyse",
        ANALYZER,
        {f"input_data/endpoint/AllTraffic/{hour}": f"merged/endpoint/AllTraffic/{hour}"},
        "report",
        dataset_source="/opt/ml/processing/input_data",
        dataset_format='{"sagemakerMergeJson":{"captureIndexNames":["endpointOutput"]}}',
        analysis_type="MODEL_QUALITY",
        problem_type="Regression",
        inference_attribute="0",
        publish_cloudwatch_metrics="Enabled",
        sagemaker_endpoint_name="endpoint",
        sagemaker_monitoring_schedule_name="schedule",
        start_time="2021-05-06T22:00:00Z",
        end_time="2021-05-06T23:00:00Z",
    )

    assert merged["ProcessingJobStatus"] == "Completed"
    assert "Merged 44 records" in merged["ExitMessage"]
    assert analysed["ProcessingJobStatus"] == "Completed"
    assert analysed["ExitMessage"] == "Completed: Job completed successfully with no violations."
    report = s3.get_object(Bucket=bucket, Key=f"{PREFIX}/report/statistics.json")["Body"].read()
    assert json.loads(report)["dataset"]["item_count"] == 44


def test_why_an_analysis_failed(start: Started, client: Callable[[str], Any], local: Any) -> None:
    """In FailureReason, as the container's own failures read, and without a traceback."""
    client("s3").put_object(Bucket=local.settings.bucket, Key=f"{PREFIX}/rows/a.csv", Body=b"a\n1\n")

    job = start(
        "fail",
        ANALYZER,
        {"input/rows": "rows"},
        "nothing",
        dataset_source="/opt/ml/processing/input/rows",
        dataset_format="csv",
    )

    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: Error: dataset_format is not JSON")
    assert job["FailureReason"].endswith("it is 'csv', exit code: 255")

"""How long a user waits for the first line of a script after the job was accepted."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.measure import in_turns
from benchmarks.six_steps.pipeline import IMAGE, INPUT, LOG_GROUP
from benchmarks.table import Row
from benchmarks.workshop import Workshop

SCRIPT = b"import time\nprint(time.time())\nimport pandas\n"
EACH_TURN = 4


def job_start(workshop: Workshop) -> Iterator[Row]:
    """CreateProcessingJob answered → the time that the script's first line prints."""
    starts = JobStarts(workshop)
    starts()
    found = in_turns({"starting a job": starts}, EACH_TURN * workshop.turns, workshop.say)
    yield Row(
        "job-start",
        "job accepted → first line of the user's script",
        found["starting a job"].scaled(1000),
        "ms",
        30,
        "CreateProcessingJob answered → the time that the script prints",
    )


class JobStarts:
    """Creates one processing job a call, and returns the seconds to its first line."""

    def __init__(self, workshop: Workshop) -> None:
        local = workshop.local
        self._sagemaker, self._logs = local.client("sagemaker"), local.client("logs")
        self._numbers = itertools.count()
        bucket = local.settings.bucket
        local.client("s3").put_object(Bucket=bucket, Key="job-start/script.py", Body=SCRIPT)
        cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
        source = {
            "S3Uri": f"s3://{bucket}/job-start",
            "LocalPath": f"{INPUT}/code",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        }
        self._request: dict[str, Any] = {
            "RoleArn": local.settings.role_arn,
            "ProcessingResources": {"ClusterConfig": cluster},
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", f"{INPUT}/code/script.py"],
            },
            "ProcessingInputs": [{"InputName": "code", "S3Input": source}],
        }

    def __call__(self) -> float:
        """Raises RuntimeError if the job did not complete."""
        name = f"job-start-{next(self._numbers)}"
        self._sagemaker.create_processing_job(ProcessingJobName=name, **self._request)
        accepted = time.time()
        while (job := self._describe(name))["ProcessingJobStatus"] == "InProgress":
            time.sleep(0.05)  # seldom: who asks takes the processor from what is measured
        if job["ProcessingJobStatus"] != "Completed":
            raise RuntimeError(
                f"the job {name} ended as {job['ProcessingJobStatus']}: {job.get('FailureReason')}"
            )
        events = self._logs.filter_log_events(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")[
            "events"
        ]
        return float(events[0]["message"]) - accepted

    def _describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._sagemaker.describe_processing_job(ProcessingJobName=name)
        return found

"""Transform jobs for tests: input and output in S3, and the jobs between them."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_sagemaker.endpoints.conftest import Host, archive, booster

__all__ = ["booster"]  # a fixture
DONE = ("Completed", "Failed", "Stopped")


@dataclass
class Transforms(Host):
    """A client that puts objects, transforms them, and reads what came of it."""

    def put(self, files: Mapping[str, bytes | str], prefix: str = "") -> str:
        """Store files below a new prefix, which it returns, with a slash at its end."""
        prefix = prefix or f"in-{uuid.uuid4().hex[:8]}/"
        for name, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            self.client("s3").put_object(Bucket=self.bucket, Key=prefix + name, Body=body)
        return prefix

    def begin(self, model: str, uri: str, *, source: Mapping[str, Any] | None = None, **more: Any) -> str:
        """Create a job; its name. ``source`` is what TransformInput has beside the data's place."""
        name = f"t-{uuid.uuid4().hex[:8]}"
        where, kind = (uri, "S3Prefix") if not uri.endswith(".manifest") else (uri, "ManifestFile")
        where = where if where.startswith("s3://") else f"s3://{self.bucket}/{where}"
        target = {"S3OutputPath": f"s3://{self.bucket}/out-{name}/", **more.pop("target", {})}
        self.sagemaker.create_transform_job(
            **{
                "TransformJobName": name,
                "ModelName": model,
                "TransformInput": {
                    "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": where}},
                    "ContentType": "text/csv",
                    **(source or {}),
                },
                "TransformOutput": target,
                "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                **more,
            }
        )
        return name

    def ended(self, name: str) -> dict[str, Any]:
        """The job's description once it has ended."""
        deadline = time.monotonic() + 120
        while True:
            job = self.sagemaker.describe_transform_job(TransformJobName=name)
            if job["TransformJobStatus"] in DONE:
                return job
            assert time.monotonic() < deadline, job
            time.sleep(0.02)

    def run(self, *arguments: Any, **more: Any) -> dict[str, Any]:
        """Create a job and wait for its end; its description."""
        return self.ended(self.begin(*arguments, **more))

    def outputs(self, job: Mapping[str, Any]) -> dict[str, bytes]:
        """What lies below the job's output path, by its name there."""
        prefix = job["TransformOutput"]["S3OutputPath"].removeprefix(f"s3://{self.bucket}/").rstrip("/") + "/"
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        read = {each["Key"]: s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"] for each in listed}
        return {key.removeprefix(prefix): body.read() for key, body in read.items()}

    def log(self, name: str) -> dict[str, list[str]]:
        """The job's log streams: what follows its name and a slash -> messages."""
        logs, group = self.client("logs"), "/aws/sagemaker/TransformJobs"
        try:
            found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")
        except ClientError:  # no job has printed anything yet
            return {}
        return {
            stream["logStreamName"].removeprefix(f"{name}/"): [
                event["message"]
                for event in logs.get_log_events(
                    logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
                )["events"]
            ]
            for stream in found["logStreams"]
        }

    def asked(self, name: str) -> list[list[Any]]:
        """What a job's only OBEDIENT container was asked: the text's beginning, its length, ContentType, Accept."""
        lines = [line for stream, lines in self.log(name).items() if "/" not in stream for line in lines]
        return [json.loads(line.removeprefix("asked ")) for line in lines if line.startswith("asked ")]

    def data_log(self, name: str) -> list[str]:
        """What SageMaker said of the job's objects, without the times."""
        (stream,) = [lines for stream, lines in self.log(name).items() if stream.endswith("/data-log")]
        return [line.partition("[sagemaker logs]: ")[2] for line in stream]


# Says in its log what it was asked, answers in capitals, and does what its rows tell it.
OBEDIENT = """
import json, os, time
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    text = body if isinstance(body, str) else body.decode()
    asked = json.dumps([text[:40], len(text), content_type, accept])
    os.write(1, f"asked {asked}\\n".encode())  # at once: several processes share the log
    if "bad" in text:
        raise ValueError("that was bad")
    if "die" in text:
        os._exit(3)
    if "slow" in text:
        time.sleep(600)
    if "wait" in text:  # until two requests are here at once
        open(f"/tmp/{os.getpid()}", "w").close()
        while len([name for name in os.listdir("/tmp") if name.isdigit()]) < 2:
            time.sleep(0.01)
    if "flaky" in text:
        tries = len(os.listdir("/opt/ml/output"))
        open(f"/opt/ml/output/{tries}", "w").close()
        if tries < 2:
            raise ValueError("not yet")
    if "environment" in text:
        return json.dumps(dict(os.environ)), "application/json"
    return text.upper(), accept
"""


@pytest.fixture(scope="session")
def model(transforms: "Transforms") -> str:
    """The name of a model that serves with OBEDIENT."""
    return transforms.model(transforms.container(archive({"code/inference.py": OBEDIENT})))


@pytest.fixture(scope="session")
def transforms(local: Any, client: Callable[[str], Any]) -> Transforms:
    """Transforms with the shared local SageMaker."""
    return Transforms(client, local.settings.bucket, local.settings.role_arn)

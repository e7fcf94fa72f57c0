"""One local SageMaker, put together."""

import os
import socket
import subprocess
import sys
import threading
import time
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

from local_sagemaker import serve
from local_sagemaker.state_folder import SettingsError


def finished(sagemaker, name):
    while True:
        job = sagemaker.describe_processing_job(ProcessingJobName=name)
        if job["ProcessingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        time.sleep(0.02)


def test_a_job_runs_and_leaves_its_outputs_and_its_log(client, local):
    """Control plane, S3, process layer and logs work as one."""
    name = f"application-{uuid.uuid4().hex[:8]}"
    bucket = local.settings.bucket
    script = "import os; open('/opt/ml/processing/output/it', 'w').write(os.environ['GREETING']); print('done here')"
    client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=local.settings.role_arn,
        AppSpecification={
            "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
            "ContainerEntrypoint": ["python3", "-c", script],
        },
        Environment={"GREETING": "hello"},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"s3://{bucket}/{name}",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    )
    job = finished(client("sagemaker"), name)
    written = client("s3").get_object(Bucket=bucket, Key=f"{name}/it")["Body"].read()
    logs = client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=f"{name}/"
    )

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert written == b"hello"
    assert "done here" in [event["message"] for event in logs["events"]]


def test_everything_is_there_again_after_a_restart(tmp_path):
    """Objects and records live in the folder, and nothing else is needed to go on."""
    group = {"ModelPackageGroupName": "kept", "ModelPackageGroupDescription": "by the folder"}
    with serve(tmp_path / "state") as first:
        session = boto3.Session("a", "b", region_name="us-east-1")
        session.client("sagemaker", endpoint_url=first.url).create_model_package_group(**group)
        session.client("s3", endpoint_url=first.url).put_object(
            Bucket=first.settings.bucket, Key="k", Body=b"v"
        )
    with serve(tmp_path / "state") as second:
        kept = session.client("sagemaker", endpoint_url=second.url).describe_model_package_group(
            ModelPackageGroupName="kept"
        )
        body = session.client("s3", endpoint_url=second.url).get_object(
            Bucket=second.settings.bucket, Key="k"
        )["Body"]

        assert kept["ModelPackageGroupDescription"] == "by the folder"
        assert body.read() == b"v"


def test_nothing_is_set_globally_and_nothing_is_left(tmp_path):
    """A temporary folder, and an environment that only its user sees."""
    before = dict(os.environ)
    with serve() as local:
        folder = local.settings.folder
        assert local.environment["AWS_ENDPOINT_URL"] == local.url
        assert dict(os.environ) == before

    assert not folder.exists()


def test_a_folder_is_served_once(local):
    """A second local SageMaker on the same folder is refused, and the first goes on."""
    with pytest.raises(SettingsError, match="already running"), serve(local.settings.folder):
        pass
    assert local.health()["pid"] == os.getpid()


def test_a_start_that_fails_leaves_the_folder_free(tmp_path):
    """A taken port, then a free one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="Address already in use"), serve(tmp_path / "state", port=port):
            pass
    with serve(tmp_path / "state"):
        pass


def test_an_unknown_runtime_is_refused_at_the_start(tmp_path):
    """A project's image table is checked before anything runs."""
    with (
        pytest.raises(ValueError, match="unknown runtime 'phyton'"),
        serve(tmp_path / "s", images={"*": "phyton"}),
    ):
        pass


def test_an_operation_that_is_not_there_says_so(client):
    """By name, in AWS's shape."""
    with pytest.raises(ClientError, match="does not support ListHubs") as error:
        client("sagemaker").list_hubs()

    assert error.value.response["Error"]["Code"] == "UnsupportedOperation"


SDK = """
import botocore.httpsession, socket, sys
real = socket.getaddrinfo
def only_loopback(host, *rest, **more):
    assert host in ("127.0.0.1", "localhost", None), f"looked up {host}"
    return real(host, *rest, **more)
socket.getaddrinfo = only_loopback
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.helper.iam_role_resolver import resolve_and_validate_role
from sagemaker.core.workflow.pipeline_context import PipelineSession
session = PipelineSession()
role = resolve_and_validate_role(sys.argv[1], role_type="training", sagemaker_session=session)
print(session.default_bucket(), role)
session.upload_string_as_file_body("text", session.default_bucket(), "sdk/key")
print(Session().read_s3_file(session.default_bucket(), "sdk/key"))
"""


def test_the_sdk_works_with_nothing_but_the_environment(environment, local, tmp_path):
    """Its sessions, default bucket, role check and uploads, without a look-up beyond loopback."""
    script = tmp_path / "use_the_sdk.py"
    script.write_text(SDK)
    done = subprocess.run(
        [sys.executable, script, local.settings.role_arn],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [local.settings.bucket, local.settings.role_arn, "text"]


def test_stopping_ends_what_runs_and_writes_it_down(tmp_path):
    """Jobs are ended before anybody waits for them, so nothing of them is left and their records say how they ended."""
    with serve(tmp_path / "state") as first:
        session = boto3.Session("local", "local", region_name=first.settings.region)
        sagemaker = session.client("sagemaker", endpoint_url=first.url)
        sagemaker.create_processing_job(
            ProcessingJobName="endless",
            RoleArn=first.settings.role_arn,
            AppSpecification={
                "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
                "ContainerEntrypoint": ["python3", "-c", "import time; print('running'); time.sleep(1000)"],
            },
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
        )
        log = first.settings.logs
        while not any("running" in path.read_text() for path in log.rglob("endless/*.log")):
            time.sleep(0.02)

    assert not [thread.name for thread in threading.enumerate() if "endless" in thread.name]
    with serve(tmp_path / "state") as second:
        sagemaker = session.client("sagemaker", endpoint_url=second.url)
        job = finished(sagemaker, "endless")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "The process that ran this job was lost" in job["FailureReason"]

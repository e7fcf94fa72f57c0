"""Training jobs: what all have in common, whatever the container runs."""

from __future__ import annotations

import io
import itertools
import json
import re
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker.errors import ResourceInUse, ValidationException

if TYPE_CHECKING:
    from conftest import Workshop

numbers = itertools.count()


def python(script: str) -> dict[str, Any]:
    """An AlgorithmSpecification whose container runs ``script``."""
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    return {
        "TrainingImage": image,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python3", "-c"],
        "ContainerArguments": [f"exec({script!r})"],  # an argument has no line breaks
    }


def run(workshop: Workshop, script: str, *channels: Any, **fields: Any) -> dict[str, Any]:
    return workshop.run(
        workshop.training({}, *channels, **{"AlgorithmSpecification": python(script), **fields})
    )


def archive(workshop: Workshop, uri: str) -> dict[str, bytes]:
    """The files in an archive in S3."""
    with tarfile.open(fileobj=io.BytesIO(workshop.store.read(uri))) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_a_training_job_turns_channels_into_a_model(workshop: Workshop) -> None:
    """Channels come in, the model and the output data go out as archives, and the statuses tell the story."""
    uri = workshop.put("training-in/a.txt", "from S3")
    job = run(
        workshop,
        "import shutil; print('training'); open('/opt/ml/output/data/log', 'w').write('plot');"
        "shutil.copy('/opt/ml/input/data/train/a.txt', '/opt/ml/model/m')",
        workshop.channel("train", uri),
    )
    where = f"s3://bucket/models/{job['TrainingJobName']}/output"

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"{where}/model.tar.gz"}
    assert archive(workshop, f"{where}/model.tar.gz") == {"m": b"from S3"}
    assert archive(workshop, f"{where}/output.tar.gz") == {"log": b"plot"}
    story = job["SecondaryStatusTransitions"]
    assert [each["Status"] for each in story] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(one["EndTime"] == next_["StartTime"] for one, next_ in itertools.pairwise(story))
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] == 1
    assert job["TrainingStartTime"] < job["TrainingEndTime"]


def test_what_a_container_finds(workshop: Workshop) -> None:
    """The configuration files have SageMaker's names and shapes; hyperparameters are texts."""
    uri = workshop.put("training-in/b.csv", "1")
    script = (
        "import json, os, pathlib; c = pathlib.Path('/opt/ml/input/config');"
        "found = {p.name: json.loads(p.read_text()) for p in c.iterdir()} | {'env': dict(os.environ)};"
        "open('/opt/ml/model/found', 'w').write(json.dumps(found))"
    )
    job = run(
        workshop,
        script,
        workshop.channel("train", uri, ContentType="text/csv"),
        workshop.channel("validation", uri, InputMode="FastFile"),
        HyperParameters={"depth": "3"},
        Environment={"MINE": "yes"},
    )
    found = json.loads(archive(workshop, job["ModelArtifacts"]["S3ModelArtifacts"])["found"])

    assert found["hyperparameters.json"] == {"depth": "3"}
    assert found["inputdataconfig.json"]["train"] == {
        "ContentType": "text/csv",
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    assert found["inputdataconfig.json"]["validation"]["TrainingInputMode"] == "FastFile"
    assert found["resourceconfig.json"]["current_host"] == "algo-1"
    assert found["resourceconfig.json"]["current_instance_type"] == "ml.m5.large"
    assert found["trainingjobconfig.json"]["TrainingJobName"] == job["TrainingJobName"]
    assert found["env"]["TRAINING_JOB_NAME"] == job["TrainingJobName"]
    assert found["env"]["TRAINING_JOB_ARN"] == job["TrainingJobArn"]
    assert found["env"]["MINE"] == "yes"


def test_an_uncompressed_model_is_a_prefix(workshop: Workshop) -> None:
    """OutputDataConfig.CompressionType NONE leaves the files as they are."""
    config = {"S3OutputPath": "s3://bucket/models/", "CompressionType": "NONE"}
    job = run(workshop, "open('/opt/ml/model/m', 'w').write('x')", OutputDataConfig=config)
    name = job["TrainingJobName"]

    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://bucket/models/{name}/output/model/"
    assert workshop.keys(f"models/{name}/") == ["output/model/m"]


def test_no_model_is_an_empty_archive(workshop: Workshop) -> None:
    """A training job without a model completes, as on SageMaker: not all of them are after one."""
    job = run(workshop, "")

    assert job["TrainingJobStatus"] == "Completed"
    assert archive(workshop, job["ModelArtifacts"]["S3ModelArtifacts"]) == {}


FAILURES = {
    "it raises": (
        "print('before'); raise RuntimeError('what happened')",
        r"^AlgorithmError: , exit code: 1\nLast lines of the log:\nbefore\n(.|\n)*RuntimeError: what happened$",
    ),
    "it writes a failure file": (
        "open('/opt/ml/output/failure', 'w').write('column x is missing'); raise SystemExit(2)",
        r"^AlgorithmError: column x is missing, exit code: 2$",
    ),
    "it blames the client": (
        "open('/opt/ml/output/failure', 'w').write('ClientError: no rows'); raise SystemExit(1)",
        r"^ClientError: no rows, exit code: 1$",
    ),
    "its failure file is long": (
        "open('/opt/ml/output/failure', 'w').write('z' * 9000); print('the end'); raise SystemExit(1)",
        r"^AlgorithmError: z+…, exit code: 1\nLast lines of the log:\nthe end$",
    ),
    "its failure file is a folder": (
        "import os; os.mkdir('/opt/ml/output/failure'); raise SystemExit(1)",
        r"^AlgorithmError: , exit code: 1$",
    ),
}


@pytest.mark.parametrize(("script", "says"), FAILURES.values(), ids=FAILURES)
def test_why_a_job_failed(workshop: Workshop, script: str, says: str) -> None:
    """FailureReason has the failure file and the exit code, then the last lines of the log; no model is left."""
    job = run(workshop, f"open('/opt/ml/model/m', 'w').write('x'); {script}")

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert re.search(says, job["FailureReason"]), job["FailureReason"]
    assert len(job["FailureReason"]) <= 1024
    assert workshop.keys(f"models/{job['TrainingJobName']}") == []


def test_a_channel_that_is_not_there(workshop: Workshop) -> None:
    """The job fails before its container starts, and says which channel and URI."""
    job = run(workshop, "print('never')", workshop.channel("train", "s3://bucket/nothing"))

    assert job["FailureReason"].startswith(
        "ClientError: Data download failed: No S3 objects found under S3 URL"
    )
    assert [each["Status"] for each in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Failed",
    ]
    assert workshop.log(job) == []


def test_a_job_past_its_limit_keeps_its_model(workshop: Workshop) -> None:
    """MaxRuntimeInSeconds ends a job as Stopped; what it saved on SIGTERM is its model."""
    job = run(
        workshop,
        "import signal, sys, time\n"
        "def save(*_):\n  open('/opt/ml/model/m', 'w').write('half'); print('saved'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save); print('working', flush=True); time.sleep(60)",
        StoppingCondition={"MaxRuntimeInSeconds": 1},
    )

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "MaxRuntimeInSeconds 1" in job["FailureReason"]
    assert archive(workshop, job["ModelArtifacts"]["S3ModelArtifacts"]) == {"m": b"half"}


def test_checkpoints_survive_a_stop(workshop: Workshop) -> None:
    """Checkpoints reach S3 while the job runs, and the next job with the same CheckpointConfig starts from them."""
    config = {"CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints/mine"}}
    script = (
        "import pathlib, time; p = pathlib.Path('/opt/ml/checkpoints/step');"
        "print('found', p.read_text() if p.exists() else 'nothing', flush=True);"
        "p.write_text('7');"
    )
    kind, name = workshop.create(
        workshop.training({}, AlgorithmSpecification=python(script + "time.sleep(60)"), **config)
    )
    while not workshop.keys("checkpoints/mine/"):
        assert (workshop.records.get(kind, name) or {})["TrainingJobStatus"] == "InProgress"
    workshop.plane.call("StopTrainingJob", {"TrainingJobName": name})
    first = workshop.ended(kind, name)
    second = run(workshop, script, **config)

    assert (first["TrainingJobStatus"], first["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [each["Status"] for each in first["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]
    assert workshop.log(first) == ["found nothing"]
    assert workshop.log(second) == ["found 7"]


def test_metrics_are_read_from_the_log(workshop: Workshop) -> None:
    """FinalMetricDataList has the last value of each definition that matched, also while the job runs."""
    flag = workshop.settings.folder / "metrics-flag"
    script = (
        f"import pathlib, time; print('loss=0.5\\nacc: 0.7', flush=True)\n"
        f"while not pathlib.Path({str(flag)!r}).exists(): time.sleep(0.02)\n"
        "print('loss=nan\\nloss=2.5e-1\\nloss=?')"
    )
    specification = python(script) | {
        "MetricDefinitions": [
            {"Name": "loss", "Regex": r"loss=(\S+)"},
            {"Name": "accuracy", "Regex": r"acc: ([0-9.]+)"},
            {"Name": "never", "Regex": "never=(.*)"},
        ]
    }
    kind, name = workshop.create(workshop.training({}, AlgorithmSpecification=specification))
    seen: list[Any] = []
    while len(seen) < 2:
        seen = workshop.plane.call("DescribeTrainingJob", {"TrainingJobName": name}).get(
            "FinalMetricDataList", []
        )
    flag.touch()
    job = workshop.ended(kind, name)

    assert {each["MetricName"]: each["Value"] for each in seen} == {"loss": 0.5, "accuracy": 0.7}
    values = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    assert values == {"loss": 0.25, "accuracy": 0.7}


SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown image": (
        {"AlgorithmSpecification": {"TrainingImage": "mine:1", "TrainingInputMode": "File"}},
        "does not know what to run for the image mine:1",
    ),
    "nothing to run": (
        {"AlgorithmSpecification": {"TrainingImage": SKLEARN, "TrainingInputMode": "File"}},
        "Nothing says what the image .* should run",
    ),
    "a marketplace algorithm": (
        {"AlgorithmSpecification": {"AlgorithmName": "theirs", "TrainingInputMode": "File"}},
        "names no TrainingImage",
    ),
    "a metric that is no expression": (
        {"AlgorithmSpecification": python("") | {"MetricDefinitions": [{"Name": "m", "Regex": "("}]}},
        "The Regex of the metric definition 'm' is not a regular expression",
    ),
    "metrics for an algorithm of AWS's": (
        {
            "AlgorithmSpecification": {
                "TrainingImage": SKLEARN.replace("scikit-learn:1.2-1-cpu-py3", "xgboost:3.2-0"),
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "m", "Regex": "m"}],
            }
        },
        "You can't override the metric definitions for Amazon SageMaker algorithms",
    ),
    "two instances": (
        {"ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        "on one instance; 2 were asked for",
    ),
    "spot without a wait": (
        {"EnableManagedSpotTraining": True},
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
    ),
    "checkpoints elsewhere": (
        {"CheckpointConfig": {"S3Uri": "s3://bucket/c", "LocalPath": "/data"}},
        "CheckpointConfig.LocalPath is /data",
    ),
}


@pytest.mark.parametrize(("fields", "says"), REFUSED.values(), ids=REFUSED)
def test_requests_that_are_refused(workshop: Workshop, fields: dict[str, Any], says: str) -> None:
    """What cannot run is a ValidationException at once, and no job is created."""
    request = workshop.training({}, **{"AlgorithmSpecification": python(""), **fields})

    with pytest.raises(ValidationException, match=says):
        workshop.create(request)

    assert workshop.records.get("TrainingJob", request["TrainingJobName"]) is None


CHANNELS: dict[str, tuple[dict[str, Any], str]] = {
    "pipe": ({"InputMode": "Pipe"}, "has the input mode Pipe"),
    "gzip": ({"CompressionType": "Gzip"}, "in Pipe mode only"),
    "not S3": (
        {
            "DataSource": {
                "FileSystemDataSource": {
                    "FileSystemId": "fs-12345678901",
                    "FileSystemType": "EFS",
                    "DirectoryPath": "/",
                    "FileSystemAccessMode": "ro",
                }
            }
        },
        "is not in S3",
    ),
    "augmented": (
        {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/x", "S3DataType": "AugmentedManifestFile"}}},
        "has the S3DataType AugmentedManifestFile",
    ),
}


@pytest.mark.parametrize(("fields", "says"), CHANNELS.values(), ids=CHANNELS)
def test_channels_that_are_refused(workshop: Workshop, fields: dict[str, Any], says: str) -> None:
    """Each refusal names the channel and what would do."""
    channel = {**workshop.channel("train", "s3://bucket/x"), **fields}

    with pytest.raises(ValidationException, match=f"The channel 'train' .*{says}|{says}"):
        workshop.create(workshop.training({}, channel, AlgorithmSpecification=python("")))


def test_a_name_is_used_once(workshop: Workshop) -> None:
    """A second job of the same name is refused in AWS's words, with the first one's ARN."""
    request = workshop.training({}, AlgorithmSpecification=python(""))
    workshop.run(request)

    with pytest.raises(
        ResourceInUse,
        match=rf"training job with this name already exists \(arn:.*{request['TrainingJobName']}\)",
    ):
        workshop.create(request)


def test_describing_what_is_not_there(workshop: Workshop) -> None:
    """An unknown name is a ValidationException in the words that clients look for."""
    with pytest.raises(ValidationException, match="Requested resource not found: nobody"):
        workshop.plane.call("DescribeTrainingJob", {"TrainingJobName": "nobody"})


def test_spot_training_is_accepted(workshop: Workshop) -> None:
    """Managed spot training runs like any other; its settings are kept."""
    stopping = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}
    job = run(workshop, "", EnableManagedSpotTraining=True, StoppingCondition=stopping)

    assert (job["TrainingJobStatus"], job["EnableManagedSpotTraining"]) == ("Completed", True)
    assert job["StoppingCondition"] == stopping


@pytest.mark.parametrize("folder", ["model", "output/data", "checkpoints"])
def test_no_link_takes_out_what_is_not_the_jobs(workshop: Workshop, folder: str) -> None:
    """A job that puts a link in place of a folder that goes to S3 sends nothing of this machine there."""
    path = f"/opt/ml/{folder}"
    uri = f"s3://bucket/linked/{folder}"
    job = run(
        workshop,
        f"import os; os.rmdir({path!r}); os.symlink('/etc', {path!r})",
        OutputDataConfig={"S3OutputPath": f"{uri}/out"},
        CheckpointConfig={"S3Uri": f"{uri}/checkpoints"},
    )

    assert job["TrainingJobStatus"] == ("Completed" if folder == "checkpoints" else "Failed")
    assert not [key for key in workshop.keys(f"linked/{folder}/") if not key.endswith("/model.tar.gz")]


def test_a_job_may_take_its_folders_away(workshop: Workshop) -> None:
    """A job that fails after it has deleted its output folder fails for its own reason."""
    job = run(workshop, "import os, sys; os.rmdir('/opt/ml/output/data'); sys.exit('my reason')")

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith("my reason")

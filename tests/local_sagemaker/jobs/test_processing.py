"""Processing jobs: real requests, real processes, real files."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker.errors import AwsError, ResourceInUse, ValidationException
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.jobs.processing import ProcessingJobs

if TYPE_CHECKING:
    from conftest import Workshop

numbers = itertools.count()


@pytest.fixture
def prefix(workshop: Workshop) -> str:
    """A prefix in the bucket that only this test uses."""
    return f"processing-test-{next(numbers)}"


def test_a_script_reads_its_inputs_and_writes_its_outputs(workshop: Workshop, prefix: str) -> None:
    """What a script processor sends runs: files come from S3, results go there, output and times are kept."""
    workshop.put(f"{prefix}/in/a.csv", "1,2\n")
    workshop.put(f"{prefix}/in/deep/b.csv", "3,4\n")
    request = workshop.processing(
        """
        import sys
        from pathlib import Path
        base = Path("/opt/ml/processing")
        rows = "".join(path.read_text() for path in sorted((base / "input/data").rglob("*.csv")))
        (base / "result" / "sub").mkdir(parents=True)
        (base / "result" / "sub" / "all.csv").write_text(rows)
        print("arguments", *sys.argv[1:])
        """,
        inputs=[workshop.input("data", f"s3://bucket/{prefix}/in")],
        outputs=[workshop.output("result", f"s3://bucket/{prefix}/out")],
    )
    request["AppSpecification"]["ContainerArguments"] = ["--ratio", "0.2"]

    job = workshop.run(request)

    assert job["ProcessingJobStatus"] == "Completed"
    assert workshop.keys(f"{prefix}/out/") == ["sub/all.csv"]
    assert workshop.store.read(f"s3://bucket/{prefix}/out/sub/all.csv") == b"1,2\n3,4\n"
    assert workshop.log(job) == ["arguments --ratio 0.2"]
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert "FailureReason" not in job


def test_a_job_finds_what_sagemaker_promises(workshop: Workshop, prefix: str) -> None:
    """Environment, configuration files and working directory are the container's."""
    request = workshop.processing(
        """
        import json, os
        from pathlib import Path
        found = {
            "environment": dict(os.environ),
            "job": json.loads(Path("/opt/ml/config/processingjobconfig.json").read_text()),
            "resources": json.loads(Path("/opt/ml/config/resourceconfig.json").read_text()),
        }
        Path("/opt/ml/processing/result/found.json").write_text(json.dumps(found))
        Path("relative").write_text("stays in the job")
        """,
        outputs=[workshop.output("result", f"s3://bucket/{prefix}")],
        Environment={"MINE": "yes"},
    )

    job = workshop.run(request)
    found = json.loads(workshop.store.read(f"s3://bucket/{prefix}/found.json"))

    assert job["ProcessingJobStatus"] == "Completed"
    assert found["environment"]["PROCESSING_JOB_ARN"] == job["ProcessingJobArn"]
    assert found["environment"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert found["environment"]["MINE"] == "yes"
    assert found["job"]["ProcessingJobName"] == job["ProcessingJobName"]
    assert found["job"]["AppSpecification"]["ContainerArguments"] is None
    assert (found["resources"]["current_host"], found["resources"]["hosts"]) == ("algo-1", ["algo-1"])


def test_an_isolated_job_has_no_credentials(workshop: Workshop, prefix: str) -> None:
    """EnableNetworkIsolation takes the endpoint and the credentials away, as on AWS."""
    job = workshop.run(
        workshop.processing(
            "import os; print(*(name for name in os.environ if 'ENDPOINT' in name or 'KEY' in name))",
            NetworkConfig={"EnableNetworkIsolation": True},
        )
    )

    assert (job["ProcessingJobStatus"], workshop.log(job)) == ("Completed", [""])


def test_a_manifest_names_the_objects(workshop: Workshop, prefix: str) -> None:
    """S3DataType ManifestFile: the listed objects, with their paths below the prefix."""
    for name in ("a.txt", "b/c.txt", "unlisted.txt"):
        workshop.put(f"{prefix}/data/{name}", name)
    manifest = [{"prefix": f"s3://bucket/{prefix}/data/"}, "a.txt", "b/c.txt"]
    uri = workshop.put(f"{prefix}/manifest.json", json.dumps(manifest))
    job = workshop.run(
        workshop.processing(
            """
            from pathlib import Path
            base = Path("/opt/ml/processing/input/data")
            print(sorted(path.relative_to(base).as_posix() for path in base.rglob("*.*")))
            """,
            inputs=[workshop.input("data", uri, S3DataType="ManifestFile")],
        )
    )

    assert workshop.log(job) == ["['a.txt', 'b/c.txt']"]


def test_a_continuous_output_arrives_while_the_job_runs(workshop: Workshop, prefix: str) -> None:
    """S3UploadMode Continuous: files are in S3 before the job ends."""
    key = f"{prefix}/out/early.txt"
    flag = workshop.settings.folder / f"{prefix}-flag"
    request = workshop.processing(
        f"""
        import pathlib, time
        pathlib.Path("/opt/ml/processing/result/early.txt").write_text("early")
        while not pathlib.Path({str(flag)!r}).exists():
            time.sleep(0.02)
        pathlib.Path("/opt/ml/processing/result/late.txt").write_text("late")
        """,
        outputs=[workshop.output("result", f"s3://bucket/{prefix}/out", S3UploadMode="Continuous")],
    )
    kind, name = workshop.create(request)
    while not workshop.keys(key):
        status = workshop.records.get(kind, name)
        assert status is not None
        assert status["ProcessingJobStatus"] == "InProgress"
    flag.touch()

    assert workshop.ended(kind, name)["ProcessingJobStatus"] == "Completed"
    assert workshop.keys(f"{prefix}/out/") == ["early.txt", "late.txt"]


def test_the_exit_message_is_what_the_job_wrote(workshop: Workshop) -> None:
    """``/opt/ml/output/message`` becomes ExitMessage, of a job that ends well too."""
    job = workshop.run(
        workshop.processing(
            "open('/opt/ml/output/message', 'w').write('Completed: no violations. ' + 'x' * 2000)"
        )
    )

    assert job["ExitMessage"].startswith("Completed: no violations. xxx")
    assert len(job["ExitMessage"]) == 1024


FAILURES: dict[str, tuple[str, str]] = {
    "it raises": (
        "print('before'); raise RuntimeError('what happened')",
        r"AlgorithmError: , exit code: 1\nLast lines of the log:\nbefore\n(.|\n)*RuntimeError: what happened$",
    ),
    "it exits with a message": (
        "import sys; open('/opt/ml/output/message', 'w').write('bad column x'); sys.exit(3)",
        r"^AlgorithmError: bad column x, exit code: 3$",
    ),
    "it is killed": (
        "import os; print('almost', flush=True); os.kill(os.getpid(), 9)",
        r"AlgorithmError: , exit code: 137\nLast lines of the log:\nalmost",
    ),
    "it writes nothing": (
        "print('did nothing')",
        r"AlgorithmError: The job ended well but wrote no output to 'result' \(/opt/ml/processing/result\)\."
        r"\nLast lines of the log:\ndid nothing",
    ),
    "it says too much": (
        "import sys; print('y' * 5000); sys.exit(1)",
        r"^AlgorithmError: , exit code: 1\nLast lines of the log:\n…y+$",
    ),
}


@pytest.mark.parametrize(("script", "says"), FAILURES.values(), ids=FAILURES)
def test_why_a_job_failed(workshop: Workshop, prefix: str, script: str, says: str) -> None:
    """FailureReason has SageMaker's words, then the last lines of the log, in 1,024 characters."""
    job = workshop.run(
        workshop.processing(script, outputs=[workshop.output("result", f"s3://bucket/{prefix}/out")])
    )

    assert job["ProcessingJobStatus"] == "Failed"
    assert re.search(says, job["FailureReason"]), job["FailureReason"]
    assert len(job["FailureReason"]) <= 1024
    assert workshop.keys(f"{prefix}/out") == []


@pytest.mark.parametrize("uri", ["s3://bucket/nothing/there", "s3://no-such-bucket/x"])
def test_an_input_that_is_not_there(workshop: Workshop, uri: str) -> None:
    """The reason is in AWS's words and names the input and its URI."""
    job = workshop.run(workshop.processing("", inputs=[workshop.input("data", uri)]))

    assert job["ProcessingJobStatus"] == "Failed"
    expected = f'No S3 objects found under S3 URL "{uri}" given in input data source'
    assert job["FailureReason"].startswith(f"ClientError: Data download failed: {expected} 'data'.")


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '["a"]',
        '[{"prefix": "x"}]',
        '[{"prefix": "s3://bucket/"}, 5]',
        '[{"prefix": "s3://bucket/"}, "../x"]',
        '[{"prefix": "s3://bucket/"}, "absent"]',
    ],
)
def test_a_manifest_that_is_none(workshop: Workshop, prefix: str, text: str) -> None:
    """The reason names the manifest."""
    uri = workshop.put(f"{prefix}/m.json", text)

    job = workshop.run(
        workshop.processing("", inputs=[workshop.input("data", uri, S3DataType="ManifestFile")])
    )

    assert job["ProcessingJobStatus"] == "Failed"
    assert f"ClientError: The manifest {uri}" in job["FailureReason"]


def test_a_job_past_its_limit_is_stopped(workshop: Workshop) -> None:
    """MaxRuntimeInSeconds ends a job as Stopped, with a reason and what it printed last."""
    job = workshop.run(
        workshop.processing(
            "import time; print('working', flush=True); time.sleep(60)",
            StoppingCondition={"MaxRuntimeInSeconds": 1},
        )
    )

    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds 1" in job["FailureReason"]
    assert job["FailureReason"].endswith("working")


def test_stopping_a_job(workshop: Workshop) -> None:
    """StopProcessingJob ends it as Stopped; a second time, and of a job that has ended, is told apart."""
    kind, name = workshop.create(workshop.processing("import time; print('up', flush=True); time.sleep(60)"))
    workshop.until(kind, name, lambda document: "ProcessingStartTime" in document)

    workshop.plane.call("StopProcessingJob", {"ProcessingJobName": name})
    job = workshop.ended(kind, name)

    assert job["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ValidationException, match="in status Stopped"):
        workshop.plane.call("StopProcessingJob", {"ProcessingJobName": name})


def test_a_job_is_stopped_before_it_starts(workshop: Workshop) -> None:
    """Stopping at once never lets the script run."""
    kind, name = workshop.create(workshop.processing("print('ran')"))
    workshop.plane.call("StopProcessingJob", {"ProcessingJobName": name})

    job = workshop.ended(kind, name)

    assert job["ProcessingJobStatus"] in ("Stopped", "Completed")  # it may have been that quick
    if job["ProcessingJobStatus"] == "Stopped":
        assert "FailureReason" not in job


def change(request: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        request = request[int(part) if part.isdigit() else part]
    request[last] = value


REFUSED = {
    "unknown image": (
        "AppSpecification.ImageUri",
        "mine:1",
        "does not know what to run for the image mine:1",
    ),
    "no entry point": ("AppSpecification.ContainerEntrypoint", None, "AppSpecification.ContainerEntrypoint"),
    "two instances": (
        "ProcessingResources.ClusterConfig.InstanceCount",
        2,
        "on one instance; InstanceCount is 2",
    ),
    "pipe": ("ProcessingInputs.0.S3Input.S3InputMode", "Pipe", "The input 'code' has S3InputMode Pipe"),
    "gzip": ("ProcessingInputs.0.S3Input.S3CompressionType", "Gzip", "in Pipe mode only"),
    "elsewhere": ("ProcessingInputs.0.S3Input.LocalPath", "/data", "it must lie below /opt/ml/processing/"),
    "outside": ("ProcessingInputs.0.S3Input.LocalPath", "/opt/ml/processing/../../x", "must lie below"),
    "nowhere": ("ProcessingInputs.0.S3Input.LocalPath", None, "The input 'code' has no LocalPath"),
    "output elsewhere": (
        "ProcessingOutputConfig.Outputs.0.S3Output.LocalPath",
        "/tmp/x",
        "The output 'result'",
    ),
}


@pytest.mark.parametrize(("path", "value", "says"), REFUSED.values(), ids=REFUSED)
def test_requests_that_are_refused(workshop: Workshop, path: str, value: Any, says: str) -> None:
    """What cannot run is a ValidationException at once, and no job is created."""
    request = workshop.processing(outputs=[workshop.output("result", "s3://bucket/x")])
    change(request, path, value)

    with pytest.raises(ValidationException, match=says):
        workshop.create(request)

    assert workshop.records.get("ProcessingJob", request["ProcessingJobName"]) is None


def test_a_name_is_used_once(workshop: Workshop) -> None:
    """A second job of the same name is refused in AWS's words."""
    request = workshop.processing("")
    workshop.run(request)

    with pytest.raises(ResourceInUse, match="Job name must be unique within an AWS account and region"):
        workshop.create(request)


def test_describing_what_is_not_there(workshop: Workshop) -> None:
    """An unknown name is a ValidationException that says it could not be found."""
    with pytest.raises(ValidationException, match="Could not find requested job with name: nobody"):
        workshop.plane.call("DescribeProcessingJob", {"ProcessingJobName": "nobody"})


def test_jobs_are_listed(workshop: Workshop) -> None:
    """ListProcessingJobs filters by name and status."""
    request = workshop.processing("raise SystemExit(1)", ProcessingJobName="listed-by-name")
    workshop.run(request)

    answer = workshop.plane.call(
        "ListProcessingJobs", {"NameContains": "listed-by", "StatusEquals": "Failed"}
    )

    assert [each["ProcessingJobName"] for each in answer["ProcessingJobSummaries"]] == ["listed-by-name"]


class Broken(ProcessRunner):
    """A runner with a defect."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.withdrawn: list[str] = []

    def announce(self, job: str) -> None:
        pass

    def withdraw(self, job: str) -> None:
        self.withdrawn.append(job)

    def run(self, task: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("a defect"), "InternalServerError: .*RuntimeError: a defect"),
        (OSError(28, "No space left on device"), "ClientError: No space left on this machine's disk"),
        (AwsError("the store says no", status=500), "InternalServerError: .*the store says no"),
        (MemoryError(), "InternalServerError: .*MemoryError"),
    ],
)
def test_no_job_stays_in_progress(workshop: Workshop, error: Exception, says: str) -> None:
    """Whatever breaks on this side of the container, the job ends as Failed and gives its cores back."""
    runner = Broken(error)
    jobs = ProcessingJobs(workshop.settings, workshop.records, workshop.store, runner)
    request = workshop.processing("", StoppingCondition={"MaxRuntimeInSeconds": 5})

    jobs.create(request)
    job = workshop.ended("ProcessingJob", request["ProcessingJobName"])

    assert job["ProcessingJobStatus"] == "Failed"
    assert re.search(says, job["FailureReason"]), job["FailureReason"]
    assert runner.withdrawn == [f"processing-job/{request['ProcessingJobName']}"]


def test_jobs_of_a_server_that_went_away_have_failed(workshop: Workshop) -> None:
    """``recover`` ends what was in progress, with a reason that a retry policy understands."""
    for name, status in (("lost-1", "InProgress"), ("lost-2", "Stopping"), ("lost-3", "Completed")):
        document = {"ProcessingJobName": name, "ProcessingJobStatus": status, "CreationTime": 1.0}
        workshop.records.create("ProcessingJob", name, document)

    workshop.processing_jobs.recover()

    found = {
        name: workshop.records.get("ProcessingJob", name) or {} for name in ("lost-1", "lost-2", "lost-3")
    }
    assert [each["ProcessingJobStatus"] for each in found.values()] == ["Failed", "Stopped", "Completed"]
    assert found["lost-1"]["FailureReason"].startswith("InternalServerError: The local SageMaker was stopped")


def test_a_completed_job_leaves_little_behind(workshop: Workshop, prefix: str) -> None:
    """What is in S3 is not kept twice; a failed job's folder is kept whole, to look at."""
    script = "open('/opt/ml/processing/result/x', 'w').write('x')"
    outputs = [workshop.output("result", f"s3://bucket/{prefix}/out")]
    good = workshop.processing(script, outputs=outputs)
    workshop.run(good)
    workshop.processing_jobs.close()
    bad = workshop.run(workshop.processing(f"{script}; raise SystemExit(1)", outputs=outputs))

    folder = workshop.settings.jobs / "processing-job" / good["ProcessingJobName"]
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {
        "processingjobconfig.json",
        "resourceconfig.json",
    }
    assert (Path(bad["_Folder"]) / "processing" / "result" / "x").read_text() == "x"


LINKED = {
    "the output itself": "os.rmdir('/opt/ml/processing/o'); os.symlink('/etc', '/opt/ml/processing/o')",
    "a folder above it": "shutil.rmtree('/opt/ml/processing'); os.symlink('/', '/opt/ml/processing')",
    "a file in it": "os.symlink('/etc/passwd', '/opt/ml/processing/o/passwd')",
}


@pytest.mark.parametrize("script", LINKED.values(), ids=LINKED)
def test_no_link_takes_out_what_is_not_the_jobs(workshop: Workshop, prefix: str, script: str) -> None:
    """A job that puts a link in place of its output sends nothing of this machine to S3."""
    request = workshop.processing(
        f"import os, shutil; {script}",
        outputs=[workshop.output("o", f"s3://bucket/{prefix}", LocalPath="/opt/ml/processing/o")],
    )

    job = workshop.run(request)

    assert job["ProcessingJobStatus"] == "Failed"
    assert "'o' (/opt/ml/processing/o)" in job["FailureReason"]
    assert workshop.keys(f"{prefix}/") == []


@pytest.mark.parametrize("script", ["os.rmdir(o)", "os.rmdir(o); os.mkfifo(o)"], ids=["gone", "a pipe"])
def test_an_output_that_is_no_folder_is_one_without_files(
    workshop: Workshop, prefix: str, script: str
) -> None:
    """A job that takes its output folder away fails for want of output, and is not waited for."""
    request = workshop.processing(
        f"import os; o = '/opt/ml/processing/o'; {script}",
        outputs=[workshop.output("o", f"s3://bucket/{prefix}")],
    )

    job = workshop.run(request)

    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: The job ended well but wrote no output to 'o'")


@pytest.mark.parametrize("make", ["os.mkfifo(path)", "os.symlink('/etc/passwd', path)"], ids=["pipe", "link"])
def test_a_message_is_a_file(workshop: Workshop, make: str) -> None:
    """What is no file in place of the exit message is neither read nor waited for."""
    request = workshop.processing(
        f"import os; path = '/opt/ml/output/message'; os.makedirs('/opt/ml/output', exist_ok=True); {make}"
    )

    job = workshop.run(request)

    assert job["ProcessingJobStatus"] == "Completed"
    assert "ExitMessage" not in job


def test_a_file_that_no_object_can_be_is_named(workshop: Workshop, prefix: str) -> None:
    """A file name that is not UTF-8 fails the job by name, and nothing of the output is stored."""
    request = workshop.processing(
        "o = b'/opt/ml/processing/o/'; open(o + b'a', 'w'); open(o + b'\\xff', 'w')",
        outputs=[workshop.output("o", f"s3://bucket/{prefix}")],
    )

    job = workshop.run(request)

    assert job["ProcessingJobStatus"] == "Failed"
    assert r"\udcff' cannot be an object" in job["FailureReason"]
    assert workshop.keys(f"{prefix}/") == []

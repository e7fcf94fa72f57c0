"""Transform jobs from request to output, with real containers."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError

from tests.local_sagemaker.endpoints.conftest import ECHO, SCRIPT, SKLEARN, XGBOOST, archive, echo
from tests.local_sagemaker.transform.conftest import OBEDIENT

LINE = {"SplitType": "Line"}
SINGLE = {"BatchStrategy": "SingleRecord", "source": LINE}
ONCE = {"ModelClientConfig": {"InvocationsMaxRetries": 0}}
LOAD = """
import os, xgboost
def model_fn(folder):
    return xgboost.Booster(model_file=os.path.join(folder, 'model.json'))
"""


def completed(job: dict[str, Any]) -> dict[str, Any]:
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    return job


def failed(job: dict[str, Any]) -> str:
    """The reason of a job that failed."""
    assert job["TransformJobStatus"] == "Failed", job
    return str(job["FailureReason"])


def test_predictions_of_csv(transforms, booster):
    """Script mode on XGBoost's image: one prediction a line, in order, below the output path as <name>.out."""
    files = {"model.json": bytes(booster.save_raw("json")), "code/inference.py": LOAD}
    model = transforms.model(transforms.container(archive(files), XGBOOST, SCRIPT))
    rows = "".join(f"{number / 10},{-number / 7},{number % 3}\n" for number in range(100))
    prefix = transforms.put({"rows.csv": rows, "more/rows.csv": "0,0,0\n"})

    job = completed(
        transforms.run(model, prefix, source=LINE, target={"Accept": "text/csv", "AssembleWith": "Line"})
    )

    outputs = transforms.outputs(job)
    assert set(outputs) == {"rows.csv.out", "more/rows.csv.out"}
    data = np.array([[float(cell) for cell in row.split(",")] for row in rows.split()])
    got = np.array([float(line) for line in outputs["rows.csv.out"].split()], dtype=np.float32)
    assert (got == booster.predict(xgboost.DMatrix(data))).all()


def test_the_algorithm_of_xgboost_joined_with_its_rows(transforms, booster):
    """The id column comes back beside the prediction that the model made without it."""
    container = transforms.container(archive({"xgboost-model": bytes(booster.save_raw("ubj"))}), XGBOOST, {})
    prefix = transforms.put({"rows.csv": "id-1,1,2,3\nid-2,-1,-2,-3\n"})

    job = transforms.run(
        transforms.model(container),
        prefix,
        source=LINE,
        target={"Accept": "text/csv", "AssembleWith": "Line"},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )

    (output,) = transforms.outputs(completed(job)).values()
    expected = booster.predict(xgboost.DMatrix(np.array([[1, 2, 3], [-1, -2, -3]])))
    assert [line.split(",")[0] for line in output.decode().split()] == ["id-1", "id-2"]
    assert [np.float32(line.split(",")[1]) for line in output.decode().split()] == list(expected)


REQUESTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    # input, the rest of the request, what the container is asked
    "an object as a whole": ({"a.csv": "1\n2\n"}, {}, ["1\n2\n"]),
    "many records": ({"a.csv": "1\n2\n"}, {"source": LINE}, ["1\n2\n"]),
    "one record": ({"a.csv": "1\n2\n3"}, SINGLE, ["1\n", "2\n", "3"]),
    "gzip": (
        {"a.csv.gz": gzip.compress(b"1\n2\n")},
        {**SINGLE, "source": {**LINE, "CompressionType": "Gzip"}},
        ["1\n", "2\n"],
    ),
    "two objects": ({"a.csv": "1\n", "b/c.csv": "2\n"}, {"source": LINE}, ["1\n", "2\n"]),
    "nothing in an object": ({"a.csv": "", "b.csv": "2\n"}, {"source": LINE}, ["2\n"]),
    "a folder that a console made": ({"": "", "a.csv": "1\n"}, {"source": LINE}, ["1\n"]),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_what_the_container_is_asked(transforms, model, name):
    """As SplitType, BatchStrategy and CompressionType say; every object has its output."""
    files, more, asked = REQUESTS[name]

    job = completed(transforms.run(model, transforms.put(files), **more))

    assert sorted(each[0] for each in transforms.asked(job["TransformJobName"])) == asked
    assert set(transforms.outputs(job)) == {f"{name}.out" for name in files if name}


def test_large_requests(transforms, model):
    """A request carries as many records as fit into MaxPayloadInMB; with 0 the whole object, in chunks."""
    prefix = transforms.put({"rows.csv": ("x" * 1023 + "\n") * 2500})

    for megabytes, sizes in ((1, [1 << 20, 1 << 20, 2500 * 1024 - (2 << 20)]), (0, [2500 * 1024])):
        job = completed(transforms.run(model, prefix, source=LINE, MaxPayloadInMB=megabytes))
        asked = transforms.asked(job["TransformJobName"])
        assert sorted((each[1] for each in asked), reverse=True) == sizes
        assert transforms.outputs(job)["rows.csv.out"] == (b"X" * 1023 + b"\n") * 2500


ASSEMBLED = [
    ("None", "1\n2\n3", b"1\n2\n3"),
    ("Line", "1\n2\n3", b"1\n2\n3\n"),
]


@pytest.mark.parametrize(("how", "given", "output"), ASSEMBLED)
def test_how_answers_are_put_together(transforms, model, how, given, output):
    """One after the other, in order; with Line each ends in a newline, and in one only."""
    job = transforms.run(model, transforms.put({"a": given}), target={"AssembleWith": how}, **SINGLE)

    assert transforms.outputs(completed(job)) == {"a.out": output}


def test_a_manifest(transforms, model):
    """Only what it names is transformed; outputs keep their path below its prefix."""
    prefix = transforms.put({"a.csv": "1\n", "b/c.csv": "2\n", "d.csv": "3\n"})
    names = [{"prefix": f"s3://{transforms.bucket}/{prefix}"}, "a.csv", "b/c.csv"]
    transforms.put({"of.manifest": json.dumps(names)}, prefix)

    job = transforms.run(model, f"{prefix}of.manifest")

    assert transforms.outputs(completed(job)) == {"a.csv.out": b"1\n", "b/c.csv.out": b"2\n"}


PREFIXES = [
    ("", ["x/a.csv.out", "xyz.csv.out"]),
    ("x", ["a.csv.out", "xyz.csv.out"]),
    ("x/", ["a.csv.out"]),
    ("x/a.csv", ["a.csv.out"]),
    ("xy", ["xyz.csv.out"]),
]


@pytest.mark.parametrize(("end", "outputs"), PREFIXES)
def test_where_outputs_go(transforms, model, end, outputs):
    """A prefix is a folder, the beginning of names, or one object."""
    prefix = transforms.put({"x/a.csv": "1\n", "xyz.csv": "2\n"})

    job = completed(transforms.run(model, prefix + end))

    assert sorted(transforms.outputs(job)) == outputs


def test_odd_names(transforms, model):
    """Keys may have blanks, letters of any script, and what means something to a shell or a file system."""
    names = ["a b.csv", "日本.csv", "x;y&z.csv", "dots/../up.csv", "double//slash.csv", "-", "%41.csv"]
    prefix = transforms.put({name: name for name in names})

    job = completed(transforms.run(model, prefix))

    assert transforms.outputs(job) == {f"{name}.out": name.upper().encode() for name in names}


def test_types_are_passed_on(transforms, model):
    """ContentType and Accept are the container's to read."""
    job = transforms.run(model, transforms.put({"a": "x"}), target={"Accept": "text/mine"})
    assert transforms.asked(completed(job)["TransformJobName"]) == [["x", 1, "text/csv", "text/mine"]]

    job = transforms.run(model, transforms.put({"a": "x"}), source={"ContentType": "text/own"})
    assert transforms.asked(completed(job)["TransformJobName"]) == [["x", 1, "text/own", "application/json"]]


def test_the_environment(transforms):
    """The container knows that it is a batch and how it will be asked; the job's variables go before the model's."""
    environment = {**SCRIPT, "MINE": "the model's", "KEPT": "yes"}
    container = transforms.container(archive({"code/inference.py": OBEDIENT}), SKLEARN, environment)

    job = transforms.run(
        transforms.model(container),
        transforms.put({"a": "environment"}),
        Environment={"MINE": "the job's"},
        BatchStrategy="SingleRecord",
        MaxPayloadInMB=2,
        MaxConcurrentTransforms=1,
    )

    (output,) = transforms.outputs(completed(job)).values()
    found = json.loads(output)
    assert {name: found.get(name) for name in found if name.startswith("SAGEMAKER_BATCH")} == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
    }
    assert (found["SAGEMAKER_MAX_PAYLOAD_IN_MB"], found["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"]) == ("2", "1")
    assert (found["MINE"], found["KEPT"]) == ("the job's", "yes")
    (line,) = transforms.data_log(job["TransformJobName"])
    assert line == "MaxConcurrentTransforms=1, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD"


def test_requests_side_by_side(transforms, model):
    """As many at a time as MaxConcurrentTransforms says, while outputs keep the order of their records."""
    prefix = transforms.put({"a": "wait 1\nwait 2\n3\n4\n5\n6\n"})
    workers = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}

    job = transforms.run(model, prefix, MaxConcurrentTransforms=2, Environment=workers, **SINGLE)

    assert transforms.outputs(completed(job)) == {"a.out": b"WAIT 1\nWAIT 2\n3\n4\n5\n6\n"}


def test_the_container_says_how_many_at_a_time(transforms, model):
    """Without MaxConcurrentTransforms, /execution-parameters decide."""
    job = transforms.run(
        model, transforms.put({"a": "1\n"}), Environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "3"}
    )

    (line,) = transforms.data_log(completed(job)["TransformJobName"])
    assert line == "MaxConcurrentTransforms=3, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"


def test_a_model_of_two_containers(transforms):
    """What one answers is what the next is asked; each has a log of its own."""
    first = transforms.container(echo("first"), ContainerHostname="one")
    text = ECHO.replace("return body", "return body.decode()")
    second = transforms.container(echo("second", text), ContainerHostname="two")

    job = completed(
        transforms.run(transforms.model(first, second), transforms.put({"a": "1\n2\n"}), **SINGLE)
    )

    assert transforms.outputs(job) == {"a.out": b"second:first:1\nsecond:first:2\n"}
    streams = sorted(stream.partition("/")[0] for stream in transforms.log(job["TransformJobName"]))
    assert [name for name in streams if not name.startswith("algo-")] == ["one", "two"]


def test_a_model_of_a_package(transforms):
    """CreateModel may name a package instead of an image."""
    sagemaker, group = transforms.sagemaker, f"g-{uuid.uuid4().hex[:8]}"
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    container = transforms.container(echo("packed"))
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="Approved",
    )["ModelPackageArn"]

    job = completed(transforms.run(transforms.model({"ModelPackageName": arn}), transforms.put({"a": "1"})))

    assert transforms.outputs(job) == {"a.out": b"packed:1"}


def test_a_multi_model_container_is_refused(transforms):
    """There is no request that could say which model is meant."""
    container = transforms.container(b"", XGBOOST, {}) | {"Mode": "MultiModel"}
    container["ModelDataUrl"] = container["ModelDataUrl"].removesuffix("model.tar.gz")

    with pytest.raises(ClientError, match="cannot use a multi-model container"):
        transforms.begin(transforms.model(container), "s3://b/p")


def test_model_data_at_s3s_own_address(transforms):
    """ModelDataUrl may be an https address of S3, as older code has it."""
    container = transforms.container(echo("found"))
    key = container["ModelDataUrl"].removeprefix(f"s3://{transforms.bucket}/")
    container["ModelDataUrl"] = f"https://{transforms.bucket}.s3-us-east-1.amazonaws.com/{key}"

    job = completed(transforms.run(transforms.model(container), transforms.put({"a": "1"})))

    assert transforms.outputs(job) == {"a.out": b"found:1"}


def test_json_lines_with_their_answers(transforms, model):
    """Each object gets what the model answered as SageMakerOutput."""
    lines = '{"id": 1, "ask": {"a": "x"}}\n{"id": 2, "ask": {"a": "y"}}\n'
    kinds = {"ContentType": "application/jsonlines", "SplitType": "Line"}

    job = transforms.run(
        model,
        transforms.put({"rows.jsonl": lines}),
        source=kinds,
        target={"Accept": "application/jsonlines", "AssembleWith": "Line"},
        DataProcessing={
            "InputFilter": "$.ask",
            "JoinSource": "Input",
            "OutputFilter": "$['id','SageMakerOutput']",
        },
    )

    assert transforms.outputs(completed(job)) == {
        "rows.jsonl.out": b'{"SageMakerOutput":{"A":"X"},"id":1}\n{"SageMakerOutput":{"A":"Y"},"id":2}\n'
    }


def test_data_capture(transforms, model):
    """Manifests of inputs and outputs by the hour; with ids, each row has one and the job's time of start."""
    prefix, where = transforms.put({"a.csv": "x\ny\n", "b.csv": "z\n"}), f"capture-{uuid.uuid4().hex[:8]}"

    job = completed(
        transforms.run(
            model,
            prefix,
            source=LINE,
            target={"Accept": "text/csv"},
            DataCaptureConfig={
                "DestinationS3Uri": f"s3://{transforms.bucket}/{where}",
                "GenerateInferenceId": True,
            },
        )
    )

    s3 = transforms.client("s3")
    found = [each["Key"] for each in s3.list_objects_v2(Bucket=transforms.bucket, Prefix=where)["Contents"]]
    manifests = [
        json.loads(s3.get_object(Bucket=transforms.bucket, Key=key)["Body"].read()) for key in sorted(found)
    ]
    output = job["TransformOutput"]["S3OutputPath"]
    assert manifests == [
        [{"prefix": f"s3://{transforms.bucket}/{prefix}"}, "a.csv", "b.csv"],
        [{"prefix": output}, "a.csv.out", "b.csv.out"],
    ]
    assert f"{where}/input/{job['TransformStartTime']:%Y/%m/%d}" in sorted(found)[0]
    rows = [row.split(",") for row in transforms.outputs(job)["a.csv.out"].decode().split()]
    assert [row[0] for row in rows] == ["X", "Y"]
    assert all(len(row) == 3 and len(row[1]) == 36 and row[2].endswith("Z") for row in rows)


# What goes wrong.


def test_a_bad_record(transforms, model):
    """Fails its object and the job, which says where; the other objects have their outputs."""
    prefix = transforms.put({"1.csv": "ok\n", "2.csv": "ok\nok\nbad\nok\n", "3.csv": "ok\n"})

    job = transforms.run(model, prefix, **SINGLE, **ONCE)

    where = f"{transforms.bucket}/{prefix}2.csv"
    reason = failed(job)
    assert reason.startswith(
        f"AlgorithmError: See job logs for more information. {where}, record 3: Bad HTTP status received from "
        "algorithm: 500. (1 of 3 objects failed.)"
    )
    assert "ValueError: that was bad" in reason
    assert set(transforms.outputs(job)) == {"1.csv.out", "3.csv.out"}
    log = transforms.data_log(job["TransformJobName"])
    assert log[1] == f"{where}: Bad HTTP status received from algorithm: 500 (in record 3)"
    assert log[3] == f"{where}: Message:"


def test_a_record_that_the_algorithm_refuses(transforms, booster):
    """A status of 4xx is the client's error, with what the container said of it; it is not sent again."""
    container = transforms.container(archive({"xgboost-model": bytes(booster.save_raw("ubj"))}), XGBOOST, {})
    prefix = transforms.put({"rows.csv": "a,b,c\n"})

    job = transforms.run(transforms.model(container), prefix, source=LINE)

    reason = failed(job)
    assert reason.startswith("ClientError: See job logs for more information. ")
    assert f"{transforms.bucket}/{prefix}rows.csv, record 1: ClientError: 415." in reason
    assert "Loading csv data failed with Exception" in reason
    assert transforms.outputs(job) == {}
    name = job["TransformJobName"]
    (container_log,) = [lines for stream, lines in transforms.log(name).items() if "/" not in stream]
    assert sum("Loading csv data failed" in line for line in container_log) == 1


def test_what_fails_is_asked_again(transforms, model):
    """As often as ModelClientConfig says, and three times where it says nothing."""
    prefix = transforms.put({"a": "flaky"})

    assert completed(transforms.run(model, prefix))
    assert "500" in failed(transforms.run(model, prefix, ModelClientConfig={"InvocationsMaxRetries": 1}))


def test_a_request_that_takes_too_long(transforms, model):
    """InvocationsTimeoutInSeconds ends it; AWS's words say that there was no answer."""
    quick = {"InvocationsMaxRetries": 0, "InvocationsTimeoutInSeconds": 1}

    reason = failed(transforms.run(model, transforms.put({"a": "slow"}), ModelClientConfig=quick))

    assert reason.startswith("AlgorithmError: See job logs for more information.")
    assert "Unable to get response from algorithm" in reason


def test_a_container_that_dies(transforms, model):
    """Fails the object whose record killed it; the others are transformed by its successor."""
    prefix = transforms.put({"1.csv": "die\n", "2.csv": "ok\n"})

    job = transforms.run(model, prefix, source=LINE, **ONCE)

    assert "1.csv, record 1: Unable to get response from algorithm" in failed(job)
    assert set(transforms.outputs(job)) == {"2.csv.out"}


ONLY_ONCE = """
import os
def model_fn(folder):
    if os.path.exists("/opt/ml/output/started"):
        raise RuntimeError("never again")
    open("/opt/ml/output/started", "w").close()
def transform_fn(model, body, content_type, accept):
    os._exit(3)
"""


def test_a_container_that_dies_for_good(transforms):
    """Is given up after a few starts: the job ends, and does not wait for each request's time to pass."""
    container = transforms.container(archive({"code/inference.py": ONLY_ONCE}))
    one = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}

    job = transforms.run(
        transforms.model(container), transforms.put({"1": "a", "2": "b", "3": "c"}), Environment=one
    )

    assert "Unable to get response from algorithm. (3 of 3 objects failed.)" in failed(job)
    assert "never again" in failed(job)


BROKEN_MODELS = {
    "its script cannot be loaded": (
        lambda transforms: transforms.container(archive({"code/inference.py": "import nowhere"})),
        "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is implemented",
    ),
    "its archive is not there": (
        lambda transforms: (
            transforms.container(b"") | {"ModelDataUrl": f"s3://{transforms.bucket}/none.tar.gz"}
        ),
        "ClientError: Could not find model data at s3://",
    ),
    "its archive is none": (
        lambda transforms: transforms.container(b"not an archive"),
        "ClientError: Failed to extract model data archive from s3://",
    ),
}


@pytest.mark.parametrize("name", BROKEN_MODELS)
def test_models_that_cannot_serve(transforms, name):
    """Fail the job before anything is asked."""
    make, message = BROKEN_MODELS[name]

    job = transforms.run(transforms.model(make(transforms)), transforms.put({"a": "1"}))

    assert failed(job).startswith(message)


BAD_DATA: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "nothing there": ({}, {}, "ClientError: No S3 objects found under S3 URL"),
    "only a folder": ({"": ""}, {}, "ClientError: No S3 objects found under S3 URL"),
    "two objects with one output": (
        {"x/xa": "1", "xa": "2"},
        {"end": "x"},
        "ClientError: {bucket}/{prefix}x/xa and {bucket}/{prefix}xa below s3://{bucket}/{prefix}x would both have the "
        "output xa.out.",
    ),
    "not gzip": (
        {"a": "1\n"},
        {"source": {"CompressionType": "Gzip"}},
        "ClientError: See job logs for more information. {bucket}/{prefix}a: Unable to decompress the object",
    ),
    "a record of more than MaxPayloadInMB": (
        {"a": "1\n" + "2" * (2 << 20)},
        {**SINGLE, "MaxPayloadInMB": 1},
        "{prefix}a: Record 2 is larger than MaxPayloadInMB, which is 1 MB.",
    ),
    "no RecordIO": ({"a": "1\n"}, {"source": {"SplitType": "RecordIO"}}, "not in RecordIO format"),
    "a column that is not there": (
        {"a": "1,2\n"},
        {"source": LINE, "DataProcessing": {"InputFilter": "$[7]"}},
        "{prefix}a, record 1: Unable to apply InputFilter $[7]: there is no position 7 among 2.",
    ),
    "answers that are no JSON": (
        {"a": "{}\nx\n"},
        {
            "source": {**LINE, "ContentType": "application/jsonlines"},
            "DataProcessing": {"JoinSource": "Input"},
        },
        "{prefix}a, records 1 to 2: Unable to parse line 2 as JSON",
    ),
    "a bucket that is not there": (
        {"a": "1"},
        {"target": {"S3OutputPath": "s3://nobodys-bucket/x"}},
        "ClientError: preparing the job failed: The specified bucket does not exist: nobodys-bucket",
    ),
    "a name that leaves no room for its output's": (
        {"a": "1", "b" * 1010: "1"},
        {},
        "ClientError: preparing the job failed: Your key is too long",
    ),
    "a manifest that names what is not there": (
        {"x.manifest": json.dumps([{"prefix": "s3://nobodys-bucket/"}, "a"])},
        {"end": "x.manifest"},
        "x.manifest names s3://nobodys-bucket/a: The specified bucket does not exist",
    ),
    "a manifest that is none": (
        {"x.manifest": '{"a": 1}'},
        {"end": "x.manifest"},
        "x.manifest is not a list of a prefix and names",
    ),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_data_that_cannot_be_transformed(transforms, model, name):
    """Fails the job with a reason that names the object and what is wrong with it; no output is left."""
    files, more, message = BAD_DATA[name]
    prefix = transforms.put(files)

    job = transforms.run(
        model, prefix + more.get("end", ""), **{key: value for key, value in more.items() if key != "end"}
    )

    assert message.format(bucket=transforms.bucket, prefix=prefix) in failed(job)
    if "S3OutputPath" not in more.get("target", {}):
        assert transforms.outputs(job) == {}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a model that is not there": ({"ModelName": "none"}, 'Could not find model "arn:aws:sagemaker:'),
    "too large a payload": ({"MaxPayloadInMB": 101}, "MaxPayloadInMB is 101; it cannot be more than 100."),
    "too large payloads": (
        {"MaxPayloadInMB": 30, "MaxConcurrentTransforms": 4},
        "MaxConcurrentTransforms * MaxPayloadInMB is 120 MB; it cannot be more than 100.",
    ),
    "an augmented manifest": (
        {
            "source": {
                "DataSource": {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://b/p"}}
            }
        },
        "S3DataType AugmentedManifestFile is not supported in transform jobs",
    ),
    "no filter": (
        {"DataProcessing": {"InputFilter": "$..x"}},
        "DataProcessing.InputFilter is not a JSONPath that SageMaker supports",
    ),
    "a join of images": (
        {"source": {"ContentType": "image/png"}, "DataProcessing": {"JoinSource": "Input"}},
        "need TransformInput.ContentType to be one of text/csv",
    ),
    "an unknown strategy": ({"BatchStrategy": "Some"}, "'batchStrategy' failed to satisfy constraint"),
    "a type with a line break": (
        {"source": {"ContentType": "text/csv\rX: y"}},
        "it must be a MIME type such as",
    ),
    "a type of other letters": (
        {"target": {"Accept": "text/日本"}},
        "it must be a MIME type such as text/csv",
    ),
    "a strange output path": (
        {"target": {"S3OutputPath": "https://example.org/x"}},
        "TransformOutput.S3OutputPath: 'https://example.org/x' is not an S3 URI: expected s3://bucket/key.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_requests_that_are_refused(transforms, model, name):
    """At once, and by name; there is no job then."""
    more, message = REFUSED[name]
    before = len(transforms.sagemaker.list_transform_jobs(MaxResults=100)["TransformJobSummaries"])

    with pytest.raises(ClientError) as raised:
        transforms.begin(model, "s3://b/p", **more)

    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert message in raised.value.response["Error"]["Message"]
    assert len(transforms.sagemaker.list_transform_jobs(MaxResults=100)["TransformJobSummaries"]) == before


# The life of a job.


def test_a_job_is_described_as_sagemaker_does(transforms, model):
    """With AWS's defaults, its times, its tags, and none of what is only ours; lists find it by name and status."""
    job = completed(transforms.run(model, transforms.put({"a": "1"}), Tags=[{"Key": "team", "Value": "x"}]))

    name, sagemaker = job["TransformJobName"], transforms.sagemaker
    assert job["TransformJobArn"].endswith(f":transform-job/{name}")
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert (job["TransformInput"]["SplitType"], job["TransformInput"]["CompressionType"]) == ("None", "None")
    assert (job["TransformOutput"]["AssembleWith"], job["TransformOutput"]["KmsKeyId"]) == ("None", "")
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    assert sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"] == [{"Key": "team", "Value": "x"}]
    found = sagemaker.list_transform_jobs(NameContains=name, StatusEquals="Completed")[
        "TransformJobSummaries"
    ]
    assert [each["TransformJobName"] for each in found] == [name]
    assert found[0]["TransformEndTime"] == job["TransformEndTime"]
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=name)


def test_names(transforms, model):
    """One that is taken is refused, one that is not there is said to be so."""
    name, sagemaker = (
        transforms.run(model, transforms.put({"a": "1"}))["TransformJobName"],
        transforms.sagemaker,
    )
    request = {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/p"}}},
        "TransformOutput": {"S3OutputPath": "s3://b/o"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }

    with pytest.raises(ClientError, match="already exists") as raised:
        sagemaker.create_transform_job(**request)
    assert raised.value.response["Error"]["Code"] == "ResourceInUse"
    for call in (sagemaker.describe_transform_job, sagemaker.stop_transform_job):
        with pytest.raises(ClientError, match="Could not find requested job with name: none"):
            call(TransformJobName="none")
    with pytest.raises(ClientError, match="the transform job is in status Completed"):
        sagemaker.stop_transform_job(TransformJobName=name)


def test_stopping(transforms, model):
    """A job that is stopped ends at once, with no output of what it had not finished, and no reason."""
    prefix = transforms.put({"1.csv": "ok\n", "2.csv": "ok\nslow\n"})
    name = transforms.begin(model, prefix, **SINGLE)
    while not transforms.log(name) or not any("slow" in each[0] for each in transforms.asked(name)):
        time.sleep(0.02)

    transforms.sagemaker.stop_transform_job(TransformJobName=name)

    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    assert set(transforms.outputs(job)) == {"1.csv.out"}


def test_stopped_as_soon_as_it_was_created(transforms, model):
    """Whatever it is doing by then."""
    prefix = transforms.put({"a": "slow"})
    names = [transforms.begin(model, prefix) for _ in range(6)]
    for name in names:
        transforms.sagemaker.stop_transform_job(TransformJobName=name)

    assert {transforms.ended(name)["TransformJobStatus"] for name in names} == {"Stopped"}


def test_several_at_once(transforms, model):
    """Jobs share the machine and not their outputs, with the same model and the same input."""
    prefix = transforms.put({"a": "1\n2\n"})

    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(lambda _: transforms.run(model, prefix, **SINGLE), range(4)))

    assert [transforms.outputs(completed(job)) for job in jobs] == [{"a.out": b"1\n2\n"}] * 4


def test_nothing_is_left_running(transforms, model, local):
    """A job that has ended has no container, and one that completed no copy of the model."""
    job = completed(transforms.run(model, transforms.put({"a": "1"})))
    folder = local.settings.jobs / "transform-job" / job["TransformJobName"]
    assert not (folder / "containers").exists()

    broken = transforms.run(model, transforms.put({"a": "bad"}), **ONCE)
    kept = local.settings.jobs / "transform-job" / broken["TransformJobName"] / "containers" / "primary"
    assert (kept / "code" / "inference.py").is_file()


def test_rules_hear_of_a_job(transforms, model, local):
    """EventBridge is told of each change of a job's state, with what Describe says of it."""
    events, sqs = transforms.client("events"), transforms.client("sqs")
    name = f"transform-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    events.put_rule(
        Name=name,
        EventPattern=json.dumps(
            {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Transform Job State Change"]}
        ),
    )
    queue = f"arn:aws:sqs:us-east-1:{local.settings.account}:{name}"
    events.put_targets(Rule=name, Targets=[{"Id": "it", "Arn": queue}])

    job = completed(transforms.run(model, transforms.put({"a": "1"})))

    heard: list[dict[str, Any]] = []
    while len(heard) < 2:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        heard += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
    events.remove_targets(Rule=name, Ids=["it"])
    events.delete_rule(Name=name)
    states = [each["detail"]["TransformJobStatus"] for each in heard]
    assert states == ["InProgress", "Completed"]
    assert {each["resources"][0] for each in heard} == {job["TransformJobArn"]}
    assert not any(key.startswith("_") for each in heard for key in each["detail"])

"""Data capture: what was asked and answered, as Model Monitor reads it."""

import base64
import json
import re
import time
from typing import Any

import pytest

from containers.analyzer import capture as analyzer
from containers.analyzer import monitor_config
from containers.analyzer.monitor_config import DatasetFormat
from tests.local_sagemaker.endpoints.conftest import ECHO, Host, echo

TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
CSV = ECHO.replace('"text/plain"', '"text/csv"').replace('f"{model}:{data}"', '"0.5"')


def deploy(host: Host, prefix: str, script: str = CSV, **changed: Any) -> str:
    configuration = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{host.bucket}/{prefix}/",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": TYPES,
        **changed,
    }
    return host.deploy(host.container(echo("x", script)), DataCaptureConfig=configuration)


def captured(host: Host, prefix: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    """Key and record of so many captured requests, once they are there."""
    s3 = host.client("s3")
    deadline = time.monotonic() + 30
    while True:
        keys = [
            each["Key"] for each in s3.list_objects_v2(Bucket=host.bucket, Prefix=prefix).get("Contents", [])
        ]
        records = [
            (key, json.loads(line))
            for key in keys
            for line in s3.get_object(Bucket=host.bucket, Key=key)["Body"].read().splitlines()
        ]
        if len(records) >= number:
            return records
        assert time.monotonic() < deadline, records
        time.sleep(0.05)


def test_a_request_is_captured_in_the_documented_layout(host):
    """Path by endpoint, variant and hour; both parts as text; ids, time and version."""
    name = deploy(host, "capture-layout")

    host.runtime.invoke_endpoint(
        EndpointName=name, Body="1,2,3", ContentType="text/csv", InferenceId="mine-7"
    )

    [(key, record)] = captured(host, "capture-layout", 1)
    assert re.fullmatch(
        rf"capture-layout/{name}/v0/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d\d\d-[0-9a-f-]{{36}}\.jsonl", key
    )
    metadata = record.pop("eventMetadata")
    assert record == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2,3",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "text/csv",
                "mode": "OUTPUT",
                "data": "0.5",
                "encoding": "CSV",
            },
        },
        "eventVersion": "0",
    }
    assert metadata["inferenceId"] == "mine-7"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])


def test_the_analyzer_reads_what_is_captured(host):
    """The rows that Model Monitor's analyzer makes of it are the request's and the answer's."""
    name = deploy(host, "capture-analyzer")
    host.ask(name, "1,2")

    [(_, record)] = captured(host, "capture-analyzer", 1)

    dataset = DatasetFormat(monitor_config.CAPTURE)
    assert [list(row.values()) for row in analyzer.rows(record, "here", dataset)] == [["0.5", "1", "2"]]


def test_what_is_not_declared_as_text_is_base64(host):
    """SageMaker's default, and whatever is no text in spite of its type."""
    name = deploy(host, "capture-base64", CaptureOptions=[{"CaptureMode": "Input"}])
    host.ask(name, b"\xff\x00", "application/octet-stream")
    host.ask(name, '{"a": 1}', "application/json; charset=utf-8")

    records = [record["captureData"] for _, record in captured(host, "capture-base64", 2)]

    assert all(list(record) == ["endpointInput"] for record in records)
    parts = {part["encoding"]: part["data"] for record in records for part in record.values()}
    assert base64.b64decode(parts["BASE64"]) == b"\xff\x00"
    assert parts["JSON"] == '{"a": 1}'


@pytest.mark.parametrize("changed", [{"EnableCapture": False}, {"InitialSamplingPercentage": 0}])
def test_nothing_is_captured_that_is_not_asked_for(host, changed):
    """With capture off, or a sample of nothing, a bucket that would show it stays empty."""
    prefix = f"capture-none-{'-'.join(changed)}"
    off, on = deploy(host, f"{prefix}/off", **changed), deploy(host, f"{prefix}/on")

    host.ask(off, "1")
    host.ask(on, "1")  # later, by the same writer: where this one is, the other would be

    assert len(captured(host, f"{prefix}/on", 1)) == 1
    assert captured(host, f"{prefix}/off", 0) == []


def test_a_sample_is_a_share(host):
    """Of 300 requests at 50 percent, between 100 and 200 are kept (its chance of another number is below 1 in 10^8)."""
    name = deploy(host, "capture-half", InitialSamplingPercentage=50)
    for _ in range(300):
        host.ask(name, "1")
    whole = deploy(host, "capture-whole")
    host.ask(whole, "1")
    captured(host, "capture-whole", 1)

    assert 100 < len(captured(host, "capture-half", 1)) < 200


def test_describing_an_endpoint_tells_that_it_captures(host):
    """Status, share and place."""
    name = deploy(host, "capture-described", InitialSamplingPercentage=7)

    described = host.sagemaker.describe_endpoint(EndpointName=name)["DataCaptureConfig"]

    assert described["EnableCapture"] is True
    assert described["CaptureStatus"] == "Started"
    assert described["CurrentSamplingPercentage"] == 7

"""Messages reach moto's queues, by whichever URL, and the functions behind them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker.errors import AwsError
from local_sagemaker.queues import Queues

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

WRITES = """
import json
import boto3

def handler(event, context):
    for record in event["Records"]:
        key = json.loads(record["body"])["key"]
        if key == "bad":
            raise ValueError("no good")
        boto3.client("s3").put_object(Bucket="BUCKET", Key=key, Body=b"")
"""


@pytest.mark.parametrize("url", ["{url}", "https://sqs.us-east-1.amazonaws.com/123456789012/{name}"])
def test_a_message_arrives_whichever_url_names_the_queue(front: Any, url: str) -> None:
    """As CreateQueue answers it here, and as AWS writes it."""
    sqs, name = front.client("sqs"), f"arrives-{len(url)}"
    made = sqs.create_queue(QueueName=name)["QueueUrl"]

    Queues(front.others, "us-east-1").send(url.format(url=made, name=name), '{"a": 1}')

    (message,) = sqs.receive_message(QueueUrl=made)["Messages"]
    assert message["Body"] == '{"a": 1}'


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://sqs.us-east-1.amazonaws.com/123456789012/nobody", "The specified queue does not exist"),
        ("https://sqs.eu-north-9.amazonaws.com/123456789012/nobody", "The specified queue does not exist"),
        ("https://sqs.us-east-1.amazonaws.com/nobody", "is not valid for this endpoint"),
        ("nobody", "is not valid for this endpoint"),
    ],
)
def test_a_queue_that_is_not_there_is_an_error_of_sqs(front: Any, url: str, message: str) -> None:
    """Also one of a region that is not there."""
    with pytest.raises(AwsError, match=message):
        Queues(front.others, "us-east-1").send(url, "{}")


def test_a_message_that_is_too_long_is_an_error_of_sqs(front: Any) -> None:
    """In SQS's words."""
    url = front.client("sqs").create_queue(QueueName="small", Attributes={"MaximumMessageSize": "1024"})[
        "QueueUrl"
    ]

    with pytest.raises(AwsError, match="must be shorter than 1024 bytes"):
        Queues(front.others, "us-east-1").send(url, "x" * 1025)


def test_a_function_behind_a_queue_gets_its_messages(
    client: Callable[[str], Any], local: LocalSageMaker
) -> None:
    """It runs for real; a message at which it fails stays in the queue."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", WRITES.replace("BUCKET", local.settings.bucket))
    client("lambda").create_function(
        FunctionName="behind-a-queue",
        Role=local.settings.role_arn,
        Runtime="python3.11",
        Handler="index.handler",
        Timeout=60,
        MemorySize=512,
        Code={"ZipFile": buffer.getvalue()},
    )
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="with-a-function")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName="behind-a-queue", BatchSize=1
    )

    for key in ("queued", "bad"):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"key": key}))

    deadline = time.monotonic() + 60
    while not client("s3").list_objects_v2(Bucket=local.settings.bucket, Prefix="queued").get("Contents"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    left = [message["Body"] for message in sqs.receive_message(QueueUrl=url).get("Messages", [])]
    assert left == ['{"key": "bad"}']

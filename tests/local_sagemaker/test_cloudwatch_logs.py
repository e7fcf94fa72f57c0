"""Jobs' logs through CloudWatch Logs."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from local_sagemaker.logs import format_line, log_path

GROUP = "/aws/sagemaker/TrainingJobs"
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def milliseconds(minute):
    return round((START + timedelta(minutes=minute)).timestamp() * 1000)


@pytest.fixture
def write(front):
    """Appends messages to a stream, one a minute, as the process layer does."""

    def write(group, stream, messages, first_minute=0):
        path = log_path(front.settings.logs, group, stream)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as log:
            for minute, message in enumerate(messages, first_minute):
                log.write(format_line(START + timedelta(minutes=minute), message))

    return write


def messages(answer):
    return [event["message"] for event in answer["events"]]


def test_groups_are_those_that_jobs_have_written_to(front, write):
    """Endpoints have a group each, jobs share one for each kind."""
    write(GROUP, "job/algo-1-1", ["a"])
    write("/aws/sagemaker/ProcessingJobs", "job/algo-1-1", ["a"])
    write("/aws/sagemaker/Endpoints/mine", "AllTraffic/i-1", ["a"])
    logs = front.client("logs")
    groups = logs.describe_log_groups()["logGroups"]
    names = [group["logGroupName"] for group in groups]
    chosen = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/Tr")["logGroups"]

    assert names == ["/aws/sagemaker/Endpoints/mine", "/aws/sagemaker/ProcessingJobs", GROUP]
    assert groups[2]["arn"] == f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"
    assert groups[2]["creationTime"] == milliseconds(0)
    assert [group["logGroupName"] for group in chosen] == [GROUP]


def test_groups_of_other_services_are_listed_beside_them(front, write):
    """One list, by name, whoever keeps the group."""
    write(GROUP, "job/algo-1-1", ["a"])
    logs = front.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/logs-test")
    names = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]

    assert names == sorted(names)
    assert {"/aws/lambda/logs-test", GROUP} <= set(names)


def test_streams_are_listed_by_name_or_by_last_event(front, write):
    """describe_log_streams with its prefix, order and paging."""
    write(GROUP, "a/algo-1-1", ["one"], first_minute=5)
    write(GROUP, "b/algo-1-1", ["one", "two"], first_minute=0)
    write(GROUP, "c/algo-1-1", ["one"], first_minute=2)
    logs = front.client("logs")

    def names(**request):
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=GROUP, PaginationConfig={"PageSize": 2}, **request
        )
        return [stream["logStreamName"][0] for page in pages for stream in page["logStreams"]]

    (second,) = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="b/")["logStreams"]

    assert names() == ["a", "b", "c"]
    assert names(descending=True) == ["c", "b", "a"]
    assert names(orderBy="LastEventTime", descending=True) == ["a", "c", "b"]
    assert second["firstEventTimestamp"] == milliseconds(0)
    assert second["lastEventTimestamp"] == milliseconds(1)


def test_the_last_event_of_a_long_log_is_found_from_its_end(front, write):
    """And it is the last whole line, also while another is being written."""
    write(GROUP, "long/algo-1-1", ["x" * 100] * 1500)
    with log_path(front.settings.logs, GROUP, "long/algo-1-1").open("a") as log:
        log.write("2026-11-22T08:00:00.000Z half a li")
    (stream,) = front.client("logs").describe_log_streams(logGroupName=GROUP)["logStreams"]

    assert stream["lastEventTimestamp"] == milliseconds(1499)


def test_events_are_read_from_the_head_or_the_tail(front, write):
    """The tail is the default, as on AWS, and a time range leaves its end out."""
    write(GROUP, "job/algo-1-1", list("abcdef"))
    logs = front.client("logs")

    def read(**request):
        return messages(logs.get_log_events(logGroupName=GROUP, logStreamName="job/algo-1-1", **request))

    assert read() == list("abcdef")
    assert read(limit=2) == ["e", "f"]
    assert read(limit=2, startFromHead=True) == ["a", "b"]
    assert read(startTime=milliseconds(1), endTime=milliseconds(3)) == ["b", "c"]


def test_a_job_is_followed_with_the_forward_token(front, write):
    """At the end the token stays the same; what is written later comes next."""
    logs = front.client("logs")
    request = {"logGroupName": GROUP, "logStreamName": "job/algo-1-1", "startFromHead": True}
    write(GROUP, "job/algo-1-1", ["a", "b"])
    first = logs.get_log_events(**request)
    nothing = logs.get_log_events(**request, nextToken=first["nextForwardToken"])
    write(GROUP, "job/algo-1-1", ["c"], first_minute=2)
    then = logs.get_log_events(**request, nextToken=nothing["nextForwardToken"])

    assert messages(first) == ["a", "b"]
    assert messages(nothing) == []
    assert nothing["nextForwardToken"] == first["nextForwardToken"]
    assert messages(then) == ["c"]


def test_a_group_is_filtered_across_its_streams(front, write):
    """By pattern, stream prefix and time, merged by time, a page at a time: what ``aws logs tail`` asks for."""
    write(GROUP, "job/algo-1-1", ["auc 0.1", "other", "auc 0.2"])
    write(GROUP, "job/algo-2-1", ["auc 0.3"], first_minute=1)
    write(GROUP, "else/algo-1-1", ["auc 0.4"])
    pages = (
        front.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=GROUP,
            logStreamNamePrefix="job/",
            filterPattern="auc",
            startTime=milliseconds(0),
            interleaved=True,
            PaginationConfig={"PageSize": 1},
        )
    )
    events = [event for page in pages for event in page["events"]]

    assert [event["message"] for event in events] == ["auc 0.1", "auc 0.3", "auc 0.2"]
    assert [event["logStreamName"] for event in events] == ["job/algo-1-1", "job/algo-2-1", "job/algo-1-1"]
    assert len({event["eventId"] for event in events}) == 3


def test_a_group_may_be_named_by_its_arn(front, write):
    """logGroupIdentifier takes either."""
    write(GROUP, "job/algo-1-1", ["a"])
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"

    assert messages(front.client("logs").filter_log_events(logGroupIdentifier=arn)) == ["a"]


WRONG = [
    (
        "get_log_events",
        {"logGroupName": "/aws/sagemaker/No", "logStreamName": "s"},
        "log group does not exist",
    ),
    ("get_log_events", {"logGroupName": GROUP, "logStreamName": "no"}, "log stream does not exist"),
    (
        "get_log_events",
        {"logGroupName": GROUP, "logStreamName": "../../../../etc/passwd"},
        "log stream does not exist",
    ),
    ("filter_log_events", {"logGroupName": GROUP, "logStreamNames": ["no"]}, "log stream does not exist"),
    (
        "filter_log_events",
        {"logGroupName": GROUP, "filterPattern": "{ $.a = 1 }"},
        "JSON patterns are not supported",
    ),
    ("filter_log_events", {"logGroupName": GROUP, "nextToken": "made up"}, "nextToken is invalid"),
    ("describe_log_streams", {"logGroupName": GROUP, "nextToken": "made up"}, "nextToken is invalid"),
    (
        "describe_log_streams",
        {"logGroupName": GROUP, "limit": 50, "orderBy": "LastEventTime", "logStreamNamePrefix": "a"},
        "Cannot order by LastEventTime",
    ),
    ("delete_log_group", {"logGroupName": GROUP}, "does not support logs DeleteLogGroup"),
    (
        "put_log_events",
        {"logGroupName": GROUP, "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m"}]},
        "can only be read",
    ),
]


@pytest.mark.parametrize(("method", "request_", "message"), WRONG)
def test_what_cannot_be_answered_is_an_error_that_says_why(front, write, method, request_, message):
    """AWS's texts where AWS has one."""
    write(GROUP, "job/algo-1-1", ["a"])
    with pytest.raises(ClientError, match=message):
        getattr(front.client("logs"), method)(**request_)

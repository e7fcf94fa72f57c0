"""CloudWatch Logs for what jobs write: groups under ``/aws/sagemaker`` are read from the log files.

Groups of any other name are moto's.
Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from local_sagemaker import aws_request, json_text
from local_sagemaker.errors import AwsError, UnsupportedOperation, ValidationException
from local_sagemaker.filter_pattern import matcher
from local_sagemaker.listing import cut
from local_sagemaker.log_pages import MOST_EVENTS, after, read_page, tokens
from local_sagemaker.log_streams import PREFIX, Group, Stream, groups
from local_sagemaker.logs import Event
from local_sagemaker.other_services import OtherServices
from local_sagemaker.protocols import json_answer
from local_sagemaker.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Request = dict[str, Any]
Row = dict[str, Any]
_NAMING = ("logGroupName", "logGroupIdentifier", "logGroupArn", "resourceArn")
_NAMING_MANY = ("logGroupNames", "logGroupIdentifiers", "logGroupArns")
_MOST_ROWS = 50


class CloudWatchLogs:
    """CloudWatch Logs as a WSGI application."""

    def __init__(self, settings: Settings, others: OtherServices) -> None:
        self._settings = settings
        self._others = others
        self._operations: dict[str, Callable[[Request], Row]] = {
            "DescribeLogStreams": self._describe_streams,
            "GetLogEvents": self._get_events,
            "FilterLogEvents": self._filter_events,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what concerns SageMaker's groups; hand on the rest."""
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        request = _request(environ)
        if operation == "DescribeLogGroups":
            region = aws_request.caller(environ).region or self._settings.region
            return json_answer(self._describe_groups(request, region)).send(start_response)
        if not any(name.startswith(PREFIX) for name in _groups_named(request)):
            return self._others(environ, start_response)
        run = self._operations.get(operation)
        if run is None:
            raise UnsupportedOperation(
                f"The local SageMaker does not support logs {operation} for groups under {PREFIX}: "
                "they are the jobs' log files, which can only be read."
            )
        return json_answer(run(request)).send(start_response)

    def _describe_groups(self, request: Request, region: str) -> Row:
        rows = {row["logGroupName"]: row for row in self._groups_elsewhere(region)}
        rows.update((group.name, self._group_row(group)) for group in groups(self._settings.logs))
        prefix, part = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        chosen = [rows[name] for name in sorted(rows) if name.startswith(prefix) and part in name]
        return _rows("logGroups", chosen, request)

    def _groups_elsewhere(self, region: str) -> list[Row]:
        if not self._others.loaded:
            return []
        from moto.logs.models import logs_backends

        found = logs_backends[self._settings.account][region].groups.values()
        return [{k: v for k, v in group.to_describe_dict().items() if v is not None} for group in found]

    def _group_row(self, group: Group) -> Row:
        streams = group.streams()
        return {
            "logGroupName": group.name,
            "creationTime": min((_created(stream) for stream in streams), default=0),
            "metricFilterCount": 0,
            "arn": f"{self._arn(group)}:*",
            "logGroupArn": self._arn(group),
            "storedBytes": sum(stream.path.stat().st_size for stream in streams),
            "logGroupClass": "STANDARD",
        }

    def _describe_streams(self, request: Request) -> Row:
        group = self._group(request)
        by_time = request.get("orderBy", "LogStreamName") == "LastEventTime"
        prefix = request.get("logStreamNamePrefix", "")
        if by_time and prefix:
            raise _invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        rows = [self._stream_row(group, stream) for stream in group.streams(prefix)]
        return _rows("logStreams", rows, request, "lastEventTimestamp" if by_time else "")

    def _stream_row(self, group: Group, stream: Stream) -> Row:
        first, last = stream.first, stream.last
        row = {
            "logStreamName": stream.name,
            "creationTime": _created(stream),
            "arn": f"{self._arn(group)}:log-stream:{stream.name}",
            "storedBytes": 0,  # AWS answers 0 for every stream since 2019
        }
        if first is None or last is None:
            return row
        ingested = round(stream.path.stat().st_mtime * 1000)
        times = {"firstEventTimestamp": first.timestamp, "lastEventTimestamp": last.timestamp}
        return {**row, **times, "lastIngestionTime": ingested}

    def _get_events(self, request: Request) -> Row:
        stream = _stream(self._group(request), request["logStreamName"])
        page = read_page(
            stream.events(),
            _within(request),
            request.get("nextToken"),
            _limit(request, MOST_EVENTS),
            from_head=request.get("startFromHead", False),
        )
        return {"events": [_event_row(event) for _, event in page.events], **tokens(page)}

    def _filter_events(self, request: Request) -> Row:
        group = self._group(request)
        names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix", "")
        if names and prefix:
            raise _invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
        streams = [_stream(group, name) for name in names] if names else group.streams(prefix)
        within, matches = _within(request), matcher(request.get("filterPattern", ""))
        found = (
            ((event.timestamp, stream.name, number), event)
            for stream in streams
            for number, event in enumerate(stream.events())
            if within(event) and matches(event.message)
        )
        page, token = after(found, request.get("nextToken"), _limit(request, MOST_EVENTS))
        events = [
            {"logStreamName": stream, **_event_row(event), "eventId": f"{stamp:020d}/{stream}/{number:012d}"}
            for (stamp, stream, number), event in page
        ]
        return {"events": events, "searchedLogStreams": [], **({"nextToken": token} if token else {})}

    def _group(self, request: Request) -> Group:
        named = _groups_named(request)
        for group in groups(self._settings.logs):
            if group.name in named:
                return group
        raise _missing("group")

    def _arn(self, group: Group) -> str:
        return f"arn:aws:logs:{self._settings.region}:{self._settings.account}:log-group:{group.name}"


def _groups_named(request: Request) -> list[str]:
    names = [request[key] for key in _NAMING if key in request]
    names += [name for key in _NAMING_MANY for name in request.get(key, [])]
    # An identifier is a name or an ARN: arn:aws:logs:<region>:<account>:log-group:<name>:*
    return [name.split(":", 6)[-1].removesuffix(":*") if name.startswith("arn:") else name for name in names]


def _stream(group: Group, name: str) -> Stream:
    stream = group.stream(name)
    if stream is None:
        raise _missing("stream")
    return stream


def _created(stream: Stream) -> int:
    first = stream.first
    return first.timestamp if first else round(stream.path.stat().st_mtime * 1000)


def _within(request: Request) -> Callable[[Event], bool]:
    """Whether an event lies in [startTime, endTime), milliseconds since the epoch."""
    start, end = request.get("startTime", 0), request.get("endTime", float("inf"))
    return lambda event: start <= event.timestamp < end


def _event_row(event: Event) -> Row:
    return {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.timestamp}


def _request(environ: WSGIEnvironment) -> Request:
    try:
        request = json_text.parse(aws_request.body(environ) or b"{}")
    except ValueError as error:
        raise AwsError(f"The request's body is not JSON: {error}", code="SerializationException") from None
    if not isinstance(request, dict):
        raise AwsError("The request's body must be a JSON object.", code="SerializationException")
    return request


def _rows(member: str, rows: Iterable[Row], request: Request, sort_by: str = "") -> Row:
    """A page of groups or streams, in the order of ``sort_by`` and then of their names."""
    name = f"{member[:-1]}Name"
    try:
        page, token = cut(
            rows,
            key=lambda row: [row.get(sort_by, 0), row[name]],
            descending=request.get("descending", False),
            size=_limit(request, _MOST_ROWS),
            token=request.get("nextToken"),
            query={key: value for key, value in request.items() if key not in ("nextToken", "limit")},
        )
    except ValidationException:
        raise _invalid("The specified nextToken is invalid.") from None
    return {member: page, **({"nextToken": token} if token else {})}


def _limit(request: Request, most: int) -> int:
    limit = request.get("limit", most)
    if not isinstance(limit, int) or not 1 <= limit <= most:
        raise _invalid(f"Value {limit!r} at 'limit' must be between 1 and {most}.")
    return limit


def _invalid(message: str) -> AwsError:
    return AwsError(message, code="InvalidParameterException")


def _missing(what: str) -> AwsError:
    return AwsError(f"The specified log {what} does not exist.", code="ResourceNotFoundException")

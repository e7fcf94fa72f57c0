"""What is sent of a record, and what is kept of it with the answer: filters, joins, inference ids.

A row of CSV counts as a JSON array of texts. What is joined has the input's columns first, then the answer's; a JSON
object gets the answer as ``SageMakerOutput``, and what is no object becomes ``SageMakerInput`` beside it.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_sagemaker.errors import ValidationException
from local_sagemaker.transform.failed import ALGORITHM, Failed
from local_sagemaker.transform.jsonpath import NothingThere, Path

CSV, JSON, JSON_LINES = "CSV", "JSON", "JSON Lines"
_FORMATS = {
    "text/csv": CSV,
    "application/json": JSON,
    "application/jsonlines": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
}
_INPUT, _OUTPUT = "SageMakerInput", "SageMakerOutput"
_ID, _TIME = "SageMakerInferenceId", "SageMakerInferenceTime"


@dataclass(frozen=True)
class Asked:
    """What a request carries, and the records that it came from, where they are needed again."""

    body: bytes
    records: Sequence[Any] | None = None


class Association:
    """One job's way from records to requests, and from answers to its output.

    Args:
        request: of CreateTransformJob.
        started: when the job started, in epoch seconds, which is every record's SageMakerInferenceTime.
    """

    def __init__(self, request: Mapping[str, Any], started: float = 0.0) -> None:
        """Read the request. Raises ValidationException."""
        processing = request.get("DataProcessing", {})
        source, target = request["TransformInput"], request["TransformOutput"]
        self._input_filter = Path(processing.get("InputFilter", "$"), "DataProcessing.InputFilter")
        self._output_filter = Path(processing.get("OutputFilter", "$"), "DataProcessing.OutputFilter")
        self._join = processing.get("JoinSource") == "Input"
        self._ids = bool(request.get("DataCaptureConfig", {}).get("GenerateInferenceId"))
        self._time = f"{datetime.fromtimestamp(started, UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._input = format_of(source.get("ContentType", ""))
        self._accept = target.get("Accept", "")
        self._check(source)

    @property
    def nothing_to_do(self) -> bool:
        """Whether requests carry the input as it is, and the output is what was answered."""
        return self._input_filter.everything and not self._changes_answers

    @property
    def _changes_answers(self) -> bool:
        return self._join or self._ids or not self._output_filter.everything

    def ask(self, payload: bytes) -> Asked:
        """What to send for a payload. Raises Failed where it is not what ContentType says."""
        if self._input_filter.everything and not self._join:
            return Asked(payload)
        records = _read(payload, self._input, None)
        if self._input_filter.everything:
            return Asked(payload, records)
        return Asked(
            _write(_filtered(records, self._input_filter, "InputFilter", self._input), self._input), records
        )

    def answer(self, asked: Asked, body: bytes, content_type: str = "") -> bytes:
        """What to keep of an answer. Raises Failed where it is not what Accept says, or not one for each record."""
        if not self._changes_answers:
            return body
        # A container that was not told what to answer says what it has answered.
        kind = format_of(self._accept) or format_of(content_type) or self._input
        expected = None if asked.records is None else len(asked.records)
        try:
            answers = _read(body, kind, expected)
        except Failed as error:
            raise Failed(f"The answer of the algorithm: {error.line}", fault=ALGORITHM) from None
        if self._join:
            answers = self._joined(asked.records or (), answers, kind)
        answers = _filtered(answers, self._output_filter, "OutputFilter", kind)
        return _write([self._identified(each, kind) for each in answers] if self._ids else answers, kind)

    def _joined(self, records: Sequence[Any], answers: Sequence[Any], kind: str) -> list[Any]:
        if (kind == CSV) != (self._input == CSV):
            raise Failed(
                f"Unable to join: {kind} cannot be put beside {self._input}. Set Accept to the input's format."
            )
        if len(records) != len(answers):
            raise Failed(
                f"Unable to join: the algorithm answered {len(answers)} records to {len(records)} records. It must "
                "answer one for each, in order; if it only answers requests of one record, set BatchStrategy to "
                "SingleRecord."
            )
        join = _beside if kind == CSV else _within
        return [join(record, answer) for record, answer in zip(records, answers, strict=True)]

    def _identified(self, answer: Any, kind: str) -> Any:
        identity = str(uuid.uuid4())
        if kind == CSV:
            return [*answer, identity, self._time]
        return {**_as_object(answer, _OUTPUT), _ID: identity, _TIME: self._time}

    def _check(self, source: Mapping[str, Any]) -> None:
        if self.nothing_to_do:
            return
        if source.get("SplitType") in ("RecordIO", "TFRecord"):
            raise ValidationException(
                f"DataProcessing is for CSV and JSON; SplitType {source['SplitType']} is for neither."
            )
        if (self._join or not self._input_filter.everything) and not self._input:
            raise ValidationException(
                "JoinSource Input and an InputFilter need TransformInput.ContentType to be one of "
                f"{', '.join(_FORMATS)}; it is {source.get('ContentType')!r}."
            )
        answered = format_of(self._accept)
        if self._changes_answers and self._accept and not answered:
            raise ValidationException(
                "JoinSource Input, an OutputFilter and an inference id need TransformOutput.Accept to be one of "
                f"{', '.join(_FORMATS)}; it is {self._accept!r}."
            )
        if self._join and answered and (self._input == CSV) != (answered == CSV):
            raise ValidationException(
                f"JoinSource Input cannot put {answered} beside {self._input}: give ContentType and Accept of one "
                "format."
            )


def _beside(record: Any, answer: Any) -> Any:
    return [*record, *answer]


def _within(record: Any, answer: Any) -> Any:
    return {**_as_object(record, _INPUT), _OUTPUT: answer}


def _as_object(value: Any, name: str) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {name: value}


def _filtered(records: Sequence[Any], path: Path, member: str, kind: str) -> list[Any]:
    if path.everything:
        return list(records)
    try:
        selected = [path.select(each) for each in records]
    except NothingThere as error:
        raise Failed(f"Unable to apply {member} {path.text}: {error}.") from None
    if kind == CSV:  # one column is a row of one
        return [each if isinstance(each, list) else [each] for each in selected]
    return selected


def format_of(content_type: str) -> str:
    """The format that a content type stands for, of those that can be filtered and joined; "" for any other."""
    return _FORMATS.get(content_type.partition(";")[0].strip().lower(), "")


def _read(body: bytes, kind: str, expected: int | None) -> list[Any]:
    """The records in a body; ``expected`` says how many there should be, where that is known."""
    if not kind:
        raise Failed(f"Unable to parse it: its content type is none of {', '.join(_FORMATS)}.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failed(f"Unable to parse it as {kind}: it is not UTF-8 text at byte {error.start}.") from None
    if kind == CSV:
        try:
            return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        except csv.Error as error:
            raise Failed(f"Unable to parse it as CSV: {error}.") from None
    lines = [line for line in text.split("\n") if line.strip()]
    if kind == JSON and (expected in (None, 1) or len(lines) == 1):
        whole = _whole(text, strict=len(lines) < 2)
        if whole is not None:
            return whole
    return [_document(line, number) for number, line in enumerate(lines, 1)]


def _whole(text: str, *, strict: bool) -> list[Any] | None:
    """A body that is one document, whatever its line breaks; None where it is not."""
    try:
        return [json.loads(text)] if text.strip() else []
    except (ValueError, RecursionError):
        return [_document(text, 1)] if strict else None


def _document(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Failed(f"Unable to parse line {number} as JSON: {error}.") from None


def _write(records: Sequence[Any], kind: str) -> bytes:
    write: Callable[[Sequence[Any]], str] = _csv if kind == CSV else _json
    return write(records).encode()


def _csv(records: Sequence[Any]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(records)
    return text.getvalue()


def _json(records: Sequence[Any]) -> str:
    # Names in order and nothing between them, as the outputs that people show of AWS's jobs.
    write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
    return "".join(f"{write(each)}\n" for each in records)

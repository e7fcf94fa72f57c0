"""Raw rows to an endpoint's requests, and its answers back to what evaluation said of the same rows.

An endpoint takes CSV, JSON, JSON Lines and Parquet; whatever the format, a row must get the very same answer.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]  # a raw row: column -> value, None where there is none
Answer = Mapping[
    str, Any
]  # of a row: "decision" and "probability", or "prediction"; "error" where it was refused

LARGEST = 5 * 1024 * 1024  # bytes of a request: InvokeEndpoint takes 6 MB
CSV_COLUMNS = {
    "binary": ("decision", "probability"),
    "multiclass": ("decision", "probability"),
    "regression": ("prediction",),
}


@dataclass(frozen=True)
class Format:
    """One way to ask: what the rows are written as, and what the answer is read from."""

    accept: str
    write: Callable[[Sequence[Row]], bytes]
    read: Callable[[str, str], list[Answer]]  # the text, the problem


def bodies(rows: Sequence[Row], write: Callable[[Sequence[Row]], bytes]) -> Iterator[tuple[int, bytes]]:
    """The rows as requests that are small enough: the number of rows in it, and the body."""
    body = write(rows)
    if len(body) <= LARGEST or len(rows) == 1:
        yield len(rows), body
        return
    half = len(rows) // 2
    yield from bodies(rows[:half], write)
    yield from bodies(rows[half:], write)


def equal(answer: Answer, expected: Answer) -> bool:
    """Whether an answer says what was expected, numbers to the last bit; a CSV answer has its classes as text."""
    return all(
        name in answer and (answer[name] == value or answer[name] == str(value))
        for name, value in expected.items()
    )


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _json(rows: Sequence[Row]) -> bytes:
    return json.dumps({"instances": [dict(row) for row in rows]}, ensure_ascii=False).encode()


def _json_lines(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows).encode()


def _parquet(rows: Sequence[Row]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in rows[0]}), sink)
    return bytes(sink.getvalue())


def _from_json(text: str, _problem: str) -> list[Answer]:
    found: list[Answer] = json.loads(text)["predictions"]
    return found


def _from_json_lines(text: str, _problem: str) -> list[Answer]:
    return [json.loads(line) for line in text.splitlines() if line]


def _from_csv(text: str, problem: str) -> list[Answer]:
    names = CSV_COLUMNS[problem]
    return [
        {name: cell if name == "decision" else float(cell) for name, cell in zip(names, line, strict=True)}
        for line in csv.reader(io.StringIO(text))
    ]


def plain(value: Any) -> Any:
    """A value of a raw row as every format can say it: times in ISO 8601, and no value as None."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value != value else value


JSON = "application/json"
FORMATS: Mapping[str, Format] = {
    JSON: Format(JSON, _json, _from_json),
    "application/jsonlines": Format("application/jsonlines", _json_lines, _from_json_lines),
    "text/csv": Format("text/csv", _csv, _from_csv),
    "application/x-parquet": Format(JSON, _parquet, _from_json),
}

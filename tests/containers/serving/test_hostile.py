"""What nobody should send: every format, cut, twisted and oversized, gets an answer that says what is wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers.serving import inference
from containers.serving.predictor import Predictor
from containers.serving.rows import MOST
from tests.containers.serving.conftest import Trained
from tests.containers.serving.rows import WRITERS, written

CSV, JSON, LINES, PARQUET = WRITERS
Change = Callable[[Any], Any]


@pytest.fixture(scope="module")
def predictor(trained: Trained) -> Predictor:
    return inference.model_fn(str(trained.folder))


@pytest.fixture(scope="module")
def rows(trained: Trained, predictor: Predictor) -> pd.DataFrame:
    """Three good rows."""
    table = trained.holdout.head(3)[list(predictor.flow.columns)].astype(object)
    return table.where(table.notna(), None)


def ask(predictor: Predictor, body: Any, kind: str) -> tuple[int, Any]:
    """Status and document."""
    found = inference.output_fn(
        inference.predict_fn(inference.input_fn(body, kind), predictor), "application/json"
    )
    if isinstance(found, tuple):
        return 200, json.loads(found[0])["predictions"]
    return found.status_code, json.loads(found.get_data())["message"]


def cell(name: str, value: Any) -> Change:
    """The first row with another value."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        changed = rows.copy()
        changed.at[changed.index[0], name] = value  # .loc would spread a list
        return changed

    return change


def column(name: str, values: pa.Array) -> Change:
    """A Parquet column of another type."""

    def change(rows: pd.DataFrame) -> bytes:
        table = pq.read_table(pa.BufferReader(written(rows, PARQUET)))
        body = io.BytesIO()
        pq.write_table(table.set_column(table.column_names.index(name), name, values), body)
        return body.getvalue()

    return change


def text(kind: str, change: Change) -> Change:
    """The body of that kind, changed as text."""
    return lambda rows: change(written(rows, kind))


# kind, what is sent, what is said of the first row and in which column; the other two are answered
ONE_BAD = [
    (JSON, cell("events_1h", float("inf")), "events_1h"),
    (JSON, cell("events_1h", 10**400), "events_1h"),
    (JSON, cell("events_1h", [1]), "events_1h"),
    (JSON, cell("events_1h", {"a": 1}), "events_1h"),
    (JSON, cell("events_1h", "\ud800"), "events_1h"),
    (JSON, cell("new_country", "maybe"), "new_country"),
    (JSON, cell("event_time", "soon"), "event_time"),
    (JSON, cell("event_time", 1e300), "event_time"),
    (LINES, cell("events_1h", "many"), "events_1h"),
    (LINES, text(LINES, lambda body: "[" * 100_000 + "\n" + body.partition("\n")[2]), None),
    (LINES, text(LINES, lambda body: "null\n" + body.partition("\n")[2]), None),
    (CSV, cell("events_1h", "1" * 100_000 + "x"), "events_1h"),
    (CSV, cell("event_time", "yesterday"), "event_time"),
    (PARQUET, column("events_1h", pa.array([float("inf"), 1, 2])), "events_1h"),
    (PARQUET, column("events_1h", pa.array(["many", "1", "2"])), "events_1h"),
    (PARQUET, column("events_1h", pa.array([1, None, None], pa.duration("us"))), "events_1h"),
]


@pytest.mark.parametrize(("kind", "change", "name"), ONE_BAD)
def test_a_bad_cell_costs_its_row_alone(
    predictor: Predictor, rows: pd.DataFrame, kind: str, change: Change, name: str | None
) -> None:
    """Row and column are named, and the other rows get their predictions, in every format."""
    changed = change(rows)
    body = written(changed, kind) if isinstance(changed, pd.DataFrame) else changed
    status, found = ask(predictor, body, kind)
    assert status == 200
    assert (found[0]["error"]["row"], found[0]["error"].get("column")) == (1, name)
    assert all("probability" in each for each in found[1:])
    assert len(found) == 3


# kind, what becomes of a good body, what is said
REFUSED = [
    (CSV, lambda body: body.encode("utf-16"), "not UTF-8"),
    (CSV, lambda body: body.encode() + b"\xff", "not UTF-8: invalid start byte at byte"),
    (CSV, lambda body: body.replace("tariff", "tarif", 1), "The header has no tariff; it has "),
    (CSV, lambda body: body.replace("tariff", "spend_24h", 1), "The header has no tariff"),
    (
        CSV,
        lambda body: body.replace("event_time", "tariff,event_time", 1),
        "The header has tariff more than once",
    ),
    (CSV, lambda body: body + "x" * 200_000, "not CSV: field larger than"),
    (CSV, lambda body: body.partition("\n")[0], "no rows"),
    (JSON, lambda body: body[:-1], "not JSON"),
    (JSON, lambda _: "", "not JSON"),
    (
        JSON,
        lambda body: body.replace('"events_1h": ', '"events_1h": ' + "9" * 5000),
        "not JSON: Exceeds the limit",
    ),
    (JSON, lambda body: body[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    (JSON, lambda _: '{"instances": null}', "The row is not an object"),
    (LINES, lambda _: "\n \n", "no rows"),
    (PARQUET, lambda _: b"", "not Parquet"),
    (PARQUET, lambda body: body[:-20], "not Parquet"),
    (PARQUET, lambda body: body[: len(body) // 2] + body[len(body) // 2 + 9 :], "not Parquet"),
]


@pytest.mark.parametrize(("kind", "change", "message"), REFUSED)
def test_a_body_that_is_none_is_refused(
    predictor: Predictor, rows: pd.DataFrame, kind: str, change: Change, message: str
) -> None:
    """It is a 400 with a sentence."""
    status, said = ask(predictor, change(written(rows, kind)), kind)
    assert status == 400
    assert message in said


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([[1], [2], None]), "'tariff' holds list"),
        (pa.array([{"a": 1}, {"a": 2}, None]), "'tariff' holds struct"),
        (pa.array([b"\xff", b"b", None]), "'tariff' holds binary"),
    ],
)
def test_a_parquet_column_of_no_single_values_is_refused(
    predictor: Predictor, rows: pd.DataFrame, values: pa.Array, message: str
) -> None:
    """Lists, records and bytes are no category that training did not see, but a mistake."""
    status, said = ask(predictor, column("tariff", values)(rows), PARQUET)
    assert status == 400
    assert message in said


def test_a_small_file_of_many_rows_is_refused(predictor: Predictor, rows: pd.DataFrame) -> None:
    """A few kilobytes of Parquet can say millions of rows; they are not unpacked."""
    table = pa.Table.from_pandas(rows.head(1), preserve_index=False).take(pa.array([0] * (MOST + 1)))
    body = io.BytesIO()
    pq.write_table(table, body)
    assert len(body.getvalue()) < 6 << 20
    status, said = ask(predictor, body.getvalue(), PARQUET)
    assert (status, f"at most {MOST} are read" in said) == (400, True)


SAME = [
    (CSV, lambda body: "\ufeff" + body),
    (CSV, lambda body: body.replace("\n", "\r\n")),
    (CSV, lambda body: body.replace("\n", "\r")),
    (CSV, lambda body: "\n\n" + body + "\n\n"),
    (CSV, lambda body: "".join(f'{line},"more\nthan asked"\n' for line in body.splitlines())),
    (JSON, lambda body: "\ufeff" + body),
    (JSON, lambda body: body.replace('"tariff"', '"tariff": "lost", "tariff"')),
    (JSON, lambda body: body.replace('{"event_time"', '{"more": {"than": ["asked"]}, "event_time"')),
    (LINES, lambda body: body.replace("\n", "\r\n") + "\r\n"),
    (LINES, lambda body: body.replace('{"event_time"', '{"more": "\u2028", "event_time"')),
]


@pytest.mark.parametrize(("kind", "change"), SAME)
def test_how_a_body_is_written_changes_nothing(
    predictor: Predictor, rows: pd.DataFrame, kind: str, change: Change
) -> None:
    """Byte order marks, line ends, quoted line breaks, columns that nobody asked for: the same predictions."""
    good = written(rows, kind)
    assert change(good) != good
    assert ask(predictor, change(good), kind) == ask(predictor, good, kind)


def test_six_megabytes_are_answered(predictor: Predictor, rows: pd.DataFrame) -> None:
    """As much as an endpoint takes gives a prediction for every row."""
    header, _, lines = written(rows, CSV).partition("\n")
    times = (6 << 20) // len(lines)
    status, found = ask(predictor, header + "\n" + lines * times, CSV)
    assert status == 200
    assert len(found) == 3 * times
    assert found[:3] == found[-3:]

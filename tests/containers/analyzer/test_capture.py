"""Captured records become rows: encodings, names and order of columns, and several rows in one call."""

import base64
import csv
import json
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.capture import event, rows
from containers.analyzer.monitor_config import DatasetFormat
from containers.processing.job import DataError

CAPTURE, MERGE = DatasetFormat("sagemakerCaptureJson"), DatasetFormat("sagemakerMergeJson")


def part(data: str, encoding: str = "CSV", kind: str = "text/csv") -> dict[str, str]:
    return {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}


def call(asked: Mapping[str, Any] | None, answered: Mapping[str, Any] | None, **more: Any) -> dict[str, Any]:
    parts = {"endpointInput": asked, "endpointOutput": answered}
    data = {name: value for name, value in parts.items() if value is not None}
    return {"captureData": data, "eventMetadata": {"eventId": "e"}, "eventVersion": "0", **more}


def in_base64(text: str, kind: str) -> dict[str, str]:
    return part(base64.b64encode(text.encode()).decode(), "BASE64", kind)


def as_json(value: Any) -> dict[str, str]:
    return part(json.dumps(value), "JSON", "application/json")


CASES: list[tuple[str, dict[str, Any], DatasetFormat, list[dict[str, str | None]]]] = [
    (
        "CSV, the answer first",
        call(part("9,,x"), part("0.3\n")),
        CAPTURE,
        [{"_c0": "0.3", "_c1": "9", "_c2": None, "_c3": "x"}],
    ),
    (
        "CSV, the answer last",
        call(part("9,x"), part("0.3")),
        DatasetFormat("sagemakerCaptureJson", {"output_columns_position": "END"}),
        [{"_c0": "9", "_c1": "x", "_c2": "0.3"}],
    ),
    (
        "only what was asked",
        call(part("9,x"), part("0.3")),
        DatasetFormat("sagemakerCaptureJson", {"captureIndexNames": ["endpointInput"]}),
        [{"_c0": "9", "_c1": "x"}],
    ),
    ("only the question was captured", call(part("9"), None), CAPTURE, [{"_c0": "9"}]),
    (
        "a quoted comma",
        call(part('"a, b",1'), part("0")),
        CAPTURE,
        [{"_c0": "0", "_c1": "a, b", "_c2": "1"}],
    ),
    (
        "two rows in one call",
        call(part("1,2\n3,4\n"), part("0.1\n0.2")),
        CAPTURE,
        [{"_c0": "0.1", "_c1": "1", "_c2": "2"}, {"_c0": "0.2", "_c1": "3", "_c2": "4"}],
    ),
    (
        "two rows, answered in one line as XGBoost does",
        call(part("1,2\n3,4\n"), part("0.1,0.2")),
        CAPTURE,
        [{"_c0": "0.1", "_c1": "1", "_c2": "2"}, {"_c0": "0.2", "_c1": "3", "_c2": "4"}],
    ),
    (
        "JSON",
        call(as_json({"age": 3, "name": "x"}), as_json({"score": 0.5})),
        CAPTURE,
        [{"score": "0.5", "age": "3", "name": "x"}],
    ),
    (
        "JSON with lists",
        call(as_json({"instances": [1.0, 2]}), as_json({"predictions": [3.5]})),
        CAPTURE,
        [{"predictions_0": "3.5", "instances_0": "1.0", "instances_1": "2"}],
    ),
    (
        "JSON Lines",
        call(part('{"a": 1}\n{"a": 2}\n', "JSON"), part('{"y": 3}\n{"y": 4}', "JSON")),
        CAPTURE,
        [{"y": "3", "a": "1"}, {"y": "4", "a": "2"}],
    ),
    (
        "Base64 of CSV",
        call(in_base64("1,2", "text/csv; charset=utf-8"), in_base64("0.5", "text/csv")),
        CAPTURE,
        [{"_c0": "0.5", "_c1": "1", "_c2": "2"}],
    ),
    (
        "Base64 of JSON",
        call(in_base64('{"a": 1}', "application/json"), in_base64('{"y": 2}', "application/json")),
        CAPTURE,
        [{"y": "2", "a": "1"}],
    ),
    (
        "a shadow variant",
        call(part("1"), part("2"), eventMetadata={"invocationSource": "ShadowExperiment"}),
        CAPTURE,
        [],
    ),
    (
        "merged, CSV",
        call(part("1,2"), part("0.3,a"), groundTruthData={"data": "1", "encoding": "CSV"}),
        MERGE,
        [{"endpointOutput_0": "0.3", "endpointOutput_1": "a", "groundTruthData_0": "1"}],
    ),
    (
        "merged, JSON answered, truth in CSV",
        call(None, as_json({"score": 0.3}), groundTruthData={"data": "1", "encoding": "CSV"}),
        MERGE,
        [{"endpointOutput_score": "0.3", "groundTruthData_0": "1"}],
    ),
    (
        "merged from a batch transform",
        {
            "captureData": {"batchTransformOutput": part("0.3")},
            "groundTruthData": {"data": "1", "encoding": "CSV"},
        },
        DatasetFormat("sagemakerMergeJson", {"captureIndexNames": ["batchTransformOutput"]}),
        [{"batchTransformOutput_0": "0.3", "groundTruthData_0": "1"}],
    ),
]


@pytest.mark.parametrize(("record", "form", "found"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_a_record_is_rows(
    record: dict[str, Any], form: DatasetFormat, found: list[dict[str, str | None]]
) -> None:
    """Values as they were written, columns in the order of the training data."""
    assert [list(row.items()) for row in rows(record, "here", form)] == [list(row.items()) for row in found]


WRONG: list[tuple[Any, DatasetFormat, str]] = [
    ("x", CAPTURE, "here: no captured record; it needs an object 'captureData'"),
    ({"a": 1}, CAPTURE, "it needs an object 'captureData'"),
    ({"captureData": {"other": {}}}, CAPTURE, "holds none of endpointOutput, endpointInput; it holds other"),
    (
        call(part("1"), as_json({"score": 1})),
        CAPTURE,
        "Encoding mismatch: Encoding is CSV for endpointInput, but Encoding is JSON for endpointOutput. "
        "We currently only support the same type of input and output encoding at the moment. (here)",
    ),
    (call(part("1\n2\n3"), part("1\n2")), CAPTURE, "different numbers of rows: endpointOutput 2, endpointInput 3"),
    (call(part("{", "JSON"), part("{}", "JSON")), CAPTURE, "here: endpointInput: not JSON"),
    (call(in_base64("x", "image/png"), in_base64("x", "image/png")), CAPTURE, "encoding BASE64 of image/png cannot"),
    (call(part("*", "BASE64"), part("*", "BASE64")), CAPTURE, "not BASE64 of a text"),
    (call(part("x" * 200_000), part("1")), CAPTURE, "here: endpointInput: not CSV: field larger than field limit"),
    (call(part("1", "XML"), part("1", "XML")), CAPTURE, "encoding XML cannot be analysed"),
    (call(as_json({"a": 1}), as_json({"a": 1})), CAPTURE, "here: more than one value is named a"),
    (call(part("1"), part("1")), MERGE, "no merged record; it needs an object 'groundTruthData'"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "form", "message"), WRONG)
def test_what_is_no_row_is_said(record: Any, form: DatasetFormat, message: str) -> None:
    """Where it is, and what would be right."""
    with pytest.raises(DataError) as caught:
        rows(record, "here", form)
    assert message in str(caught.value)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(
                st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=width, max_size=width
            ),
            min_size=1,
            max_size=4,
        )
    )
)
def test_any_text_comes_back(table: list[list[str]]) -> None:
    """Quoted commas, line breaks and separators of other alphabets are values, not ends of them."""
    text = StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(table)
    as_lines = "\n".join(json.dumps(dict(enumerate(row)), ensure_ascii=False) for row in table)

    of_csv = rows(call(part(text.getvalue()), None), "here", CAPTURE)
    of_json = rows(call(part(as_lines, "JSON"), None), "here", CAPTURE)

    assert [list(row.values()) for row in of_csv] == table
    assert [list(row.values()) for row in of_json] == table


def test_an_inference_id_comes_before_an_event_id() -> None:
    """Who invoked may have named the call; SageMaker's own name is for those who have not."""
    assert event({"eventMetadata": {"eventId": "a", "inferenceId": "b"}}) == "b"
    assert event({"eventMetadata": {"eventId": "a"}}) == "a"
    assert event({"eventMetadata": None}) is None
    assert event([]) is None


def test_aws_s_own_captured_records(shared_data: Callable[[str], Path]) -> None:
    """All records of AWS's test data, CSV and JSON, are rows of one shape each."""
    folder = shared_data("checkstep/monitor")
    shapes = {}
    for name in ("capture.jsonl", "captured-data.jsonl"):
        lines = (folder / name).read_text().splitlines()
        shapes[name] = {tuple(row) for line in lines for row in rows(json.loads(line), name, CAPTURE)}

    assert shapes["capture.jsonl"] == {tuple(f"_c{n}" for n in range(8))}
    assert shapes["captured-data.jsonl"] == {
        tuple(f"{name}_{n}" for name in ("predictions", "instances") for n in range(3))
    }

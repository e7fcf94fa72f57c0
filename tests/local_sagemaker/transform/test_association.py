"""Filters and joins: rows keep their order and their number, and what is no row is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.errors import ValidationException
from local_sagemaker.transform.association import Association
from local_sagemaker.transform.failed import Failed

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def association(content_type: str, accept: str = "", **more: Any) -> Association:
    """Of a request with these types; ``more`` is DataProcessing's, or DataCaptureConfig."""
    capture = {"DataCaptureConfig": more.pop("DataCaptureConfig")} if "DataCaptureConfig" in more else {}
    return Association(
        {
            "TransformInput": {"ContentType": content_type, "SplitType": "Line"},
            "TransformOutput": {"Accept": accept} if accept else {},
            "DataProcessing": more,
            **capture,
        }
    )


def rows(data: bytes) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(data.decode(), newline="")) if row]


def table(values: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(values)
    return text.getvalue().encode()


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0\ufeff"), max_size=5)
tables = st.lists(st.lists(cells, min_size=2, max_size=4), max_size=6)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(tables)
def test_joined_rows_keep_order_and_number(data):
    """Each row of CSV is the input's followed by the answer's, whatever is quoted."""
    join = association(CSV, CSV, JoinSource="Input", InputFilter="$[1:]")
    asked = join.ask(table(data))
    assert rows(asked.body) == [row[1:] for row in data]
    answers = [[f"p{number}", row[0]] for number, row in enumerate(data)]

    joined = rows(join.answer(asked, table(answers)))

    assert joined == [[*row, *answer] for row, answer in zip(data, answers, strict=True)]


@given(st.lists(values, max_size=6))
def test_joined_documents_keep_order_and_number(data):
    """A JSON object gets its answer, anything else stands beside it; both are what they were."""
    join = association(LINES, LINES, JoinSource="Input")
    text = "".join(json.dumps(each) + "\n" for each in data).encode()
    asked = join.ask(text)
    assert asked.body == text
    answers = [{"number": number} for number in range(len(data))]

    joined = join.answer(asked, "".join(json.dumps(each) + "\n" for each in answers).encode())

    lines = [json.loads(line) for line in joined.decode().split("\n")[:-1]]
    assert lines == [
        {**(each if isinstance(each, dict) else {"SageMakerInput": each}), "SageMakerOutput": answer}
        for each, answer in zip(data, answers, strict=True)
    ]


@given(st.binary(max_size=30))
def test_nothing_to_do_changes_nothing(data):
    """Without filters and joins, bytes go through as they are."""
    plain = association("application/x-image")
    assert plain.nothing_to_do
    asked = plain.ask(data)
    assert asked.body == data
    assert plain.answer(asked, data) == data


EXAMPLES: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    # what is asked for, input, what the model is asked, what it answers, output
    "CSV, all of it": ({"JoinSource": "Input"}, "1,2,3\n", "1,2,3\n", "1\n", "1,2,3,1\n"),
    "CSV, an id that the model does not see": (
        {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        "id7,2,3\n\nid8,4,5\n",
        "2,3\n4,5\n",
        "0.5\n0.25\n",
        "id7,0.5\nid8,0.25\n",
    ),
    "CSV, one column in and one out": (
        {"InputFilter": "$[1]", "OutputFilter": "$[0]"},
        "a,b\n",
        "b\n",
        "0.5,x\n",
        "0.5\n",
    ),
    "CSV with quotes": ({"InputFilter": "$[1:]"}, '7,"a ""b"", c"\n', '"a ""b"", c"\n', "1\n", "1\n"),
    "CSV with a byte order mark": ({"InputFilter": "$[0]"}, "\ufeffa,b\n", "a\n", "1\n", "1\n"),
    "CSV without a newline at its end": (
        {"JoinSource": "Input"},
        "1,2\n3,4",
        "1,2\n3,4",
        "a\nb",
        "1,2,a\n3,4,b\n",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_csv(name):
    """Those of SageMaker's guide among them."""
    asks, given_, sent, answered, kept = EXAMPLES[name]
    work = association(CSV, CSV, **asks)

    asked = work.ask(given_.encode())

    assert asked.body.decode() == sent
    assert work.answer(asked, answered.encode()).decode() == kept


def test_an_id_of_json_that_the_model_does_not_see():
    """SageMaker's own example for JSON Lines."""
    work = association(
        LINES, LINES, InputFilter="$.features", JoinSource="Input", OutputFilter="$['id','SageMakerOutput']"
    )

    asked = work.ask(b'{"id": 1, "features": [1, 2]}\n{"id": 2, "features": [3, 4]}\n')

    assert asked.body == b"[1,2]\n[3,4]\n"
    kept = work.answer(asked, b'{"label": 1}\n{"label": 0}\n')
    assert kept == b'{"SageMakerOutput":{"label":1},"id":1}\n{"SageMakerOutput":{"label":0},"id":2}\n'


def test_a_document_over_several_lines():
    """JSON that goes as a whole may be laid out as one likes, on both sides."""
    work = association(JSON, JSON, JoinSource="Input")
    asked = work.ask(b'{\n  "key": 1\n}\n')

    assert work.answer(asked, b'{\n "label": 1\n}') == b'{"SageMakerOutput":{"label":1},"key":1}\n'


def test_text_is_kept_as_it_is():
    """Letters of any script are not escaped, numbers not rounded."""
    work = association(LINES, LINES, JoinSource="Input")
    line = '"big":12345678901234567890,"name":"Zoë 日本","small":1e-07}'

    kept = work.answer(work.ask(f"{{{line}".encode()), b"0.1")

    assert kept.decode() == '{"SageMakerOutput":0.1,' + line + "\n"


def test_the_answers_own_type_counts():
    """Where the request has no Accept: CSV in, JSON out, and a filter on the JSON."""
    work = association(CSV, OutputFilter="$['class']")

    assert work.answer(work.ask(b"1,2\n"), b'{"class": "a", "score": 1}', "application/json") == b'"a"\n'


def test_inference_ids():
    """Each record gets an id of its own and the time at which the job started, after all filters."""
    capture = {"DestinationS3Uri": "s3://b/c", "GenerateInferenceId": True}
    lines = association(LINES, LINES, DataCaptureConfig=capture)
    kept = lines.answer(lines.ask(b"{}\n{}\n"), b'{"output": 0}\n1\n').decode().splitlines()
    first, second = map(json.loads, kept)
    assert set(first) == {"output", "SageMakerInferenceId", "SageMakerInferenceTime"}
    assert second["SageMakerOutput"] == 1
    assert first["SageMakerInferenceId"] != second["SageMakerInferenceId"]

    table_ = association(CSV, CSV, DataCaptureConfig=capture, OutputFilter="$[0]")
    (row,) = rows(table_.answer(table_.ask(b"1,2\n"), b"0,extra\n"))
    assert row[0] == "0"
    assert re.fullmatch(r"[0-9a-f-]{36}", row[1])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row[2])


BAD_INPUT = {
    "no UTF-8": (CSV, {"JoinSource": "Input"}, b"1,\xff\n", "not UTF-8 text at byte 2"),
    "a column that is not there": (
        CSV,
        {"InputFilter": "$[5]"},
        b"1,2\n",
        "Unable to apply InputFilter $[5]: there is no pos",
    ),
    "a name in CSV": (CSV, {"InputFilter": "$.a"}, b"1,2\n", "there is no 'a' in an array of 2"),
    "broken JSON": (LINES, {"JoinSource": "Input"}, b'{"a": 1}\n{"a": \n', "Unable to parse line 2 as JSON"),
    "JSON that is none": (JSON, {"JoinSource": "Input"}, b"a,b", "Unable to parse line 1 as JSON"),
    "JSON without a bottom": (
        LINES,
        {"JoinSource": "Input"},
        b"[" * 200_000,
        "Unable to parse line 1 as JSON",
    ),
    "a document without a bottom": (JSON, {"JoinSource": "Input"}, b"[" * 200_000, "parse line 1 as JSON"),
    "a name that is not there": (
        LINES,
        {"InputFilter": "$.b"},
        b'{"a": 1}',
        "there is no 'b' in an object of 'a'",
    ),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_records_that_are_not_what_they_should_be(name):
    """Each is told in one sentence."""
    content_type, asks, data, message = BAD_INPUT[name]
    with pytest.raises(Failed) as raised:
        association(content_type, **asks).ask(data)
    assert message in raised.value.line
    assert raised.value.fault == "ClientError"


BAD_ANSWERS = {
    "too few": (CSV, b"1,2\n3,4\n", b"0\n", "answered 1 records to 2 records", "ClientError"),
    "too many": (CSV, b"1,2\n", b"0\n1\n", "answered 2 records to 1 records", "ClientError"),
    "none": (CSV, b"1,2\n", b"", "answered 0 records to 1 records", "ClientError"),
    "no JSON": (
        LINES,
        b"{}\n",
        b"<html>",
        "The answer of the algorithm: Unable to parse line 1",
        "AlgorithmError",
    ),
    "no text": (
        CSV,
        b"1,2\n",
        b"\xff",
        "The answer of the algorithm: Unable to parse it as CSV",
        "AlgorithmError",
    ),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_answers_that_cannot_be_joined(name):
    """A join needs one answer for each record, in the format that was asked for."""
    content_type, data, answer, message, fault = BAD_ANSWERS[name]
    work = association(content_type, content_type, JoinSource="Input")
    with pytest.raises(Failed) as raised:
        work.answer(work.ask(data), answer)
    assert message in raised.value.line
    assert raised.value.fault == fault


REFUSED = {
    "a join of what cannot be read": (
        "image/png",
        "",
        {"JoinSource": "Input"},
        "need TransformInput.ContentType",
    ),
    "a join without a type": ("", "", {"JoinSource": "Input"}, "need TransformInput.ContentType"),
    "a filter of what cannot be read": (
        "image/png",
        "",
        {"InputFilter": "$[1:]"},
        "need TransformInput.ContentType",
    ),
    "a filter of what cannot be answered": (
        CSV,
        "image/png",
        {"OutputFilter": "$[1:]"},
        "need TransformOutput.Accept",
    ),
    "CSV beside JSON": (CSV, LINES, {"JoinSource": "Input"}, "cannot put JSON Lines beside CSV"),
    "no path": (CSV, CSV, {"InputFilter": "1:"}, "DataProcessing.InputFilter is not a JSONPath"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_at_once(name):
    """When the job is created, not when it has run."""
    content_type, accept, asks, message = REFUSED[name]
    with pytest.raises(ValidationException) as raised:
        association(content_type, accept, **asks)
    assert message in raised.value.message

"""One raw row for the endpoint: where it comes from, what is shown of the answer, and what is said without one."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from pipelines import config
from pipelines.errors import RunError, UsageError
from pipelines.score import Raw, row_of_file, score, shown
from pipelines.service import Service

ADULT = config.load("local", "adult").usecase
LINE = (
    "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, Cuba, "
    "<=50K\n"
)
RAW = Raw({"age": "39"}, "<=50K", "row 0 of adult.data")


def test_a_row_of_a_file_is_read_as_the_use_case_says(tmp_path: Path) -> None:
    """Without a header where it has none, and without the label, which is kept to be shown."""
    file = tmp_path / "adult.data"
    file.write_text(LINE.replace("39", "17") + LINE, encoding="utf-8")

    raw = row_of_file(file, 1, ADULT)

    assert (raw.values["age"], raw.values["native_country"], raw.label) == ("39", "Cuba", "<=50K")
    assert "income" not in raw.values
    assert raw.where == f"row 1 of {file}"


def test_a_row_of_a_parquet_file_keeps_its_types(tmp_path: Path) -> None:
    """A value that is not there is None."""
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"age": [1, None], "sex": ["Male", "Female"]}), file)
    source = ADULT.source.model_copy(update={"format": "parquet"})

    raw = row_of_file(file, 1, ADULT.model_copy(update={"source": source}))

    assert (raw.values, raw.label) == ({"age": None, "sex": "Female"}, None)


@pytest.mark.parametrize("number", [1, 10**9])
def test_a_row_that_is_not_there_is_a_usage_error(tmp_path: Path, number: int) -> None:
    """And so is a file."""
    file = tmp_path / "adult.data"
    file.write_text(LINE, encoding="utf-8")

    with pytest.raises(UsageError, match=f"has no row {number}; the first is 0"):
        row_of_file(file, number, ADULT)
    with pytest.raises(UsageError, match="There is no file"):
        row_of_file(tmp_path / "other", 0, ADULT)


def answering(answer: Any, environment: str = "local") -> Service:
    """A service whose endpoint answers so; what is an exception is raised."""

    def invoke_endpoint(**request: Any) -> dict[str, Any]:
        assert json.loads(request["Body"])["explain"] is True
        if isinstance(answer, Exception):
            raise answer
        body = io.BytesIO(json.dumps({"predictions": [answer]}).encode())
        return {"Body": body, "InvokedProductionVariant": "AllTraffic"}

    client = SimpleNamespace(invoke_endpoint=invoke_endpoint)
    settings = config.load(environment, "adult")
    return cast("Service", SimpleNamespace(config=settings, client=lambda _: client))


def test_the_answer_is_shown_with_what_counted_most() -> None:
    """Decision, probability, five features, and what the label says."""
    contributions = {"base": -1.0, **{f"f{number}": 5.0 - number for number in range(9)}}
    scored = score(answering({"decision": "<=50K", "probability": 0.25, "contributions": contributions}), RAW)
    screen = io.StringIO()
    for each in shown(scored, "income"):
        Console(file=screen, width=100).print(each)

    said = screen.getvalue()
    assert "adult (AllTraffic), row 0 of adult.data" in said
    assert "<=50K   it is <=50K" in said
    assert "0.2500" in said
    assert [name for name in contributions if name in said] == ["f0", "f1", "f2", "f3", "f4"]


def refused(code: str, message: str, **more: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, "InvokeEndpoint")  # type: ignore[typeddict-unknown-key]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (
            {"error": {"message": "'age' is no integer"}},
            RunError,
            "refuses row 0 of adult.data: 'age' is no integer",
        ),
        (
            refused("ModelError", "424", OriginalMessage='{"message": "no rows"}'),
            RunError,
            "refuses row 0 of adult.data: no rows",
        ),
        (refused("ModelError", "it died"), RunError, "refuses row 0 of adult.data: it died"),
        (
            refused("ValidationError", "Endpoint adult of account 1 not found."),
            UsageError,
            "not found. What serves: python -m pipelines deployments",
        ),
    ],
)
def test_what_is_no_answer_is_one_line(answer: Any, kind: type[Exception], message: str) -> None:
    """In the model's words, or with the command that shows what serves."""
    with pytest.raises(kind) as caught:
        score(answering(answer), RAW)

    assert message in str(caught.value)

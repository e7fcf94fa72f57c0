"""Asking an endpoint for the rows of the test set: in every format the answer is evaluation's, or it is noticed."""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing import endpoint_answers
from containers.processing.endpoint_answers import FORMATS, JSON
from containers.processing.endpoint_probe import Case, Different, Probe, read
from containers.processing.job import DataError
from containers.serving import answers as serving_answers
from containers.serving import rows as serving_rows
from containers.serving.predictor import Predictor, load
from containers.serving.refusal import Refused
from tests.containers.processing.deployed import Made, make


@dataclass(frozen=True)
class InProcess:
    """The runtime's InvokeEndpoint, answered by the serving code itself; the largest body is remembered."""

    predictor: Predictor
    seen: list[int]

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        assert request["EndpointName"] == "e"
        self.seen.append(len(request["Body"]))
        try:
            asked = serving_rows.read(request["Body"], request["ContentType"], self.predictor.flow)
            text, _ = serving_answers.write(serving_answers.answer(asked, self.predictor), request["Accept"])
        except Refused as refused:
            error = {"Error": {"Code": "ModelError", "Message": ""}, "OriginalMessage": str(refused)}
            raise ClientError(error, "InvokeEndpoint") from None
        return {"Body": io.BytesIO(text.encode())}


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Probe]:
    base = tmp_path_factory.mktemp(request.param)
    made = make(base, request.param)
    with tarfile.open(made.archive) as archive:
        archive.extractall(base / "model", filter="data")
    threshold = 0.5
    if request.param == "binary":
        report = json.loads((base / "evaluate/processing/output/evaluation/evaluation.json").read_text())
        threshold = report["threshold"]["value"]
    predictor = replace(load(base / "model"), threshold=threshold)
    return made, Probe(InProcess(predictor, []), "e", read(made.paths))


def test_every_format_gives_the_offline_answer_to_the_last_bit(served: tuple[Made, Probe]) -> None:
    """Rows with gaps, quotes, line breaks, times and whole numbers beyond a float's neighbours included."""
    _, probe = served

    measured = probe.everything()

    assert measured.formats == dict.fromkeys(FORMATS, len(probe.case.rows))
    assert measured.latency_ms["requests"] == 100
    assert measured.latency_ms["p50"] <= measured.latency_ms["p99"]


def test_the_first_row_that_differs_is_named(served: tuple[Made, Probe]) -> None:
    """By its place in the test set, with both answers."""
    _, probe = served
    expected = [dict(each) for each in probe.case.expected]
    name, value = next(iter(expected[150].items()))
    expected[150][name] = value + 1e-9 if isinstance(value, float) else "maybe"
    wrong = replace(probe, case=replace(probe.case, expected=expected))

    with pytest.raises(Different, match=rf"Row {probe.case.places[150]} of the test set, asked in {JSON}, "):
        wrong.everything()
    wrong.everything(compare=False)


def test_the_smallest_difference_of_a_probability_is_one(served: tuple[Made, Probe]) -> None:
    """Not only the decision is compared."""
    _, probe = served
    expected = [dict(each) for each in probe.case.expected]
    name = {"binary": "probability", "regression": "prediction"}.get(probe.case.problem)
    if name is None:  # of several classes, evaluation keeps the decision
        assert set(expected[0]) == {"decision"}
        return
    expected[0][name] = math.nextafter(expected[0][name], 2)

    with pytest.raises(Different, match="Row 0 of the test set, asked alone"):
        replace(probe, case=replace(probe.case, expected=expected)).everything()


def test_a_refused_row_is_a_difference(served: tuple[Made, Probe]) -> None:
    """What is said of it comes from the model."""
    _, probe = served
    rows = [{**row, "a": "many"} for row in probe.case.rows]

    with pytest.raises(Different, match=r"The model refuses rows of the test set .*'a'"):
        replace(probe, case=replace(probe.case, rows=rows)).everything()


def test_large_requests_are_parted(served: tuple[Made, Probe], monkeypatch: pytest.MonkeyPatch) -> None:
    """InvokeEndpoint takes 6 MB; every row is asked once all the same, and a row that is too large goes alone."""
    _, probe = served
    monkeypatch.setattr(endpoint_answers, "LARGEST", 2000)
    probe.runtime.seen.clear()

    answers = probe.ask(0, 50, "text/csv")

    assert len(answers) == 50
    assert len(probe.runtime.seen) > 1
    assert max(probe.runtime.seen) <= 2000
    monkeypatch.setattr(endpoint_answers, "LARGEST", 1)
    assert probe.ask(0, 50, "text/csv") == answers


Edit = Callable[[ProcessingPaths], object]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda paths: paths.input(contract.HOLDOUT).unlink(), "'holdout' is missing"),
        (lambda paths: paths.input(contract.PREDICTIONS).unlink(), "'predictions' is missing"),
        (lambda paths: paths.input(contract.FLOW).unlink(), "'flow' is missing"),
        (lambda paths: _replace(paths, contract.PREDICTIONS, 3), "must be the same rows"),
        (
            lambda paths: (_replace(paths, contract.PREDICTIONS, 0), _replace(paths, contract.HOLDOUT, 0)),
            "and some",
        ),
    ],
    ids=["no rows", "no predictions", "no flow", "other rows", "not one row"],
)
def test_inputs_that_are_not_there_are_named(
    edit: Edit, message: str, served: tuple[Made, Probe], tmp_path: Path
) -> None:
    """Before anything is asked."""
    made, _ = served
    paths = ProcessingPaths(tmp_path)
    for name in (contract.SETTINGS, contract.HOLDOUT, contract.FLOW, contract.PREDICTIONS):
        paths.input(name).parent.mkdir(parents=True, exist_ok=True)
        paths.input(name).symlink_to(made.paths.input(name).resolve())
    edit(paths)

    with pytest.raises(DataError, match=message):
        read(paths)


def _replace(paths: ProcessingPaths, name: str, number: int) -> None:
    """The input with so many of its rows."""
    table: pa.Table = pq.read_table(paths.input(name) / contract.PART_FILE)
    paths.input(name).unlink()
    paths.input(name).mkdir()
    pq.write_table(table.slice(0, number), paths.input(name) / contract.PART_FILE)


def test_few_rows_are_all_asked(served: tuple[Made, Probe]) -> None:
    """And of many, as many as are wanted, the first and the last among them."""
    made, probe = served
    everything = read(made.paths, most=10**6)

    assert everything.places == list(range(len(everything.rows)))
    assert probe.case.places[0] == 0
    assert probe.case.places[-1] == everything.places[-1]
    assert len(probe.case.rows) == 200
    assert isinstance(probe.case, Case)

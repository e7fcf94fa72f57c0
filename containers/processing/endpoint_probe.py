"""Ask an endpoint for rows that evaluation has scored, and hold its answers to what evaluation said."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from containers import contract
from containers.contract import ProcessingPaths
from containers.flow import FittedFlow
from containers.processing.endpoint_answers import FORMATS, JSON, Answer, Row, bodies, equal, plain
from containers.processing.job import DataError, read_settings

ROWS = 200  # of the test set, spread over all of it
ALONE = 100  # of these, each in a request of its own, whose times are measured


@dataclass(frozen=True)
class Case:
    """Raw rows, and what evaluation said of them."""

    problem: str
    rows: Sequence[Row]
    expected: Sequence[Answer]
    places: Sequence[int]  # in the test set


class Different(Exception):
    """The endpoint does not answer as evaluation did: the row, and both answers."""


@dataclass(frozen=True)
class Measured:
    """What asking came to, where every answer was as expected."""

    formats: dict[str, int]  # format -> rows that were compared
    latency_ms: dict[str, float]  # percentiles of requests of one row, and how many these were


def read(paths: ProcessingPaths, most: int = ROWS) -> Case:
    """Rows of the raw test set, evenly spread, and what evaluation said of them.

    Raises:
        DataError: an input is not there, or the two are not of the same rows.
    """
    problem = str(read_settings(paths).get("problem"))
    flow = FittedFlow.from_json(_file(paths, contract.FLOW, contract.FLOW_FILE).read_text(encoding="utf-8"))
    raw = pq.read_table(_file(paths, contract.HOLDOUT, contract.PART_FILE), columns=list(flow.columns))
    said = pq.read_table(_file(paths, contract.PREDICTIONS, contract.PART_FILE))
    if raw.num_rows != said.num_rows or not raw.num_rows:
        raise DataError(
            f"'{contract.HOLDOUT}' has {raw.num_rows} rows, '{contract.PREDICTIONS}' {said.num_rows}: "
            "they must be the same rows, and some"
        )
    places = np.linspace(0, raw.num_rows - 1, min(most, raw.num_rows)).astype(int)
    name = "prediction" if problem == "regression" else "decision"
    taken = {name: contract.PREDICTED_LABEL}
    if contract.PROBABILITY in said.column_names and problem == "binary":
        taken["probability"] = contract.PROBABILITY
    answers = said.select(list(taken.values())).rename_columns(list(taken)).take(places).to_pylist()
    rows = [{column: plain(value) for column, value in row.items()} for row in raw.take(places).to_pylist()]
    return Case(problem, rows, answers, places.tolist())


@dataclass(frozen=True)
class Probe:
    """An endpoint that can be asked; ``target`` is one of its variants, where several could answer."""

    runtime: Any  # boto3's client for the runtime
    endpoint: str
    case: Case
    target: str | None = None

    def everything(self, *, compare: bool = True) -> Measured:
        """Rows by themselves, then all rows in each format; without ``compare`` only whether they are answered.

        Raises:
            Different: at the first answer that is not as expected, or is none.
        """
        times: list[float] = []
        for place in range(min(ALONE, len(self.case.rows))):
            began = time.perf_counter()
            answers = self.ask(place, place + 1)
            times.append(time.perf_counter() - began)
            if compare:
                self._compare(answers, place, "alone")
        formats = {}
        for kind in FORMATS:
            answers = self.ask(0, len(self.case.rows), kind)
            if compare:
                self._compare(answers, 0, f"in {kind}")
                formats[kind] = len(answers)
        return Measured(formats, _latency(times))

    def is_new(self, place: int) -> bool:
        """Whether the row at ``place`` is answered as the wanted model would; another may answer yet, or nobody."""
        try:
            (answer,) = self.ask(place, place + 1)
        except (Different, ClientError):
            return False  # while the traffic moves, alarms are for that
        return equal(answer, self.case.expected[place])

    def ask(self, start: int, end: int, kind: str = JSON) -> list[Answer]:
        """The answers to the rows from ``start`` to ``end``.

        Raises:
            Different: the model refuses them, or answers nothing that can be read.
            ClientError: the endpoint cannot be asked.
        """
        found: list[Answer] = []
        way = FORMATS[kind]
        for number, body in bodies(self.case.rows[start:end], way.write):
            text = self._invoke(body, kind, way.accept)
            try:
                answers = way.read(text, self.case.problem)
            except (ValueError, KeyError, TypeError):
                raise Different(f"The model's answer to {kind} cannot be read: {text[:200]!r}.") from None
            if len(answers) != number:
                raise Different(f"The model gives {len(answers)} answers to {number} rows in {kind}.")
            found += answers
        return found

    def _invoke(self, body: bytes, kind: str, accept: str) -> str:
        target = {"TargetVariant": self.target} if self.target else {}
        try:
            response = self.runtime.invoke_endpoint(
                EndpointName=self.endpoint, ContentType=kind, Accept=accept, Body=body, **target
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ModelError":
                raise
            said = error.response.get("OriginalMessage") or error.response["Error"]["Message"]
            raise Different(f"The model refuses rows of the test set in {kind}: {said}") from None
        text: str = response["Body"].read().decode(errors="replace")
        return text

    def _compare(self, answers: Sequence[Answer], first: int, how: str) -> None:
        for place, answer in enumerate(answers, start=first):
            expected = self.case.expected[place]
            if not equal(answer, expected):
                said = answer.get("error", {name: answer.get(name) for name in expected})
                raise Different(
                    f"Row {self.case.places[place]} of the test set, asked {how}, is answered {json.dumps(said)}; "
                    f"evaluation said {json.dumps(expected)}."
                )


def _latency(seconds: Sequence[float]) -> dict[str, float]:
    percentiles = np.percentile(np.array(seconds) * 1000, (50, 95, 99)).round(2).tolist()
    return {**dict(zip(("p50", "p95", "p99"), percentiles, strict=True)), "requests": len(seconds)}


def _file(paths: ProcessingPaths, name: str, file: str) -> Path:
    path = paths.input(name) / file
    if not path.is_file():
        raise DataError(f"'{name}' is missing: expected {path}")
    return path

"""The model that a Clarify job asks: behind an endpoint that is there, or behind one that the job makes and deletes.

A request has as many rows as fit; where the model refuses that, it is asked row by row, as Clarify does.
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-data-format-tabular-request.html
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from string import Template
from typing import Any

import jmespath
import numpy as np
import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from containers.analyzer.clarify_config import Config
from containers.processing.job import DataError

CSV, LINES, JSON = "text/csv", "application/jsonlines", "application/json"
MOST = 4 << 20  # bytes of a request; an endpoint takes 6 MB
PREFIX = "sm-clarify"
ROW_BY_ROW = "Fallback to per-record prediction because of model error."


@dataclass(frozen=True)
class Predictions:
    """What the model says of some rows: labels, or probabilities (rows, labels), or both."""

    labels: np.ndarray[Any, Any] | None
    probabilities: np.ndarray[Any, Any] | None


class Predictor:
    """Asks an endpoint. ``runtime`` is boto3's client for ``sagemaker-runtime``."""

    def __init__(self, runtime: Any, endpoint: str, config: Config) -> None:
        told = config["predictor"]
        self._runtime = runtime
        self._endpoint = endpoint
        self._told = told
        default = {"application/x-parquet": CSV}.get(config["dataset_type"], config["dataset_type"])
        self._content = str(told.get("content_type", default)).lower()
        self._accept = str(told.get("accept_type", self._content)).lower()
        if self._content not in (CSV, LINES, JSON):
            raise DataError(f"predictor.content_type: rows cannot be written as {self._content}.")
        self._one_by_one = False

    def predict(self, rows: pd.DataFrame) -> Predictions:
        """Ask about every row.

        Raises:
            DataError: the model refuses, or its answer is not what the configuration says.
        """
        found = [self._ask(part) for part in self._requests(rows)]
        return Predictions(
            _joined([each.labels for each in found]), _joined([each.probabilities for each in found])
        )

    def scores(self, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
        """(rows, labels) numbers to explain: probabilities, or labels where there are none of them."""
        found = self.predict(rows)
        scores = found.probabilities if found.probabilities is not None else found.labels
        assert scores is not None  # noqa: S101 - an answer has one of the two
        return scores

    def _requests(self, rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Parts of the rows, each small enough for a request; sizes are told by the first rows."""
        size = max(1, len(self._body(rows.iloc[:20])) // max(1, min(20, len(rows))))
        many = 1 if self._one_by_one else max(1, MOST // (2 * size))
        yield from (rows.iloc[start : start + many] for start in range(0, len(rows), many))

    def _ask(self, rows: pd.DataFrame) -> Predictions:
        try:
            return self._answer(self._invoke(self._body(rows)), len(rows))
        except (ClientError, _Unfit) as error:
            if len(rows) == 1:
                raise DataError(_said(error)) from None
            print(f"{ROW_BY_ROW} {_said(error)}", flush=True)
        except BotoCoreError as error:  # nobody there, or no answer in time
            raise DataError(f"The endpoint {self._endpoint} cannot be asked: {error}") from None
        self._one_by_one = True
        found = [self._ask(rows.iloc[[place]]) for place in range(len(rows))]
        return Predictions(
            _joined([each.labels for each in found]), _joined([each.probabilities for each in found])
        )

    def _invoke(self, body: bytes) -> str:
        more = {
            name: self._told[key]
            for name, key in (("CustomAttributes", "custom_attributes"), ("TargetModel", "target_model"))
            if key in self._told
        }
        answer = self._runtime.invoke_endpoint(
            EndpointName=self._endpoint, Body=body, ContentType=self._content, Accept=self._accept, **more
        )
        content: bytes = answer["Body"].read()
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise _Unfit(f"The model's answer is not text: {content[:40]!r}.") from None

    def _body(self, rows: pd.DataFrame) -> bytes:
        if self._content == CSV:
            return rows.to_csv(index=False, header=False).encode()
        values = _plain(rows)
        if self._content == LINES:
            template = Template(self._told.get("content_template", '{"features":$features}'))
            return "\n".join(template.safe_substitute(features=json.dumps(row)) for row in values).encode()
        record = self._told.get("record_template")
        records = [
            _record(record, list(rows.columns), row) if record is not None else json.dumps(row)
            for row in values
        ]
        template = Template(self._told.get("content_template", '{"instances":$records}'))
        together = f"[{','.join(records)}]"
        return template.safe_substitute(records=together, record=records[0], features=records[0]).encode()

    def _answer(self, text: str, rows: int) -> Predictions:
        found = {CSV: self._csv, LINES: self._lines, JSON: self._json}[self._accept](text)
        for name, values in found.items():
            if values is not None and len(values) != rows:
                raise _Unfit(f"The model was asked about {rows} rows and answered {len(values)} ({name}).")
        probabilities = found["probability"]
        return Predictions(
            None if found["label"] is None else np.array(found["label"]),
            None if probabilities is None else _numbers(probabilities),
        )

    def _csv(self, text: str) -> dict[str, list[Any] | None]:
        lines = [line for line in csv.reader(io.StringIO(text)) if line]
        if len(lines) == 1 and self._places() == {} and len(lines[0]) > 1:
            lines = [
                [cell] for cell in lines[0]
            ]  # the scores of many rows in one line, as some images answer
        if not self._places():
            return {"label": None, "probability": [_value(line[0]) for line in lines]}
        return {
            key: [self._cells(line, self._told[key]) for line in lines] if key in self._told else None
            for key in ("label", "probability")
        }

    def _cells(self, line: Sequence[str], place: Any) -> Any:
        """One cell; or all from there on, where each label has its probability."""
        if not isinstance(place, int) or not 0 <= place < len(line):
            raise DataError(f"predictor: there is no column {place!r} in the answer {','.join(line)!r}.")
        cell = line[place]
        if cell.strip().startswith("["):
            return _parsed(cell)
        return _value(cell)

    def _places(self) -> Mapping[str, Any]:
        return {key: self._told[key] for key in ("label", "probability") if key in self._told}

    def _lines(self, text: str) -> dict[str, list[Any] | None]:
        documents = [_parsed(line) for line in text.splitlines() if line.strip()]
        if not self._places():
            return _bare(documents)
        return {
            key: [_search(self._told[key], each) for each in documents] if key in self._told else None
            for key in ("label", "probability")
        }

    def _json(self, text: str) -> dict[str, list[Any] | None]:
        document = _parsed(text)
        if not self._places():
            return _bare(document if isinstance(document, list) else [document])
        return {
            key: _listed(_search(self._told[key], document)) if key in self._told else None
            for key in ("label", "probability")
        }


class _Unfit(Exception):
    """The answer does not fit what was asked."""


@contextmanager
def endpoint(config: Config, sagemaker: Any, *, name: str | None = None) -> Iterator[str]:
    """The endpoint to ask. One for ``model_name`` is made here, and deleted however the block is left.

    Raises:
        DataError: the model is not there, or cannot be hosted.
    """
    told = config["predictor"]
    if "endpoint_name" in told:
        yield str(told["endpoint_name"])
        return
    if "model_name" not in told:
        raise DataError(
            "Analysis configuration schema validation error. predictor names neither endpoint_name nor model_name."
        )
    name = name or f"{told.get('endpoint_name_prefix', PREFIX)}-{uuid.uuid4().hex[:12]}"
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": told["model_name"],
        "InstanceType": told.get("instance_type", "ml.m5.large"),
        "InitialInstanceCount": told.get("initial_instance_count", 1),
    }
    try:
        _host(sagemaker, name, variant)
        yield name
    finally:
        for delete, key in (
            (sagemaker.delete_endpoint, "EndpointName"),
            (sagemaker.delete_endpoint_config, "EndpointConfigName"),
        ):
            try:
                delete(**{key: name})
            except ClientError:  # it was never made
                continue


def _host(sagemaker: Any, name: str, variant: Mapping[str, Any]) -> None:
    """Make the endpoint, and wait until it answers."""
    model = variant["ModelName"]
    try:
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        print(f"shadow endpoint {name} for the model {model}", flush=True)
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 1800})
    except WaiterError as error:
        reason = error.last_response.get("FailureReason", "")
        raise DataError(f"The model {model} could not be hosted: {reason or error}") from None
    except ClientError as error:
        raise DataError(f"The model {model} could not be hosted: {_said(error)}") from None


def _plain(rows: pd.DataFrame) -> list[list[Any]]:
    """The rows as JSON has them: whole numbers stay whole, what is missing is null."""
    return [
        list(row)
        for row in zip(*([_cell(value) for value in rows[name]] for name in rows.columns), strict=True)
    ]


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict | str):
        return value
    if isinstance(value, np.ndarray):
        return value.tolist()
    if pd.isna(value):
        return None
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, int | float) else str(plain)  # a date, a decimal


def _record(template: str, names: Sequence[Any], row: Sequence[Any]) -> str:
    """A row by ``record_template``: $features is its values, $feature_names their names, ${name} one of them."""
    values = {str(name): json.dumps(value) for name, value in zip(names, row, strict=True)}
    whole = {"features": json.dumps(list(row)), "feature_names": json.dumps([str(name) for name in names])}
    kvp = json.dumps(dict(zip(map(str, names), row, strict=True)))
    return Template(template).safe_substitute({**values, **whole, "features_kvp": kvp})


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise _Unfit(f"The model's answer is not JSON: {text[:80]!r}.") from None


def _bare(documents: Sequence[Any]) -> dict[str, list[Any] | None]:
    """Answers of which nothing says what they are: numbers."""
    return {"label": None, "probability": list(documents)}


def _search(path: Any, document: Any) -> Any:
    found = jmespath.search(str(path), document)
    if found is None:
        raise DataError(f"predictor: {path!r} finds nothing in the answer {json.dumps(document)[:120]}.")
    return found


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _value(cell: str) -> Any:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell.strip()


def _numbers(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"predictor.probability: {values[0]!r} is no number.") from None
    return found if found.ndim == 2 else found[:, None]


def _joined(parts: Sequence[np.ndarray[Any, Any] | None]) -> np.ndarray[Any, Any] | None:
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None


def _said(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("OriginalMessage") or error.response["Error"]["Message"])
    return str(error)

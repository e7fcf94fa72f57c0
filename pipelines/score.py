"""Ask the endpoint about one raw row: what it decides, how surely, and because of what."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.table import Table
from rich.text import Text

from containers import contract
from containers.processing.endpoint_answers import plain
from pipelines.config import UseCase
from pipelines.errors import RunError, UsageError
from pipelines.service import Service

JSON = "application/json"
MOST = 5  # contributions that are shown


@dataclass(frozen=True)
class Raw:
    """One raw row, without its label."""

    values: Mapping[str, Any]
    label: Any  # None where the row has none
    where: str  # it comes from


@dataclass(frozen=True)
class Scored:
    """What the endpoint answered."""

    raw: Raw
    endpoint: str
    variant: str
    answer: Mapping[str, Any]  # "decision" and "probability", or "prediction"; and "contributions"


def row_of_file(path: Path, number: int, usecase: UseCase) -> Raw:
    """The row ``number``, from 0, of a file of raw rows as the use case describes them.

    Raises:
        UsageError: there is no such file, or no such row in it.
    """
    if not path.is_file():
        raise UsageError(f"There is no file '{path}'.")
    source = usecase.source
    if source.format == "parquet":
        import pyarrow.parquet as pq

        rows: Iterator[Mapping[str, Any]] = iter(pq.read_table(path).to_pylist())
        found = next(islice(rows, number, None), None)
    else:
        names = None if source.header else list(usecase.columns)
        with path.open(encoding=source.encoding, newline="") as file:
            lines = csv.DictReader(file, fieldnames=names, delimiter=source.delimiter, skipinitialspace=True)
            found = next(islice(lines, number, None), None)
    if found is None:
        raise UsageError(f"'{path}' has no row {number}; the first is 0.")
    return _raw(found, usecase, f"row {number} of {path}")


def row_of_test_set(service: Service, number: int | None) -> Raw:
    """A row that the newest model has not seen: ``number``, or the one that evaluation was surest of.

    Raises:
        UsageError: no execution has prepared and evaluated rows yet, or there is no such row.
    """
    import pyarrow.parquet as pq

    for each in service.executions():
        execution = service.execution(each.arn)
        steps = {step.name: step for step in execution.steps if step.status == "Succeeded"}
        if {"Prep", "Evaluate"} <= steps.keys():
            break
    else:
        raise UsageError(
            f"No execution of '{service.name}' has a test set yet; give a file of raw rows: --data FILE."
        )

    def table(step: str, output: str) -> Any:
        uri = f"{service.outputs(steps[step].job_arn)[output]}/{contract.PART_FILE}"
        return pq.read_table(io.BytesIO(service.read_bytes(uri)))

    rows = table("Prep", contract.HOLDOUT)
    if number is None:
        said = table("Evaluate", contract.PREDICTIONS)
        sure = (
            said.column(contract.PROBABILITY).to_pylist()
            if contract.PROBABILITY in said.column_names
            else [0]
        )
        number = sure.index(max(sure))
    if number >= rows.num_rows:
        raise UsageError(
            f"The test set has {rows.num_rows} rows; the first is 0, and there is no row {number}."
        )
    found = rows.slice(number, 1).to_pylist()[0]
    return _raw(found, service.config.usecase, f"row {number} of the test set of execution {execution.id}")


def score(service: Service, raw: Raw) -> Scored:
    """Ask the endpoint of the use case.

    Raises:
        UsageError: nothing is deployed, or not in service.
        RunError: the model refuses the row.
    """
    if service.config.environment.deploy.form == "off":
        raise UsageError(
            f"The environment '{service.config.environment_name}' deploys nothing: [deploy] form = 'off'."
        )
    endpoint = service.config.endpoint
    body = json.dumps({"instances": [dict(raw.values)], "explain": True})
    try:
        response = service.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, ContentType=JSON, Accept=JSON, Body=body
        )
    except ClientError as error:
        said = str(error.response.get("OriginalMessage") or error.response["Error"]["Message"])
        if error.response["Error"]["Code"] == "ModelError":
            raise RunError(f"the endpoint '{endpoint}' refuses {raw.where}: {_message(said)}") from None
        raise UsageError(f"{said} What serves: python -m pipelines deployments") from None
    (answer,) = json.load(response["Body"])["predictions"]
    if "error" in answer:
        raise RunError(f"the endpoint '{endpoint}' refuses {raw.where}: {answer['error']['message']}")
    return Scored(raw, endpoint, response["InvokedProductionVariant"], answer)


def shown(scored: Scored, label: str) -> Iterator[Text | Table]:
    """For a screen: the row, what was decided, and the features that counted most."""
    answer, raw = scored.answer, scored.raw
    yield Text(f"{scored.endpoint} ({scored.variant}), {raw.where}", style="bold")
    yield Text(
        ", ".join(f"{name} {value}" for name, value in raw.values.items() if value not in (None, "")),
        style="dim",
    )
    table = Table.grid(padding=(0, 2))
    truth = "" if raw.label is None else f"it is {raw.label}"
    if "prediction" in answer:
        table.add_row(f"  {label}", f"{answer['prediction']:g}", truth)
    else:
        table.add_row(f"  {label}", str(answer["decision"]), truth)
        table.add_row("  probability", f"{answer['probability']:.4f}")
    contributions = [(name, value) for name, value in answer["contributions"].items() if name != "base"]
    for number, (name, value) in enumerate(contributions[:MOST]):
        table.add_row("" if number else "  because of", name, f"{value:+.2f}")
    yield table


def _raw(found: Mapping[str, Any], usecase: UseCase, where: str) -> Raw:
    values = {name: plain(found[name]) for name in usecase.columns if name in found and name != usecase.label}
    return Raw(values, found.get(usecase.label), where)


def _message(said: str) -> str:
    """The model's own words, out of the JSON in which it says them."""
    try:
        return str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        return said

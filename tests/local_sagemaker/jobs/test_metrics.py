"""Metrics from logs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.jobs.metrics import Reader, definitions
from local_sagemaker.jobs.training_algorithm import metric_definitions
from local_sagemaker.logs import format_line

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def write(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(format_line(NOW, line) for line in lines)


def read(path: Path, wire: list[dict[str, str]]) -> dict[str, float]:
    found = Reader(path, definitions(wire)).read()
    return {each["MetricName"]: each["Value"] for each in found}


@pytest.mark.parametrize(
    ("regex", "line", "value"),
    [
        (r"loss=(\S+)", "epoch 3 loss=0.25", 0.25),
        (r"loss=(\S+)", "loss=1e-3 loss=9", 0.001),
        (r"loss=(\S+)", "loss=nan", None),
        (r"loss=(\S+)", "loss=inf", None),
        (r"loss=(\S+)", "loss=low", None),
        (r"loss", "loss", None),
        (r"(a)|loss=(\S+)", "loss=1", None),
        (r".*\[[0-9]+\].*#011validation-auc:(\S+)", "[7]\ttrain-auc:0.9\tvalidation-auc:0.8", 0.8),
        (r"\tvalidation-auc:(\S+)", "[7]\ttrain-auc:0.9\tvalidation-auc:0.8", 0.8),
    ],
)
def test_what_a_definition_finds(tmp_path: Path, regex: str, line: str, value: float | None) -> None:
    """The first group of the first match, where it is a finite number; a tab is also CloudWatch's #011."""
    write(tmp_path / "log", line)

    assert read(tmp_path / "log", [{"Name": "m", "Regex": regex}]) == ({} if value is None else {"m": value})


def test_the_algorithms_own_metrics(tmp_path: Path) -> None:
    """XGBoost's lines give ``train:rmse`` and ``validation:rmse`` without any definition in the request."""
    write(
        tmp_path / "log",
        "[0]\ttrain-rmse:2.5\tvalidation-rmse:3.5",
        "[1]\ttrain-rmse:1.5\tvalidation-rmse:2.5",
    )

    assert read(tmp_path / "log", metric_definitions()) == {"train:rmse": 1.5, "validation:rmse": 2.5}


def test_aws_definitions_are_looked_for_by_their_text() -> None:
    """Each of the many built-in definitions names the text that it needs, so that few lines cost a search."""
    found = definitions(metric_definitions())

    assert {each.needs for each in found} == {f"#011{each.name.replace(':', '-')}:" for each in found}


def test_a_growing_log_is_read_once(tmp_path: Path) -> None:
    """Later readings go on where the last one ended, and leave a half-written line for the next."""
    log = tmp_path / "log"
    reader = Reader(log, definitions([{"Name": "m", "Regex": "m=(.*)"}]))

    def value() -> Any:
        return [each["Value"] for each in reader.read()]

    assert value() == []
    write(log, "m=1")
    assert value() == [1]
    whole = format_line(NOW, "m=234")
    with log.open("a") as file:
        file.write(whole[:-3])
    assert value() == [1]
    with log.open("a") as file:
        file.write(whole[-3:])
    assert value() == [234]
    assert reader.read()[0]["Timestamp"] == pytest.approx(NOW.timestamp())

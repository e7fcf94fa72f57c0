"""The SDK without a pipeline: jobs waited for with their logs, a session's files, resources by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def run(program: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What the SDK told the program, and what it printed."""
    result = tmp_path_factory.mktemp("direct") / "result.json"
    printed = program(HERE / "direct.py", result)
    return json.loads(result.read_text()), printed


def test_jobs_are_waited_for(run: tuple[dict[str, Any], str]) -> None:
    """train(wait=True) and run(wait=True) return when the job has ended, and the resource classes say so."""
    told, _ = run

    assert told["training"] == told["processing"] == "Completed"
    assert told["answer"] == "42"
    assert told["found"] == [True]


def test_their_logs_are_shown(run: tuple[dict[str, Any], str]) -> None:
    """logs=True prints what the job printed."""
    _, printed = run

    assert "read 3 points; loss=0.25;" in printed
    assert "processing says ['--a', '1']" in printed


def test_the_sessions_helpers(run: tuple[dict[str, Any], str], local: Any) -> None:
    """Role and account come from STS, which the SDK asks by its public address; files go up and come back."""
    told, _ = run

    assert told["role"] == local.settings.role_arn
    assert told["account"] == local.settings.account
    assert told["downloaded"] == told["read"] == "1\n2\n3\n"
    assert told["listed"] == ["direct/points/points.csv"]

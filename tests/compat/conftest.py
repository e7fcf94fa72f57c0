"""What the compatibility tests share: a user's program as a process of its own, in the environment of a user."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., str]


@pytest.fixture(scope="session")
def program(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Runs a Python program with the environment that ``local_sagemaker env`` prints; what it printed."""

    def run(path: Path, *arguments: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, path, *arguments],
            env=environment,
            cwd=tmp_path_factory.mktemp("user"),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    return run

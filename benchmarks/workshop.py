"""What the benchmarks share: a folder that goes away, data, one local SageMaker that is up, and progress."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.local import Local
from local_sagemaker.jobs import preload

ROOT = Path(__file__).parents[1]
# The settings under which the local SageMaker's jobs run; a plain script gets them too, and is faster with them on a
# machine that is busy.
THREADS = {name: preload.LOADED_WITH[name] for name in ("GOMP_SPINCOUNT", "OPENBLAS_THREAD_TIMEOUT")}


@dataclass(frozen=True)
class Workshop:
    """Where benchmarks run."""

    folder: Path
    turns: int
    rows: int  # of the whole pipeline's data
    say: Callable[[str], object]  # what is being measured now
    local: Local  # up, and idle

    @contextmanager
    def place(self) -> Iterator[Path]:
        """A folder that is empty, and gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            yield Path(name)


def command(module: str, *arguments: object) -> list[str]:
    """The command line that runs a module of ours in a new interpreter."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def run(words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a command from the project's root; what it printed. Raises RuntimeError with its last words if it fails."""
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[1:4])} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def seconds(words: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """How long a command takes, from its start to its end."""
    began = time.perf_counter()
    run(words, environment)
    return time.perf_counter() - began


def last_line(output: str) -> dict[str, Any]:
    """The JSON object that a command printed last."""
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found

"""How a Model Monitor container ends: a sentence in ``/opt/ml/output/message``, exit status 0 or 255."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from containers.processing.job import MESSAGE_LIMIT, DataError

FAILED = 255


def run(main: Callable[[Mapping[str, str], Path], str], environment: Mapping[str, str], base: Path) -> int:
    """Call ``main``; what it returns, or why it failed, becomes the job's ExitMessage. The exit status."""
    try:
        message, status = main(environment, base), 0
    except DataError as error:
        message, status = f"Error: {error}", FAILED
    except Exception as error:  # noqa: BLE001 - the job's edge: whatever it is, the user gets a sentence
        traceback.print_exc()
        message, status = f"Error: {type(error).__name__}: {error}", FAILED
    print(message, file=sys.stderr if status else sys.stdout, flush=True)
    _leave(base / "output" / "message", message)
    return status


def _leave(file: Path, message: str) -> None:
    """Write the message, cut at what SageMaker keeps; outside of a job there may be no place for it."""
    short = message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(short, encoding="utf-8")
    except OSError as error:
        print(f"the message could not be left in {file}: {error}", file=sys.stderr)

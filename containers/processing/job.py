"""How a job of ours begins and ends: it reads its settings, and when it fails it says why in one line.

What a failing job leaves in ``paths.failure_message`` becomes ``ExitMessage`` of a processing job and
``FailureReason`` of a training job, so that is where the sentence a user needs belongs. Input that its owner
can mend is a ``DataError``: message and exit status 1. Anything else is a defect: message, and the traceback
in the log.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from containers.contract import SETTINGS, SETTINGS_FILE, ProcessingPaths

MESSAGE_LIMIT = 1024  # characters of ExitMessage and FailureReason that SageMaker keeps


class Paths(Protocol):
    """What ``run`` must know of a job's paths."""

    @property
    def failure_message(self) -> Path:
        """The file whose text explains a failure."""


AnyPaths = TypeVar("AnyPaths", bound=Paths)
P = ParamSpec("P")


class DataError(Exception):
    """The input is wrong in a way that its owner can mend: where, what, and what would be right."""


def run(
    main: Callable[Concatenate[AnyPaths, P], object], paths: AnyPaths, /, *args: P.args, **kwargs: P.kwargs
) -> int:
    """Call ``main(paths, …)``; return the exit status: 0, or 1 with the reason in ``paths.failure_message``.

    ``if __name__ == "__main__": sys.exit(run(main, ProcessingPaths(), source=arguments.source))``
    """
    try:
        main(paths, *args, **kwargs)
    except DataError as error:
        return _fail(paths, str(error))
    except Exception as error:  # noqa: BLE001 - the job's edge: whatever it is, the user gets a sentence
        traceback.print_exc()
        return _fail(paths, f"{type(error).__name__}: {error}")
    return 0


def read_settings(paths: ProcessingPaths, name: str = SETTINGS_FILE) -> dict[str, Any]:
    """The settings that the pipeline handed to this job: of the use case, or another file that lies with them.

    Raises:
        DataError: the settings are not there, or are not a JSON object.
    """
    file = paths.input(SETTINGS) / name
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{file}: the job got no input '{SETTINGS}'") from None
    except ValueError as error:
        raise DataError(f"{file}: not JSON: {error}") from None
    if not isinstance(settings, dict):
        raise DataError(f"{file}: expected a JSON object, got {type(settings).__name__}")
    return settings


def _fail(paths: Paths, message: str) -> int:
    """Say it in the log and in the failure file; the file is cut at what SageMaker keeps."""
    print(message, file=sys.stderr, flush=True)
    paths.failure_message.parent.mkdir(parents=True, exist_ok=True)
    short = message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
    paths.failure_message.write_text(short, encoding="utf-8")
    return 1

"""A user's own scripts: one sees each record before the analysis, one is called after it.

``preprocess_handler(inference_record)``, or ``(inference_record, logger)``, returns a row as a flat object, a list of
such, or an empty list where the record is not to count. ``postprocess_handler()`` returns nothing.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-and-post-processing.html
"""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from containers.analyzer.capture_record import CapturedData
from containers.analyzer.monitor_rows import Row, flat
from containers.processing.job import DataError

# The cause follows.
BAD_PREPROCESSOR = "The preprocessing script cannot be used."
BAD_POSTPROCESSOR = "The postprocessing script cannot be used."
RAISED = "The preprocessing script failed."


class Preprocessor:
    """A preprocessing script, ready to be called."""

    def __init__(self, path: Path) -> None:
        """Raises DataError: the script cannot be loaded, or has no ``preprocess_handler``."""
        self._handler = _handler(path, "preprocess_handler", BAD_PREPROCESSOR)
        self._logs = "logger" in inspect.signature(self._handler).parameters
        self._logger = logging.getLogger("preprocessing")

    def rows(self, record: Any, where: str) -> list[Row] | CapturedData:
        """What the script makes of a record: rows, or the record itself, which is then read as if without script.

        Raises:
            DataError: the script raises, or returns something else.
        """
        arguments = (record, self._logger) if self._logs else (record,)
        try:
            returned = self._handler(*arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's code
            traceback.print_exc()
            raise DataError(f"{RAISED} {where}: {type(error).__name__}: {error}") from None
        if isinstance(returned, CapturedData):
            return returned
        listed = returned if isinstance(returned, list) else [] if returned is None else [returned]
        for row in listed:
            if not isinstance(row, dict):
                raise DataError(
                    f"{where}: preprocess_handler must return an object, or a list of objects; it returned {returned!r}"
                )
        return [flat(row, where) for row in listed if row]


def postprocessor(path: Path) -> Callable[[], None]:
    """A postprocessing script as a function.

    Raises:
        DataError: it cannot be loaded, or has no ``postprocess_handler``; when called: it raises.
    """
    handler = _handler(path, "postprocess_handler", BAD_POSTPROCESSOR)

    def call() -> None:
        try:
            handler()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's code
            traceback.print_exc()
            raise DataError(f"{path.name}: postprocess_handler: {type(error).__name__}: {error}") from None

    return call


def _handler(path: Path, name: str, message: str) -> Callable[..., Any]:
    loader = SourceFileLoader(path.stem, str(path))
    spec = spec_from_loader(path.stem, loader)
    assert spec is not None  # noqa: S101 - there is a loader
    module = module_from_spec(spec)
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - that is what it is for
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's code
        traceback.print_exc()
        raise DataError(f"{message} {path.name}: {type(error).__name__}: {error}") from None
    handler = getattr(module, name, None)
    if not callable(handler):
        raise DataError(f"{message} {path.name} has no function {name!r}")
    return handler  # type: ignore[no-any-return]

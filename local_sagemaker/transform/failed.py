"""Why an object could not be transformed."""

from __future__ import annotations

from pathlib import Path

CLIENT, ALGORITHM = "ClientError", "AlgorithmError"  # who is to blame, as FailureReason begins


class Failed(Exception):
    """The object has no output.

    ``line`` is what SageMaker writes into the data log, ``message`` what the container said to it.
    """

    def __init__(self, line: str, *, fault: str = CLIENT, message: str = "") -> None:
        super().__init__(line)
        self.line = line
        self.fault = fault
        self.message = message
        self.where = ""  # in the object
        self.log: Path | None = None  # of the container that is to blame

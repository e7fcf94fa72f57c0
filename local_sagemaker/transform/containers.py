"""The containers of a job's model: started together, asked one after the other, ended together."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_sagemaker.endpoints.connection import Answer, Body, NoAnswer, TooSlow
from local_sagemaker.endpoints.member import Member
from local_sagemaker.endpoints.server import StartFailed
from local_sagemaker.jobs import failure
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.transform.failed import ALGORITHM, CLIENT, Failed

TIMEOUT, RETRIES = 600, 3  # SageMaker's defaults, of ModelClientConfig
_PAUSE = 0.1  # seconds before the first retry, and twice as many before each further one
_PARAMETERS_SECONDS = 4.0
_SILENT = "Unable to get response from algorithm"
_NOT_WELL = (
    "Model container failed to respond to ping. Please ensure /ping endpoint is implemented and responds with an HTTP "
    "200 status code"
)


@dataclass(frozen=True)
class Patience:
    """How long a request may take, and how often it is sent again."""

    seconds: float = TIMEOUT
    retries: int = RETRIES


class Containers:
    """A model that answers, from ``start`` to ``stop``. Any thread may ask, and stop."""

    def __init__(self, members: Sequence[Member], logs: Sequence[Path], patience: Patience) -> None:
        self._members = members
        self._logs = logs
        self._patience = patience
        self._stopping = threading.Event()
        self.abandoned = False

    def start(self) -> None:
        """Wait until all answer pings. Raises JobFailure."""
        for member in self._members:
            member.server.start()
        for member, log in zip(self._members, self._logs, strict=True):
            try:
                member.server.wait()
            except StartFailed:
                raise JobFailure(failure.reason(f"{ALGORITHM}: {_NOT_WELL}", log)) from None

    def stop(self) -> None:
        """End all; requests under way fail."""
        self._stopping.set()
        for member in self._members:
            member.server.abandon()
        for member in self._members:
            member.server.stop()

    def abandon(self) -> None:
        """Start nothing more: the runner is about to end."""
        self.abandoned = True
        self._stopping.set()
        for member in self._members:
            member.server.abandon()

    def parameters(self) -> Mapping[str, Any]:
        """What the first container answers to ``/execution-parameters``; nothing where it knows no such thing."""
        try:
            answer = self._members[0].server.send(
                "GET", "/execution-parameters", body=b"", headers={}, seconds=_PARAMETERS_SECONDS
            )
            said = json.loads(answer.body) if answer.status == 200 else {}
        except (NoAnswer, TooSlow, ValueError):
            said = {}
        return said if isinstance(said, dict) else {}

    def ask(self, body: Body, headers: Mapping[str, str]) -> Answer:
        """What the last container answers. Raises Failed, after as many retries as there may be."""
        for retry in range(self._patience.retries + 1):
            try:
                return self._through(body, headers)
            except _Again as again:
                failed = again.failed
            if self._stopping.wait(_PAUSE * 2**retry if retry < self._patience.retries else 0):
                break
        raise failed

    def _through(self, body: Body, headers: Mapping[str, str]) -> Answer:
        deadline = time.monotonic() + self._patience.seconds
        answer = Answer(200, b"")
        for member, log in zip(self._members, self._logs, strict=True):
            seconds = deadline - time.monotonic()
            try:
                answer = member.server.send(
                    "POST", "/invocations", body=body, headers=headers, seconds=seconds
                )
                _check(answer)
            except (TooSlow, NoAnswer):
                raise _Again(_blamed(Failed(_SILENT, fault=ALGORITHM), log)) from None
            except (Failed, _Again) as error:
                _blamed(error.failed if isinstance(error, _Again) else error, log)
                raise
            body = answer.body
            headers = {**headers, "Content-Type": answer.headers.get("content-type", "")}
        return answer


class _Again(Exception):
    """A failure that another attempt may not meet."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.line)
        self.failed = failed


def _blamed(failed: Failed, log: Path) -> Failed:
    failed.log = log
    return failed


def _check(answer: Answer) -> None:
    if 200 <= answer.status < 300:
        return
    message = answer.body.decode("utf-8", "replace")
    if answer.status >= 500:
        line = f"Bad HTTP status received from algorithm: {answer.status}"
        raise _Again(Failed(line, fault=ALGORITHM, message=message))
    refused = Failed(f"ClientError: {answer.status}", fault=CLIENT, message=message)
    raise _Again(refused) if answer.status == 429 else refused

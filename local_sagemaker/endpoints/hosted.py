"""A container as a variant asks it: what goes there, what comes back, and where the container belongs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from local_sagemaker.endpoints.connection import Answer, NoAnswer, TooSlow
from local_sagemaker.endpoints.member import Member, Members, Place
from local_sagemaker.endpoints.program import Program
from local_sagemaker.endpoints.server import StartFailed
from local_sagemaker.jobs import failure
from local_sagemaker.jobs.failure import JobFailure

Document = dict[str, Any]


class Refused(Exception):
    """A container answered, or did not, in a way that is the model's fault."""

    def __init__(self, name: str, status: int, message: str) -> None:
        super().__init__(message)
        self.name = name  # of the container
        self.status = status  # 0: no answer in time
        self.message = message


@dataclass(frozen=True)
class Invocation:
    """What a client asks."""

    body: bytes
    headers: Mapping[str, str]
    target: str | None = None  # the model of a multi-model container

    def then(self, answer: Answer) -> Invocation:
        """What the next container of a serial pipeline is asked."""
        headers = {**self.headers, "Content-Type": answer.headers.get("content-type", "")}
        return replace(self, body=answer.body, headers=headers)


class Container(Protocol):
    """A container of an endpoint, from ``start`` to ``stop``."""

    name: str

    def start(self) -> None:
        """Begin; ``wait`` tells when it answers."""

    def wait(self) -> None:
        """Until it answers. Raises JobFailure."""

    def stop(self) -> None:
        """End it and wait until it has ended."""

    def abandon(self) -> None:
        """Start nothing more: whoever runs it is about to end."""

    def ask(self, invocation: Invocation, seconds: float) -> Answer:
        """The answer. Raises Refused, AwsError."""

    def has(self, target: str | None) -> bool:
        """Whether it need load nothing to answer."""


@dataclass(frozen=True)
class Site:
    """Where a container belongs, and who makes what runs there."""

    members: Members
    variant: str
    name: str
    place: Place
    log: Path
    startup: float

    def make(self, definition: Document) -> Member:
        """The container with its model. Raises JobFailure, AwsError, OSError."""
        return self.members.make(definition, self.name, self.place, self.startup)

    def serve(self, program: Program, folder: Path | None = None, **environment: str) -> Member:
        """A process that runs the program with ``folder`` as its ``/opt/ml``; there may be several."""
        place = replace(
            self.place, job=f"{self.place.job}/{secrets.token_hex(4)}", folder=folder or self.place.folder
        )
        return self.members.serve(program, self.name, place, self.startup, **environment)

    def wait(self, member: Member) -> None:
        """Until it answers pings. Raises JobFailure, with what its log says."""
        try:
            member.server.wait()
        except StartFailed:
            raise JobFailure(
                failure.reason(
                    f"The {self.name} container for production variant {self.variant} did not pass the ping health "
                    "check. Please check CloudWatch logs for this endpoint.",
                    self.log,
                )
            ) from None


class SingleModel:
    """A container with the model that it was started with."""

    def __init__(self, site: Site, definition: Document) -> None:
        self.name = site.name
        self._site = site
        self._member = site.make(definition)

    def start(self) -> None:
        """Begin."""
        self._member.server.start()

    def wait(self) -> None:
        """Until it answers. Raises JobFailure."""
        self._site.wait(self._member)

    def stop(self) -> None:
        """End it."""
        self._member.server.stop()

    def abandon(self) -> None:
        """Start nothing more."""
        self._member.server.abandon()

    def ask(self, invocation: Invocation, seconds: float) -> Answer:
        """The answer. Raises Refused."""
        return good(self.name, send(self._member, "/invocations", invocation, seconds))

    def has(self, target: str | None) -> bool:
        """Always."""
        del target
        return True


def send(member: Member, path: str, invocation: Invocation, seconds: float) -> Answer:
    """What the container answers, whatever its status. Raises Refused where it does not."""
    try:
        return member.server.send(
            "POST", path, body=invocation.body, headers=invocation.headers, seconds=seconds
        )
    except TooSlow:
        raise Refused(
            member.name,
            0,
            f"Your invocation timed out while waiting for a response from container {member.name}. Review the latency "
            "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
        ) from None
    except NoAnswer:
        raise Refused(member.name, 500, f"The container {member.name} ended without an answer.") from None


def good(name: str, answer: Answer) -> Answer:
    """The answer, if it is one of success. Raises Refused."""
    if not 200 <= answer.status < 300:
        raise Refused(name, answer.status, answer.body.decode("utf-8", "replace"))
    return answer

"""The variants of one endpoint configuration while they serve: started together, chosen by weight, drained."""

from __future__ import annotations

import contextlib
import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from local_sagemaker.endpoints.capture import Exchange
from local_sagemaker.endpoints.connection import Answer, NoAnswer, TooSlow
from local_sagemaker.endpoints.member import Member, Members, Place, names
from local_sagemaker.endpoints.program import Programs
from local_sagemaker.endpoints.server import INVOCATION_SECONDS, STARTUP_SECONDS, StartFailed
from local_sagemaker.errors import AwsError
from local_sagemaker.jobs import failure
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.logs import log_path
from local_sagemaker.settings import Settings

Document = dict[str, Any]

LOG_GROUP = "/aws/sagemaker/Endpoints"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
_MIRRORS, _WAITING = 4, 64  # threads for shadow variants, and requests that may wait for one
_DRAIN = INVOCATION_SECONDS  # no request takes longer


class Refused(Exception):
    """A container answered, or did not, in a way that is the model's fault."""

    def __init__(self, name: str, status: int, message: str, stream: str) -> None:
        super().__init__(message)
        self.name = name  # of the container
        self.status = status
        self.message = message
        self.stream = stream  # of its log


@dataclass(frozen=True)
class Variant:
    """One variant: its containers, which are asked one after the other."""

    name: str
    members: tuple[Member, ...]
    direct: bool  # each is asked by itself


class Fleet:
    """The processes behind an endpoint, from ``start`` to ``stop``.

    Args:
        endpoint: the endpoint's name.
        variants: as ``plan`` makes them.
        keep: is told of every exchange with a variant.
    """

    def __init__(
        self,
        settings: Settings,
        runner: ProcessRunner,
        programs: Programs,
        endpoint: str,
        variants: list[Document],
        keep: Callable[[str, Exchange], None],
    ) -> None:
        self._settings = settings
        self._make = Members(settings, runner, programs).make
        self._endpoint = endpoint
        self._plans = variants
        self.folder = settings.folder / "endpoints" / endpoint / secrets.token_hex(4)
        self._variants: dict[str, Variant] = {}
        self._keep = keep
        self._weights = _weights(variants, shadow=False)
        self._shadows = _weights(variants, shadow=True)
        self._mirrors = ThreadPoolExecutor(_MIRRORS, f"shadows of {endpoint}")
        self._mirrored = threading.BoundedSemaphore(_WAITING)
        self._lock = threading.Condition()
        self._under_way = 0
        self._stopped = False

    def start(self) -> None:
        """Fetch the models, start every container, and wait until all answer. Raises JobFailure; nothing runs then."""
        try:
            for plan in self._plans:
                self._begin(plan)
            for plan in self._plans:
                self._wait(plan["VariantName"])
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every container at once."""
        with self._lock:
            self._stopped = True
        self._mirrors.shutdown(wait=False, cancel_futures=True)
        for member in self._members():
            member.server.abandon()
        for member in self._members():
            member.server.stop()

    def drain(self, seconds: float = _DRAIN) -> None:
        """Wait until nothing is under way, and stop."""
        deadline = time.monotonic() + seconds
        with self._lock:
            self._lock.wait_for(lambda: self._under_way == 0, max(0.0, deadline - time.monotonic()))
        self.stop()

    def abandon(self) -> None:
        """Start nothing more: the runner is about to end."""
        with self._lock:
            self._stopped = True
        for member in self._members():
            member.server.abandon()

    def reweigh(self, weights: Mapping[str, float]) -> None:
        """Share the traffic otherwise from now on."""
        with self._lock:
            self._weights = {**self._weights, **weights}

    def enter(self) -> None:
        """A request is under way until ``leave``."""
        with self._lock:
            self._under_way += 1

    def leave(self) -> None:
        """It has been answered."""
        with self._lock:
            self._under_way -= 1
            self._lock.notify_all()

    def choose(self) -> str:
        """The variant that gets the next request: each with the probability of its weight."""
        with self._lock:
            names, weights = list(self._weights), list(self._weights.values())
        if len(names) == 1 or not sum(weights):
            return names[0]
        return random.choices(names, weights)[0]  # noqa: S311 - traffic, not a secret

    def has(self, variant: str) -> bool:
        """Whether there is a variant of that name."""
        return variant in self._weights

    def hosts(self, variant: str) -> list[str] | None:
        """The containers of a variant, where each is asked by itself."""
        found = self._variants[variant]
        return [member.name for member in found.members] if found.direct else None

    def answer(
        self, variant: str, body: bytes, headers: Mapping[str, str], host: str | None = None
    ) -> Answer:
        """``invoke``, with all that goes with a request of a client: shadows, and data capture."""
        self._mirror(body, headers)
        answer = self.invoke(variant, body, headers, host)
        self._keep(variant, _exchange(body, headers, answer))
        return answer

    def invoke(
        self, variant: str, body: bytes, headers: Mapping[str, str], host: str | None = None
    ) -> Answer:
        """Send a request through a variant's containers; what one answers is what the next is asked.

        Raises:
            Refused: a container answered with an error, too late, or not at all.
        """
        members = self._variants[variant].members
        if host is not None:
            members = tuple(member for member in members if member.name == host)
        deadline = time.monotonic() + INVOCATION_SECONDS
        for member in members:
            answer = _ask(member, body, headers, deadline - time.monotonic())
            body = answer.body
            headers = {**headers, "Content-Type": answer.headers.get("content-type", "")}
        return answer

    def _mirror(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Ask the shadow variants too, for their share of the requests; nobody waits for what they answer."""
        whole = sum(self._weights.values())
        for variant, weight in self._shadows.items():
            if random.random() * whole >= weight:  # noqa: S311 - a sample
                continue
            if self._mirrored.acquire(blocking=False):  # one that is too slow is asked less often
                with contextlib.suppress(RuntimeError):  # the fleet has just been stopped
                    self._mirrors.submit(self._ask_shadow, variant, body, headers)

    def _ask_shadow(self, variant: str, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            answer = self.invoke(variant, body, headers)
        except Refused:
            return  # its log says why
        finally:
            self._mirrored.release()
        self._keep(variant, _exchange(body, headers, answer, shadow=True))

    def _members(self) -> list[Member]:
        with self._lock:
            return [member for variant in self._variants.values() for member in variant.members]

    def _begin(self, plan: Document) -> None:
        containers = plan["Containers"]
        members = [
            self._member(plan, definition, name)
            for definition, name in zip(containers, names(containers), strict=True)
        ]
        with self._lock:
            self._variants[plan["VariantName"]] = Variant(plan["VariantName"], tuple(members), plan["Direct"])
            if self._stopped:
                raise JobFailure("The endpoint was deleted before it was in service.")
        for member in members:
            member.server.start()

    def _member(self, plan: Document, definition: Document, name: str) -> Member:
        folder = self.folder / f"{plan['VariantName']}-{name}"
        place = Place(
            job=f"endpoint/{self._endpoint}/{self.folder.name}/{folder.name}",
            folder=folder,
            log_group=f"{LOG_GROUP}/{self._endpoint}",
            stream=f"{plan['VariantName']}/i-{secrets.token_hex(8)}",
        )
        startup = plan.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS)
        try:
            return self._make(definition, name, place, startup)
        except (JobFailure, AwsError, OSError) as error:
            raise JobFailure(
                f'Failed to download model data for container "{name}" of production variant '
                f"{plan['VariantName']}. {failure.explain(error, 'preparing the container')}"
            ) from None

    def _wait(self, variant: str) -> None:
        for member in self._variants[variant].members:
            try:
                member.server.wait()
            except StartFailed:
                log = log_path(self._settings.logs, f"{LOG_GROUP}/{self._endpoint}", member.stream)
                raise JobFailure(
                    failure.reason(
                        f"The {member.name} container for production variant {variant} did not pass the ping health "
                        "check. Please check CloudWatch logs for this endpoint.",
                        log,
                    )
                ) from None


def _exchange(body: bytes, headers: Mapping[str, str], answer: Answer, *, shadow: bool = False) -> Exchange:
    return Exchange(
        asked=body,
        asked_type=headers.get("Content-Type", ""),
        answered=answer.body,
        answered_type=answer.headers.get("content-type", ""),
        inference_id=headers.get(INFERENCE_ID),
        shadow=shadow,
    )


def _ask(member: Member, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
    try:
        answer = member.server.send("POST", "/invocations", body=body, headers=headers, seconds=seconds)
    except TooSlow:
        raise Refused(
            member.name,
            0,
            f"Your invocation timed out while waiting for a response from container {member.name}. Review the latency "
            "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
            member.stream,
        ) from None
    except NoAnswer:
        message = f"The container {member.name} ended without an answer."
        raise Refused(member.name, 500, message, member.stream) from None
    if not 200 <= answer.status < 300:
        raise Refused(member.name, answer.status, answer.body.decode("utf-8", "replace"), member.stream)
    return answer


def _weights(variants: list[Document], *, shadow: bool) -> dict[str, float]:
    return {each["VariantName"]: each["Weight"] for each in variants if each.get("Shadow", False) == shadow}

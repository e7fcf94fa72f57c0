"""The variants of one endpoint configuration while they serve: started together, chosen by weight, drained."""

from __future__ import annotations

import contextlib
import functools
import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from local_sagemaker.endpoints import metrics
from local_sagemaker.endpoints.capture import Exchange
from local_sagemaker.endpoints.connection import Answer
from local_sagemaker.endpoints.hosted import Document, Invocation, Refused
from local_sagemaker.endpoints.program import Programs
from local_sagemaker.endpoints.server import INVOCATION_SECONDS
from local_sagemaker.endpoints.variant import Variant
from local_sagemaker.errors import AwsError
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.settings import Settings

INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
_MIRRORS, _WAITING = 4, 64  # threads for shadow variants, and requests that may wait for one
_DRAIN = INVOCATION_SECONDS  # no request takes longer

Keep = Callable[[str, Exchange], None]
Count = Callable[[str, Mapping[str, float]], None]


class Fleet:
    """The processes behind an endpoint, from ``start`` to ``stop``.

    Args:
        endpoint: the endpoint's name.
        variants: as ``plan`` makes them.
        keep: is told of every exchange with a variant.
        count: is told the metrics of a variant.
    """

    def __init__(
        self,
        settings: Settings,
        runner: ProcessRunner,
        programs: Programs,
        endpoint: str,
        variants: list[Document],
        keep: Keep,
        count: Count,
    ) -> None:
        self.folder = settings.folder / "endpoints" / endpoint / secrets.token_hex(4)
        self._settings = settings
        self._plans = {plan["VariantName"]: plan for plan in variants}
        self._variants = {
            name: Variant(
                settings, runner, programs, endpoint, plan, self.folder, functools.partial(count, name)
            )
            for name, plan in self._plans.items()
        }
        self._keep = keep
        self._count = count
        self._weights = _weights(variants, shadow=False)
        self._shadows = _weights(variants, shadow=True)
        self._mirrors = ThreadPoolExecutor(_MIRRORS, f"shadows of {endpoint}")
        self._mirrored = threading.BoundedSemaphore(_WAITING)
        self._lock = threading.Condition()
        self._under_way = 0

    def start(self) -> None:
        """Fetch the models, start every container, and wait until all answer. Raises JobFailure; nothing runs then."""
        try:
            for name, variant in self._variants.items():
                variant.start(processes(self._settings, self._plans[name]))
            for variant in self._variants.values():
                variant.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every container at once."""
        self._mirrors.shutdown(wait=False, cancel_futures=True)
        self.abandon()
        for variant in self._variants.values():
            variant.stop()

    def drain(self, seconds: float = _DRAIN) -> None:
        """Wait until nothing is under way, and stop."""
        self.wait(seconds)
        self.stop()

    def wait(self, seconds: float) -> None:
        """Until nothing is under way, or the time is over."""
        with self._lock:
            self._lock.wait_for(lambda: self._under_way == 0, max(0.0, seconds))

    def abandon(self) -> None:
        """Start nothing more: the runner is about to end."""
        for variant in self._variants.values():
            variant.abandon()

    def reweigh(self, weights: Mapping[str, float]) -> None:
        """Share the traffic otherwise from now on."""
        with self._lock:
            self._weights = {**self._weights, **weights}

    def resize(self, variant: str, instances: int) -> None:
        """Have so many instances of a variant. Raises JobFailure; nothing changes then."""
        self._variants[variant].resize(instances)

    def enter(self) -> None:
        """A request is under way until ``leave``."""
        with self._lock:
            self._under_way += 1

    def leave(self) -> None:
        """It has been answered."""
        with self._lock:
            self._under_way -= 1
            if not self._under_way:
                self._lock.notify_all()

    def choose(self) -> Variant:
        """The variant that gets the next request: each with the probability of its weight."""
        weights = self._weights
        if len(weights) == 1 or not any(weights.values()):
            return self._variants[next(iter(weights))]
        return self._variants[random.choices(list(weights), list(weights.values()))[0]]  # noqa: S311 - traffic

    def variant(self, name: str) -> Variant | None:
        """The production variant of that name."""
        return self._variants[name] if name in self._weights else None

    def answer(self, variant: Variant, invocation: Invocation, host: str | None = None) -> Answer:
        """A variant's answer, with all that goes with a request of a client: shadows, and data capture.

        Raises:
            Refused: a container answered with an error, too late, or not at all.
            AwsError: there is no such model.
        """
        if self._shadows:
            self._mirror(invocation)
        answer = variant.ask(invocation, host)
        self._keep(variant.name, _exchange(invocation, answer))
        return answer

    def _mirror(self, invocation: Invocation) -> None:
        """Ask the shadow variants too, for their share of the requests; nobody waits for what they answer."""
        whole = sum(self._weights.values())
        for variant, weight in self._shadows.items():
            if random.random() * whole >= weight:  # noqa: S311 - a sample
                continue
            if self._mirrored.acquire(blocking=False):  # one that is too slow is asked less often
                with contextlib.suppress(RuntimeError):  # the fleet has just been stopped
                    self._mirrors.submit(self._ask_shadow, variant, invocation)

    def _ask_shadow(self, variant: str, invocation: Invocation) -> None:
        asked, status = time.monotonic(), 500
        try:
            answer = self._variants[variant].ask(invocation, None)
            status = answer.status
        except (Refused, AwsError) as refused:
            status = refused.status
            return  # its log says why
        finally:
            self._mirrored.release()
            self._count(variant, metrics.invocation(status, time.monotonic() - asked, 0.0))
        self._keep(variant, _exchange(invocation, answer, shadow=True))


def processes(settings: Settings, plan: Document) -> int:
    """Instances of a variant that really run: as many as it says, but no more than this machine has cores for."""
    count: int = plan["InstanceCount"]
    return max(1, min(count, settings.cores))


def _exchange(invocation: Invocation, answer: Answer, *, shadow: bool = False) -> Exchange:
    return Exchange(
        asked=invocation.body,
        asked_type=invocation.headers.get("Content-Type", ""),
        answered=answer.body,
        answered_type=answer.headers.get("content-type", ""),
        inference_id=invocation.headers.get(INFERENCE_ID),
        shadow=shadow,
    )


def _weights(variants: list[Document], *, shadow: bool) -> dict[str, float]:
    return {each["VariantName"]: each["Weight"] for each in variants if each.get("Shadow", False) == shadow}

"""What CloudWatch knows of endpoints: counts and times of their requests, finer the younger they are.

    a request ── record ──► a queue ── fold ──► seconds of the last hour        alarms look at these
                                         └────► minutes of the last 3 hours ──► hours of the last 15 days
                                                                                CloudWatch answers with these two
Recording is one append; whoever asks, and the watch over the alarms every second, does the rest.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoint-invocation
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

NAMESPACE = "AWS/SageMaker"
_MINUTE, _HOUR = 60, 3600
# How long each is kept, in seconds. moto goes through all of it for every period that somebody asks for.
_SECONDS, _MINUTES, _HOURS = _HOUR, 3 * _HOUR, 15 * 24 * _HOUR
_WAITING = 10_000  # requests that may wait to be folded
_EXACT = 50  # percentiles are exact to a fiftieth
_NOTHING = -(10**9)


class Distribution:
    """What is kept of the values of one metric in one period."""

    __slots__ = ("_like", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0
        self.least, self.most = math.inf, -math.inf
        self._like: dict[int, int] = {}  # how many are about as large; empty while all are the same

    def add(self, value: float) -> None:
        """One more value."""
        self._add(value, value, value, 1, {})

    def merge(self, other: Distribution) -> None:
        """The values of another one too."""
        if other.count:
            self._add(other.least, other.most, other.total, other.count, other._like)

    def _add(self, least: float, most: float, total: float, count: int, like: Mapping[int, int]) -> None:
        same = least == most and (not self.count or self.least == self.most == least)
        if not same:
            if not self._like and self.count:
                self._like[_about(self.least)] = self.count
            for about, number in (like or {_about(least): count}).items():
                self._like[about] = self._like.get(about, 0) + number
        self.count += count
        self.total += total
        self.least, self.most = min(self.least, least), max(self.most, most)

    def statistic(self, name: str) -> float | None:
        """Sum, Average, Minimum, Maximum, SampleCount or p90, by CloudWatch's names; None for any other."""
        known = {"Sum": self.total, "Minimum": self.least, "Maximum": self.most, "SampleCount": self.count}
        if name in known:
            return float(known[name])
        if name == "Average":
            return self.total / self.count
        share = name.removeprefix("p")
        if name == share or not share.replace(".", "", 1).isdigit() or not 0 <= float(share) <= 100:
            return None
        return self._percentile(float(share))

    def _percentile(self, share: float) -> float:
        left = self.count * share / 100
        for about, number in sorted(self._like.items()):
            left -= number
            if left <= 0:
                value = math.exp(about / _EXACT) if about > _NOTHING else 0.0
                return min(max(value, self.least), self.most)
        return self.most


def _about(value: float) -> int:
    """The same for values that are about the same: their logarithm, rounded."""
    return round(math.log(value) * _EXACT) if value > 0 else _NOTHING


@dataclass
class Period:
    """One second, minute or hour of a variant."""

    start: int  # epoch seconds
    metrics: dict[str, Distribution] = field(default_factory=lambda: defaultdict(Distribution))


class Periods:
    """Periods of one length, those without requests left out; the youngest last."""

    def __init__(self, length: int, kept: int) -> None:
        self._length = length
        self._kept = kept
        self.all: deque[Period] = deque()

    def at(self, when: float) -> Period:
        """The period of a time; of one that is older than the youngest, that."""
        start = int(when) // self._length * self._length
        if not self.all or self.all[-1].start < start:
            self.all.append(Period(start))
        return self.all[-1]

    def old(self, now: float) -> Iterator[Period]:
        """Give up those that are too old."""
        while self.all and self.all[0].start + self._length <= now - self._kept:
            yield self.all.popleft()


class _Variant:
    def __init__(self) -> None:
        self.seconds, self.minutes = Periods(1, _SECONDS), Periods(_MINUTE, _MINUTES)
        self.hours = Periods(_HOUR, _HOURS)

    def add(self, when: float, values: Mapping[str, float]) -> None:
        for metrics in (self.seconds.at(when).metrics, self.minutes.at(when).metrics):
            for metric, value in values.items():
                metrics[metric].add(value)

    def age(self, now: float) -> bool:
        """Forget what is too old; whether anything is left."""
        for minute in self.minutes.old(now):
            hour = self.hours.at(minute.start)
            for metric, values in minute.metrics.items():
                hour.metrics[metric].merge(values)
        deque(self.seconds.old(now), maxlen=0)
        deque(self.hours.old(now), maxlen=0)
        return bool(self.minutes.all or self.hours.all)


def invocation(status: int, model: float, overhead: float, instances: int = 1) -> dict[str, float]:
    """What one request counts for.

    Args:
        status: the model's; 0 for one that gave no answer in time.
        model: seconds that it took.
        overhead: seconds that everything else took.
        instances: of the variant.
    """
    return {
        "Invocations": 1.0,
        "InvocationsPerInstance": 1.0 / instances,
        "Invocation4XXErrors": float(400 <= status < 500),
        "Invocation5XXErrors": float(status >= 500 or status == 0),
        "InvocationModelErrors": float(not 200 <= status < 300),
        "ModelLatency": model * 1e6,
        "OverheadLatency": max(0.0, overhead) * 1e6,
    }


class EndpointMetrics:
    """The metrics of every variant."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, str, str, Mapping[str, float]]] = deque()
        self._lock = threading.Lock()
        self._variants: dict[tuple[str, str], _Variant] = defaultdict(_Variant)

    def record(self, endpoint: str, variant: str, values: Mapping[str, float]) -> None:
        """Keep values of metrics, by their names, as of now."""
        self._waiting.append((time.time(), endpoint, variant, values))
        if len(self._waiting) > _WAITING:
            self.fold()

    def fold(self) -> None:
        """Put what waits where it belongs."""
        with self._lock:
            self._fold()

    def forget(self, endpoint: str) -> None:
        """The endpoint is gone: for alarms, another of its name begins at nothing. CloudWatch still knows its past."""
        with self._lock:
            self._fold()
            for (name, _), kept in self._variants.items():
                if name == endpoint:
                    kept.seconds.all.clear()

    def over(
        self, endpoint: str, variant: str | None, metric: str, since: float, until: float
    ) -> Distribution | None:
        """A metric's values between two times, of one variant or of all; None where there are none."""
        found = Distribution()
        with self._lock:
            self._fold()
            for (name, other), kept in self._variants.items():
                if name == endpoint and variant in (None, other):
                    for second in reversed(kept.seconds.all):
                        if second.start <= since - 1:
                            break
                        if second.start <= until and metric in second.metrics:
                            found.merge(second.metrics[metric])
        return found if found.count else None

    def periods(self, now: float | None = None) -> list[tuple[str, str, str, int, Distribution]]:
        """Endpoint, variant, metric, start and values of every minute, or hour of those that are longer ago."""
        with self._lock:
            self._fold(now)
            return [
                (*key, metric, period.start, values)
                for key, kept in self._variants.items()
                for period in (*kept.hours.all, *kept.minutes.all)
                for metric, values in period.metrics.items()
            ]

    def _fold(self, now: float | None = None) -> None:
        while self._waiting:
            when, endpoint, variant, values = self._waiting.popleft()
            self._variants[endpoint, variant].add(when, values)
        at = time.time() if now is None else now
        for key in [key for key, kept in self._variants.items() if not kept.age(at)]:
            del self._variants[key]

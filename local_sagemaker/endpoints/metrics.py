"""What CloudWatch knows of endpoints: counts and times of their requests, second by second and minute by minute.

    a request ── record ──► a queue ── fold ──► seconds of the last hour    alarms look at these
                                         └────► minutes of the last day     CloudWatch answers with these

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
_SECONDS, _MINUTES = 3600, 1440  # how many of each are kept of a variant; those without requests are none
_WAITING = 10_000  # requests that may wait to be folded
_EXACT = 50  # percentiles are exact to a fiftieth


class Distribution:
    """What is kept of the values of one metric in one period."""

    __slots__ = ("_like", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0
        self.least, self.most = math.inf, -math.inf
        self._like: dict[int, int] = defaultdict(int)  # how many are about as large: by the logarithm

    def add(self, value: float) -> None:
        """One more value."""
        self.count += 1
        self.total += value
        self.least, self.most = min(self.least, value), max(self.most, value)
        self._like[round(math.log(value) * _EXACT) if value > 0 else -(10**9)] += 1

    def merge(self, other: Distribution) -> None:
        """The values of another one too."""
        self.count += other.count
        self.total += other.total
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        for about, number in other._like.items():
            self._like[about] += number

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
                value = math.exp(about / _EXACT) if about > -(10**9) else 0.0
                return min(max(value, self.least), self.most)
        return self.most


@dataclass
class Period:
    """One second or minute of a variant."""

    start: int  # epoch seconds
    metrics: dict[str, Distribution] = field(default_factory=lambda: defaultdict(Distribution))


@dataclass
class _Variant:
    seconds: deque[Period] = field(default_factory=lambda: deque(maxlen=_SECONDS))
    minutes: deque[Period] = field(default_factory=lambda: deque(maxlen=_MINUTES))


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
                    kept.seconds.clear()

    def over(
        self, endpoint: str, variant: str | None, metric: str, since: float, until: float
    ) -> Distribution | None:
        """A metric's values between two times, of one variant or of all; None where there are none."""
        found = Distribution()
        with self._lock:
            self._fold()
            for (name, other), kept in self._variants.items():
                if name == endpoint and variant in (None, other):
                    for second in reversed(kept.seconds):
                        if second.start <= since - 1:
                            break
                        if second.start <= until and metric in second.metrics:
                            found.merge(second.metrics[metric])
        return found if found.count else None

    def minutes(self, now: float | None = None) -> Iterator[tuple[str, str, str, int, Distribution]]:
        """Endpoint, variant, metric, start and values of every minute that is kept."""
        oldest = (time.time() if now is None else now) - _MINUTES * 60
        with self._lock:
            self._fold()
            for key, kept in list(self._variants.items()):
                while kept.minutes and kept.minutes[0].start < oldest:
                    kept.minutes.popleft()
                if not kept.minutes:
                    del self._variants[key]
            found = [
                (*key, metric, minute.start, values)
                for key, kept in self._variants.items()
                for minute in kept.minutes
                for metric, values in minute.metrics.items()
            ]
        return iter(found)

    def _fold(self) -> None:
        while self._waiting:
            when, endpoint, variant, values = self._waiting.popleft()
            kept = self._variants[endpoint, variant]
            for periods, length in ((kept.seconds, 1), (kept.minutes, 60)):
                start = int(when) // length * length
                if not periods or periods[-1].start < start:
                    periods.append(Period(start))
                for metric, value in values.items():
                    periods[-1].metrics[metric].add(value)

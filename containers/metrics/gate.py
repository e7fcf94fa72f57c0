"""Is the model good enough: one metric of the report against its bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from containers.metrics.estimate import Estimate

Direction = Literal["at_least", "at_most"]


@dataclass(frozen=True)
class Verdict:
    """What the gate says, and in ``message`` why, in one sentence."""

    metric: str
    value: float | None
    bar: float
    direction: Direction
    passed: bool
    shortfall: (
        float  # by how much the bar was missed; 0 where it was met, the whole bar where there is no value
    )
    message: str

    def document(self) -> dict[str, Any]:
        """As it stands in the report."""
        return asdict(self)


def judge(metrics: Mapping[str, Estimate], metric: str, bar: float, direction: Direction) -> Verdict:
    """Hold ``metric`` against ``bar``; a metric without a value never passes.

    Raises:
        KeyError: there is no such metric.
    """
    estimate = metrics[metric]
    wanted = direction.replace("_", " ")
    if estimate.value is None:
        message = (
            f"{metric} on the test rows is undefined ({estimate.reason}), so it cannot meet {wanted} {bar:g}"
        )
        return Verdict(metric, None, bar, direction, passed=False, shortfall=abs(bar), message=message)
    missing = bar - estimate.value if direction == "at_least" else estimate.value - bar
    if missing <= 0:
        message = f"{metric} on the test rows is {estimate.value:.6g}, which meets {wanted} {bar:g}"
        return Verdict(metric, estimate.value, bar, direction, passed=True, shortfall=0.0, message=message)
    message = (
        f"{metric} on the test rows is {estimate.value:.6g}, which misses {wanted} {bar:g} by {missing:.6g}"
    )
    return Verdict(metric, estimate.value, bar, direction, passed=False, shortfall=missing, message=message)

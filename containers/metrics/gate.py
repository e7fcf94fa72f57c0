"""Is the model good enough: metrics of the report against their bars, and what all of them come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from containers.metrics.estimate import Estimate
from containers.metrics.limit import Limit

Direction = Literal["at_least", "at_most"]
SAID = 5  # missed bars that the message names; AWS keeps 3072 characters of it


@dataclass(frozen=True)
class Verdict:
    """What one bar says, and in ``message`` why, in one sentence."""

    metric: str
    value: float | None
    bar: float
    direction: Direction
    passed: bool
    shortfall: (
        float  # by how much the bar was missed; 0 where it was met, the whole bar where there is no value
    )
    message: str
    facet: str = ""  # of a limit on bias: whom it is about

    def document(self) -> dict[str, Any]:
        """As it stands in the report."""
        return asdict(self)


def judge(metrics: Mapping[str, Estimate], metric: str, bar: float, direction: Direction) -> Verdict:
    """Hold ``metric`` against ``bar``; a metric without a value never passes.

    Raises:
        KeyError: there is no such metric.
    """
    estimate = metrics[metric]
    return _verdict(metric, estimate.value, estimate.reason, bar, direction, "on the test rows")


def judge_limit(metrics: Mapping[str, Estimate], limit: Limit, facet: str) -> Verdict:
    """Hold the bias against ``facet`` against its ``limit``; a metric without a value never passes.

    Raises:
        KeyError: there is no such metric.
    """
    estimate = metrics[limit.metric]
    value = None if estimate.value is None else limit.of(estimate.value)
    return _verdict(limit.name, value, estimate.reason, limit.bar, limit.direction, f"of {facet}", facet)


def gate(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What the pipeline's gate reads: how many bars are missed, and a sentence that names them; then each bar."""
    missed = [verdict.message for verdict in verdicts if not verdict.passed]
    more = [f"and {len(missed) - SAID} more"] if len(missed) > SAID else []
    message = "; ".join([*missed[:SAID], *more]) if missed else _all_met(verdicts)
    return {
        "missed": len(missed),
        "passed": not missed,
        "message": message,
        "bars": [verdict.document() for verdict in verdicts],
    }


def _all_met(verdicts: Sequence[Verdict]) -> str:
    quality = [verdict.message for verdict in verdicts if not verdict.facet]
    limits = len(verdicts) - len(quality)
    bias = [
        f"{'all ' * (limits > 1)}{limits} limit{'s' * (limits > 1)} on bias {'are' if limits > 1 else 'is'} met"
    ]
    return "; ".join(quality + bias * bool(limits))


def _verdict(
    name: str, value: float | None, reason: str, bar: float, direction: Direction, where: str, facet: str = ""
) -> Verdict:
    wanted = f"{direction.replace('_', ' ')} {bar:g}"
    if value is None:
        message = f"{name} {where} is undefined ({reason}), so it cannot meet {wanted}"
        return Verdict(
            name, None, bar, direction, passed=False, shortfall=abs(bar), message=message, facet=facet
        )
    missing = bar - value if direction == "at_least" else value - bar
    passed = missing <= 0
    end = f"meets {wanted}" if passed else f"misses {wanted} by {missing:.6g}"
    message = f"{name} {where} is {value:.6g}, which {end}"
    return Verdict(name, value, bar, direction, passed, 0.0 if passed else missing, message, facet)

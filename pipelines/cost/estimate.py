"""What each step of the next run costs: time times price, a low and a high end.

The time is that of earlier runs where there are any, else between a part of the job's limit and the limit itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from local_sagemaker.pipelines.expressions import ExpressionError
from pipelines.cost.prices import Prices
from pipelines.lint.subject import walked
from pipelines.plan.forecast import Forecast
from pipelines.plan.history import Document, History

HOUR, MONTH = 3600, 730 * 3600  # seconds
DAY = 24 * HOUR  # a job without a limit has AWS's
_RUNS = 5  # earlier ones that are looked at

_TRIAL = "TrainingJobDefinition"
# Type of step -> where its request says on what it runs, how large the volume is, and for how long at most.
_PLACES = {
    **dict.fromkeys(
        ("Processing", "ClarifyCheck", "QualityCheck"),
        ("ProcessingResources.ClusterConfig", "StoppingCondition.MaxRuntimeInSeconds"),
    ),
    "Training": ("ResourceConfig", "StoppingCondition.MaxRuntimeInSeconds"),
    "Tuning": (f"{_TRIAL}.ResourceConfig", f"{_TRIAL}.StoppingCondition.MaxRuntimeInSeconds"),
    "Transform": ("TransformResources", ""),
}
# Type of step -> the members of its job's description between which its instances are paid for.
_CLOCKS = {
    "Processing": ("ProcessingStartTime", "ProcessingEndTime"),
    "Training": ("TrainingStartTime", "TrainingEndTime"),
    "Transform": ("TransformStartTime", "TransformEndTime"),
}


@dataclass(frozen=True)
class Work:
    """What a step asks for."""

    instance_type: str
    instances: int
    volume_gb: int
    jobs: int  # of a search: its trials
    limit: int  # seconds, of each job
    spot: bool


@dataclass(frozen=True)
class Estimate:
    """What one step will cost, in US dollars; None where there is no price for what it runs on."""

    step: str
    low: float | None
    high: float | None
    basis: str

    @property
    def known(self) -> bool:
        """Whether there is a price."""
        return self.low is not None


def work(kind: str, arguments: Document) -> Work | None:
    """What a step of that type with these arguments runs on; None where it runs no job."""
    if kind not in _PLACES:
        return None
    cluster, limit = _PLACES[kind]
    resources = walked(arguments, cluster) or {}
    resources = (resources.get("InstanceGroups") or [resources])[0]
    trials = walked(arguments, "HyperParameterTuningJobConfig.ResourceLimits.MaxNumberOfTrainingJobs")
    spot = walked(
        arguments, f"{_TRIAL}.EnableManagedSpotTraining" if kind == "Tuning" else "EnableManagedSpotTraining"
    )
    return Work(
        str(resources.get("InstanceType", "")),
        _number(resources.get("InstanceCount"), 1),
        _number(resources.get("VolumeSizeInGB"), 0),
        _number(trials, 1),
        _number(walked(arguments, limit) if limit else None, DAY),
        spot is True,
    )


def estimate(
    step: Forecast, kind: str, arguments: Document | None, history: History, table: Prices
) -> Estimate:
    """What one step of the next run costs."""
    if step.hit:
        return Estimate(step.step, 0.0, 0.0, "from the cache")
    asked = work(kind, arguments) if arguments is not None else None
    if asked is None:
        return Estimate(
            step.step, 0.0, 0.0, "runs no job" if arguments is not None else "not known before the run"
        )
    low, high, basis = _seconds(step.step, kind, asked, history, table.factors)
    rate = _rate(asked, table)
    if rate is None:
        missing = f"no price for {asked.instance_type or 'its instance'} in {table.region}"
        return Estimate(step.step, None, None, missing)
    may_cost_nothing = bool(step.branch) or step.outcome == "maybe"
    basis += (
        f"; only if {step.branch}"
        if step.branch
        else "; unless it hits the cache"
        if may_cost_nothing
        else ""
    )
    return Estimate(step.step, 0.0 if may_cost_nothing else low * rate, high * rate, basis)


def most(kind: str, arguments: Document, table: Prices) -> float | None:
    """What a step costs if its jobs run to their limit; None where it runs no job, or there is no price."""
    asked = work(kind, arguments)
    rate = _rate(asked, table) if asked else None
    return asked.jobs * asked.limit * rate if asked and rate else None


def spent(kind: str, arguments: Document, seconds: float, table: Prices) -> float | None:
    """What a step that took so long has cost at most: of a search, as if all its places were taken all the time."""
    asked = work(kind, arguments)
    rate = _rate(asked, table) if asked else None
    side_by_side = walked(arguments, "HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs")
    return None if rate is None else rate * seconds * _number(side_by_side, 1)


def hourly(kind: str, arguments: Document, table: Prices) -> float | None:
    """What an endpoint of an EndpointConfig step costs an hour for as long as it is there; None without a price."""
    variants = arguments.get("ProductionVariants") if kind == "EndpointConfig" else None
    rates = [
        (table.hourly.get(str(each.get("InstanceType")), None), _number(each.get("InitialInstanceCount"), 1))
        for each in variants or []
        if isinstance(each, Mapping) and "InstanceType" in each
    ]
    known = [rate * count for rate, count in rates if rate is not None]
    return sum(known) if rates and len(known) == len(rates) else None


def _rate(asked: Work, table: Prices) -> float | None:
    """US dollars a second, of all instances with their volumes."""
    if asked.instance_type not in table.hourly:
        return None
    volume = asked.volume_gb * table.storage_gb_month / MONTH
    return asked.instances * (table.hourly[asked.instance_type] / HOUR + volume)


def _seconds(
    step: str, kind: str, asked: Work, history: History, factors: Mapping[str, float]
) -> tuple[float, float, str]:
    """Seconds that are paid for, low and high, and what that rests on."""
    measured = list(islice(_measured(step, kind, history), _RUNS))
    if measured:
        low, high = factors["measured_low"], factors["measured_high"]
        runs = f"{len(measured)} earlier run{'s' if len(measured) > 1 else ''}"
        return min(measured) * low, max(measured) * high, f"{runs}, {low:g} to {high:g} times as long"
    most = float(asked.jobs * asked.limit)
    part = factors["limit_low"] * (factors["spot_low"] if asked.spot else 1)
    each = f"{asked.jobs} times " if asked.jobs > 1 else ""
    spot = f", of that {factors['spot_low']:g} for spot" if asked.spot else ""
    basis = f"never ran: {each}{factors['limit_low']:g} to 1 of its limit of {asked.limit / 60:g} min{spot}"
    return most * part, most, basis


def _measured(step: str, kind: str, history: History) -> Iterator[float]:
    """The seconds for which earlier runs of a step paid, the newest first."""
    for past in history.runs(step):
        if past.definition.steps[step].type != kind:
            continue
        try:
            described = past.properties(step)
        except ExpressionError:
            continue  # it has been deleted since
        seconds = _paid(kind, described)
        if seconds is not None:
            yield seconds


def _paid(kind: str, described: Document) -> float | None:
    if kind == "Tuning":
        trials = [_paid("Training", each) for each in described["TrainingJobSummaries"]]
        known = [seconds for seconds in trials if seconds is not None]
        every = sum(described.get("TrainingJobStatusCounters", {}).values())
        return sum(known) / len(known) * max(every, len(known)) if known else None
    if "BillableTimeInSeconds" in described:  # of spot training, what is saved is already taken off
        return float(described["BillableTimeInSeconds"])
    begin, end = (described.get(member) for member in _CLOCKS.get(kind, ("", "")))
    return (end - begin).total_seconds() if begin and end else None


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise

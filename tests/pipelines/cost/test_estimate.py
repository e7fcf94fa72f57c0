"""Time times price: with its limits, its trials, its spot, and what it takes from earlier runs."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from local_sagemaker.pipelines.definition import Definition, parse
from pipelines.cost.change import cost_change
from pipelines.cost.estimate import Work, estimate, hourly, work
from pipelines.cost.prices import prices
from pipelines.errors import UsageError
from pipelines.plan.forecast import Forecast
from pipelines.publish import ROOT

GOLDEN = json.loads((ROOT / "tests/pipelines/golden/prod-adult.json").read_text(encoding="utf-8"))
PROD: Definition = parse(GOLDEN)[0]
IRELAND = prices("eu-west-1")
XLARGE = 0.257 / 3600 + 100 * 0.154 / 730 / 3600  # a second of ml.m5.xlarge with 100 GB
RUNS = Forecast("Prep", "run", "first")


class Past:
    """A history in which each description given is an earlier run of ``step``."""

    def __init__(self, kind: str, *described: dict[str, Any]) -> None:
        steps = {"Prep": SimpleNamespace(type=kind)}
        self._found = [
            SimpleNamespace(definition=SimpleNamespace(steps=steps), properties=lambda _, each=each: each)
            for each in described
        ]

    def runs(self, step: str) -> Iterator[Any]:
        return iter(self._found if step == "Prep" else [])


NEVER: Any = Past("Processing")


def took(seconds: float, prefix: str = "Processing") -> dict[str, Any]:
    begin = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)
    return {f"{prefix}StartTime": begin, f"{prefix}EndTime": begin + datetime.timedelta(seconds=seconds)}


def cost(step: Forecast, arguments: Any, history: Any, kind: str = "Processing") -> tuple[float, float, str]:
    found = estimate(step, kind, arguments, history, IRELAND)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high, found.basis


def test_a_job_that_never_ran_costs_between_a_part_of_its_limit_and_all_of_it() -> None:
    """Instance and volume, for two hours at most."""
    low, high, basis = cost(RUNS, PROD.steps["Prep"].arguments, NEVER)

    assert high == pytest.approx(7200 * XLARGE)
    assert low == pytest.approx(0.05 * 7200 * XLARGE)
    assert basis == "never ran: 0.05 to 1 of its limit of 120 min"


def test_a_search_costs_what_its_trials_cost() -> None:
    """However many of them run at a time."""
    asked = work("Tuning", PROD.steps["Tune"].arguments)

    assert asked == Work("ml.m5.2xlarge", 1, 100, 10, 4 * 3600, spot=False)
    _, high, basis = cost(RUNS, PROD.steps["Tune"].arguments, NEVER, "Tuning")
    assert high == pytest.approx(10 * 4 * 3600 * (0.514 / 3600 + 100 * 0.154 / 730 / 3600))
    assert "10 times" in basis


def test_spot_lowers_the_low_end_only() -> None:
    """There may be no spare capacity."""
    arguments = {
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 100},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableManagedSpotTraining": True,
    }
    low, high, basis = cost(RUNS, arguments, NEVER, "Training")

    assert high == pytest.approx(2 * 3600 * XLARGE)
    assert low == pytest.approx(0.05 * 0.3 * high)
    assert "0.3 for spot" in basis


def test_earlier_runs_say_how_long_it_takes() -> None:
    """The quickest and the slowest of the newest five, with a margin."""
    history: Any = Past("Processing", *(took(seconds) for seconds in (100, 60, 80, 90, 70, 1, 10_000)))
    low, high, basis = cost(RUNS, PROD.steps["Prep"].arguments, history)

    assert (low, high) == (pytest.approx(0.8 * 60 * XLARGE), pytest.approx(1.5 * 100 * XLARGE))
    assert basis == "5 earlier runs, 0.8 to 1.5 times as long"


def test_what_was_billed_is_what_counts() -> None:
    """Of spot training SageMaker says how much that was; of a search each trial that ran."""
    arguments = {
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100}
    }
    billed: Any = Past("Training", {**took(100, "Training"), "BillableTimeInSeconds": 30})
    trials = {
        "TrainingJobSummaries": [took(10, "Training"), took(30, "Training"), {}],
        "TrainingJobStatusCounters": {"Completed": 4},
    }
    searched: Any = Past("Tuning", trials)

    assert cost(RUNS, arguments, billed, "Training")[0] == pytest.approx(0.8 * 30 * XLARGE)
    assert cost(RUNS, {"TrainingJobDefinition": arguments}, searched, "Tuning")[0] == pytest.approx(
        0.8 * 80 * XLARGE
    )


def test_a_step_of_another_type_was_another_step() -> None:
    """Its name alone does not make it comparable."""
    assert cost(RUNS, PROD.steps["Prep"].arguments, Past("Training", took(5)))[2].startswith("never ran")


@pytest.mark.parametrize(
    ("step", "low_is_nothing", "basis"),
    [
        (Forecast("Prep", "hit", "equal"), True, "from the cache"),
        (Forecast("Prep", "maybe", "changed"), True, "unless it hits the cache"),
        (Forecast("Prep", "run", "first", branch="Gate is true"), True, "only if Gate is true"),
        (RUNS, False, "never ran"),
    ],
)
def test_what_may_not_run_may_cost_nothing(step: Forecast, low_is_nothing: bool, basis: str) -> None:
    """The cache and the gate are counted."""
    low, high, said = cost(step, PROD.steps["Prep"].arguments, NEVER)

    assert (low == 0) == low_is_nothing
    assert (high == 0) == step.hit
    assert basis in said


@pytest.mark.parametrize("kind", ["Condition", "RegisterModel", "Fail", "Lambda"])
def test_what_runs_no_job_costs_nothing_here(kind: str) -> None:
    """Its requests are less than a cent."""
    assert cost(RUNS, {}, NEVER, kind) == (0, 0, "runs no job")


def test_an_instance_without_a_price_is_said_to_have_none() -> None:
    """It is not taken for free."""
    arguments = {"ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.x9.huge", "InstanceCount": 1}}}
    found = estimate(RUNS, "Processing", arguments, NEVER, IRELAND)

    assert (found.low, found.high, found.known) == (None, None, False)
    assert found.basis == "no price for ml.x9.huge in eu-west-1"


def test_a_region_without_prices_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match=r"no prices for region 'eu-west-9'.* Did you mean 'eu-west-1'"):
        prices("eu-west-9")


def test_an_endpoint_costs_by_the_hour() -> None:
    """All its variants, whatever the name of the config."""
    variants = [{"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}, {"InstanceType": "ml.m5.xlarge"}]

    assert hourly("EndpointConfig", {"ProductionVariants": variants}, IRELAND) == pytest.approx(
        2 * 0.128 + 0.257
    )
    assert hourly("EndpointConfig", {"ProductionVariants": [{"InstanceType": "ml.x9"}]}, IRELAND) is None
    assert hourly("Processing", {}, IRELAND) is None


def test_a_changed_instance_is_a_changed_cost() -> None:
    """By step and in total; nothing where nothing changes, or where there are no prices."""
    text = json.dumps(GOLDEN)
    larger = json.loads(text.replace('"ml.m5.2xlarge"', '"ml.m5.4xlarge"'))
    lines = cost_change(GOLDEN, larger, "eu-west-1")

    assert lines[0] == "~ Tune: at most 21.40 → at most 41.92"
    assert lines[1].startswith("a run costs at most ")
    assert cost_change(GOLDEN, GOLDEN, "eu-west-1") == []
    assert cost_change(GOLDEN, larger, "eu-west-9") == []
    assert cost_change(None, GOLDEN, "eu-west-1")[0].startswith("~ Ingest: at most 0.00 → at most 0.56")


def test_a_parameter_counts_with_its_default() -> None:
    """An instance type that a start may change is priced as it is set out."""
    resources = {
        "ClusterConfig": {"InstanceType": {"Get": "Parameters.Type"}, "InstanceCount": 1, "VolumeSizeInGB": 1}
    }
    step = {"Name": "A", "Type": "Processing", "Arguments": {"ProcessingResources": resources}}
    small, large = (
        {"Parameters": [{"Name": "Type", "Type": "String", "DefaultValue": kind}], "Steps": [step]}
        for kind in ("ml.m5.large", "ml.m5.xlarge")
    )

    assert cost_change(small, large, "us-east-1")[0].startswith("~ A: at most 2.76 → at most 5.52")

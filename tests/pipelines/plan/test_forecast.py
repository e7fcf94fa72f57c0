"""What is foretold is what happens, for many kinds of step and change, the source of a hit included."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pipelines.plan.forecast import Forecast
from pipelines.plan.plan import Plan, plan
from tests.pipelines.plan.house import House, furnished, request

ENDED = ("Succeeded", "Failed", "Stopped")


@dataclass
class Street:
    """A pipeline on the local SageMaker, and what has become of it."""

    name: str
    client: Callable[[str], Any]
    runs: list[str] = field(default_factory=list)  # ids of executions

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    def plan(self, house: House, **values: str) -> Plan:
        given = [{"Name": name, "Value": value} for name, value in values.items()]
        return plan(self.sagemaker, self.client("s3"), request(self.name, house), given)

    def run(self, house: House, **values: str) -> dict[str, str]:
        """Upsert, start and wait; of each step the execution whose result was used, or an empty text."""
        wanted = request(self.name, house)
        self.sagemaker.update_pipeline(**wanted) if self.runs else self.sagemaker.create_pipeline(**wanted)
        given = [{"Name": name, "Value": value} for name, value in values.items()]
        started = self.sagemaker.start_pipeline_execution(PipelineName=self.name, PipelineParameters=given)
        arn = started["PipelineExecutionArn"]
        self.runs.append(arn.rpartition("/")[2])
        while (found := self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))[
            "PipelineExecutionStatus"
        ] not in ENDED:
            time.sleep(0.05)
        steps = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)[
            "PipelineExecutionSteps"
        ]
        assert found["PipelineExecutionStatus"] == "Succeeded", [step.get("FailureReason") for step in steps]
        return {
            step["StepName"]: step.get("CacheHitResult", {})
            .get("SourcePipelineExecutionArn", "")
            .rpartition("/")[2]
            for step in steps
        }


# What is done to the pipeline's code or to the start, in this order: (what, a change of the code, values of the start).
CHANGES: list[tuple[str, Callable[[House], House], dict[str, str]]] = [
    ("nothing yet: the first run", lambda house: house, {}),
    ("nothing", lambda house: house, {}),
    ("an argument in the middle", lambda house: replace(house, prep="2"), {}),
    ("the first step", lambda house: replace(house, ingest="2"), {}),
    ("back to the beginning", lambda house: replace(house, ingest="1", prep="1"), {}),
    ("a hyperparameter", lambda house: replace(house, eta="0.2"), {}),
    ("a parameter of the start", lambda house: house, {"Rounds": "5"}),
    ("the same parameter again", lambda house: house, {"Rounds": "5"}),
    ("other data", lambda house: house, {"Data": "s3://{bucket}/other/"}),
    ("a step with a fixed address", lambda house: replace(house, fixed="2"), {}),
    ("a setting beside a check's arguments", lambda house: replace(house, fail=True), {}),
    ("the number of trials", lambda house: replace(house, trials=2), {}),
    ("what is no key attribute", lambda house: replace(house, volume=31), {}),
    ("one more input", lambda house: replace(house, further=("s3://{bucket}/other/",)), {}),
    ("an event, whose answer is the same", lambda house: replace(house, words=("c", "d")), {}),
    ("an event, whose answer is another", lambda house: replace(house, words=("c",)), {}),
    ("a pipeline of fewer steps", lambda house: replace(house, steps=("Ingest", "Prep")), {}),
    ("a pipeline that has all of them again", lambda house: replace(house, steps=()), {}),
]


def test_what_is_foretold_is_what_happens(client: Callable[[str], Any]) -> None:
    """Of each step: hit, with the execution whose result is used, or not. What may go both ways is said to."""
    bucket = "plan-forecast"
    house = furnished(client, bucket)
    street = Street(bucket, client)
    open_ended: dict[str, set[bool]] = {}
    for what, change, start in CHANGES:
        house = change(house)
        house = replace(house, further=tuple(uri.format(bucket=bucket) for uri in house.further))
        values = {name: value.format(bucket=bucket) for name, value in start.items()}
        foretold = {step.step: step for step in street.plan(house, **values).steps}
        happened = street.run(house, **values)

        assert foretold.keys() == happened.keys(), what
        for name, source in happened.items():
            step = foretold[name]
            if step.outcome == "maybe":
                open_ended.setdefault(name, set()).add(bool(source))
            else:
                assert (step.hit, step.source if step.hit else "") == (bool(source), source), (
                    what,
                    name,
                    step,
                )

    # Both ways do happen, and only where a value decides that nobody knows before.
    assert open_ended == {"AfterSay": {True, False}, "AfterAfterSay": {True, False}}


@pytest.fixture(scope="module")
def street(client: Callable[[str], Any]) -> Street:
    """A pipeline that has run once."""
    bucket = "plan-reasons"
    street = Street(bucket, client)
    street.run(furnished(client, bucket))
    return street


@pytest.fixture(scope="module")
def house(street: Street) -> House:
    """As it was when it ran."""
    return House(street.name, f"arn:aws:lambda:us-east-1:123456789012:function:{street.name}")


def reasons(street: Street, house: House, **values: str) -> dict[str, Forecast]:
    return {step.step: step for step in street.plan(house, **values).steps}


def test_a_miss_names_the_argument_that_changed(street: Street, house: House) -> None:
    """And what comes after it names the step that runs anew, not the addresses that follow from that."""
    found = reasons(street, replace(house, prep="2"))

    (change,) = found["Prep"].changes
    assert (change.path, change.old, change.new) == ("Environment.STATE", "1", "2")
    assert found["Prep"].upstream == ()
    assert (found["Train"].changes, found["Train"].upstream) == ((), ("Prep",))
    assert (found["Tune"].changes, found["Tune"].upstream) == ((), ("Prep",))
    assert (found["Judge"].changes, set(found["Judge"].upstream)) == ((), {"Train", "Prep"})
    assert found["Ingest"].hit


def test_a_parameter_is_named_where_it_is_read(street: Street, house: House) -> None:
    """By the argument that it changes."""
    (change,) = reasons(street, house, Rounds="9")["Train"].changes

    assert (change.path, change.old, change.new) == ("HyperParameters.rounds", "3", "9")


def test_an_input_that_is_added_is_named_by_its_name(street: Street, house: House) -> None:
    """Not by its place in the list."""
    (change,) = reasons(street, replace(house, further=(f"s3://{house.bucket}/x/",)))["Judge"].changes

    assert change.path == "ProcessingInputs['more0']"


def test_what_is_new_in_every_run_is_said_to_be(street: Street, house: House) -> None:
    """The execution's id in a key attribute, an expired result, a cache that is off, a type without one."""
    found = reasons(street, house)

    (change,) = found["Clock"].changes
    assert change.path == "Environment.RUN"
    assert change.new == "Execution.PipelineExecutionId, new in every execution"
    assert (found["Stale"].why, found["Off"].why) == ("expired", "uncached")
    assert found["AfterOff"].upstream == ("Off",)


def test_a_step_without_history_runs_for_the_first_time(street: Street, house: House) -> None:
    """A pipeline that is not there has none at all."""
    street = Street("plan-nowhere", street.client)

    assert {step.why for step in street.plan(house).steps} == {"first", "uncached"}


def test_what_is_gone_cannot_be_compared(street: Street, house: House) -> None:
    """The model behind an input is only known of the job; where that cannot be described, no hit is promised."""

    class Forgetful:
        """SageMaker, but for training jobs."""

        def __getattr__(self, name: str) -> Any:
            if name == "describe_training_job":
                raise KeyError(name)
            return getattr(street.sagemaker, name)

    made = plan(Forgetful(), street.client("s3"), request(street.name, house), [])
    found = {step.step: step for step in made.steps}

    assert found["Train"].hit
    assert (found["Judge"].outcome, found["Judge"].why) == ("run", "unknown")


def test_the_body_of_a_foreach_is_left_open(street: Street, house: House) -> None:
    """Its steps have other names when they run, one for each item."""
    definition = house.definition()
    inner = {**definition["Steps"][0], "Name": "Inner"}
    arguments = {"IterableItems": ["a"], "MaxConcurrency": 1, "ForEachBody": [inner]}
    definition["Steps"].append({"Name": "Loop", "Type": "ForEach", "Arguments": arguments})
    wanted = {**request(street.name, house), "PipelineDefinition": json.dumps(definition)}
    made = plan(street.sagemaker, street.client("s3"), wanted, [])
    found = {step.step: step for step in made.steps}

    assert (found["Inner"].outcome, found["Inner"].why) == ("run", "unknown")
    assert found["Loop"].outcome == "run"
    assert found["Ingest"].hit

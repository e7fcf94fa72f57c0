"""Condition: decides which of its two branches runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_sagemaker.pipelines import conditions
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import ExpressionError, Scope
from local_sagemaker.pipelines.problem import hint
from local_sagemaker.pipelines.steps.base import Attempt, Document, StepFailure, StepType, Success


@dataclass(frozen=True, kw_only=True)
class ConditionStep(StepType):
    """The engine reads the outcome from the step's properties, and starts that branch."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """Conditions of no known type or with members missing; nested condition steps."""
        for key in step.arguments:
            if key != "Conditions":
                known = ("Conditions", "IfSteps", "ElseSteps")
                yield f"Cannot parse object, unknown property {key!r}.{hint(key, known)}"
        if step.branch:
            yield f"a condition step cannot be in a branch of another one ({step.branch.condition!r})."
        yield from _mistakes(step.arguments.get("Conditions", []), "Conditions")

    def prepare(self, step: Step, scope: Scope) -> Document:
        """Nothing: conditions are resolved one by one, so that what Or need not look at need not exist."""
        del step, scope
        return {}

    def run(self, attempt: Attempt) -> Success:
        """The outcome is ``true`` or ``false`` where it is read, ``True`` or ``False`` where it is shown."""
        try:
            outcome = conditions.all_hold(attempt.step.arguments.get("Conditions", []), attempt.scope)
        except ExpressionError as error:
            raise StepFailure(f"ClientError: {error}") from error
        return Success({"Outcome": str(outcome).lower()}, {"Condition": {"Outcome": str(outcome)}})


def _mistakes(written: Any, where: str) -> Iterator[str]:
    if not isinstance(written, list):
        yield f"{where} is not a list."
        return
    for index, condition in enumerate(written):
        place = f"{where}[{index}]"
        if not isinstance(condition, Mapping):
            yield f"{place} is not an object."
            continue
        kind = condition.get("Type")
        if kind not in conditions.TYPES:
            yield f"{place}: there is no condition of type {kind!r}.{hint(str(kind), conditions.TYPES)}"
            continue
        members = conditions.OPERANDS.get(kind) or (conditions.NESTED[kind],)
        for key in condition:
            if key not in ("Type", *members):
                yield f"{place}: Cannot parse object, unknown property {key!r}.{hint(key, members)}"
        for member in members:
            if member not in condition:
                yield f"{place}: {kind} has no {member}."
            elif kind in conditions.NESTED:
                inner = condition[member]
                yield from _mistakes(inner if kind == "Or" else [inner], f"{place}.{member}")
        if "Values" in members and not isinstance(condition.get("Values", []), list):
            yield f"{place}: Values is not a list."


CONDITION = ConditionStep(name="Condition", properties=("Outcome",))

"""What a change of the definition does to what a run can cost at most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_sagemaker.pipelines.definition import Definition, parse
from local_sagemaker.pipelines.expressions import expression
from pipelines.cost.estimate import most
from pipelines.cost.prices import prices
from pipelines.errors import UsageError


def cost_change(deployed: Mapping[str, Any] | None, local: Mapping[str, Any], region: str) -> list[str]:
    """A line for each step that may cost more or less than before, if it runs to its limit; none without prices."""
    try:
        table = prices(region)
    except UsageError:
        return []
    before, after = (
        {
            name: most(step.type, _with_defaults(step.arguments, each), table)
            for name, step in each.steps.items()
        }
        for each in (parse(deployed)[0] if deployed else Definition(), parse(local)[0])
    )
    lines = [
        f"~ {name}: at most {_money(before.get(name))} → at most {_money(after.get(name))}"
        for name in dict.fromkeys((*after, *before))
        if before.get(name) != after.get(name)
    ]
    totals = [sum(filter(None, each.values())) for each in (before, after)]
    return (
        [*lines, f"a run costs at most {_money(totals[0])} → {_money(totals[1])} US dollars"] if lines else []
    )


def _with_defaults(value: Any, definition: Definition) -> Any:
    if expression(value) == "Get":
        name = str(value["Get"]).removeprefix("Parameters.")
        parameter = definition.parameters.get(name)
        return parameter.default if parameter else value
    if isinstance(value, Mapping):
        return {key: _with_defaults(item, definition) for key, item in value.items()}
    return [_with_defaults(item, definition) for item in value] if isinstance(value, list) else value


def _money(amount: float | None) -> str:
    return f"{amount or 0:.2f}"

"""A fitted flow, cut down to some of its raw columns: the same operators on the same values, and what they give.

    part(flow, ["country"]).features    # what comes of the country, and of nothing else

Serving works a column of texts out once for each text; what a column gives by itself is what can be.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from containers.flow.fitted import FittedFlow, Step, step_applied
from containers.flow.table import Table, conform
from containers.flow_schema.formula import parse


@np.errstate(all="ignore")
def part(flow: FittedFlow, names: Collection[str]) -> FittedFlow:
    """The flow of the raw columns ``names`` alone; its features are those that need no other."""
    columns = {name: type_ for name, type_ in flow.columns.items() if name in names}
    nothing = np.array([None], dtype=object)
    table: Table = {name: conform(nothing, type_) for name, type_ in columns.items()}
    steps = []
    for step in flow.steps:
        inside = _inside(step, table)
        if inside is not None:
            table = step_applied(inside, table)
            steps.append(inside)
    features = tuple(name for name in flow.features if name in table)
    return replace(flow, columns=columns, steps=tuple(steps), features=features)


def own_texts(flow: FittedFlow) -> dict[str, FittedFlow]:
    """The columns of texts that share no feature with another column, and what each gives by itself."""
    found = {}
    for name, type_ in flow.columns.items():
        if type_ == "string":
            alone = part(flow, [name])
            others = part(flow, [other for other in flow.columns if other != name])
            if {*alone.features, *others.features} == set(flow.features):
                found[name] = alone
    return found


def _inside(step: Step, there: Table) -> Step | None:
    """The step with only the columns that are there; None where nothing of it is left."""
    if step["operator"] == "formula":
        if there and there.keys() >= set(parse(step["expression"]).columns):
            return step
        # What it computes is not to be had here, nor what stood under its name before.
        return {"operator": "drop", "columns": [step["column"]]}
    columns = step["columns"]
    if isinstance(columns, dict):
        columns = {name: new for name, new in columns.items() if name in there}
    else:
        columns = [name for name in columns if name in there]
    return {**step, "columns": columns} if columns or step["operator"] == "keep" else None

"""What is wrong in a use case's ``[tuning]`` table; all of it at once, in words. What is unwise: ``tuning_lint``.

The rules are SageMaker's, so that a mistake is found while settings are read and not by a job that has been refused.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from containers.training.hyperparameters import ALIASES, GROWING, KNOWN, parse
from pipelines.errors import suggestion
from steps.search import Direction, Range, Tuning

# What AWS's XGBoost image can be tuned by; metric definitions, which could add more, are refused for it.
# https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html
OBJECTIVES = (
    "accuracy", "auc", "error", "f1", "logloss", "mae", "map", "merror", "mlogloss", "mse", "ndcg", "rmse",
)  # fmt: skip
FIXED = ("problem", "num_class", "objective", "eval_metric", "booster", "tree_method", "seed")
MOST_RANGES, MOST_VALUES, MOST_JOBS, MOST_PARALLEL, MOST_MODELS = 30, 30, 750, 100, 5


def problems(tuning: Tuning, hyperparameters: Mapping[str, str]) -> list[str]:
    """Every mistake in ``tuning``, also while it is off; ``hyperparameters`` are those without a search."""
    if not tuning.enabled and not tuning.ranges:
        return []
    found = [
        *_objective(tuning, hyperparameters),
        *_ranges(tuning),
        *_strategy(tuning),
        *_limits(tuning),
    ]
    return [f"tuning.{problem}" for problem in found]


def direction(metric: str) -> Direction:
    """Which way ``validation:auc`` and its like get better."""
    return "Maximize" if metric.partition(":")[2] in (*GROWING, "accuracy", "f1") else "Minimize"


def cells(tuning: Tuning) -> int:
    """How many combinations a grid has."""
    return math.prod(len(searched.values) for searched in tuning.ranges.values())


def _objective(tuning: Tuning, hyperparameters: Mapping[str, str]) -> Iterator[str]:
    try:
        printed = parse(hyperparameters).metrics
    except ValueError:
        return  # said where the hyperparameters are checked
    known = [f"validation:{metric}" for metric in printed if metric in OBJECTIVES]
    objective = tuning.objective or f"validation:{printed[-1]}"
    if objective not in known:
        yield (
            f"objective: '{objective}' is not a metric that training prints and SageMaker reads. "
            f"{suggestion(objective, known)}"
        )
    elif tuning.direction not in (None, direction(objective)):
        yield f"direction: {objective} is to be {direction(objective)}d; leave the direction out"


def _ranges(tuning: Tuning) -> Iterator[str]:
    if not tuning.ranges:
        yield "ranges: name at least one hyperparameter to search, as in eta = {min = 0.02, max = 0.3}"
    if len(tuning.ranges) > MOST_RANGES:
        yield f"ranges: at most {MOST_RANGES} hyperparameters can be searched, got {len(tuning.ranges)}"
    for name, searched in tuning.ranges.items():
        place = f"ranges.{name}"
        if name in ALIASES:
            yield f"{place}: is another name for {ALIASES[name]}; write that"
        elif name not in KNOWN:
            yield f"{place}: there is no hyperparameter '{name}'. {suggestion(name, KNOWN)}"
        elif name in FIXED:
            yield f"{place}: cannot be searched: it changes what is learned or how it is measured, not how well"
        else:
            yield from (f"{place}: {problem}" for problem in _range(name, searched, tuning.strategy))


def _range(name: str, searched: Range, strategy: str) -> Iterator[str]:
    bounded = searched.min is not None or searched.max is not None
    if bool(searched.values) == bounded:
        yield "give min and max, or values"
        return
    if searched.values:
        yield from _values(name, searched)
        return
    if searched.min is None or searched.max is None:
        yield "give both min and max"
        return
    if strategy == "Grid":
        yield f"a grid has cells, so write the values that it shall try: values = [{searched.min}, {searched.max}]"
    if searched.min >= searched.max:
        yield f"min ({searched.min}) must be below max ({searched.max})"
    if searched.kind == "Continuous" and KNOWN[name].whole:
        yield f"{name} is a whole number, so its bounds are too: min = {searched.min:.0f}, max = {searched.max:.0f}"
    yield from _parsed(name, (searched.min, searched.max))
    yield from _scaled(searched, searched.min, searched.max)


def _values(name: str, searched: Range) -> Iterator[str]:
    if len(searched.values) > MOST_VALUES:
        yield f"at most {MOST_VALUES} values, got {len(searched.values)}"
    if len(set(searched.values)) < len(searched.values):
        yield "a value is there twice"
    if searched.scaling != "Auto":
        yield "scaling belongs to min and max"
    yield from _parsed(name, searched.values)


def _parsed(name: str, values: tuple[str | int | float, ...]) -> Iterator[str]:
    parameter = KNOWN[name]
    for value in values:
        try:
            parameter.parse(str(value))
        except ValueError as error:
            yield str(error)


def _scaled(searched: Range, low: float, high: float) -> Iterator[str]:
    if searched.scaling == "Logarithmic" and low <= 0:
        yield f"a logarithmic scale has no place for {low}: min must be above 0"
    if searched.scaling == "ReverseLogarithmic":
        if searched.kind == "Integer":
            yield "ReverseLogarithmic is for numbers, not for whole numbers"
        elif low < 0 or high >= 1:
            yield f"ReverseLogarithmic is for ranges from 0 to below 1, got {low} to {high}"


def _strategy(tuning: Tuning) -> Iterator[str]:
    hyperband = tuning.strategy == "Hyperband"
    if hyperband and tuning.early_stopping == "Auto":
        yield "early_stopping: Hyperband stops trials by its own rule; set it to 'Off'"
    for name, value in (("min_resource", tuning.min_resource), ("max_resource", tuning.max_resource)):
        if (value is not None) != hyperband:
            yield f"{name}: belongs to the strategy Hyperband, which needs it"
        elif value is not None and value < 1:
            yield f"{name}: must be at least 1, got {value}"
    if tuning.min_resource and tuning.max_resource and tuning.min_resource > tuning.max_resource:
        yield f"min_resource ({tuning.min_resource}) must not be above max_resource ({tuning.max_resource})"
    if tuning.strategy == "Grid" and tuning.jobs not in (None, cells(tuning)):
        yield f"jobs: the grid has {cells(tuning)} cells and tries each once; leave jobs out, got {tuning.jobs}"
    if tuning.strategy != "Grid" and tuning.jobs is None:
        yield "jobs: say how many trials the search may make"


def _limits(tuning: Tuning) -> Iterator[str]:
    jobs = cells(tuning) if tuning.strategy == "Grid" else tuning.jobs or 1
    bounds: tuple[tuple[str, float | None, int, int], ...] = (
        ("jobs", jobs, 1, MOST_JOBS),
        ("parallel", tuning.parallel, 1, min(jobs, MOST_PARALLEL)),
        ("top", tuning.top, 1, min(jobs, MOST_MODELS)),
        ("max_minutes", tuning.max_minutes, 2, 262_800),
        ("not_improving", tuning.not_improving, 3, MOST_JOBS),
        ("seed", tuning.seed, 0, 2**31 - 1),
    )
    for name, value, low, high in bounds:
        if value is not None and not low <= value <= high:
            yield f"{name}: must be between {low} and {high:,}, got {value:,}"
    if tuning.target is not None and tuning.top > 1:
        yield "top: with a target the first trial may be the last, so only one model is sure to be there: set it to 1"

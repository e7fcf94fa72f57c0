"""One step of a flow by itself: are its fields known, there, and of the right shape?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

from containers.flow_schema.operators import CYCLES, OPERATORS, Field, Operator, Step, complete


def field_problems(step: object) -> list[str]:
    """What is wrong with one step taken by itself: unknown, missing and misshapen fields."""
    if not isinstance(step, Mapping):
        return [f"expected a table, got {step!r}"]
    name = step.get("operator")
    if name is None:
        return [f"'operator' is missing: {_either(tuple(OPERATORS))}"]
    if not isinstance(name, str) or name not in OPERATORS:
        return [f"unknown operator {name!r}.{suggestion(name, OPERATORS)}"]
    operator = OPERATORS[name]
    known = {field.name for field in operator.fields}
    unknown = [key for key in step if key not in known | {"operator"}]
    found = [f"unknown field '{key}'.{suggestion(key, known)}" for key in unknown]
    for field in operator.fields:
        found += _field(operator, field, step)
    return found + (_relations(step) if not found else [])


def suggestion(name: object, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` where something known is close, else what is known."""
    names = sorted(known)
    close = get_close_matches(str(name), names, n=1)
    return f" Did you mean '{close[0]}'?" if close else f" Known: {', '.join(names)}."


def _field(operator: Operator, field: Field, step: Step) -> list[str]:
    """What is wrong with one field of a step."""
    chosen = step.get(operator.choice)
    if field.only and chosen not in field.only:
        if field.name in step and chosen in operator.field(operator.choice).choices:
            return [f"'{field.name}' goes with {operator.choice} {_either(field.only)}, not with {chosen!r}"]
        return []
    if field.name not in step:
        what = f": {_either(field.choices)}" if field.choices else f" ({field.help})"
        return [f"'{field.name}' is missing{what}"] if field.required else []
    wrong = KINDS[field.kind](field, step[field.name])
    return [f"'{field.name}' {wrong}"] if wrong else []


def _relations(step: Step) -> list[str]:
    """What no field shows by itself."""
    whole = complete(step)
    match whole:
        case {"operator": "outliers", "method": "clip"} if "lower" not in whole and "upper" not in whole:
            return ["'lower' or 'upper' is missing: the bounds to clip at"]
        case {"operator": "outliers", "lower": low, "upper": high} if low > high:
            return [f"'lower' ({low}) is above 'upper' ({high})"]
        case {"operator": "outliers", "lower_quantile": low, "upper_quantile": high} if low >= high:
            return [f"'lower_quantile' ({low}) must be below 'upper_quantile' ({high})"]
        case {"operator": "text", "strip": False, "lower": False}:
            return ["nothing to do: strip and lower are both false"]
        case {"operator": "date_parts", "cyclical": True, "parts": parts}:
            endless = [part for part in parts if part not in CYCLES]
            return [f"'{part}' does not come round again, so it cannot be cyclical" for part in endless]
    return []


def _either(choices: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _a_choice(field: Field, value: object) -> str:
    if value in field.choices:
        return ""
    return f"is {value!r}; it can be {_either(field.choices)}.{_close(value, field.choices)}"


def _some_choices(field: Field, value: object) -> str:
    wrong = _some_names(field, value)
    if wrong:
        return wrong
    assert isinstance(value, list | tuple)  # noqa: S101 - _some_names has just said so
    unknown = [item for item in value if item not in field.choices]
    if not unknown:
        return ""
    return f"has unknown {_either([repr(item) for item in unknown])}; known: {', '.join(field.choices)}"


def _some_names(_field: Field, value: object) -> str:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(item, str) for item in value):
        return f"must be a list of names, got {value!r}"
    twice = sorted({item for item in value if list(value).count(item) > 1})
    return f"names {', '.join(twice)} more than once" if twice else ""


def _some_renames(_field: Field, value: object) -> str:
    if isinstance(value, Mapping) and value and all(isinstance(new, str) and new for new in value.values()):
        return ""
    return f"must be a table of old name = new name, got {value!r}"


def _a_name(_field: Field, value: object) -> str:
    return "" if isinstance(value, str) and value.strip() else f"must be text, got {value!r}"


def _a_number(field: Field, value: object) -> str:
    if not _is_number(value):
        return f"must be a number, got {value!r}"
    assert isinstance(value, int | float)  # noqa: S101 - _is_number has just said so
    if field.low is not None and value < field.low:
        return f"is {value}; it must be at least {field.low}"
    if field.high is not None and value > field.high:
        return f"is {value}; it must be at most {field.high}"
    return ""


def _an_integer(field: Field, value: object) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"must be a whole number, got {value!r}"
    return _a_number(field, value)


def _a_boolean(_field: Field, value: object) -> str:
    return "" if isinstance(value, bool) else f"must be true or false, got {value!r}"


def _a_value(_field: Field, value: object) -> str:
    fits = isinstance(value, bool | str) or _is_number(value)
    return "" if fits else f"must be a number, text, true or false, got {value!r}"


def _rising_numbers(_field: Field, value: object) -> str:
    if not isinstance(value, list | tuple) or not value or not all(map(_is_number, value)):
        return f"must be a list of numbers, got {value!r}"
    rising = all(low < high for low, high in pairwise(value))
    return "" if rising else f"must rise, got {value!r}"


def _close(value: object, choices: Sequence[str]) -> str:
    close = get_close_matches(str(value), choices, n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


# How a field's value is held against its kind: "" or the end of the sentence "'field' …".
KINDS: dict[str, Callable[[Field, object], str]] = {
    "boolean": _a_boolean,
    "choice": _a_choice,
    "choices": _some_choices,
    "integer": _an_integer,
    "name": _a_name,
    "names": _some_names,
    "number": _a_number,
    "numbers": _rising_numbers,
    "renames": _some_renames,
    "value": _a_value,
}

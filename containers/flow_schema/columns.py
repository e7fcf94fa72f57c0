"""The columns of a flow, from the raw schema to the features: what is there, of which type, or where it went.

A step that is wrong is reported and then treated as if it had been right, so that one mistake is one message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from containers.contract import LABEL
from containers.flow_schema import formula
from containers.flow_schema.operators import NUMERIC, OPERATORS, Step

FORBIDDEN = "[]<"  # XGBoost refuses these in the name of a feature
REMEDIES = {
    "string": "encode it or drop it",
    "timestamp": "take date_parts of it or drop it",
}


@dataclass
class Travel:
    """The columns at one point of the flow, and what has been found so far."""

    types: dict[str, str]
    label: str
    multiclass: bool
    gone: dict[str, str] = field(default_factory=dict)  # name -> what became of it
    families: dict[str, str] = field(
        default_factory=dict
    )  # prefix of columns that only the data name -> by what
    found: list[tuple[int, str]] = field(default_factory=list)  # the step's number, and what is wrong
    number: int = 0
    where: str = ""

    def say(self, problem: str) -> None:
        """Note a problem of the present step."""
        self.found.append((self.number, f"{self.where}: {problem}"))

    def has(self, name: str) -> bool:
        """Whether the column may be there; if not, say so, with the nearest that is."""
        if name in self.types or any(name.startswith(prefix) for prefix in self.families):
            return True
        if name == self.label:
            self.say(f"'{name}' is the label; the flow makes features, and the label is no part of it")
        elif name in self.gone:
            self.say(f"'{name}' is not there any more: {self.gone[name]}")
        else:
            close = get_close_matches(name, self.types, n=1)
            hint = (
                f" Did you mean '{close[0]}'?" if close else f" There are: {', '.join(self.types) or 'none'}."
            )
            self.say(f"there is no column '{name}'.{hint}")
        return False

    def take(self, name: str, why: str) -> None:
        """The column leaves."""
        self.types.pop(name, None)
        self.gone[name] = f"{self.where} {why}"

    def add(self, name: str, type_: str) -> None:
        """A column arrives; a name that is taken is a problem."""
        if name in self.types:
            self.say(f"it would make a second column '{name}'")
        self.types[name] = type_
        self.gone.pop(name, None)


def follow(
    flow: Sequence[Step], columns: Mapping[str, str], label: str, *, multiclass: bool = False
) -> list[tuple[int, str]]:
    """What is wrong with the flow's use of columns: the number of the step, and the sentence."""
    travel = Travel({name: type_ for name, type_ in columns.items() if name != label}, label, multiclass)
    for number, step in enumerate(flow, 1):
        name = step.get("operator") if isinstance(step, Mapping) else None
        if isinstance(name, str) and name in EFFECTS:
            travel.number, travel.where = number, f"flow {number} ({name})"
            EFFECTS[name](travel, step)
            if name == "deduplicate" and any(
                earlier.get("operator") != name for earlier in flow[: number - 1]
            ):
                travel.say("put it first: equal rows leave before the split, everything else comes after it")
    return travel.found + [(len(flow) + 1, problem) for problem in _left_over(travel)]


def raw_columns(flow: Sequence[Step], columns: Mapping[str, str], label: str) -> dict[str, str]:
    """The raw columns (name -> type) that applying the flow reads: no label, nothing dropped unread."""
    needed = {name: type_ for name, type_ in columns.items() if name != label}
    touched: set[str] = set()
    for step in flow:
        match step:
            case {"operator": "deduplicate"}:
                continue  # a matter of the batch only
            case {"operator": "drop", "columns": names}:
                needed = {name: t for name, t in needed.items() if name in touched or name not in names}
            case {"operator": "keep", "columns": names}:
                needed = {name: t for name, t in needed.items() if name in touched or name in names}
        touched |= _read(step)
    return needed


def _read(step: Step) -> set[str]:
    """The columns that a step reads or makes."""
    if step["operator"] == "formula":
        return {step["column"], *formula.parse(step["expression"]).columns}
    return {*step["columns"]}


def _left_over(travel: Travel) -> list[str]:
    """What the flow leaves that no model can take."""
    found = [
        f"flow: '{name}' is still of type {type_} at the end; {REMEDIES[type_]}"
        for name, type_ in travel.types.items()
        if type_ in REMEDIES
    ]
    found += [
        f"flow: '{name}' cannot be the name of a feature (none of {' '.join(FORBIDDEN)}); rename it"
        for name in travel.types
        if set(name) & set(FORBIDDEN)
    ]
    if LABEL in travel.types:
        found.append(f"flow: '{LABEL}' is the label's name in prepared data; rename the feature")
    if not travel.types and not travel.families:
        found.append("flow: no feature is left at the end")
    return found


def _names(step: Step) -> list[str]:
    """The step's columns, as far as they make sense."""
    given = step.get("columns")
    return [name for name in given if isinstance(name, str)] if isinstance(given, list | tuple) else []


def _present(travel: Travel, step: Step) -> list[str]:
    """The step's columns that are there and of a type that the operator takes; the others are reported."""
    takes = OPERATORS[step["operator"]].takes
    present = [name for name in _names(step) if travel.has(name) and name in travel.types]
    for name in present:
        if travel.types[name] not in takes:
            fix = _fix(step, travel.types[name])
            travel.say(f"'{name}' is of type {travel.types[name]}; it takes {', '.join(takes)}.{fix}")
    return present


def _fix(step: Step, type_: str) -> str:
    """What would make a column of this type fit the step."""
    if step["operator"] in ("scale", "outliers", "bin"):
        return " Encode it first." if type_ == "string" else " Take date_parts of it first."
    if step["operator"] == "encode":
        return " Bin it first." if type_ == "number" else " Take date_parts of it first."
    return " Cast it first."


def _drop(travel: Travel, step: Step) -> None:
    for name in _names(step):
        if travel.has(name):
            travel.take(name, "dropped it")


def _keep(travel: Travel, step: Step) -> None:
    kept = [name for name in _names(step) if travel.has(name)]
    for name in [name for name in travel.types if name not in kept]:
        travel.take(name, "did not keep it")
    travel.families = {
        prefix: by for prefix, by in travel.families.items() if any(k.startswith(prefix) for k in kept)
    }


def _deduplicate(travel: Travel, step: Step) -> None:
    for name in _names(step):
        if name != travel.label:  # rows may well be compared by their label too
            travel.has(name)


def _rename(travel: Travel, step: Step) -> None:
    given = step.get("columns")
    pairs = given.items() if isinstance(given, Mapping) else ()
    present = [(old, new) for old, new in pairs if travel.has(old) and old in travel.types]
    types = {new: travel.types[old] for old, new in present}
    for old, new in present:
        travel.take(old, f"renamed it to '{new}'")
    for new, type_ in types.items():
        travel.add(str(new), type_)
    twice = sorted({new for _, new in present if [n for _, n in present].count(new) > 1})
    for new in twice:
        travel.say(f"it gives the name '{new}' to more than one column")


def _cast(travel: Travel, step: Step) -> None:
    for name in _present(travel, step):
        travel.types[name] = step.get("to", travel.types[name])


def _impute(travel: Travel, step: Step) -> None:
    strategy = step.get("strategy")
    for name in _present(travel, step):
        type_ = travel.types[name]
        if strategy in ("mean", "median") and type_ not in NUMERIC:
            travel.say(f"'{name}' is of type {type_} and has no {strategy}; use mode or constant")
        if strategy == "constant" and "value" in step and not _fits(step["value"], type_):
            travel.say(f"'{name}' is of type {type_}, which {step['value']!r} is not")
        if strategy == "indicator":
            travel.add(f"{name}_missing", "integer")


def _fits(value: Any, type_: str) -> bool:
    """Whether a constant can stand in a column of this type."""
    if type_ == "boolean":
        return isinstance(value, bool)
    if type_ in NUMERIC:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _text(travel: Travel, step: Step) -> None:
    _present(travel, step)


def _encode(travel: Travel, step: Step) -> None:
    for name in _present(travel, step):
        one_column = step.get("method") == "ordinal" or (
            step.get("method") == "target" and not travel.multiclass
        )
        if one_column:
            travel.types[name] = "number"
        else:
            travel.take(name, f"encoded it; its columns are called {name}_…")
            travel.families[f"{name}_"] = travel.where


def _number(travel: Travel, step: Step) -> None:
    for name in _present(travel, step):
        travel.types[name] = "number"


def _bin(travel: Travel, step: Step) -> None:
    for name in _present(travel, step):
        travel.types[name] = "integer"


def _date_parts(travel: Travel, step: Step) -> None:
    parts = step.get("parts")
    endings = ("_sin", "_cos") if step.get("cyclical") is True else ("",)
    for name in _present(travel, step):
        travel.take(name, "took it apart")
        for part in parts if isinstance(parts, list | tuple) else ():
            for ending in endings:
                travel.add(f"{name}_{part}{ending}", "integer" if not ending else "number")


def _formula(travel: Travel, step: Step) -> None:
    name, expression = step.get("column"), step.get("expression")
    if isinstance(expression, str) and expression.strip():
        try:
            parsed = formula.parse(expression)
            known = [column for column in parsed.columns if travel.has(column)]
            if len(known) == len(parsed.columns):
                # A column of a family is a number: encode made it.
                formula.check_types(parsed, {column: travel.types.get(column, "number") for column in known})
        except formula.FormulaError as error:
            travel.say(str(error))
    if isinstance(name, str) and name:
        if name == travel.label:
            travel.say(f"'{name}' is the label; give the new column another name")
        travel.types[name] = "number"
        travel.gone.pop(name, None)


EFFECTS: dict[str, Callable[[Travel, Step], None]] = {
    "bin": _bin,
    "cast": _cast,
    "date_parts": _date_parts,
    "deduplicate": _deduplicate,
    "drop": _drop,
    "encode": _encode,
    "formula": _formula,
    "impute": _impute,
    "keep": _keep,
    "outliers": _number,
    "rename": _rename,
    "scale": _number,
    "text": _text,
}

"""Where two JSON values differ, with items of lists matched by what names them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local_sagemaker.pipelines.expressions import expression
from local_sagemaker.pipelines.properties import item_names


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()  # on one side there is nothing; null is something


@dataclass(frozen=True)
class Change:
    """One place, and what stands there before and after."""

    path: str  # ``ProcessingInputs['code'].S3Input.S3Uri``
    old: Any
    new: Any


def changes(old: Any, new: Any, path: str = "") -> Iterator[Change]:
    """Every place where two values differ, the outermost that has no counterpart; expressions are values."""
    if expression(old) or expression(new):
        if _differ(old, new):
            yield Change(path, old, new)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(name for name in new if name not in old)]:
            where = f"{path}.{name}".removeprefix(".")
            yield from _side_by_side(old.get(name, ABSENT), new.get(name, ABSENT), where)
    elif isinstance(old, list) and isinstance(new, list):
        before, after = _keyed(old), _keyed(new)
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _side_by_side(before.get(key, ABSENT), after.get(key, ABSENT), f"{path}{key}")
    elif _differ(old, new):
        yield Change(path, old, new)


def shown(value: Any) -> str:
    """A value in one line: an expression as ``${…}``, a text as it is, the rest as JSON."""
    if value is ABSENT:
        return "nothing"
    if isinstance(value, str):
        return value
    kind = expression(value)
    if kind == "Get":
        return "${" + str(value["Get"]) + "}"
    if (
        kind == "Std:Join"
        and isinstance(value[kind], Mapping)
        and isinstance(value[kind].get("Values"), list)
    ):
        return str(value[kind].get("On", "")).join(map(shown, value[kind]["Values"]))
    return json.dumps(value, ensure_ascii=False)


def _side_by_side(old: Any, new: Any, path: str) -> Iterator[Change]:
    if old is ABSENT or new is ABSENT:
        yield Change(path, old, new)
    else:
        yield from changes(old, new, path)


def _differ(old: Any, new: Any) -> bool:
    """As JSON: 1 is not true, and not 1.0."""
    return json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)


def _keyed(items: list[Any]) -> dict[str, Any]:
    """The items by ``['name']`` where every one has a name of its own, by ``[index]`` otherwise."""
    names = [_name(item) for item in items]
    if all(names) and len(set(names)) == len(names):
        return {f"['{name}']": item for name, item in zip(names, items, strict=True)}
    return {f"[{index}]": item for index, item in enumerate(items)}


def _name(item: Any) -> str:
    named = next(iter(item_names(item)), "")
    key = item.get("Key") if isinstance(item, Mapping) else None  # of a tag
    return named or (key if isinstance(key, str) else "")

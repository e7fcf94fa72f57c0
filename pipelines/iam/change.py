"""What a change of the definition does to the permissions that its roles need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.iam.command import needs_of


def iam_change(deployed: Mapping[str, Any] | None, local: Mapping[str, Any], region: str) -> list[str]:
    """A line for each action that a role needs now, or needs no longer; none before there is something to compare."""
    del region
    if deployed is None:
        return []
    before, after = (
        {(who, need.action) for who, needs in needs_of(each).items() for need in needs}
        for each in (deployed, local)
    )
    lines = [f"+ {_called(who)} needs {action}" for who, action in sorted(after - before)]
    return [
        *lines,
        *(f"- {_called(who)} needs no {action} any more" for who, action in sorted(before - after)),
    ]


def _called(who: str) -> str:
    return who.rpartition("/")[2] if who.startswith("arn:") else f"the {who}"

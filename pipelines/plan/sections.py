"""What else follows from a change: permissions and cost. The one place where a further consequence is entered.

A section is a title and a function: the deployed definition (None where there is none yet), the local one and the
region in, lines out. No lines, no section. It reads the definitions only: a plan has asked the API enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.cost.change import cost_change
from pipelines.iam.change import iam_change

Definition = Mapping[str, Any]
Section = Callable[[Definition | None, Definition, str], list[str]]

SECTIONS: dict[str, Section] = {"permissions": iam_change, "cost": cost_change}


def consequences(deployed: Definition | None, local: Definition, region: str) -> dict[str, list[str]]:
    """Every section that has something to say."""
    said = {title: section(deployed, local, region) for title, section in SECTIONS.items()}
    return {title: lines for title, lines in said.items() if lines}

"""What else follows from a change: permissions and cost. The one place where a further consequence is entered.

A section is a title and a function: the deployed definition (None where there is none yet) and the local one in, lines
out. No lines, no section. It may read the definitions only, so that a plan stays as quick as its questions to the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Definition = Mapping[str, Any]
Section = Callable[[Definition | None, Definition], list[str]]

SECTIONS: dict[str, Section] = {}


def consequences(deployed: Definition | None, local: Definition) -> dict[str, list[str]]:
    """Every section that has something to say."""
    said = {title: section(deployed, local) for title, section in SECTIONS.items()}
    return {title: lines for title, lines in said.items() if lines}

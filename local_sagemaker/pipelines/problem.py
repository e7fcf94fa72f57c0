"""What is wrong with a definition: where, what, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """One finding. An error refuses the definition; a warning only says something."""

    where: str  # "Step 'Train'", "Parameter 'Rounds'", or "" for the definition as a whole
    message: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


def hint(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` where a known name is near, else the known names; begins with a space.

    Ends a sentence that has already said that ``name`` is unknown.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1, cutoff=0.6)
    if near:
        return f" Did you mean {near[0]!r}?"
    return f" (There is: {', '.join(names)}.)" if names else " (There is none.)"

"""What ends a bias analysis as a whole; a metric that merely has no value is ``bias_arithmetic.Undefined``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BiasError(ValueError):
    """The analysis cannot be done; the text opens with Clarify's own message where that is known."""


def one_of(names: Iterable[object]) -> str:
    """The names that would have been right, as the end of a message."""
    return f"(known: {', '.join(map(str, names))})"


def did_you_mean(name: object, names: Iterable[object]) -> str:
    """A suggestion as the end of a message; empty where no name is near."""
    near = difflib.get_close_matches(str(name), list(map(str, names)), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""

"""A limit on a bias metric, as a use case writes it: ``|DPPL| <= 0.10``, ``DI >= 0.8``. Standard library only.

The names are those of Clarify's 21 metrics; what they mean is in docs/guide/bias.md.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from containers.checks import OF_GROUPS, POST_TRAINING, PRE_TRAINING

METRICS = (*PRE_TRAINING, *POST_TRAINING)
GRAMMAR = re.compile(
    r"\s*(?P<open>\|?)\s*(?P<metric>\w+)\s*(?P<close>\|?)\s*(?P<side><=|>=)\s*(?P<bar>[-+.\w]+)\s*"
)
EXAMPLES = "write it as '|DPPL| <= 0.10' or 'DI >= 0.8'"


@dataclass(frozen=True)
class Limit:
    """What the value of a metric must be, or, where ``absolute``, its magnitude."""

    metric: str
    direction: Literal["at_least", "at_most"]
    bar: float
    absolute: bool = False

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``|DPPL| <= 0.10``.

        Raises:
            ValueError: it is no limit, names no metric of Clarify's, or nothing could ever meet it.
        """
        found = GRAMMAR.fullmatch(text)
        if found is None or found["open"] != found["close"]:
            raise ValueError(f"'{text}' is no limit; {EXAMPLES}")
        metric = found["metric"]
        if metric not in METRICS:
            near = get_close_matches(metric.upper(), METRICS, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(METRICS)}."
            raise ValueError(f"'{text}': there is no bias metric '{metric}'. {hint}")
        try:
            bar = float(found["bar"])
        except ValueError:
            bar = math.nan
        if not math.isfinite(bar):
            raise ValueError(f"'{text}': '{found['bar']}' is no number; {EXAMPLES}")
        limit = cls(metric, "at_most" if found["side"] == "<=" else "at_least", bar, bool(found["open"]))
        if limit.absolute and limit.direction == "at_most" and bar < 0:
            raise ValueError(f"'{text}': a magnitude is never below 0")
        return limit

    @property
    def name(self) -> str:
        """What is compared: ``DI``, or ``|DPPL|``."""
        return f"|{self.metric}|" if self.absolute else self.metric

    @property
    def grouped(self) -> bool:
        """Does its metric need a group variable?"""
        return self.metric in OF_GROUPS

    def of(self, value: float) -> float:
        """What is compared with the bar where the metric is ``value``."""
        return abs(value) if self.absolute else value

    def __str__(self) -> str:
        return f"{self.name} {'<=' if self.direction == 'at_most' else '>='} {self.bar:g}"

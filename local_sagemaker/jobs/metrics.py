"""Metrics that a training job prints: regular expressions over its log, as MetricDefinitions give them.

https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_sagemaker.errors import ValidationException
from local_sagemaker.logs import Event, parse_line

_LONGEST_LINE = 10_000  # characters; an expression is not let loose on more


@dataclass(frozen=True)
class Definition:
    """One metric: its name, and an expression whose first group is the number."""

    name: str
    pattern: re.Pattern[str]
    needs: str  # a text without which it cannot match: AWS has 66 definitions for XGBoost alone


def definitions(wire: Iterable[Mapping[str, str]]) -> tuple[Definition, ...]:
    """MetricDefinitions of a request. Raises ValidationException for one that is no regular expression."""
    return tuple(
        Definition(each["Name"], _compiled(each["Name"], each["Regex"]), _literal(each["Regex"]))
        for each in wire
    )


# The shape of AWS's own definitions: .*\[[0-9]+\].*#011validation-auc:([-+]?[0-9]*…
_AWS_OWN = re.compile(r"\.\*\\\[\[0-9\]\+\\\]\.\*(#011[\w-]+:)\(.*\)\.\*")


def _literal(regex: str) -> str:
    found = _AWS_OWN.fullmatch(regex)
    return found[1] if found else ""


def _compiled(name: str, regex: str) -> re.Pattern[str]:
    try:
        return re.compile(regex)
    except re.error as error:
        raise ValidationException(
            f"The Regex of the metric definition {name!r} is not a regular expression: {error} in {regex!r}"
        ) from None


class Reader:
    """Follows a log while it grows; each call of ``read`` takes in what was added since."""

    def __init__(
        self, log: Path, wanted: tuple[Definition, ...], seen: Callable[[float], None] | None = None
    ) -> None:
        """``seen`` is called with every value, in the order in which they were printed."""
        self._log = log
        self._wanted = wanted
        self._seen = seen
        self._position = 0
        self._lock = threading.Lock()  # the job's thread reads, and whoever describes the job
        self._last: dict[str, dict[str, Any]] = {}

    def read(self) -> list[dict[str, Any]]:
        """FinalMetricDataList: the last value of each metric that was seen, in the order of the definitions."""
        with self._lock:
            if self._wanted and self._log.exists():
                self._go_on()
            return [self._last[each.name] for each in self._wanted if each.name in self._last]

    def _go_on(self) -> None:
        with self._log.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):  # still being written
                    break
                self._position += len(line)
                self._take(parse_line(line.decode("utf-8", "replace")))

    def _take(self, event: Event) -> None:
        # CloudWatch shows a tab as #011, and AWS's own definitions for XGBoost look for that.
        text = event.message[:_LONGEST_LINE]
        texts = (text, text.replace("\t", "#011")) if "\t" in text else (text,)
        for each in self._wanted:
            if each.needs not in texts[-1]:
                continue
            found = next(filter(None, map(each.pattern.search, texts)), None)
            value = _number(found)
            if value is not None:
                self._last[each.name] = {
                    "MetricName": each.name,
                    "Value": value,
                    "Timestamp": event.timestamp / 1000,
                }
                if self._seen:
                    self._seen(value)


def _number(found: re.Match[str] | None) -> float | None:
    if found is None or not found.groups() or found[1] is None:
        return None
    try:
        value = float(found[1])
    except ValueError:
        return None
    return value if math.isfinite(value) else None  # JSON has no NaN, and neither has CloudWatch

"""Results of earlier executions, used again.

A step hits when an earlier run of the same step of the same pipeline succeeded with equal key attributes,
not longer ago than ExpireAfter; of several such runs the latest counts. The key attributes are AWS's, one
list for each step type; data behind an S3 URI is not looked at.
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching.html
"""

from __future__ import annotations

import hashlib
import json
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from local_sagemaker.records import Records

Key = dict[str, Any]  # the key attributes of a step's resolved arguments

_DURATION = re.compile(
    r"P?(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.IGNORECASE,
)
_DAY = 24 * 3600
_SECONDS = {
    "years": 365 * _DAY,
    "months": 30 * _DAY,
    "weeks": 7 * _DAY,
    "days": _DAY,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}


@dataclass(frozen=True)
class Hit:
    """An earlier run whose results count as this step's."""

    execution_arn: str
    metadata: Mapping[str, Any]
    properties: Mapping[str, Any]


class StepCache:
    """The successful runs of one pipeline's steps."""

    def __init__(self, records: Records, pipeline: str) -> None:
        self._records = records
        self._kind = cache_kind(pipeline)

    def find(self, step: str, key: Key, since: float) -> Hit | None:
        """The latest run of the step with that key that ended at ``since`` (epoch seconds) or later."""
        found = self._records.get(self._kind, f"{step}/{_digest(key)}")
        if found is None or found["EndTime"] < since:
            return None
        return Hit(found["ExecutionArn"], found["Metadata"], found["Properties"])

    def why_missed(self, step: str, key: Key) -> str:
        """What differs from the step's latest successful run."""
        last = self._records.get(self._kind, step)
        if last is None:
            return "this step has not succeeded before"
        changes = list(differences(last["Key"], key))
        if not changes:
            return "the latest run with equal arguments is older than ExpireAfter"
        shown = "; ".join(changes[:3])
        return f"changed since {last['ExecutionArn'].rpartition('/')[2]}: {shown}" + (
            f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
        )

    def remember(self, step: str, key: Key, end_time: float, hit: Hit) -> None:
        """Keep a successful run for later executions."""
        self._keep(
            f"{step}/{_digest(key)}",
            {
                "ExecutionArn": hit.execution_arn,
                "EndTime": end_time,
                "Metadata": dict(hit.metadata),
                "Properties": dict(hit.properties),
            },
        )
        self._keep(step, {"ExecutionArn": hit.execution_arn, "EndTime": end_time, "Key": key})

    def _keep(self, name: str, document: dict[str, Any]) -> None:
        with self._records.together():  # two executions may end the same step at the same time
            self._records.delete(self._kind, name)
            self._records.create(self._kind, name, document)


def cache_kind(pipeline: str) -> str:
    """The kind of record in which a pipeline's results are kept."""
    return f"PipelineStepCache/{pipeline}"


def seconds(duration: str) -> float:
    """An ISO 8601 duration: ``P30D``, ``PT12H``, and ``t12h`` as the SDK shows it. Raises ValueError."""
    match = _DURATION.fullmatch(duration)
    parts = {unit: int(count) for unit, count in match.groupdict().items() if count} if match else {}
    if not parts:
        raise ValueError(f"{duration!r} is not an ISO 8601 duration such as P30D or PT12H")
    return float(sum(count * _SECONDS[unit] for unit, count in parts.items()))


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where two values differ, as ``path: before -> after``."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            where = f"{path}.{name}".removeprefix(".")
            if name in before and name in after:
                yield from differences(before[name], after[name], where)
            else:
                yield f"{where}: {'removed' if name in before else 'added'}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path}[{index}]")
    elif isinstance(before, str) and isinstance(after, str) and before != after:
        same = sum(1 for _ in takewhile(bool, map(operator.eq, before, after)))
        start = same - 15 if same > 30 else 0  # of two long URIs, the part that differs is what matters
        yield f"{path}: {_short(before, start)} -> {_short(after, start)}"
    elif before != after:
        yield f"{path}: {_short(before)} -> {_short(after)}"


def _short(value: Any, start: int = 0) -> str:
    text = json.dumps(f"…{value[start:]}" if start else value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _digest(key: Key) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()

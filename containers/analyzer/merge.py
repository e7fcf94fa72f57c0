"""Join captured data with what turned out to be true, as SageMaker Model Monitor's merger image does.

    dataset_source=captured ground_truth_source=truth output_path=merged python -m containers.analyzer.merge

Captured data and truth are JSON Lines, a record each; a truth belongs to the record whose ``inferenceId`` it names, or
``eventId`` where that record has no ``inferenceId``. What finds no partner is left out, counted and said. The merged
files lie below ``output_path`` as the captured ones lay below ``dataset_source``.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from containers import contract
from containers.analyzer import monitor_exit
from containers.analyzer.capture import DATA, METADATA, TRUTH, event, of_shadow
from containers.analyzer.monitor_rows import records
from containers.analyzer.reading import files
from containers.processing.job import DataError

VERSION = "eventVersion"


@dataclass
class Counts:
    """What became of the records."""

    merged: int = 0
    without_truth: int = 0  # captured, and nothing is known of it yet
    without_capture: int = 0  # truths of something that was not captured

    @property
    def message(self) -> str:
        """The job's last words."""
        return (
            f"Completed: Job completed successfully. Merged {self.merged} records; {self.without_truth} captured "
            f"records had no ground truth, {self.without_capture} ground truths had no captured record."
        )


def main(environment: Mapping[str, str], base: Path = Path(contract.BASE)) -> str:  # noqa: ARG001 - as the analyzer's
    """Merge what ``environment`` names; the message that the job ends with.

    Raises:
        DataError: a variable or a folder is missing, a record is none, or nothing fits together.
    """
    captured, truths, output = (
        Path(_required(environment, name))
        for name in ("dataset_source", "ground_truth_source", "output_path")
    )
    known = dict(_truths(truths))
    counts, used = Counts(), set[str]()
    for path in files(_there(captured, "dataset_source")):
        relative = path.relative_to(captured) if captured.is_dir() else Path(path.name)
        _write(_merged(path, known, counts, used), output / relative)
    counts.without_capture = len(known.keys() - used)
    if not counts.merged:
        raise DataError(
            f"no captured record has a ground truth: {counts.without_truth} records in {captured}, {len(known)} "
            f"ground truths in {truths}; do their inferenceId and eventId agree?"
        )
    return counts.message


def _truths(source: Path) -> Iterator[tuple[str, Any]]:
    """Each truth by its event; of several for one event, the last counts."""
    for path in files(_there(source, "ground_truth_source")):
        for where, record in records(path):
            name = event(record)
            if name is None or not isinstance(record.get(TRUTH), dict):
                raise DataError(
                    f"{where}: no ground truth; it needs {TRUTH!r}, and {METADATA!r} with an 'eventId'"
                )
            yield name, record[TRUTH]


def _merged(path: Path, known: Mapping[str, Any], counts: Counts, used: set[str]) -> Iterator[dict[str, Any]]:
    """The captured records of one file that have a truth, with it."""
    for where, record in records(path):
        name = event(record)
        if name is None or not isinstance(record.get(DATA), dict):
            raise DataError(
                f"{where}: no captured record; it needs {DATA!r}, and {METADATA!r} with an 'eventId'"
            )
        if of_shadow(record):
            continue
        if name not in known:
            counts.without_truth += 1
            continue
        counts.merged += 1
        used.add(name)
        yield {
            VERSION: record.get(VERSION, "0"),
            TRUTH: known[name],
            DATA: record[DATA],
            METADATA: record[METADATA],
        }


def _write(merged: Iterator[dict[str, Any]], path: Path) -> None:
    """The records as JSON Lines; no file where there are none."""
    first = next(merged, None)
    if first is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for record in chain([first], merged):
            file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")


def _there(path: Path, variable: str) -> Path:
    if not path.exists():
        raise DataError(f"{variable}: there is no {path}")
    return path


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise DataError(f"the environment variable {name!r} is missing")
    return value


if __name__ == "__main__":
    sys.exit(monitor_exit.run(main, os.environ, Path(contract.BASE)))

"""The answers of a transform job beside the rows that they are of, part by part."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing.job import DataError
from containers.processing.score_partitions import Target, with_partitions


@dataclass
class Count:
    """What came back."""

    sent: int
    answered: int
    refused: int
    first: str  # what is wrong with the first row that the model refused
    decisions: Counter[Any]


def join(
    paths: ProcessingPaths,
    folder: Path,
    batch: Mapping[str, Any],
    settings: Mapping[str, Any],
    target: Target,
    refused: Path,
) -> Count:
    """Leave each part of the rows in ``folder`` with its answers and partitions; rows without one go to ``refused``.

    Raises:
        DataError: rows are missing among the answers, are there twice, or are none that were sent.
    """
    count, before = Count(0, 0, 0, "", Counter()), 0
    with refused.open("w", encoding="utf-8") as out:
        for file in sorted(paths.input(contract.TABLE).glob("*.parquet")):
            table = pq.read_table(file)
            answers = _answers(paths.input(contract.SCORES) / f"{file.stem}.jsonl.out", before, len(table))
            before += len(table)
            good, bad = (
                [place for place, each in enumerate(answers) if ("error" in each) == wrong]
                for wrong in (False, True)
            )
            for place, values in zip(bad, _take(table, bad).to_pylist(), strict=True):
                message = answers[place]["error"].get("message", "")
                count.first = count.first or message
                line = {"message": message, "values": values}
                out.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            columns = _columns([answers[place] for place in good])
            added = {**columns, contract.MODEL_VERSION: [batch["model_version"]] * len(good)}
            whole = _take(table, good)
            for name, values in added.items():
                whole = whole.append_column(name, pa.array(values))
            pq.write_table(with_partitions(whole, settings, target), folder / file.name)
            count.sent += len(table)
            count.answered += len(answers)
            count.refused += len(bad)
            count.decisions.update(columns.get(contract.DECISION, ()))
    return count


def _take(table: pa.Table, places: Sequence[int]) -> pa.Table:
    return table.take(pa.array(places, pa.int64()))


def _answers(file: Path, first: int, rows: int) -> list[dict[str, Any]]:
    """What was answered for the rows ``first`` to ``first + rows``, in their order."""
    if not file.is_file():
        raise DataError(f"{rows:,} rows were sent in one object, and no {file.name} came back")
    found: dict[int, dict[str, Any]] = {}
    twice: list[int] = []
    for number, line in enumerate(_lines(file), 1):
        try:
            document = json.loads(line)
            row, answer = int(document[contract.ROW]), dict(document[contract.ANSWER])
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{file.name}, line {number}: no answer to a row: {line[:80]!r}") from None
        if row in found:
            twice.append(row)
        found[row] = answer
    wanted = range(first, first + rows)
    absent = [row for row in wanted if row not in found]
    strange = [row for row in found if row not in wanted]
    wrong = [
        f"{len(places):,} {what} (the first: row {places[0]:,})"
        for what, places in (("are missing", absent), ("came twice", twice), ("were not sent", strange))
        if places
    ]
    if wrong:
        raise DataError(
            f"{file.name}: {rows:,} rows were sent, {len(found) + len(twice):,} came back: {', '.join(wrong)}"
        )
    return [found[row] for row in wanted]


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8") as lines:
        yield from filter(str.strip, lines)


def _columns(answers: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The answers, column by column; the probabilities of several classes have one each."""
    flat = [
        {
            **{name: value for name, value in each.items() if not isinstance(value, dict)},
            **{
                f"{contract.PROBABILITY}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}": value
                for name, value in each.get("probabilities", {}).items()
            },
        }
        for each in answers
    ]
    names = list(flat[0]) if flat else []
    return {name: [each.get(name) for each in flat] for name in names}

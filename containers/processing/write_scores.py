"""Put the answers of a transform job beside their rows, and write them as partitioned Parquet.

    python -m containers.processing.write_scores --destination s3://bucket/scores --execution abc --started 2026-…

Every row that was sent must have come back, once; what is written is counted again where it lies. A partition that this
run writes is emptied first, so a job that is tried again leaves its rows once.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing.job import DataError, read_settings, run

MOST_PARTITIONS = 1000
NONE = "__HIVE_DEFAULT_PARTITION__"  # what Athena and Spark read as no value
SAFE = " .:~@+=-_"  # beside letters and digits, what stands in a partition's name as it is


@dataclass(frozen=True)
class Target:
    """Where the scores go, and which run they are of."""

    destination: str
    execution: str
    started: str  # ISO 8601; the day of the run, however late its last step is
    kms_key: str = ""
    database: str = ""  # of the Glue catalogue; without one, nothing is registered there
    table: str = ""


def main(paths: ProcessingPaths, target: Target) -> None:
    """Join, write, count, and leave the outputs ``summary`` and ``rejected``.

    Raises:
        DataError: rows and answers do not go together, too many rows are refused, or what was written is not all.
    """
    settings = read_settings(paths)
    batch = json.loads((paths.input(contract.BATCH) / contract.BATCH_FILE).read_text(encoding="utf-8"))
    by, refused = settings["batch"]["partition_by"], paths.output(contract.REJECTED)
    refused.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scores-") as folder:
        count = join(paths, Path(folder), batch, settings, target, refused / contract.REJECTED_FILE)
        _check(count, batch["rows"], settings["batch"]["max_bad_rows"])
        written = write(Path(folder), target, [partition(name, settings) for name in by])
    rows = {**batch["rows"], "refused": count.refused, "written": written.rows}
    if rows["written"] + rows["refused"] + rows["rejected"] != rows["read"]:
        raise DataError(
            f"{rows['read']:,} rows read, {rows['rejected']:,} left out, {rows['refused']:,} refused by the model; "
            f"{rows['read'] - rows['rejected'] - rows['refused']:,} should be written, and {rows['written']:,} lie in "
            f"{target.destination}"
        )
    summary = {
        "version": 1,
        contract.PACKAGE_PATH: batch[contract.PACKAGE_PATH],
        "model_version": batch["model_version"],
        "source": batch["source"],
        "destination": target.destination,
        "rows": rows,
        "decisions": {str(name): found for name, found in count.decisions.most_common(20)},
        "partitions": written.partitions,
        "objects": written.objects,
    }
    output = paths.output(contract.SUMMARY)
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)
    (output / contract.SUMMARY_FILE).write_text(text + "\n", encoding="utf-8")
    print(
        f"{rows['written']:,} rows in {len(written.partitions):,} partitions of {target.destination}",
        flush=True,
    )


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
    by = settings["batch"]["partition_by"]
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
            for name in by:
                whole = _with(whole, partition(name, settings), _partition(whole, name, target))
            pq.write_table(whole, folder / file.name)
            count.sent += len(table)
            count.answered += len(answers)
            count.refused += len(bad)
            count.decisions.update(columns.get(contract.DECISION, ()))
    return count


@dataclass(frozen=True)
class Written:
    """What lies in the destination now."""

    rows: int
    partitions: Sequence[str]
    objects: int


def write(folder: Path, target: Target, by: Sequence[str]) -> Written:
    """Write the parts in ``folder``, and count what lies there then.

    Raises:
        DataError: there are too many partitions.
    """
    import awswrangler as wr
    import boto3

    files = sorted(folder.glob("*.parquet"))
    partitions = sorted(
        {_prefix(by, row) for file in files for row in pq.read_table(file, columns=list(by)).to_pylist()}
    )
    if len(partitions) > MOST_PARTITIONS:
        raise DataError(
            f"[batch] partition_by makes {len(partitions):,} partitions of {', '.join(by)}; at most "
            f"{MOST_PARTITIONS:,} are sensible: choose columns with fewer values"
        )
    root = target.destination.rstrip("/")
    session = boto3.Session()  # without one, awswrangler makes another for each call, half a second each
    shared = os.path.commonpath(partitions) if partitions else ""
    emptied = tuple(f"{root}/{each}" for each in partitions)
    left = [
        uri
        for uri in wr.s3.list_objects(f"{root}/{shared}", boto3_session=session)
        if uri.startswith(emptied)
    ]
    if left:
        wr.s3.delete_objects(left, boto3_session=session)
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": target.kms_key} if target.kms_key else None
    catalogue: dict[str, Any] = {}
    if target.database:
        wr.catalog.create_database(target.database, exist_ok=True, boto3_session=session)
        catalogue = {"database": target.database, "table": target.table}
    made: list[str] = []
    for file in files:
        frame = pq.read_table(file).to_pandas(types_mapper=pd.ArrowDtype)
        if len(frame):
            made += wr.s3.to_parquet(
                frame,
                path=f"{root}/",
                dataset=True,
                mode="append",
                partition_cols=list(by) or None,
                filename_prefix=f"{file.stem}-",
                s3_additional_kwargs=kms,
                boto3_session=session,
                **catalogue,
            )["paths"]
    found = (
        wr.s3.read_parquet(path=made, columns=[contract.MODEL_VERSION], boto3_session=session) if made else ()
    )
    return Written(len(found), partitions, len(made))


def partition(name: str, settings: Mapping[str, Any]) -> str:
    """What a partition is called: of a time, its day; a column that rows are parted by stands in the folders' names."""
    return f"{name}_date" if settings["columns"].get(name) == "timestamp" else name


def _partition(table: pa.Table, name: str, target: Target) -> pa.Array:
    """The values of a partition, as texts that can be names of folders."""
    if name == contract.RUN_DATE:
        return pa.array([target.started[:10]] * len(table), pa.string())
    if name == contract.EXECUTION:
        return pa.array([target.execution] * len(table), pa.string())
    column = table.column(name)
    texts = (
        pc.strftime(column, "%Y-%m-%d") if pa.types.is_timestamp(column.type) else column.cast(pa.string())
    )
    distinct = {
        text: quote(text, safe=SAFE) or NONE for text in texts.unique().to_pylist() if text is not None
    }
    return pa.array([distinct.get(text, NONE) for text in texts.to_pylist()], pa.string())


def _take(table: pa.Table, places: Sequence[int]) -> pa.Table:
    return table.take(pa.array(places, pa.int64()))


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, values)
    return table.append_column(name, values)


def _prefix(by: Sequence[str], row: Mapping[str, str]) -> str:
    return "".join(f"{name}={row[name]}/" for name in by)


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


def _check(count: Count, rows: Mapping[str, int], most: float) -> None:
    if count.sent != rows["sent"]:
        raise DataError(f"{rows['sent']:,} rows were to be scored, and {count.sent:,} lie in the table")
    bad = rows["rejected"] + count.refused
    if count.refused and bad > most * rows["read"]:
        raise DataError(
            f"{count.refused:,} rows are refused by the model and {rows['rejected']:,} were left out before, of "
            f"{rows['read']:,}; [batch] max_bad_rows allows {most:.2%}. The first: {count.first}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="write_scores", description=(__doc__ or "").split("\n", 1)[0])
    for name in ("destination", "execution", "started"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("kms-key", "database", "table"):
        parser.add_argument(f"--{name}", default="")
    sys.exit(run(main, ProcessingPaths(), Target(**vars(parser.parse_args()))))

"""Put the answers of a transform job beside their rows, and write them as partitioned Parquet.

    python -m containers.processing.write_scores --destination s3://bucket/scores --execution abc --started 2026-…

Every row that was sent must have come back, once; what is written is counted again where it lies. A partition that this
run writes is emptied first, so a job that is tried again leaves its rows once.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing.job import DataError, read_settings, run
from containers.processing.score_answers import Count, join
from containers.processing.score_partitions import Target, partition, write


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

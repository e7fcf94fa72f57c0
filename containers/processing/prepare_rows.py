"""Make raw rows ready for a transform job, for the model that is approved at this moment.

    python -m containers.processing.prepare_rows --group roaming --source s3://bucket/rows/

Asks the registry for the latest approved package and reads the rows as that model's flow reads them. Good rows become
JSON Lines, which keep every value as it is whatever it holds, beside a table of the same rows with all their columns.
Bad rows are kept apart, each with what is wrong with it; more of them than the use case allows fail the job.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from containers import aws, contract
from containers.contract import ProcessingPaths
from containers.flow import FittedFlow
from containers.processing.batch_parts import Parts
from containers.processing.batch_rows import Expected, Piece, Rejected, pieces
from containers.processing.ingest import SOURCES
from containers.processing.job import DataError, read_settings, run
from containers.processing.model_archive import load_flow
from containers.registry import latest_approved

SHOWN = 3  # bad rows that a message shows


def main(paths: ProcessingPaths, group: str, source: str, sagemaker: Any = None, s3: Any = None) -> None:
    """Make the outputs ``rows``, ``table``, ``rejected`` and ``batch``; the last two arguments are boto3's clients.

    Raises:
        DataError: no package is approved, there are no rows, a file is no file of such rows, or too many are bad.
    """
    settings = read_settings(paths)
    package, flow = approved(group, sagemaker or aws.client("sagemaker"), s3 or aws.client("s3"))
    print(f"{package['ModelPackageArn']} is the latest approved model of {group}", flush=True)
    expected = Expected(
        types={**settings["columns"], **flow.columns},
        needed=list(flow.columns),
        label=settings["label"],
        source=settings["source"],
    )
    columns = list(flow.columns)
    count = Count()
    with Parts(paths, columns) as parts, _open(paths) as rejected:
        for uri, piece in _pieces(source, expected):
            count.add(uri, piece)
            rejected.writelines(
                json.dumps(bad.document(uri), ensure_ascii=False, default=str) + "\n"
                for bad in piece.rejected
            )
            parts.add(piece.good, uri)
    rejected_share(count, settings["batch"]["max_bad_rows"], source)
    report = {
        "version": 1,
        contract.PACKAGE_PATH: package["ModelPackageArn"],
        "model_version": package["ModelPackageVersion"],
        "source": source,
        "objects": count.objects,
        "rows": {"read": count.read, "rejected": count.bad, "sent": count.read - count.bad},
    }
    _write_json(paths.output(contract.BATCH) / contract.BATCH_FILE, report)
    print(
        f"{count.read:,} rows read, {count.bad:,} left out, {count.read - count.bad:,} to be scored",
        flush=True,
    )


def approved(group: str, sagemaker: Any, s3: Any) -> tuple[Mapping[str, Any], FittedFlow]:
    """The latest approved package of ``group`` and its model's flow."""
    try:
        package = latest_approved(sagemaker, group)
    except (BotoCoreError, ClientError) as error:
        raise DataError(f"the registry does not answer for the group {group}: {error}") from None
    if package is None:
        raise DataError(
            f"no package of the group {group} is approved, so there is no model to score with. "
            "Approve one: python -m pipelines approve VERSION"
        )
    uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        try:
            s3.download_file(bucket, key, str(Path(folder) / contract.MODEL_ARCHIVE))
        except (BotoCoreError, ClientError) as error:
            raise DataError(f"{uri}, of {package['ModelPackageArn']}, cannot be read: {error}") from None
        return package, load_flow(Path(folder))


def rejected_share(count: Count, most: float, source: str) -> None:
    """Whether there are rows to score, and not too many bad ones.

    Raises:
        DataError: which it is, with the first bad rows.
    """
    if not count.read:
        raise DataError(f"{source}: there are no rows to score")
    first = "; ".join(f"{uri}, row {bad.row}: {bad.message}" for uri, bad in count.first)
    if count.bad > most * count.read:
        raise DataError(
            f"{count.bad:,} of {count.read:,} rows are bad ({count.bad / count.read:.2%}; [batch] max_bad_rows allows "
            f"{most:.2%}): {first}. All of them are in the output '{contract.REJECTED}'"
        )
    if count.bad == count.read:
        raise DataError(f"{source}: every row is bad: {first}")


class Count:
    """How many rows there are, and the first bad ones."""

    def __init__(self) -> None:
        self.objects: list[str] = []
        self.read = self.bad = 0
        self.first: list[tuple[str, Rejected]] = []

    def add(self, uri: str, piece: Piece) -> None:
        """Count a piece of ``uri``."""
        if uri not in self.objects[-1:]:
            self.objects.append(uri)
        self.read += piece.rows
        self.bad += len(piece.rejected)
        room = SHOWN - len(self.first)
        self.first += [(uri, bad) for bad in piece.rejected[: max(room, 0)]]


def _pieces(source: str, expected: Expected) -> Iterator[tuple[str, Piece]]:
    for uri, copy in SOURCES[expected.source["kind"]](source):
        for piece in pieces(copy, uri, expected):
            yield uri, piece


def _open(paths: ProcessingPaths) -> IO[str]:
    folder = paths.output(contract.REJECTED)
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / contract.REJECTED_FILE).open("w", encoding="utf-8")


def _write_json(file: Path, document: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="prepare_rows", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--group", required=True, help="the model package group")
    parser.add_argument("--source", required=True, help="s3://bucket/key of one object, or a prefix of many")
    given = parser.parse_args()
    sys.exit(run(main, ProcessingPaths(), group=given.group, source=given.source))

"""Writing scores: every row once, with its own answer, in its partition, and nothing that does not add up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awswrangler as wr
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing import score_answers, score_partitions, write_scores
from containers.processing.job import DataError
from containers.processing.score_partitions import Target

BUCKET = "write-scores"
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/g/3"
TIMES = ["2026-03-01T23:30:00Z", "2026-03-02T00:30:00Z", None, "2026-03-02T12:00:00Z"]
Write = Callable[..., dict[str, Any]]


def table() -> pa.Table:
    times = pa.array(pd.to_datetime(TIMES, utc=True), pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            "id": ["a", "b", "c", "d"],
            "n": pa.array([1, None, 3, 2**62], pa.int64()),
            "when": times,
            "tariff": ["x/y", "z", None, "z"],
        }
    )


def answer(row: int, **more: Any) -> dict[str, Any]:
    return {"row": row, "SageMakerOutput": {"decision": row % 2, "probability": 0.1 + row / 7, **more}}


ANSWERS = [answer(row) for row in range(4)]


@pytest.fixture(autouse=True)
def service(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, client: Callable[[str], Any]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    s3 = client("s3")
    if BUCKET not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)


@pytest.fixture
def destination(request: pytest.FixtureRequest) -> str:
    return f"s3://{BUCKET}/{abs(hash(request.node.nodeid))}"


@pytest.fixture
def write(tmp_path: Path, destination: str) -> Write:
    """Runs the job on one part, or on a part of each table; gives the summary."""

    def run(
        answers: list[dict[str, Any]] | None = None,
        *parts: tuple[pa.Table, list[dict[str, Any]]],
        by: tuple[str, ...] = ("run_date", "when", "execution"),
        execution: str = "e1",
        rows: dict[str, int] | None = None,
        most: float = 0.0,
        **target: str,
    ) -> dict[str, Any]:
        base = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        paths = ProcessingPaths(base)
        for name in (contract.TABLE, contract.SCORES, contract.BATCH, contract.SETTINGS):
            paths.input(name).mkdir(parents=True)
        parts = parts or ((table(), ANSWERS if answers is None else answers),)
        for number, (part, lines) in enumerate(parts):
            pq.write_table(part, paths.input(contract.TABLE) / f"part-{number:05d}.parquet")
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (paths.input(contract.SCORES) / f"part-{number:05d}.jsonl.out").write_text(text)
        count = sum(len(part) for part, _ in parts)
        report = {
            "package": PACKAGE,
            "model_version": 3,
            "source": "s3://b/rows/",
            "rows": rows or {"read": count, "rejected": 0, "sent": count},
        }
        (paths.input(contract.BATCH) / contract.BATCH_FILE).write_text(json.dumps(report))
        columns = {"id": "string", "n": "integer", "when": "timestamp", "tariff": "string"}
        settings = {"name": "t", "columns": columns, "batch": {"max_bad_rows": most, "partition_by": by}}
        paths.settings.write_text(json.dumps(settings))
        started = "2026-03-05T23:59:59.000Z"
        write_scores.main(paths, Target(destination, execution, started, **target))
        found: dict[str, Any] = json.loads(
            (paths.output(contract.SUMMARY) / contract.SUMMARY_FILE).read_text()
        )
        return found

    return run


def keys(client: Callable[[str], Any], destination: str) -> list[str]:
    prefix = destination.removeprefix(f"s3://{BUCKET}/")
    listed = client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
    return [each["Key"].removeprefix(f"{prefix}/").rpartition("/")[0] for each in listed]


def scores(destination: str) -> pd.DataFrame:
    frame: pd.DataFrame = wr.s3.read_parquet(f"{destination}/", dataset=True, dtype_backend="pyarrow")
    return frame.sort_values("id", ignore_index=True)


def test_each_row_has_its_own_answer(write: Write, destination: str, client: Callable[[str], Any]) -> None:
    """Whatever the order in which they came back; whole numbers stay whole where others are missing."""
    summary = write(ANSWERS[::-1])
    found = scores(destination)

    assert found["id"].tolist() == ["a", "b", "c", "d"]
    assert found["probability"].tolist() == [0.1 + row / 7 for row in range(4)]
    assert found["decision"].tolist() == [0, 1, 0, 1]
    assert found["n"].tolist()[3] == 2**62
    assert set(found["model_version"]) == {3}
    assert summary["rows"] == {"read": 4, "rejected": 0, "sent": 4, "refused": 0, "written": 4}
    assert summary["decisions"] == {"0": 2, "1": 2}


def test_partitions_are_named_after_run_day_and_execution(
    write: Write, destination: str, client: Callable[[str], Any]
) -> None:
    """The day is the row's own, in UTC; a row without a time is in the partition that readers know as none."""
    write()

    assert sorted(set(keys(client, destination))) == [
        f"run_date=2026-03-05/when_date={day}/execution=e1"
        for day in ("2026-03-01", "2026-03-02", "__HIVE_DEFAULT_PARTITION__")
    ]


def test_a_column_may_part_the_rows(write: Write, destination: str, client: Callable[[str], Any]) -> None:
    """A value that would lead into another folder does not."""
    write(by=("tariff",))

    assert sorted(set(keys(client, destination))) == [
        "tariff=__HIVE_DEFAULT_PARTITION__",
        "tariff=x%2Fy",
        "tariff=z",
    ]


def test_a_run_that_is_tried_again_leaves_its_rows_once(
    write: Write, destination: str, client: Callable[[str], Any]
) -> None:
    """And those of other runs alone; without the execution among the partitions, a day is replaced."""
    write()
    write()
    assert len(scores(destination)) == 4
    write(execution="e10")
    write(execution="e2")
    write()
    assert len(scores(destination)) == 12

    for _ in range(2):
        write(by=("when",), execution="other")
    assert sorted(key for key in keys(client, destination) if key.startswith("when_date")) == [
        "when_date=2026-03-01", "when_date=2026-03-02", "when_date=__HIVE_DEFAULT_PARTITION__",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (ANSWERS[:3], r"4 rows were sent, 3 came back: 1 are missing \(the first: row 3\)"),
        ([*ANSWERS, ANSWERS[1]], r"4 rows were sent, 5 came back: 1 came twice \(the first: row 1\)"),
        (
            [*ANSWERS[:3], answer(9)],
            r"1 are missing \(the first: row 3\), 1 were not sent \(the first: row 9\)",
        ),
        ([*ANSWERS[:3], {"row": 3}], "line 4: no answer to a row"),
        ([], "4 rows were sent, 0 came back"),
    ],
)
def test_what_does_not_come_back_fails_the_run(
    answers: list[dict[str, Any]], message: str, write: Write, destination: str, client: Callable[[str], Any]
) -> None:
    """The difference is named, and nothing is written."""
    with pytest.raises(DataError, match=message):
        write(answers)
    assert keys(client, destination) == []


def test_a_part_that_does_not_come_back_is_named(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a transform job that was cut short."""
    with pytest.raises(DataError, match="3 rows were to be scored, and 4 lie in the table"):
        write(rows={"read": 3, "rejected": 0, "sent": 3})
    monkeypatch.setattr(score_answers, "_answers", _gone)
    with pytest.raises(DataError, match=r"no part-00000\.jsonl\.out came back"):
        write()


answers_of = score_answers._answers


def _gone(file: Path, first: int, rows: int) -> Any:
    file.unlink()
    return answers_of(file, first, rows)


def test_what_is_not_written_is_noticed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are counted where they lie: a writer that loses some is found out."""
    whole = wr.s3.to_parquet
    monkeypatch.setattr(wr.s3, "to_parquet", lambda frame, **how: whole(frame.iloc[:3], **how))

    with pytest.raises(DataError, match=r"4 should be written, and 3 lie in s3://write-scores/"):
        write()


def test_rows_that_the_model_refuses_are_kept_apart(write: Write, destination: str, tmp_path: Path) -> None:
    """As long as the use case allows so many."""
    refused = {"row": 1, "SageMakerOutput": {"error": {"status": 400, "message": "'n' is no number."}}}
    answers = [ANSWERS[0], refused, *ANSWERS[2:]]
    summary = write(answers, most=0.25)

    assert summary["rows"] == {"read": 4, "rejected": 0, "sent": 4, "refused": 1, "written": 3}
    (file,) = tmp_path.rglob(contract.REJECTED_FILE)
    line = json.loads(file.read_text())
    assert (line["message"], line["values"]["id"]) == ("'n' is no number.", "b")
    with pytest.raises(DataError, match=r"1 rows are refused by the model .* The first: 'n' is no number\."):
        write(answers, most=0.2)


def test_parts_follow_each_other(write: Write, destination: str) -> None:
    """The numbers of the second go on where the first ended; both may write to one partition."""
    later = table().set_column(0, "id", pa.array(["e", "f", "g", "h"]))
    summary = write(None, (table(), ANSWERS), (later, [answer(row) for row in range(4, 8)]))

    assert scores(destination)["probability"].tolist() == [0.1 + row / 7 for row in range(8)]
    assert summary["rows"]["written"] == 8


def test_several_classes_have_a_column_each(write: Write, destination: str) -> None:
    """And a regression has its prediction."""
    shares = {"class a": 0.2, "b/c": 0.8}
    write([answer(row, probabilities=shares) for row in range(4)])
    found = scores(destination)
    assert (found["probability_class_a"][0], found["probability_b_c"][0]) == (0.2, 0.8)

    write([{"row": row, "SageMakerOutput": {"prediction": row / 3}} for row in range(4)])
    assert scores(destination)["prediction"].tolist() == [row / 3 for row in range(4)]


def test_too_many_partitions_are_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written."""
    monkeypatch.setattr(score_partitions, "MOST_PARTITIONS", 3)
    with pytest.raises(DataError, match=r"makes 4 partitions of id; at most 3"):
        write(by=("id",))


def test_the_catalogue_gets_a_table(write: Write, destination: str, client: Callable[[str], Any]) -> None:
    """With its partitions, where a database is named."""
    write(database="scored", table="t_scores")
    glue = client("glue")
    found = glue.get_table(DatabaseName="scored", Name="t_scores")["Table"]

    assert found["StorageDescriptor"]["Location"] == f"{destination}/"
    assert [key["Name"] for key in found["PartitionKeys"]] == ["run_date", "when_date", "execution"]
    assert len(glue.get_partitions(DatabaseName="scored", TableName="t_scores")["Partitions"]) == 3

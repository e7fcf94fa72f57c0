"""Preparing a batch: for the model that is approved now, with every row accounted for."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from containers import contract
from containers.contract import ProcessingPaths
from containers.flow import fit
from containers.processing import batch_parts, ingest, prepare_rows
from containers.processing.job import DataError

BUCKET = "prepare-rows-models"
COLUMNS = {"id": "string", "a": "number", "when": "timestamp", "yes": "boolean", "y": "integer"}
SETTINGS: dict[str, Any] = {
    "name": "test",
    "label": "y",
    "source": {"kind": "s3", "format": "csv", "header": True, "delimiter": ",", "missing": ["?"]},
    "columns": COLUMNS,
    "batch": {"max_bad_rows": 0.25, "partition_by": ["run_date"]},
}
HEADER = "id,a,when,yes\n"
Prepare = Callable[..., ProcessingPaths]


@pytest.fixture
def group(request: pytest.FixtureRequest) -> str:
    return f"prepare-{abs(hash(request.node.nodeid))}"[:40]


@pytest.fixture
def register(client: Callable[[str], Any], group: str) -> Callable[..., str]:
    """Registers a package whose model reads the columns of COLUMNS, but for some; its ARN."""
    s3, sagemaker = client("s3"), client("sagemaker")

    def put(status: str = "Approved", drop: tuple[str, ...] = ("id",)) -> str:
        rows = pd.DataFrame(
            {
                "id": ["r", "s"],
                "a": [1.0, 2.0],
                "when": ["2026-01-01", "2026-01-02"],
                "yes": [True, False],
                "y": [0, 1],
            }
        )
        flow = [{"operator": "drop", "columns": list(drop)}]
        if "when" not in drop:
            flow.append({"operator": "date_parts", "columns": ["when"], "parts": ["weekday"]})
        fitted = fit(flow, rows, columns=COLUMNS, label="y", problem="binary", positive=1, missing=("?",))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            content = fitted.to_json().encode()
            info = tarfile.TarInfo(contract.FLOW_FILE)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if BUCKET not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=BUCKET)
        if not sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]:
            sagemaker.create_model_package_group(ModelPackageGroupName=group)
        key = f"{group}/{'-'.join(drop)}/model.tar.gz"
        s3.put_object(Bucket=BUCKET, Key=key, Body=packed.getvalue())
        arn: str = sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": "an/image:1", "ModelDataUrl": f"s3://{BUCKET}/{key}"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
        return arn

    return put


@pytest.fixture
def prepare(
    tmp_path: Path, group: str, client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> Prepare:
    """Runs the job on texts or bytes, as if they were the objects below the source."""

    def run(*contents: str | bytes, **batch: Any) -> ProcessingPaths:
        paths = ProcessingPaths(tmp_path / "ml")
        paths.settings.parent.mkdir(parents=True, exist_ok=True)
        paths.settings.write_text(json.dumps({**SETTINGS, "batch": {**SETTINGS["batch"], **batch}}))
        found = []
        for number, content in enumerate(contents):
            file = tmp_path / f"{number}.raw"
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            found.append((f"s3://b/{number}", file))
        monkeypatch.setitem(ingest.SOURCES, "s3", lambda _: iter(found))
        prepare_rows.main(paths, group, "s3://b/", client("sagemaker"), client("s3"))
        return paths

    return run


def sent(paths: ProcessingPaths) -> list[dict[str, Any]]:
    files = sorted(paths.output(contract.ROWS).iterdir())
    return [json.loads(line) for file in files for line in file.read_text().split("\n") if line]


def report(paths: ProcessingPaths) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((paths.output(contract.BATCH) / contract.BATCH_FILE).read_text())
    return found


def rejected(paths: ProcessingPaths) -> list[dict[str, Any]]:
    text = (paths.output(contract.REJECTED) / contract.REJECTED_FILE).read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_sent_is_what_the_model_reads(prepare: Prepare, register: Callable[..., str]) -> None:
    """Numbered, in the flow's columns and types, whatever a text holds; the table keeps all columns."""
    arn = register()
    paths = prepare(HEADER + '"a ""b""\nc, ✔",0.1,2026-03-01T12:00:00+02:00,yes\nr2,?,,no\n')

    assert sent(paths) == [
        {"row": 0, "features": {"a": 0.1, "when": "2026-03-01T10:00:00+00:00", "yes": True}},
        {"row": 1, "features": {"a": None, "when": None, "yes": False}},
    ]
    table = pq.read_table(paths.output(contract.TABLE))
    assert table.column("id").to_pylist() == ['a "b"\nc, ✔', "r2"]
    assert report(paths)["package"] == arn
    assert report(paths)["rows"] == {"read": 2, "rejected": 0, "sent": 2}


def test_the_latest_approved_model_is_asked_for_each_time(
    prepare: Prepare, register: Callable[..., str], client: Callable[[str], Any]
) -> None:
    """An approval counts from the next run on, without another upsert; a rejection goes back."""
    first, second = register(), register("PendingManualApproval", drop=("id", "when"))
    rows = HEADER + "r,1,2026-03-01,yes\n"
    assert report(prepare(rows))["package"] == first

    client("sagemaker").update_model_package(ModelPackageArn=second, ModelApprovalStatus="Approved")
    paths = prepare(rows)
    assert report(paths)["package"] == second
    assert set(sent(paths)[0]["features"]) == {"a", "yes"}

    client("sagemaker").update_model_package(ModelPackageArn=second, ModelApprovalStatus="Rejected")
    assert report(prepare(rows))["package"] == first


@pytest.mark.parametrize("status", [None, "PendingManualApproval", "Rejected"])
def test_without_an_approved_package_nothing_is_scored(
    status: str | None, prepare: Prepare, register: Callable[..., str]
) -> None:
    """One line that says what to do."""
    if status:
        register(status)
    with pytest.raises(
        DataError, match=r"^no package of the group prepare-\d+ is approved.*approve VERSION$"
    ):
        prepare(HEADER + "r,1,2026-03-01,yes\n")


def test_bad_rows_are_kept_apart_and_counted(prepare: Prepare, register: Callable[..., str]) -> None:
    """Each with its object, its number, what is wrong, and its values; the rows that are sent have no gaps."""
    register()
    paths = prepare(
        HEADER + "r1,1,2026-03-01,yes\nr2,one,2026-03-01,perhaps\nr3,3,2026-03-01,no\n",
        HEADER + "r4,4,2026-03-01,no\nr5,5\nr6,6,,\nr7,7,,\nr8,8,,\n",
    )

    assert [line["row"] for line in sent(paths)] == list(range(6))
    assert report(paths)["rows"] == {"read": 8, "rejected": 2, "sent": 6}
    assert report(paths)["objects"] == ["s3://b/0", "s3://b/1"]
    first, second = rejected(paths)
    assert (first["object"], first["row"], first["values"]["id"]) == ("s3://b/0", 2, "r2")
    assert (
        "'a' should be a number, not 'one'; 'yes' should be true or false, not 'perhaps'" in first["message"]
    )
    assert (second["object"], second["row"]) == ("s3://b/1", 2)


def test_too_many_bad_rows_fail_and_can_be_looked_at(
    prepare: Prepare, register: Callable[..., str], tmp_path: Path
) -> None:
    """The sentence has the counts, the limit and the first of them; all lie in the output."""
    register()
    rows = HEADER + "r1,1,,\n" + "".join(f"r{row},no,,\n" for row in range(2, 9))
    with pytest.raises(DataError) as told:
        prepare(rows)

    assert "7 of 8 rows are bad (87.50%; [batch] max_bad_rows allows 25.00%)" in str(told.value)
    assert "s3://b/0, row 2: 'a' should be a number, not 'no'" in str(told.value)
    assert len(rejected(ProcessingPaths(tmp_path / "ml"))) == 7
    with pytest.raises(DataError, match="every row is bad"):
        prepare(HEADER + "r1,no,,\n", max_bad_rows=1.0)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ((HEADER,), "there are no rows to score"),
        ((), "there are no rows to score"),
        (("",), "the file is empty"),
        ((HEADER + "r,1,,\n", "id,a,when,yes,more\nr,1,,,2\n"), "the same columns; more"),
        (("a,when,yes,decision\n1,,,x\n",), "scoring adds columns that are there already: decision"),
        (("a,yes\n1,no\n",), "the model needs columns that are not there: when"),
    ],
)
def test_a_batch_that_is_none_is_refused(
    contents: tuple[str, ...], message: str, prepare: Prepare, register: Callable[..., str]
) -> None:
    """An empty day is more often a broken source than a quiet one."""
    register()
    with pytest.raises(DataError, match=message):
        prepare(*contents)


def test_rows_are_cut_into_parts(
    prepare: Prepare, register: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines and table part by part, so that what comes back can be joined part by part, too."""
    register()
    monkeypatch.setattr(batch_parts, "PART_ROWS", 10)
    paths = prepare(*(HEADER + "".join(f"r{row},{row},,\n" for row in range(17)) for _ in range(2)))

    lines = {file.stem: len(file.read_text().splitlines()) for file in paths.output(contract.ROWS).iterdir()}
    tables = {file.stem: pq.read_metadata(file).num_rows for file in paths.output(contract.TABLE).iterdir()}
    assert lines == tables == {"part-00000": 10, "part-00001": 10, "part-00002": 10, "part-00003": 4}
    assert [line["row"] for line in sent(paths)] == list(range(34))


def test_numbers_arrive_to_the_last_bit(prepare: Prepare, register: Callable[..., str]) -> None:
    """What JSON has no word for is missing, as it is to the flow."""
    register()
    import pyarrow as pa

    numbers = [*np.random.default_rng(1).normal(size=100), np.nan, np.inf, 5e-324, 1.7976931348623157e308]
    table = pa.table({"a": numbers, "when": pa.nulls(104, pa.string()), "yes": [True] * 104})
    out = pa.BufferOutputStream()
    pq.write_table(table, out)
    found = [line["features"]["a"] for line in sent(prepare(out.getvalue().to_pybytes()))]

    assert found == [number if np.isfinite(number) else None for number in numbers]

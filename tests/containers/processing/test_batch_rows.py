"""Rows to score: the good ones go on, each bad one is kept with what is wrong, a file that is none is refused."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers.processing import batch_rows, csv_files
from containers.processing.batch_rows import Expected, Piece
from containers.processing.job import DataError

TYPES = {"id": "string", "n": "integer", "x": "number", "t": "timestamp", "y": "integer"}
SOURCE: Mapping[str, Any] = {"format": "csv", "header": True, "delimiter": ",", "missing": ["?"]}


def expected(**source: Any) -> Expected:
    return Expected(TYPES, ["n", "x", "t"], "y", {**SOURCE, **source})


def read(folder: Path, content: str | bytes, how: Expected | None = None) -> list[Piece]:
    file = folder / "rows"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(batch_rows.pieces(file, "s3://b/rows.csv", how or expected()))


def good(pieces: list[Piece]) -> list[dict[str, Any]]:
    return [row for piece in pieces for row in piece.good.to_pylist()]


def bad(pieces: list[Piece]) -> list[tuple[int, str]]:
    return sorted((each.row, each.message) for piece in pieces for each in piece.rejected)


def test_bad_rows_are_told_apart_by_number_column_and_value(tmp_path: Path) -> None:
    """Values of another type, two in one row, and lines that are too short or too long; the others go on."""
    pieces = read(
        tmp_path,
        "id,n,x,t\na,1,1.5,2026-01-01\nb,many,2.5,2026-01-02\nc,3\nd,?,,2026-01-04\ne,x,y,2026-01-05\nf,6,6,6,6,6\n"
        "g,7,7,2026-01-07\n",
    )

    assert [row["id"] for row in good(pieces)] == ["a", "d", "g"]
    assert good(pieces)[1]["n"] is None
    assert bad(pieces) == [
        (2, "'n' should be an integer, not 'many'"),
        (3, "the line has 2 fields instead of 4"),
        (5, "'n' should be an integer, not 'x'; 'x' should be a number, not 'y'"),
        (6, "the line has 6 fields instead of 4"),
    ]
    assert sum(piece.rows for piece in pieces) == 7
    kept = {each.row: each.values for piece in pieces for each in piece.rejected}
    assert kept[2] == {"id": "b", "n": "many", "x": "2.5", "t": "2026-01-02"}
    assert kept[3] == {"text": "c,3"}


def test_the_numbers_hold_from_piece_to_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a file is cut for reading, a bad row has its own number."""
    monkeypatch.setattr(csv_files, "BLOCK", 100)
    lines = [f"r{row},{row},{row}.5,2026-01-01" for row in range(1, 201)]
    for row in (20, 21, 77, 200):
        lines[row - 1] = "torn"
    for row in (22, 50, 199):
        lines[row - 1] = f"r{row},no,1,2026-01-01"
    pieces = read(tmp_path, "id,n,x,t\n" + "\n".join(lines) + "\n")

    assert len(pieces) > 10
    assert [row for row, _ in bad(pieces)] == [20, 21, 22, 50, 77, 199, 200]
    assert len(good(pieces)) == 193


def test_columns_that_nobody_knows_are_taken_along_as_text(tmp_path: Path) -> None:
    """In any order; the label need not be there."""
    (row,) = good(read(tmp_path, "note,t,x,n,code\nhello,2026-01-01,1,2,007\n"))

    assert (row["note"], row["code"], row["n"]) == ("hello", "007", 2)
    assert "y" not in row


@pytest.mark.parametrize(
    "content",
    ["a,1,1.5,2026-01-01\n", "a,1,1.5,2026-01-01,0\n", "id,n,x,t\na,1,1.5,2026-01-01\n"],
    ids=["without the label", "with it", "with a header after all"],
)
def test_a_file_without_a_header_may_leave_the_label_out(content: str, tmp_path: Path) -> None:
    """Where training data has no header, columns go by their order."""
    (row,) = good(read(tmp_path, content, expected(header=False)))

    assert (row["id"], row["n"], row["x"]) == ("a", 1, 1.5)


@pytest.mark.parametrize(
    ("content", "header", "message"),
    [
        ("", True, "the file is empty"),
        ("id,n,x\na,1,2\n", True, "the model needs columns that are not there: t"),
        ("id,n,N,x,tt\na,1,1,2,3\n", True, r"t \(is it 'tt'\?\)"),
        ("id,n,n,x,t\na,1,1,1,2026-01-01\n", True, "named more than once: n"),
        ("a,1\n", False, "2 fields, but the use case names 5 columns, 4 without the label"),
        ("id,n,x,t\n\xff\n".encode("latin-1"), True, "not utf-8"),
        (b"PK\x03\x04" + b"x" * 50, True, "zip archive"),
        (b"PAR1" + b"x" * 50, True, "not Parquet"),
    ],
)
def test_a_file_that_is_none_is_refused(
    content: str | bytes, header: bool, message: str, tmp_path: Path
) -> None:
    """Whatever is wrong with the file as a whole is no bad row: one sentence, and nothing is scored."""
    with pytest.raises(DataError, match=message):
        read(tmp_path, content, expected(header=header))


def test_only_a_header_is_no_rows(tmp_path: Path) -> None:
    """That nothing is there to be scored is for the job to judge."""
    assert sum(piece.rows for piece in read(tmp_path, "id,n,x,t\n")) == 0


def test_gzip_is_read_as_it_is(tmp_path: Path) -> None:
    """As ingest does."""
    assert len(good(read(tmp_path, gzip.compress(b"id,n,x,t\na,1,1,2026-01-01\n")))) == 1


def test_parquet_is_known_by_its_beginning(tmp_path: Path) -> None:
    """Typed columns cannot be wrong cell by cell; text in them is read as CSV's is."""
    frame = pd.DataFrame(
        {"id": ["a", "b"], "n": ["1", "one"], "x": [1.0, np.nan], "t": ["2026-01-01", None], "z": 3}
    )
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "made")
    pieces = read(tmp_path, (tmp_path / "made").read_bytes())

    assert [row["id"] for row in good(pieces)] == ["a"]
    assert good(pieces)[0]["z"] == 3
    assert bad(pieces) == [(2, "'n' should be an integer, not 'one'")]


def test_parquet_of_other_types_is_refused(tmp_path: Path) -> None:
    """All of them at once."""
    pq.write_table(pa.table({"n": [True], "x": [1.0], "t": [1.5]}), tmp_path / "made")
    with pytest.raises(
        DataError, match=r"'n' is bool, should be integer; 't' is double, should be timestamp"
    ):
        read(tmp_path, (tmp_path / "made").read_bytes())

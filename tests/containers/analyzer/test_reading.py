"""Data sets become tables of equal size, or a sentence on what is wrong with them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.reading import in_blocks, tables
from containers.processing.job import DataError

CSV = {"csv": {"header": True}}
BARE = {"csv": {"header": False}}
PARQUET: dict[str, Any] = {"parquet": {}}


def rows(path: Path, dataset_format: Mapping[str, Any] = CSV) -> list[dict[str, Any]]:
    return [row for table in tables(path, dataset_format) for row in table.to_pylist()]


def test_a_csv_file_is_text_with_blanks_missing(tmp_path: Path) -> None:
    """Every value is as it was written, quoted or not; an empty one is none."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfn,t\r\n1.0,"x, ""y""\nz"\r\n,\r\n')

    assert rows(path) == [{"n": "1.0", "t": 'x, "y"\nz'}, {"n": None, "t": None}]


def test_a_header_may_come_late_and_in_quotes(tmp_path: Path) -> None:
    """Blank lines before it do not count, and a name may hold a line break."""
    path = tmp_path / "a.csv"
    path.write_text('\n\n"a\nb",c\n1,2\n')

    assert rows(path) == [{"a\nb": "1", "c": "2"}]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Of a file of 100 MB, Arrow never holds the half."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"12345,some text of some length\n" * 3_300_000)

    held = max(pa.total_allocated_bytes() for _ in tables(path, CSV))

    assert held < path.stat().st_size / 2


def test_columns_without_names_are_numbered(tmp_path: Path) -> None:
    """Spark's names: _c0, _c1 …"""
    path = tmp_path / "a.csv"
    path.write_text("1,b\n")

    assert rows(path, BARE) == [{"_c0": "1", "_c1": "b"}]


def test_a_folder_is_its_files_in_order_without_spark_s_own(tmp_path: Path) -> None:
    """part-00001 follows part-00000, wherever they lie; _SUCCESS and hidden files are no data."""
    (tmp_path / "day").mkdir()
    for name, value in (("day/part-00001", 2), ("day/part-00000", 1)):
        pq.write_table(pa.table({"a": [value]}), tmp_path / f"{name}.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".crc").write_text("no")

    assert rows(tmp_path, PARQUET) == [{"a": 1}, {"a": 2}]


@given(st.lists(st.integers(0, 30), max_size=12), st.integers(1, 20))
def test_blocks_are_the_same_rows(sizes: list[int], size: int) -> None:
    """Pieces of any size become blocks of one size with the same rows in the same order."""
    numbers = iter(range(1000))
    pieces = [pa.table({"a": pa.array([next(numbers) for _ in range(count)], pa.int64())}) for count in sizes]

    blocks = list(in_blocks(pieces, size))

    assert [value for block in blocks for value in block["a"].to_pylist()] == list(range(sum(sizes)))
    assert all(len(block) == size for block in blocks[:-1])
    assert all(0 < len(block) <= size for block in blocks[-1:])


WRONG = [
    (b"", CSV, "the file is empty"),
    (b"\n\n", BARE, "the file is empty"),
    (b"a,b\n1\n", CSV, "Expected 2 columns, got 1"),
    (b"a,a\n1,2\n", CSV, "named more than once: a"),
    (b"a\n\xff\xfe\n", CSV, "cannot be read as CSV"),
    (b"a\n1\n", PARQUET, "cannot be read as Parquet"),
    (b"a\n1\n", {"cvs": {}}, "Did you mean 'csv'?"),
    (b"a\n1\n", {}, "'csv' and 'parquet' can"),
]


@pytest.mark.parametrize(("content", "dataset_format", "message"), WRONG)
def test_what_cannot_be_read_is_said(
    content: bytes, dataset_format: Mapping[str, Any], message: str, tmp_path: Path
) -> None:
    """A message for whoever has the file, no traceback."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    with pytest.raises(DataError) as caught:
        rows(path, dataset_format)
    assert message in str(caught.value)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    """No file is not an empty data set."""
    with pytest.raises(DataError, match="no data file here"):
        rows(tmp_path)


def test_files_of_different_columns_are_no_data_set(tmp_path: Path) -> None:
    """Both lists of columns are shown."""
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")

    with pytest.raises(DataError, match=r"x \(string\), y \(string\) in the first, x \(string\), z"):
        rows(tmp_path)

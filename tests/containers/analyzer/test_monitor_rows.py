"""JSON values become rows of texts, and rows become tables."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.monitor_rows import blocks, flat, place, records
from containers.analyzer.types import read
from containers.processing.job import DataError

FLAT: list[tuple[Any, dict[str, str | None]]] = [
    ({"a": 3, "b": 3.0, "c": "x", "d": None}, {"a": "3", "b": "3.0", "c": "x", "d": None}),
    ({"a": True, "b": float("nan")}, {"a": "true", "b": None}),
    ({"a": {"b": 1, "c": [2, {"d": 3}]}}, {"a_b": "1", "a_c_0": "2", "a_c_1_d": "3"}),
    ([1.5, "x"], {"0": "1.5", "1": "x"}),
    ({}, {}),
]


@pytest.mark.parametrize(("value", "row"), FLAT)
def test_a_value_lies_flat(value: Any, row: dict[str, str | None]) -> None:
    """Each value by the path to it, as the text that CSV would have."""
    assert flat(value, "here") == row


def test_two_values_of_one_name_are_refused() -> None:
    """a_b is either of the two, so it is neither."""
    with pytest.raises(DataError, match="line 1: more than one value is named a_b"):
        flat({"a": {"b": 1}, "a_b": 2}, "line 1")


@given(st.lists(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_a_number_keeps_its_kind(numbers: list[float]) -> None:
    """What is an integer in JSON is Integral, what has a fraction or an exponent is Fractional."""
    (table,) = blocks([{"a": flat({"a": number}, "")["a"]} for number in numbers])

    found = read(table["a"].combine_chunks())

    assert found.kinds.integral == sum(isinstance(number, int) for number in numbers)
    assert found.kinds.text == 0


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=2))), st.integers(1, 5))
def test_tables_are_the_rows(rows: list[dict[str, str]], size: int) -> None:
    """Of the size that was asked for; a column that a row lacks is null there."""
    tables = list(blocks(rows, size))

    found = [
        {name: value for name, value in row.items() if value is not None}
        for table in tables
        for row in (table.to_pylist() if table.num_columns else [{}] * table.num_rows)
    ]
    assert [row for row in found if row] == [row for row in rows if row]
    assert all(0 < table.num_rows <= size for table in tables if table.num_columns)


def test_columns_are_in_order() -> None:
    """Numbered ones by number, others by name, as Spark has them."""
    assert sorted(["b", "_c10", "_c2", "a"], key=place) == ["a", "b", "_c2", "_c10"]
    assert sorted(["00010", "00002"], key=place) == ["00002", "00010"]


def test_json_lines_are_told_with_their_place(tmp_path: Path) -> None:
    """Blank lines do not count, but are counted."""
    path = tmp_path / "a.jsonl"
    path.write_text('\ufeff{"a": 1}\n\n[2]\n')

    assert list(records(path)) == [(f"{path}, line 1", {"a": 1}), (f"{path}, line 3", [2])]


def test_a_file_may_be_one_list(tmp_path: Path) -> None:
    """Or one object: then it is one record."""
    (tmp_path / "list.json").write_text('[{"a": 1},\n {"a": 2}]')
    (tmp_path / "one.json").write_text('{\n"a": 1}')

    assert [row for _, row in records(tmp_path / "list.json", lines=False)] == [{"a": 1}, {"a": 2}]
    assert [row for _, row in records(tmp_path / "one.json", lines=False)] == [{"a": 1}]


@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("content", [b'{"a": 1}\n{"a": ', b"\xff\xfe", b"a,b\n1,2\n"])
def test_what_is_no_json_is_said(content: bytes, lines: bool, tmp_path: Path) -> None:
    """With the file, and the line where there are lines."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"a\.jsonl.*JSON"):
        list(records(path, lines=lines))

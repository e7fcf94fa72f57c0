"""Columns without names take those of the baseline, and excluded ones are gone."""

from pathlib import Path

import pytest

from containers.analyzer import monitor_dataset
from containers.analyzer.monitor_config import DatasetFormat, MonitorConfig
from containers.processing.job import DataError

NAMES = [
    ("2,3\n", False, [], ["_c0", "_c1"]),
    ("2,3\n", False, ["a", "b"], ["a", "b"]),
    ("2,3\n", False, ["a", "b", "c"], ["a", "b"]),
    ("2,3\n", False, ["a"], ["a", "_c1"]),
    ("2,3\n", False, ["_c1", "_c0"], ["_c0", "_c1"]),
    ("x,y\n2,3\n", True, ["a", "b"], ["x", "y"]),
    ("0,y\n2,3\n", True, ["a", "b"], ["0", "y"]),
]


@pytest.mark.parametrize(("text", "header", "baseline", "found"), NAMES)
def test_names_of_columns(
    text: str, header: bool, baseline: list[str], found: list[str], tmp_path: Path
) -> None:
    """By place only where no column has a name of its own, and the baseline's have some."""
    (tmp_path / "a.csv").write_text(text)
    config = MonitorConfig(tmp_path, DatasetFormat("csv", {"header": header}), tmp_path / "output")

    (table,) = monitor_dataset.read(config, baseline).tables

    assert table.column_names == found
    assert table.to_pylist() == [dict(zip(found, ["2", "3"], strict=True))]


def test_numbers_of_a_script_are_places(tmp_path: Path) -> None:
    """AWS's samples number what they return, with zeros before; ten comes after two."""
    (tmp_path / "a.csv").write_text("0\n")
    script = tmp_path / "before.py"
    script.write_text("def preprocess_handler(line):\n    return {str(n).zfill(20): n for n in range(11)}")
    config = MonitorConfig(
        tmp_path / "a.csv", DatasetFormat("csv"), tmp_path / "output", record_preprocessor_script=script
    )

    (table,) = monitor_dataset.read(config, list("abcdefghijk")).tables

    assert table.to_pylist() == [{name: str(n) for n, name in enumerate("abcdefghijk")}]


@pytest.mark.parametrize("excluded", ["b", "1"])
def test_excluded_columns(excluded: str, tmp_path: Path) -> None:
    """By the name that a column has now, or by its place."""
    dataset = monitor_dataset.read(excluding(excluded, tmp_path), ["a", "b"])

    assert dataset.excluded == {"b"}
    assert [table.column_names for table in dataset.tables] == [["a"]]


def test_an_excluded_column_that_is_not_there(tmp_path: Path) -> None:
    """It is said with the columns that are."""
    with pytest.raises(DataError, match="exclude_features_attribute: there is no '_c1'; there is a, b"):
        monitor_dataset.read(excluding("_c1", tmp_path), ["a", "b"])


def excluding(name: str, folder: Path) -> MonitorConfig:
    """Two columns without names, and one of them not to be looked at."""
    (folder / "a.csv").write_text("2,3\n")
    return MonitorConfig(folder, DatasetFormat("csv"), folder / "output", exclude_features_attribute=(name,))

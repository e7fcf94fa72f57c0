"""The data set of a Clarify job: every format gives the same parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from containers.analyzer import clarify_data
from containers.analyzer.clarify_data import Dataset, open_dataset
from containers.processing.job import DataError

ROWS = pd.DataFrame({"paid": [1, 0, 1], "age": [30, 41, 52], "job": ["cook", "clerk", "cook, chief"]})
CONFIG: dict[str, Any] = {"dataset_type": "text/csv", "label": "paid"}


def whole(dataset: Dataset) -> pd.DataFrame:
    return pd.concat(list(dataset.parts()), ignore_index=True)


def written(folder: Path, kind: str) -> tuple[Path, dict[str, Any]]:
    """The rows in a format, and the configuration that reads them."""
    folder.mkdir(exist_ok=True)
    features = ROWS[["age", "job"]].to_numpy(dtype=object).tolist()
    labels = ROWS["paid"].tolist()
    headers = {"headers": ["age", "job", "paid"]}
    match kind:
        case "csv":
            (folder / "a.csv").write_text(ROWS.to_csv(index=False))
            return folder, {}
        case "csv without header":
            (folder / "a.csv").write_text(ROWS.to_csv(index=False, header=False))
            return folder, {"headers": list(ROWS.columns)}
        case "csv with header and headers":
            (folder / "a.csv").write_text(ROWS.to_csv(index=False))
            return folder, {"headers": list(ROWS.columns)}
        case "parquet":
            ROWS.to_parquet(folder / "a.parquet")
            return folder, {"dataset_type": "application/x-parquet"}
        case "json lines":
            lines = [json.dumps({"x": row, "y": label}) for row, label in zip(features, labels, strict=True)]
            (folder / "a.jsonl").write_text("\n".join(lines))
            told = {"dataset_type": "application/jsonlines", "features": "x", "label": "y"}
            return folder, {**told, **headers}
        case _:
            document = {"rows": [{"x": row, "y": label} for row, label in zip(features, labels, strict=True)]}
            (folder / "a.json").write_text(json.dumps(document))
            told = {"dataset_type": "application/json", "features": "rows[*].x", "label": "rows[*].y"}
            return folder, {**told, **headers}


FORMATS = [
    "csv",
    "csv without header",
    "csv with header and headers",
    "parquet",
    "json lines",
    "json",
]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_rows(kind: str, tmp_path: Path) -> None:
    """Whatever it is written in, label and features are the same, by the same names."""
    folder, told = written(tmp_path / "data", kind)

    dataset = open_dataset({**CONFIG, **told}, folder, {})

    assert (dataset.label, set(dataset.features)) == ("paid", {"age", "job"})
    pd.testing.assert_frame_equal(whole(dataset)[list(ROWS.columns)], ROWS, check_dtype=False)


@pytest.mark.parametrize("kind", ["csv", "json lines"])
def test_types_are_those_of_all_parts(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number here and a fraction there are fractions, a number here and a text there are texts, in every part."""
    monkeypatch.setattr(clarify_data, "ROWS", 2)
    rows = [[1, 1, 1], [0, 2, 2], [1, 2.5, "x"]]
    (tmp_path / "data").mkdir()
    if kind == "csv":
        (tmp_path / "data" / "a.csv").write_text(
            "paid,a,b\n" + "\n".join(",".join(map(str, row)) for row in rows)
        )
        told: dict[str, Any] = {}
    else:
        lines = [json.dumps({"x": row[1:], "y": row[0]}) for row in rows]
        (tmp_path / "data" / "a.jsonl").write_text("\n".join(lines))
        told = {
            "dataset_type": "application/jsonlines",
            "features": "x",
            "label": "y",
            "headers": ["a", "b", "paid"],
        }

    first, second = open_dataset({**CONFIG, **told}, tmp_path / "data", {}).parts()

    assert first["a"].dtype == second["a"].dtype == float
    assert first["b"].dtype == second["b"].dtype == object


def test_columns_beside_the_rows_and_columns_aside(tmp_path: Path) -> None:
    """Facets and predictions may lie in files of their own; what is excluded or joined by is no feature."""
    folder, _ = written(tmp_path / "data", "csv")
    facet, predicted = tmp_path / "facet.csv", tmp_path / "predicted.csv"
    facet.write_text("sex\nF\nM\nF\n")
    predicted.write_text("1\n1\n0\n")
    config = {**CONFIG, "predicted_label_headers": ["said"], "excluded_columns": ["age"]}

    dataset = open_dataset(config, folder, {"facet": facet, "predicted_label": predicted})

    assert dataset.features == ("job",)
    assert dataset.predicted_label == "said"
    assert whole(dataset)["sex"].tolist() == ["F", "M", "F"]
    assert "age" not in dataset.columns
    assert open_dataset({**CONFIG, "joinsource_name_or_index": "job"}, folder, {}).features == ("age",)


def test_without_names_columns_are_numbered(tmp_path: Path) -> None:
    """As the container numbers them."""
    (tmp_path / "a.csv").write_text("1,2.5\n0,3.5\n")

    assert open_dataset({**CONFIG, "label": 0}, tmp_path, {}).columns == ("column_0", "column_1")


WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    ("a.csv", "", {}, "Data must contain features. a.csv is empty"),
    ("a.csv", "paid\n1\n", {}, "Data must contain features"),
    ("a.csv", "1,2\n", {"headers": ["paid"]}, "Headers in config do not match with the number of columns"),
    ("a.csv", "a,b\n1,2\n", {}, "Headers must contain label"),
    (
        "a.jsonl",
        "{",
        {"dataset_type": "application/jsonlines", "features": "x"},
        "a.jsonl, line 1 is not JSON",
    ),
    (
        "a.jsonl",
        "{}",
        {"dataset_type": "application/jsonlines", "features": "x"},
        "Data must contain features",
    ),
    ("a.jsonl", "{}", {"dataset_type": "application/jsonlines"}, "'features', a JMESPath, is needed"),
    (
        "a.jsonl",
        "{}",
        {"dataset_type": "application/jsonlines", "features": "["},
        "features: '[' is no JMESPath",
    ),
    ("a.csv", "paid,a\n1,2\n", {"excluded_columns": ["b"]}, "Feature names not found"),
]


@pytest.mark.parametrize(("name", "content", "told", "message"), WRONG)
def test_what_is_wrong_is_said_in_the_containers_words(
    name: str, content: str, told: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """One line that names the file or the column."""
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as error:
        open_dataset({**CONFIG, **told}, tmp_path, {})
    assert message in str(error.value)


def test_files_must_have_the_same_columns(tmp_path: Path) -> None:
    """Of two files that differ, the second is named."""
    (tmp_path / "a.csv").write_text("paid,a\n1,2\n0,3\n")
    (tmp_path / "b.csv").write_text("paid,c\n1,2\n0,3\n")
    with pytest.raises(DataError, match=r"The columns of b\.csv are not those of a\.csv"):
        open_dataset(CONFIG, tmp_path, {})


def test_what_is_set_beside_must_have_as_many_rows(tmp_path: Path) -> None:
    """A file with fewer rows than the data is refused when the rows are read."""
    folder, _ = written(tmp_path / "data", "csv")
    facet = tmp_path / "facet.csv"
    facet.write_text("sex\nF\n")
    with pytest.raises(DataError, match="The data has 3 rows, and what is set beside them 1"):
        whole(open_dataset(CONFIG, folder, {"facet": facet}))

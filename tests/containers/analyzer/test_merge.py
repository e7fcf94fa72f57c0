"""Captured data and truths find each other; what finds no partner is counted and said."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from containers.analyzer import merge
from containers.analyzer.monitor_exit import run


def captured(answer: str, **metadata: str) -> dict[str, Any]:
    part = {"observedContentType": "text/csv", "mode": "OUTPUT", "data": answer, "encoding": "CSV"}
    return {"captureData": {"endpointOutput": part}, "eventMetadata": metadata, "eventVersion": "0"}


def truth(value: str, **metadata: str) -> dict[str, Any]:
    return {
        "groundTruthData": {"data": value, "encoding": "CSV"},
        "eventMetadata": metadata,
        "eventVersion": "0",
    }


def lines(path: Path, *records: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def merged(folder: Path) -> tuple[int, str, dict[str, list[Any]]]:
    """Exit status, message, and the records by file, of what lies in ``captured`` and ``truth``."""
    output = folder / "merged"
    environment = {
        "dataset_source": str(folder / "captured"),
        "ground_truth_source": str(folder / "truth"),
        "output_path": str(output),
    }
    status = run(merge.main, environment, folder / "ml")
    found = {
        str(path.relative_to(output)): [json.loads(line) for line in path.read_text().splitlines()]
        for path in output.rglob("*")
        if path.is_file()
    }
    return status, (folder / "ml" / "output" / "message").read_text(), found


def test_each_record_finds_its_truth(tmp_path: Path) -> None:
    """By the name that the caller gave, else by SageMaker's; others are left out, and said."""
    lines(
        tmp_path / "captured" / "2024" / "a.jsonl",
        captured("0.1", eventId="a"),
        captured("0.2", eventId="b", inferenceId="named"),
        captured("0.3", eventId="c"),
    )
    lines(
        tmp_path / "truth" / "t.jsonl",
        truth("1", eventId="named"),
        truth("0", eventId="a"),
        truth("0", eventId="b"),
        truth("1", eventId="nobody"),
    )

    status, message, found = merged(tmp_path)

    assert status == 0
    assert message == (
        "Completed: Job completed successfully. Merged 2 records; 1 captured records had no ground truth, "
        "2 ground truths had no captured record."
    )
    assert found == {
        "2024/a.jsonl": [
            {**captured("0.1", eventId="a"), "groundTruthData": {"data": "0", "encoding": "CSV"}},
            {
                **captured("0.2", eventId="b", inferenceId="named"),
                "groundTruthData": {"data": "1", "encoding": "CSV"},
            },
        ]
    }


def test_the_layout_is_aws_s(tmp_path: Path) -> None:
    """The four keys in their order."""
    lines(tmp_path / "captured" / "a.jsonl", captured("1", eventId="a"))
    lines(tmp_path / "truth" / "t.jsonl", truth("1", eventId="a"))

    _, _, found = merged(tmp_path)

    (record,) = found["a.jsonl"]
    assert list(record) == ["eventVersion", "groundTruthData", "captureData", "eventMetadata"]


def test_what_is_known_last_counts(tmp_path: Path) -> None:
    """A truth may be mended later; a shadow variant's answer has none; a file without partners is not written."""
    shadow = captured("9", eventId="a")
    shadow["eventMetadata"]["invocationSource"] = "ShadowExperiment"
    lines(tmp_path / "captured" / "a.jsonl", captured("1", eventId="a"), shadow)
    lines(tmp_path / "captured" / "b.jsonl", captured("1", eventId="b"))
    lines(tmp_path / "truth" / "1.jsonl", truth("0", eventId="a"))
    lines(tmp_path / "truth" / "2.jsonl", truth("1", eventId="a"))

    _, _, found = merged(tmp_path)

    assert found.keys() == {"a.jsonl"}
    assert [record["groundTruthData"]["data"] for record in found["a.jsonl"]] == ["1"]


def test_aws_s_own_records(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Each of them finds its partner."""
    folder = shared_data("checkstep/monitor")
    for name, file in (("captured", "capture.jsonl"), ("truth", "actuals.jsonl")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes((folder / file).read_bytes())

    status, message, found = merged(tmp_path)

    assert status == 0
    assert "Merged 44 records; 0 captured records had no ground truth, 0 ground truths" in message
    assert [record["eventMetadata"]["eventId"] for record in found["capture.jsonl"]] == [
        json.loads(line)["eventMetadata"]["eventId"]
        for line in (folder / "capture.jsonl").read_text().splitlines()
    ]


WRONG: list[tuple[Mapping[str, list[Any]], str]] = [
    ({"captured": [captured("1", eventId="a")]}, "ground_truth_source: there is no"),
    ({"truth": [truth("1", eventId="a")]}, "dataset_source: there is no"),
    (
        {"captured": [captured("1", eventId="a")], "truth": [truth("1", eventId="b")]},
        "no captured record has a ground truth: 1 records in",
    ),
    (
        {"captured": [{"a": 1}], "truth": [truth("1", eventId="b")]},
        "line 1: no captured record; it needs 'captureData', and 'eventMetadata' with an 'eventId'",
    ),
    (
        {"captured": [captured("1", eventId="a")], "truth": [truth("1")]},
        "line 1: no ground truth; it needs 'groundTruthData', and 'eventMetadata' with an 'eventId'",
    ),
    ({"captured": [captured("1", eventId="a")], "truth": [[]]}, "line 1: no ground truth"),
]


@pytest.mark.parametrize(("files", "message"), WRONG)
def test_what_cannot_be_merged_is_said(files: Mapping[str, list[Any]], message: str, tmp_path: Path) -> None:
    """In one line, with the exit status of the container."""
    for name, records in files.items():
        lines(tmp_path / name / "x.jsonl", *records)

    status, said, _ = merged(tmp_path)

    assert status == 255
    assert said.startswith("Error: ")
    assert message in said


def test_a_variable_that_is_missing(tmp_path: Path) -> None:
    """By its name."""
    assert run(merge.main, {"dataset_source": "/x"}, tmp_path) == 255
    assert (tmp_path / "output" / "message").read_text() == (
        "Error: the environment variable 'ground_truth_source' is missing"
    )

"""A check as a job: what it compares with, what it leaves, and when it fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import checks, contract
from containers.analyzer import check
from containers.analyzer.check import Options, Previous
from containers.checks import DATA_BIAS, DATA_QUALITY, MODEL_BIAS, MODEL_QUALITY, Check
from containers.contract import ProcessingPaths
from containers.processing.job import DataError, run

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/roaming/3"
BIAS: dict[str, Any] = {
    "dataset_type": "application/x-parquet",
    "label": "y",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "group", "value_or_threshold": ["b"]}],
}
SETTINGS: dict[Check, dict[str, Any]] = {
    DATA_QUALITY: {"dataset_format": {"parquet": {}}},
    DATA_BIAS: {**BIAS, "methods": {"pre_training_bias": {"methods": ["CI", "DPL"]}}},
    MODEL_BIAS: {
        **BIAS,
        "predicted_label": "said",
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI"]}},
    },
    MODEL_QUALITY: {
        "dataset_format": {"parquet": {}},
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "BinaryClassification",
        "ground_truth_attribute": "y",
        "inference_attribute": "said",
        "positive_label": "1",
    },
}


@dataclass
class Shelf:
    """A registry that holds one baseline, or none; it counts how often it was asked."""

    files: Mapping[str, bytes] | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def previous(self, group: str, wanted: Check) -> Previous | None:
        self.asked.append((group, wanted.name))
        return None if self.files is None else Previous(PACKAGE, self.files)


def rows(number: int = 400, *, unfair: float = 0.1, seed: int = 1) -> pa.Table:
    """Rows in which the group b has a yes less often, and so it is predicted."""
    draw = np.random.default_rng(seed)
    group = draw.choice(["a", "b"], number)
    odds = 0.5 - unfair * (group == "b")
    y = (draw.random(number) < odds).astype(int)
    said = np.where(draw.random(number) < 0.8, y, 0)
    return pa.table({"group": group, "amount": draw.normal(size=number), "y": y, "said": said})


def job(base: Path, wanted: Check, table: pa.Table) -> ProcessingPaths:
    paths = ProcessingPaths(base)
    for name in (contract.SETTINGS, contract.DATA):
        paths.input(name).mkdir(parents=True, exist_ok=True)
    (paths.input(contract.SETTINGS) / wanted.settings_file).write_text(json.dumps(SETTINGS[wanted]))
    pq.write_table(table, paths.input(contract.DATA) / contract.PART_FILE)
    return paths


def baseline_of(base: Path, wanted: Check, table: pa.Table) -> dict[str, bytes]:
    """The files of a first run."""
    paths = job(base, wanted, table)
    check.main(paths, wanted, "roaming", Options(), Shelf())
    carried = paths.output(checks.OUTPUT) / checks.BASELINE
    return {file.name: file.read_bytes() for file in carried.iterdir()}


def verdict(paths: ProcessingPaths) -> dict[str, Any]:
    text = (paths.output(checks.OUTPUT) / checks.VERDICT_FILE).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


ALL = pytest.mark.parametrize("wanted", SETTINGS, ids=lambda each: each.name)


@ALL
def test_a_first_run_has_nothing_to_compare_with(wanted: Check, tmp_path: Path) -> None:
    """It passes, says so, and what it has calculated is the baseline."""
    paths = job(tmp_path, wanted, rows())

    check.main(paths, wanted, "roaming", Options(fail=True), Shelf())

    output = paths.output(checks.OUTPUT)
    found = verdict(paths)
    assert (found["compared_with"], found["violations"], found["baseline"]) == (None, 0, "new")
    assert found["message"].startswith("There is no approved model with a baseline yet")
    assert not (output / checks.VIOLATIONS_FILE).exists()
    for name in filter(None, (wanted.constraints_file, wanted.statistics_file)):
        assert (output / name).read_bytes() == (output / checks.BASELINE / name).read_bytes()


@ALL
def test_the_same_rows_violate_nothing(wanted: Check, tmp_path: Path) -> None:
    """A second run on them passes, and carries the first one's baseline on."""
    before = baseline_of(tmp_path / "first", wanted, rows())
    paths = job(tmp_path / "second", wanted, rows())

    check.main(paths, wanted, "roaming", Options(fail=True), Shelf(before))

    assert verdict(paths) == {
        "version": 1,
        "check": wanted.name,
        "compared_with": PACKAGE,
        "skipped": False,
        "violations": 0,
        "baseline": "previous",
        "message": "No violation of the baseline of model-package/roaming/3.",
    }


@ALL
def test_worse_rows_are_reported(wanted: Check, tmp_path: Path) -> None:
    """In the report of AWS's containers, counted in the verdict; the job succeeds, for it was not told to fail."""
    before = baseline_of(tmp_path / "first", wanted, rows())
    paths = job(tmp_path / "second", wanted, worse(wanted))

    check.main(paths, wanted, "roaming", Options(), Shelf(before))

    report = json.loads((paths.output(checks.OUTPUT) / checks.VIOLATIONS_FILE).read_text(encoding="utf-8"))
    assert report["violations"]
    assert verdict(paths)["violations"] == len(report["violations"])
    assert verdict(paths)["message"].startswith(f"{len(report['violations'])} violation")


@ALL
def test_a_violation_can_fail_the_job(wanted: Check, tmp_path: Path) -> None:
    """The message says which check, against which model, and what is wrong; everything was written before."""
    before = baseline_of(tmp_path / "first", wanted, rows())
    paths = job(tmp_path / "second", wanted, worse(wanted))

    status = run(check.main, paths, wanted, "roaming", Options(fail=True), Shelf(before))

    said = paths.failure_message.read_text(encoding="utf-8")
    assert status == 1
    assert said.startswith(f"{wanted.name} check failed. ")
    assert "model-package/roaming/3" in said
    assert (paths.output(checks.OUTPUT) / checks.BASELINE / wanted.constraints_file).read_bytes() == before[
        wanted.constraints_file
    ]


def worse(wanted: Check) -> pa.Table:
    """Rows that violate what ``rows()`` suggests."""
    table = rows(unfair=0.4, seed=2)
    if wanted == DATA_QUALITY:
        return table.set_column(0, "group", pa.array(["new"] * len(table)))
    if wanted == MODEL_QUALITY:
        return table.set_column(3, "said", pa.array(1 - table["y"].to_numpy()))
    return table


# skip, register, is there a previous baseline -> compared, which baseline is carried, how often the registry is asked
SWITCHES = [
    (False, False, True, True, "previous", 1),
    (False, True, True, True, "new", 1),
    (True, False, True, False, "previous", 1),
    (True, True, True, False, "new", 0),
    (False, False, False, False, "new", 1),
    (False, True, False, False, "new", 1),
    (True, False, False, False, "new", 1),
    (True, True, False, False, "new", 0),
]


@pytest.mark.parametrize(("skip", "register", "there", "compared", "carried", "asked"), SWITCHES)
def test_the_switches_mean_what_they_mean_in_aws(
    skip: bool, register: bool, there: bool, compared: bool, carried: str, asked: int, tmp_path: Path
) -> None:
    """The table of AWS's baseline lifecycle; only that a missing previous baseline is no error."""
    before = baseline_of(tmp_path / "first", DATA_QUALITY, rows()) if there else None
    shelf = Shelf(before)
    paths = job(tmp_path / "second", DATA_QUALITY, worse(DATA_QUALITY))

    check.main(paths, DATA_QUALITY, "roaming", Options(skip=skip, register=register), shelf)

    output = paths.output(checks.OUTPUT)
    found = verdict(paths)
    kept = (output / checks.BASELINE / checks.CONSTRAINTS_FILE).read_bytes()
    assert (found["compared_with"] == PACKAGE, found["skipped"], found["baseline"]) == (
        compared,
        skip,
        carried,
    )
    assert (output / checks.VIOLATIONS_FILE).exists() == compared
    assert (kept == (output / checks.CONSTRAINTS_FILE).read_bytes()) == (carried == "new")
    assert shelf.asked == [("roaming", "DataQuality")] * asked


def test_many_violations_are_counted_and_three_are_named(tmp_path: Path) -> None:
    """The message must fit into a job's ExitMessage."""
    many = {f"column_{index}": pa.array([1.0, 2.0]) for index in range(9)}
    holes = {f"column_{index}": pa.array([1.0, None]) for index in range(9)}
    before = baseline_of(tmp_path / "first", DATA_QUALITY, pa.table(many))
    paths = job(tmp_path / "second", DATA_QUALITY, pa.table(holes))

    check.main(paths, DATA_QUALITY, "roaming", Options(), Shelf(before))

    said = verdict(paths)["message"]
    assert said.startswith(
        "9 violations of the baseline of model-package/roaming/3: column_0: Data completeness"
    )
    assert said.endswith("; and 6 more.")


@pytest.mark.parametrize(
    ("wanted", "files", "message"),
    [
        (DATA_QUALITY, {"constraints.json": b"no JSON"}, "baseline_constraints"),
        (DATA_BIAS, {"analysis.json": b"no JSON"}, "baseline"),
        (DATA_BIAS, {"analysis.json": b"[1]"}, "baseline"),
    ],
)
def test_a_broken_baseline_is_named(
    wanted: Check, files: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    """One line, and no traceback."""
    with pytest.raises(DataError, match=message):
        check.main(job(tmp_path, wanted, rows()), wanted, "roaming", Options(), Shelf(files))


def test_a_job_without_settings_says_so(tmp_path: Path) -> None:
    """The input is named."""
    paths = job(tmp_path, DATA_QUALITY, rows())
    (paths.input(contract.SETTINGS) / DATA_QUALITY.settings_file).unlink()

    with pytest.raises(DataError, match="the job got no input 'settings'"):
        check.main(paths, DATA_QUALITY, "roaming", Options(), Shelf())


def test_a_registry_that_cannot_be_asked_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what the job needs for it: here it has no credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    paths = job(tmp_path, DATA_QUALITY, rows())

    with pytest.raises(
        DataError, match=r"the baseline of group roaming cannot be looked up: .*ListModelPackages"
    ):
        check.main(paths, DATA_QUALITY, "roaming", Options(), check.ModelRegistry())


@pytest.mark.parametrize("text", ["True", "true", "False", "false"])
def test_a_pipelines_boolean_is_read(text: str) -> None:
    """However the service writes it; nothing else is."""
    assert check._switch(text) == (text.lower() == "true")
    with pytest.raises(ValueError, match=f"not {text}"):
        check._switch(f"not {text}")


def test_clarifys_metrics_are_the_analyzers() -> None:
    """The pipeline asks for no metric that there is not, and leaves none out unknowingly."""
    from containers.analyzer.bias_config import POST_TRAINING_NAMES, PRE_TRAINING_NAMES

    assert set(checks.PRE_TRAINING) == set(PRE_TRAINING_NAMES)
    assert set(checks.POST_TRAINING) == set(POST_TRAINING_NAMES)
    assert {*checks.OF_GROUPS, *checks.OF_FEATURES} <= {*checks.PRE_TRAINING, *checks.POST_TRAINING}

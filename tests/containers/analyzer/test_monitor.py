"""The analyzer as a program: an environment and files in, files and a sentence out, as the real container has them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from containers.analyzer import merge, monitor
from containers.analyzer.monitor_exit import run

ROOT = Path(__file__).resolve().parents[3]
DATA_QUALITY, MODEL_QUALITY = "checkstep/quality/data_quality", "checkstep/quality/model_quality"
BARE, HEADER = '{"csv": {"header": false}}', '{"csv": {"header": true, "output_columns_position": "START"}}'
NO_VIOLATIONS = "Completed: Job completed successfully with no violations."
NEWER = ("approximate_num_distinct_values", "completeness")  # keys that newer images write


def analysed(folder: Path, **environment: str | Path) -> tuple[int, str, dict[str, Any]]:
    """Exit status, message, and the documents by file name."""
    output = folder / "output"
    for file in output.glob("*"):
        file.unlink()
    values = {"output_path": output, **environment}
    status = run(monitor.main, {name: str(value) for name, value in values.items()}, folder / "ml")
    message = (folder / "ml" / "output" / "message").read_text()
    return status, message, {path.name: json.loads(path.read_text()) for path in output.glob("*")}


def data_quality(folder: Path) -> dict[str, str | Path]:
    return {"dataset_source": folder / "baseline_dataset.csv", "dataset_format": BARE}


def model_quality(folder: Path) -> dict[str, str | Path]:
    # AWS's own test hands over label and prediction the wrong way round.
    return {
        "dataset_source": folder / "baseline_dataset.csv",
        "dataset_format": HEADER,
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "Regression",
        "ground_truth_attribute": "Prediction",
        "inference_attribute": "Label",
    }


def without(document: Any, names: tuple[str, ...]) -> Any:
    """The document without the keys of these names, wherever they are."""
    if isinstance(document, dict):
        return {key: without(value, names) for key, value in document.items() if key not in names}
    return [without(value, names) for value in document] if isinstance(document, list) else document


def test_the_container_s_data_quality(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Its test data gives its statistics and constraints to the last digit, and no file of violations."""
    folder = shared_data(DATA_QUALITY)

    status, message, written = analysed(tmp_path, **data_quality(folder))

    assert (status, message) == (0, NO_VIOLATIONS)
    assert written.keys() == {"statistics.json", "constraints.json"}
    assert without(written["statistics.json"], NEWER) == json.loads((folder / "statistics.json").read_text())
    newer = ("categorical_comparison_threshold", "categorical_drift_method")
    good = json.loads((folder / "good_cases" / "constraints.json").read_text())
    assert without(written["constraints.json"], newer) == good


DATA_CASES = [("good_cases", []), ("bad_cases", ["_c5"])]
MODEL_CASES = [("good_cases", []), ("bad_cases", ["mse"])]


@pytest.mark.parametrize(("case", "found"), DATA_CASES)
def test_the_container_s_verdict_on_data(
    case: str, found: list[str], shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    """The good case passes without a report; the bad one is reported, and the job succeeds all the same."""
    folder = shared_data(DATA_QUALITY)

    status, message, written = analysed(
        tmp_path,
        **data_quality(folder),
        baseline_constraints=folder / case / "constraints.json",
        baseline_statistics=folder / "statistics.json",
    )

    report = written.get("constraint_violations.json", {"violations": []})["violations"]
    assert status == 0
    assert [one["feature_name"] for one in report] == found
    assert ("constraint_violations.json" in written) == bool(found)
    assert message == (
        "CompletedWithViolations: Job completed successfully with 1 violations." if found else NO_VIOLATIONS
    )


def test_the_container_s_model_quality(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Statistics to the last digit, and the constraints that follow from them."""
    folder = shared_data(MODEL_QUALITY)

    status, message, written = analysed(tmp_path, **model_quality(folder))

    assert (status, message) == (0, NO_VIOLATIONS)
    assert written == {
        "statistics.json": json.loads((folder / "statistics.json").read_text()),
        "constraints.json": json.loads((folder / "good_cases" / "constraints.json").read_text()),
    }


@pytest.mark.parametrize(("case", "found"), MODEL_CASES)
def test_the_container_s_verdict_on_a_model(
    case: str, found: list[str], shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    """The thresholds that the container took from the rows are met by them; a tenth of one is not."""
    folder = shared_data(MODEL_QUALITY)

    status, _, written = analysed(
        tmp_path, **model_quality(folder), baseline_constraints=folder / case / "constraints.json"
    )

    report = written.get("constraint_violations.json", {"violations": []})["violations"]
    assert status == 0
    assert [one["metric_name"] for one in report] == found


def test_a_report_has_the_container_s_shape(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """The same keys in the same order, and types that it knows, as in a real report of a taxi company's data."""
    real = json.loads((shared_data("checkstep/monitor") / "constraint_violations.json").read_text())
    (tmp_path / "constraints.json").write_text(
        json.dumps(
            {
                "features": [
                    {"name": "a", "inferred_type": "Integral", "completeness": 1.0},
                    {"name": "b", "inferred_type": "String", "string_constraints": {"domains": ["y"]}},
                ]
            }
        )
    )
    (tmp_path / "rows.csv").write_text("a,b\n1.5,x\n,x\n")

    _, _, written = analysed(
        tmp_path,
        dataset_source=tmp_path / "rows.csv",
        dataset_format=HEADER,
        baseline_constraints=tmp_path / "constraints.json",
    )

    report = written["constraint_violations.json"]
    assert report.keys() == real.keys()
    assert {tuple(one) for one in report["violations"]} == {tuple(one) for one in real["violations"]}
    assert {one["constraint_check_type"] for one in report["violations"]} == {
        one["constraint_check_type"] for one in real["violations"]
    }


def test_captured_data_against_a_baseline_with_names(tmp_path: Path) -> None:
    """What an endpoint captured has no names: those of the training data are meant, the answer's first."""
    baseline = tmp_path / "train.csv"
    baseline.write_text("label,age,city\n" + "".join(f"{n % 2},{n},{'ab'[n % 2]}\n" for n in range(200)))
    _, _, before = analysed(tmp_path, dataset_source=baseline, dataset_format=HEADER)
    kept = tmp_path / "kept"
    kept.mkdir()
    for name, document in before.items():
        (kept / name).write_text(json.dumps(document))
    lines = [captured(f"{n},c", "0.5") for n in range(200)]
    (tmp_path / "capture.jsonl").write_text("\n".join(lines))

    status, message, written = analysed(
        tmp_path,
        dataset_source=tmp_path / "capture.jsonl",
        dataset_format='{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}',
        baseline_constraints=kept / "constraints.json",
        baseline_statistics=kept / "statistics.json",
    )

    found = {
        (one["feature_name"], one["constraint_check_type"])
        for one in written["constraint_violations.json"]["violations"]
    }
    assert (status, message) == (0, "CompletedWithViolations: Job completed successfully with 4 violations.")
    assert found == {
        ("label", "data_type_check"),
        ("label", "baseline_drift_check"),
        ("city", "categorical_values_check"),
        ("city", "baseline_drift_check"),
    }
    assert [one["name"] for one in written["statistics.json"]["features"]] == ["label", "age", "city"]


def captured(asked: str, answered: str, name: str = "e") -> str:
    parts = {"endpointInput": asked, "endpointOutput": answered}
    data = {part: {"data": text, "encoding": "CSV"} for part, text in parts.items()}
    return json.dumps({"captureData": data, "eventMetadata": {"eventId": name}, "eventVersion": "0"})


@pytest.mark.parametrize(("asked", "check"), [("1", "Missing columns"), ("1,2,3", "Extra columns")])
def test_captured_data_of_another_width(asked: str, check: str, tmp_path: Path) -> None:
    """Too few columns are missing ones and too many are extra ones, never both."""
    (tmp_path / "constraints.json").write_text(json.dumps({"features": [{"name": name} for name in "yab"]}))
    (tmp_path / "capture.jsonl").write_text(captured(asked, "1"))

    _, _, written = analysed(
        tmp_path,
        dataset_source=tmp_path / "capture.jsonl",
        dataset_format='{"sagemakerCaptureJson": {}}',
        baseline_constraints=tmp_path / "constraints.json",
    )

    assert [one["feature_name"] for one in written["constraint_violations.json"]["violations"]] == [check]


def test_merged_data_of_a_model(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """AWS's captured data and truths, merged, then analysed with the environment that a schedule sets."""
    folder = shared_data("checkstep/monitor")
    sources = {"dataset_source": folder / "capture.jsonl", "ground_truth_source": folder / "actuals.jsonl"}
    environment = {name: str(path) for name, path in sources.items()}
    merge.main({**environment, "output_path": str(tmp_path / "merged")}, tmp_path)

    status, _, written = analysed(
        tmp_path,
        dataset_source=tmp_path / "merged",
        dataset_format='{"sagemakerMergeJson": {"captureIndexNames": ["endpointOutput"]}}',
        analysis_type="MODEL_QUALITY",
        problem_type="BinaryClassification",
        probability_attribute="0",
        probability_threshold_attribute="0.5",
        start_time="2021-05-06T22:00:00Z",
        end_time="2021-05-06T23:00:00Z",
    )

    lines = [json.loads(line) for line in (folder / "capture.jsonl").read_text().splitlines()]
    said = [float(line["captureData"]["endpointOutput"]["data"]) >= 0.5 for line in lines]
    matrix = written["statistics.json"]["binary_classification_metrics"]["confusion_matrix"]
    assert status == 0
    assert written["statistics.json"]["dataset"]["item_count"] == len(lines)
    assert matrix["0"]["1"] + matrix["1"]["1"] == sum(said)


JSON_LINES = '{"json": {"lines": true}}'


def test_json_lines_are_csv_with_names(tmp_path: Path) -> None:
    """The same rows in either format are the same documents; columns of JSON are sorted."""
    rows = [{"a": n, "b": n / 4, "c": None if n == 3 else "xy"[n % 2]} for n in range(10)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    text = "".join(f"{row['a']},{row['b']},{row['c'] or ''}\n" for row in reversed(rows))
    (tmp_path / "rows.csv").write_text("a,b,c\n" + text)
    (tmp_path / "rows.json").write_text(json.dumps(rows[::-1]))

    _, _, csv = analysed(tmp_path, dataset_source=tmp_path / "rows.csv", dataset_format=HEADER)
    _, _, lines = analysed(tmp_path, dataset_source=tmp_path / "rows.jsonl", dataset_format=JSON_LINES)
    _, _, whole = analysed(
        tmp_path, dataset_source=tmp_path / "rows.json", dataset_format='{"json": {"lines": false}}'
    )

    assert csv == lines == whole


def test_a_json_value_that_comes_late_was_missing_before(tmp_path: Path) -> None:
    """However late: rows in which a name does not occur lack that value."""
    rows = [{"a": 1}] * 5000 + [{"b": 2}] * 5000
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    _, _, written = analysed(tmp_path, dataset_source=tmp_path / "rows.jsonl", dataset_format=JSON_LINES)

    assert {
        one["name"]: one["numerical_statistics"]["common"] for one in written["statistics.json"]["features"]
    } == {
        "a": {"num_present": 5000, "num_missing": 5000},
        "b": {"num_present": 5000, "num_missing": 5000},
    }


@pytest.mark.parametrize("excluded", ["b", "1"])
def test_excluded_features_are_in_no_document(excluded: str, tmp_path: Path) -> None:
    """By name or number; and nobody misses them."""
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n")
    constraints = {"features": [{"name": "b", "completeness": 1.0}, {"name": "a"}]}  # in another order
    (tmp_path / "constraints.json").write_text(json.dumps(constraints))

    _, message, written = analysed(
        tmp_path,
        dataset_source=tmp_path / "rows.csv",
        dataset_format=HEADER,
        exclude_features_attribute=excluded,
        baseline_constraints=tmp_path / "constraints.json",
    )

    assert message == NO_VIOLATIONS
    assert [one["name"] for one in written["statistics.json"]["features"]] == ["a"]


def test_the_drift_method_is_suggested(tmp_path: Path) -> None:
    """As the SDK's monitoring_config_override asks for it."""
    (tmp_path / "rows.csv").write_text("a\n1\n")

    _, _, written = analysed(
        tmp_path,
        dataset_source=tmp_path / "rows.csv",
        dataset_format=HEADER,
        categorical_drift_method="ChiSquared",
    )

    suggested = written["constraints.json"]["monitoring_config"]["distribution_constraints"]
    assert suggested["categorical_drift_method"] == "ChiSquared"


def test_statistics_alone_are_compared_with(tmp_path: Path) -> None:
    """Without constraints, drift is judged by the thresholds that the container suggests."""
    (tmp_path / "rows.csv").write_text("a\n" + "".join(f"{n}\n" for n in range(300)))
    (tmp_path / "moved.csv").write_text("a\n" + "".join(f"{n + 200}\n" for n in range(300)))
    _, _, before = analysed(tmp_path, dataset_source=tmp_path / "rows.csv", dataset_format=HEADER)
    (tmp_path / "before.json").write_text(json.dumps(before["statistics.json"]))

    _, _, written = analysed(
        tmp_path,
        dataset_source=tmp_path / "moved.csv",
        dataset_format=HEADER,
        baseline_statistics=tmp_path / "before.json",
    )

    assert [one["constraint_check_type"] for one in written["constraint_violations.json"]["violations"]] == [
        "baseline_drift_check"
    ]


def test_numbers_beyond_all_numbers(tmp_path: Path) -> None:
    """Their sum is infinite, which is a text in JSON; a reader of JSON can read the rest."""
    (tmp_path / "rows.csv").write_text("a\n1.5e308\n-1e308\n1.5e308\n1.5e308\n")
    environment = {"dataset_source": tmp_path / "rows.csv", "dataset_format": HEADER}

    status, _, before = analysed(tmp_path, **environment)
    (tmp_path / "statistics").write_text(json.dumps(before["statistics.json"]))
    again, message, _ = analysed(
        tmp_path,
        **environment,
        baseline_statistics=tmp_path / "statistics",
        publish_cloudwatch_metrics="Enabled",
        sagemaker_monitoring_schedule_name="s",
    )

    (feature,) = before["statistics.json"]["features"]
    assert (status, again, message) == (0, 0, NO_VIOLATIONS)
    assert feature["numerical_statistics"]["sum"] == "Infinity"
    assert feature["numerical_statistics"]["max"] == 1.5e308


def test_an_older_report_is_not_this_run_s(tmp_path: Path) -> None:
    """Who analyses twice into one folder finds violations only where the second run found some."""
    (tmp_path / "rows.csv").write_text("a\n1\n")
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "constraint_violations.json").write_text("{}")

    monitor.main(
        {
            "dataset_source": str(tmp_path / "rows.csv"),
            "dataset_format": HEADER,
            "output_path": str(tmp_path / "output"),
        },
        tmp_path,
    )

    assert not (tmp_path / "output" / "constraint_violations.json").exists()


SCRIPTS: list[tuple[str, str, str, str]] = [
    ("rows.csv", "x,1\ny,2\n", BARE, "return {'n': inference_record.split(',')[1]}"),
    ("rows.csv", "c,n\nx,1\ny,2\n", HEADER, "return {'n': inference_record.split(',')[1]}"),
    ("rows.jsonl", '{"n": [1]}\n{"n": [2]}\n', JSON_LINES, "return {'n': inference_record['n'][0]}"),
    (
        "rows.jsonl",
        captured("1", "0") + "\n" + captured("2", "0"),
        '{"sagemakerCaptureJson": {}}',
        "return {'n': inference_record.endpoint_input.data}",
    ),
]


@pytest.mark.parametrize(("name", "text", "form", "body"), SCRIPTS)
def test_scripts_before_and_after(name: str, text: str, form: str, body: str, tmp_path: Path) -> None:
    """One sees each record, whatever the format; the other finds the documents written."""
    (tmp_path / name).write_text(text)
    (tmp_path / "before.py").write_text(f"def preprocess_handler(inference_record):\n    {body}\n")
    (tmp_path / "after.py").write_text(
        "from pathlib import Path\n"
        "def postprocess_handler():\n"
        f"    folder = Path({str(tmp_path / 'output')!r})\n"
        "    (folder / 'seen.json').write_text(str(len(list(folder.glob('*')))))\n"
    )

    status, message, written = analysed(
        tmp_path,
        dataset_source=tmp_path / name,
        dataset_format=form,
        record_preprocessor_script=tmp_path / "before.py",
        post_analytics_processor_script=tmp_path / "after.py",
    )

    (feature,) = written["statistics.json"]["features"]
    assert (status, message, written["seen.json"]) == (0, NO_VIOLATIONS, 2)
    assert (feature["name"], feature["numerical_statistics"]["sum"]) == ("n", 3.0)


def test_metrics_are_lines_for_cloudwatch(tmp_path: Path) -> None:
    """Each with the schedule's dimensions and the time of its window; a feature that emits none has none."""
    (tmp_path / "rows.csv").write_text("a,b,c\n" + "".join(f"{n},x,{n}\n" for n in range(100)))
    _, _, before = analysed(tmp_path, dataset_source=tmp_path / "rows.csv", dataset_format=HEADER)
    before["constraints.json"]["features"][2]["monitoring_config_overrides"] = {"emit_metrics": "Disabled"}
    for name, document in before.items():
        (tmp_path / name).write_text(json.dumps(document))

    analysed(
        tmp_path,
        dataset_source=tmp_path / "rows.csv",
        dataset_format=HEADER,
        baseline_constraints=tmp_path / "constraints.json",
        baseline_statistics=tmp_path / "statistics.json",
        publish_cloudwatch_metrics="Enabled",
        sagemaker_endpoint_name="e",
        sagemaker_monitoring_schedule_name="s",
        start_time="2021-05-06T22:00:00Z",
        end_time="2021-05-06T23:00:00Z",
    )

    (file,) = (tmp_path / "ml" / "output" / "metrics" / "cloudwatch").glob("*")
    metrics = [json.loads(line) for line in file.read_text().splitlines()]
    values = {"SampleCount": 100.0, "Sum": 4950.0, "Minimum": 0.0, "Maximum": 99.0}
    assert {
        metric["MetricName"]: metric.get("Value", metric.get("StatisticValues")) for metric in metrics
    } == {
        "feature_data_a": values,
        "feature_non_null_a": 100.0,
        "feature_baseline_drift_a": 0.0,
        "feature_non_null_b": 100.0,
        "feature_baseline_drift_b": 0.0,
    }
    assert {metric["Timestamp"] for metric in metrics} == {"2021-05-06T23:00:00Z"}
    dimensions = [{"Name": "Endpoint", "Value": "e"}, {"Name": "MonitoringSchedule", "Value": "s"}]
    assert all(metric["Dimensions"] == dimensions for metric in metrics)


def test_metrics_of_a_model(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Every metric that has a value, by its name."""
    folder = shared_data(MODEL_QUALITY)

    analysed(
        tmp_path,
        **model_quality(folder),
        publish_cloudwatch_metrics="Enabled",
        sagemaker_monitoring_schedule_name="s",
    )

    (file,) = (tmp_path / "ml" / "output" / "metrics" / "cloudwatch").glob("*")
    metrics = [json.loads(line) for line in file.read_text().splitlines()]
    assert [metric["MetricName"] for metric in metrics] == ["mae", "mse", "rmse", "r2"]
    assert metrics[0]["Dimensions"] == [{"Name": "MonitoringSchedule", "Value": "s"}]


DAMAGED = json.dumps(
    {"features": [{"name": "a", "numerical_statistics": {"distribution": {"kll": {"x": 1}}}}]}
)
WRONG: list[tuple[str, Mapping[str, str], str]] = [
    ('a\n"' + "x" * 3_000_000, {}, "a row is longer than 1,048,576 bytes; is a quote not closed?"),
    ("a\n1\n", {"dataset_source": "/nowhere"}, "dataset_source: there is no /nowhere"),
    ("a\n1\n", {"dataset_format": "{"}, "dataset_format is not JSON"),
    ("", {}, "the file is empty"),
    ("a,b\n", {}, "rows.csv holds no rows"),
    ("a,b\n", {"analysis_type": "MODEL_QUALITY", "problem_type": "Regression", "ground_truth_attribute": "a",
               "inference_attribute": "b"}, "holds no rows"),
    ("a,b\n1,2\n", {"analysis_type": "MODEL_QUALITY", "problem_type": "Regression", "ground_truth_attribute": "label",
                    "inference_attribute": "b"}, "ground_truth_attribute: there is no 'label'; there is a, b."),
    ("a,b\n1,2\n", {"analysis_type": "MODEL_QUALITY", "problem_type": "Regresion", "ground_truth_attribute": "a",
                    "inference_attribute": "b"}, "Did you mean 'Regression'?"),
    ("a,b\n1,2\n", {"exclude_features_attribute": "age"}, "exclude_features_attribute: there is no 'age'"),
    ("a\n1\n", {"baseline_constraints": "[]"}, "baseline_constraints: {file} must hold an object; it holds list"),
    ("a\n1\n", {"baseline_constraints": "{"}, "baseline_constraints: {file} cannot be read as JSON"),
    ("a\n1\n", {"baseline_constraints": '{"regression_constraints": {}}'}, "as the analysis of data quality writes it"),
    ("a\n1\n", {"baseline_statistics": '{"features": [{"nam": "a"}]}'}, "baseline_statistics: {file} must hold a list"),
    ("a\n1\n", {"baseline_statistics": DAMAGED}, "baseline statistics of 'a': the distribution cannot be read"),
    ("a\n1\n", {"record_preprocessor_script": "def preprocess_handler(r): raise ValueError('no')"},
     "The preprocessing script failed."),
    ("a\n1\n", {"record_preprocessor_script": "def preprocess_handler(r): return []"}, "rows.csv holds no rows"),
    ("a\n1\n", {"post_analytics_processor_script": "def postprocess_handler(): raise ValueError('no')"},
     "postprocess_handler: ValueError: no"),
    ("a\n1\n", {"dataset_format": '{"parquet": {}}', "record_preprocessor_script": "def preprocess_handler(r): pass"},
     "record_preprocessor_script: not for Parquet"),
    ("a\n1\n", {"dataset_format": JSON_LINES}, "line 1: not JSON"),
    ("[1]\n", {"dataset_format": JSON_LINES}, "line 1: a record must be a JSON object; this is list"),
]  # fmt: skip
FILES = (
    "baseline_constraints",
    "baseline_statistics",
    "record_preprocessor_script",
    "post_analytics_processor_script",
)


@pytest.mark.parametrize(("rows", "changes", "message"), WRONG)
def test_what_is_wrong_is_one_line(
    rows: str, changes: Mapping[str, str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the job's message and in its log, with the exit status of the container."""
    (tmp_path / "rows.csv").write_text(rows)
    environment: dict[str, str | Path] = {"dataset_source": tmp_path / "rows.csv", "dataset_format": HEADER}
    file = tmp_path / "given"
    for name, value in changes.items():
        if name in FILES and not value.startswith("/"):
            file.write_text(value)
        environment[name] = file if name in FILES else value

    status, said, _ = analysed(tmp_path, **environment)

    assert status == 255
    assert said.startswith("Error: ")
    assert message.format(file=file) in said if "{file}" in message else message in said
    assert "\n" not in said
    assert said in capfd.readouterr().err


def test_outside_of_a_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing can be left for SageMaker, the documents are written and the sentence is said all the same."""
    (tmp_path / "rows.csv").write_text("a\n1\n")
    (tmp_path / "file").touch()
    environment = {
        "dataset_source": str(tmp_path / "rows.csv"),
        "dataset_format": HEADER,
        "output_path": str(tmp_path / "output"),
    }

    status = run(monitor.main, environment, tmp_path / "file")

    said = capsys.readouterr()
    assert (status, said.out) == (0, f"{NO_VIOLATIONS}\n")
    assert "the message could not be left in" in said.err
    assert (tmp_path / "output" / "statistics.json").exists()


def test_a_baseline_of_another_problem(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Constraints of a classifier say nothing of a regressor."""
    (tmp_path / "constraints.json").write_text('{"binary_classification_constraints": {}}')

    status, message, _ = analysed(
        tmp_path,
        **model_quality(shared_data(MODEL_QUALITY)),
        baseline_constraints=tmp_path / "constraints.json",
    )

    assert status == 255
    assert message == (
        "Error: constraints: no 'regression_constraints', which these statistics are for; "
        "found: binary_classification_constraints"
    )


PEAK = """
import resource, sys
from pathlib import Path
from containers.analyzer import monitor
source, form, output = sys.argv[1:]
monitor.main({"dataset_source": source, "dataset_format": form, "output_path": output}, Path(output))
status = Path("/proc/self/status")  # getrusage counts the parent's memory too, as it was at the fork
if status.exists():
    print(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
LINES = {
    "csv": (b"%d,%d.25,colour-%d,some text of some length\n", HEADER, b"a,b,c,d\n", 15_000_000),
    "json": (
        b'{"a": %d, "b": %d.25, "c": "colour-%d", "d": "' + b"text " * 40 + b'"}\n',
        JSON_LINES,
        b"",
        2_000_000,
    ),
}


@pytest.mark.parametrize("kind", LINES)
def test_memory_does_not_grow_with_the_data(kind: str, tmp_path: Path) -> None:
    """Ten times the rows take less than a third of what they are larger by."""
    line, form, header, size = LINES[kind]
    block = b"".join(line % (n, n * 7, n % 50) for n in range(1000))
    peaks = {}
    for times in (1, 10):
        path = tmp_path / f"{times}.{kind}"
        with path.open("wb") as file:
            file.write(header)
            file.writelines(block for _ in range(times * size // len(block)))
        command = [sys.executable, "-c", PEAK, path, form, tmp_path / "output"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        peaks[times] = int(done.stdout) * 1024
        path.unlink()

    assert peaks[10] - peaks[1] < 9 * size / 3

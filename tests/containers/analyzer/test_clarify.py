"""Clarify's image as a program: what a job reads, what it leaves, and how it ends."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from containers.analyzer.clarify import DONE, Clients, main
from containers.processing.job import DataError

ROOT = Path(__file__).resolve().parents[3]
ALL = {"methods": "all"}
CHECK_STEP = {
    "dataset_type": "text/csv",
    "headers": ["Label", "F1", "F2", "F3", "F4"],
    "label": "Label",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "F1", "value_or_threshold": [0.5]}],
    "group_variable": "F2",
    "methods": {"pre_training_bias": ALL},
}
MONITOR = {
    "dataset_type": "text/csv",
    "label": "Target",
    "label_values_or_threshold": [1],
    "predicted_label": "predicted_label",
    "facet": [{"name_or_index": "Sex", "value_or_threshold": [0]}],
    "group_variable": "Age",
    "methods": {"pre_training_bias": ALL, "post_training_bias": ALL},
}
PAID = {
    "dataset_type": "text/csv",
    "label": "paid",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "group", "value_or_threshold": [0]}],
    "methods": {"pre_training_bias": {"methods": ["CI", "DPL"]}},
}
HEADER, SIX = "paid,group,income\n", "1,1,50.5\n0,0,10\n1,1,40\n0,0,20\n1,0,60\n0,1,5\n"
ROWS = HEADER + 20 * SIX  # enough of them that 0 and 1 are categories: fewer than 5 % of the values differ


@dataclass
class Job:
    """A job's ``/opt/ml`` below a folder."""

    base: Path

    def given(self, config: Any, data: str | bytes | None = None, name: str = "data.csv") -> Job:
        folder = self.base / "processing" / "input"
        (folder / "config").mkdir(parents=True, exist_ok=True)
        (folder / "config" / "analysis_config.json").write_text(json.dumps(config))
        if data is not None:
            (folder / "data").mkdir(exist_ok=True)
            (folder / "data" / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return self

    def run(self, clients: Clients | None = None, **environment: str) -> Any:
        """Its ``analysis.json``."""
        assert main(environment, self.base, clients) == DONE
        return json.loads((self.output / "analysis.json").read_text())

    def process(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """It as a process, with nothing at ``/opt/ml`` but what it is told."""
        code = (
            "import os, sys; from pathlib import Path; from containers.analyzer import clarify, monitor_exit;"
            "sys.exit(monitor_exit.run(clarify.main, os.environ, Path(sys.argv[1])))"
        )
        return subprocess.run(
            [sys.executable, "-c", code, self.base],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def output(self) -> Path:
        return self.base / "processing" / "output"

    @property
    def files(self) -> set[str]:
        return {str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file()}


class Model:
    """``sagemaker-runtime`` in front of a function of rows, that answers a probability a line."""

    def __init__(self, predict: Callable[[list[str]], float | str]) -> None:
        self.predict = predict
        self.asked: list[dict[str, Any]] = []

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        rows = pd.read_csv(io.BytesIO(request["Body"]), header=None, dtype=str).to_numpy().tolist()
        return {"Body": io.BytesIO("\n".join(str(self.predict(row)) for row in rows).encode())}

    @property
    def clients(self) -> Clients:
        return Clients(sagemaker=None, runtime=self, s3=None)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def values(document: Any, section: str, facet: str) -> dict[str, Any]:
    (found,) = document[section]["facets"][facet]
    return {metric["name"]: metric["value"] for metric in found["metrics"]}


def by_threshold() -> Any:
    """A configuration that asks a model."""
    return PAID | {
        "predictor": {"endpoint_name": "there"},
        "probability_threshold": 0.5,
        "methods": {"post_training_bias": {"methods": ["DPPL", "AD"]}},
    }


# --- what AWS's container wrote ------------------------------------------------------------------------------


def test_the_check_steps_data_gives_its_baseline(job: Job, shared_data: Callable[[str], Path]) -> None:
    """Headers from the configuration; all eight values but for the last place of LP."""
    job.given(CHECK_STEP, shared_data("checkstep/clarify/dataset.csv").read_bytes())
    written = json.loads(shared_data("checkstep/clarify/data_bias/good_cases/analysis.json").read_text())
    section = "pre_training_bias_metrics"

    found, expected = values(job.run(), section, "F1"), values(written, section, "F1")

    assert math.isclose(found.pop("LP"), expected.pop("LP"), rel_tol=1e-15)
    assert found == expected
    assert job.files == {"analysis.json", "report.html"}


@pytest.mark.parametrize(("case", "beyond"), [("good", []), ("bad", ["KS"])])
def test_the_check_steps_verdicts(
    job: Job, shared_data: Callable[[str], Path], case: str, beyond: list[str]
) -> None:
    """Violations are a file, which is not there when there is none; either way the job succeeds."""
    job.given(CHECK_STEP, shared_data("checkstep/clarify/dataset.csv").read_bytes())
    baseline = shared_data(f"checkstep/clarify/data_bias/{case}_cases/analysis.json")

    job.run(baseline_constraints=str(baseline))

    report = job.output / "constraint_violations.json"
    assert report.exists() == bool(beyond)
    if beyond:
        found = json.loads(report.read_text())
        assert found["version"] == "1.0"
        assert [each["metric_name"] for each in found["violations"]] == beyond


def test_the_monitors_21_values_and_its_violations(job: Job, shared_data: Callable[[str], Path]) -> None:
    """The baseline has every value, digit for digit but for JS; the monitored rows violate the same metrics."""
    expected = json.loads(shared_data("bias-monitor/expected.json").read_text())
    baseline = job.given(MONITOR, shared_data("bias-monitor/baseline.csv").read_bytes()).run()
    found = values(baseline, "pre_training_bias_metrics", "Sex")
    found |= values(baseline, "post_training_bias_metrics", "Sex")

    assert math.isclose(found.pop("JS"), expected["baseline"].pop("JS"), rel_tol=1e-15)
    assert found == expected["baseline"]

    before = job.base / "before.json"
    before.write_text(json.dumps(baseline))
    again = MONITOR | {"methods": {"post_training_bias": ALL}}
    monitored = shared_data("bias-monitor/monitored.csv").read_bytes()
    job.given(again, monitored).run(baseline_constraints=str(before))
    violations = json.loads((job.output / "constraint_violations.json").read_text())["violations"]

    assert {each["metric_name"]: each["description"].split()[2] for each in violations} == {
        name: str(value) for name, value in expected["monitored_violations"].items()
    }
    assert {each["constraint_check_type"] for each in violations} == {"bias_drift_check"}


def test_german_credits_data_gives_all_eight(job: Job, shared_data: Callable[[str], Path]) -> None:
    """The section is the container's, key for key."""
    frame = pd.read_csv(shared_data("german-credit/SouthGermanCredit.asc"), sep=" ")
    frame = frame.rename(columns={"kredit": "credit_risk", "alter": "age", "famges": "personal_status_sex"})
    written = json.loads(shared_data("german-credit/analysis.json").read_text())
    config = {
        "dataset_type": "text/csv",
        "label": "credit_risk",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "age", "value_or_threshold": [40]}],
        "group_variable": "personal_status_sex",
        "methods": {"pre_training_bias": ALL},
    }

    found = job.given(config, frame.to_csv(index=False)).run()

    assert found["pre_training_bias_metrics"] == written["pre_training_bias_metrics"]


# --- a model is asked ----------------------------------------------------------------------------------------


def test_predictions_come_from_the_model(job: Job) -> None:
    """It is asked without the label; above the threshold is the positive label."""
    model = Model(lambda row: 0.9 if float(row[1]) > 30 else 0.1)

    found = values(job.given(by_threshold(), ROWS).run(model.clients), "post_training_bias_metrics", "group")

    assert found == {"AD": 0.0, "DPPL": pytest.approx(1 / 3)}
    assert model.asked[0]["Body"].decode().splitlines()[0] == "1,50.5"


@pytest.mark.parametrize(("threshold", "dppl"), [(0.5, 1 / 3), (0.4999, 0.0)])
def test_a_probability_must_be_above_the_threshold(job: Job, threshold: float, dppl: float) -> None:
    """Exactly the threshold is no positive prediction: for three of six rows that is the difference."""
    model = Model(lambda row: 0.5 if float(row[1]) < 30 else 0.9)
    config = by_threshold() | {"probability_threshold": threshold}
    config["methods"] = {"post_training_bias": {"methods": ["DPPL"]}}
    found = values(job.given(config, ROWS).run(model.clients), "post_training_bias_metrics", "group")

    assert found["DPPL"] == pytest.approx(dppl)


def test_a_regressions_answers_are_predicted_labels(job: Job) -> None:
    """Where the label is an amount, what the model answers is one too."""
    rows = "price,group,area\n" + 8 * "".join(f"{10.5 * n},{n % 2},{n}\n" for n in range(1, 9))
    config = by_threshold() | {
        "label": "price",
        "label_values_or_threshold": [40],
        "methods": {"post_training_bias": {"methods": ["DPPL", "AD"]}},
    }
    del config["probability_threshold"]
    found = job.given(config, rows).run(Model(lambda row: 10.5 * float(row[1])).clients)

    assert found["post_training_bias_metrics"]["label_value_or_threshold"] == "(40.0, 84.0]"
    assert values(found, "post_training_bias_metrics", "group") == {"AD": 0.0, "DPPL": -0.25}


def test_a_model_is_explained(job: Job) -> None:
    """A linear model's SHAP values are its weights; local values, baseline, curves and page are left."""
    config = PAID | {
        "predictor": {"endpoint_name": "there"},
        "methods": {
            "shap": {"baseline": [[0, 30]], "save_local_shap_values": True, "seed": 1},
            "pdp": {"features": ["income"], "grid_resolution": 3},
            "report": {"name": "report", "title": "Who is paid <& why>"},
        },
    }
    found = job.given(config, HEADER + SIX).run(Model(lambda row: 0.01 * float(row[1])).clients)
    explained = found["explanations"]["kernel_shap"]["label0"]
    local = pd.read_csv(job.output / "explanations_shap" / "out.csv")

    assert explained["expected_value"] == pytest.approx(0.3)
    assert explained["global_shap_values"] == pytest.approx(
        {"group": 0, "income": (20 + 10 * 2 + 20.5 + 30 + 25) / 600}
    )
    assert list(local.columns) == ["group_label0", "income_label0"]
    assert local["income_label0"].to_list() == pytest.approx([0.205, -0.2, 0.1, -0.1, 0.3, -0.25])
    assert [curve["feature_name"] for curve in found["explanations"]["pdp"]] == ["income"]
    assert {"report.html", "explanations_shap/baseline.csv"} <= job.files
    assert "Who is paid &lt;&amp; why&gt;" in (job.output / "report.html").read_text()


def test_reasons_that_have_changed_are_a_violation(job: Job) -> None:
    """Bias and reasons are compared in one run, and reported in one file."""
    config = PAID | {
        "predictor": {"endpoint_name": "there"},
        "methods": {"pre_training_bias": {"methods": ["DPL"]}, "shap": {"baseline": [[0, 30]]}},
    }
    model = Model(lambda row: 0.01 * float(row[1]))
    before = job.given(config, ROWS).run(model.clients)
    before["explanations"]["kernel_shap"]["label0"]["global_shap_values"] = {"group": 1.0, "income": 0.001}
    before["pre_training_bias_metrics"]["facets"]["group"][0]["metrics"][0]["value"] = 0.0
    (job.base / "before.json").write_text(json.dumps(before))

    job.run(model.clients, baseline_constraints=str(job.base / "before.json"))
    report = json.loads((job.output / "constraint_violations.json").read_text())

    assert [each["constraint_check_type"] for each in report["violations"]] == [
        "bias_drift_check",
        "feature_attribution_drift_check",
    ]

    job.run(model.clients)  # a second run in the same folder, without a baseline
    assert "constraint_violations.json" not in job.files


def test_a_model_that_cannot_label_its_probabilities(job: Job) -> None:
    """Several probabilities a row need as many label headers."""
    config = by_threshold() | {"predictor": {"endpoint_name": "there", "probability": 0}}
    with pytest.raises(DataError, match=r"3 probabilities a row; predictor\.label_headers must name as many"):
        job.given(config, ROWS).run(Model(lambda row: '"[0.2,0.3,0.5]"').clients)


# --- what a user gets wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "data", "message"),
    [
        ({"facet": [{"name_or_index": "grup"}]}, ROWS, "Unable to locate the facet. .*did you mean"),
        ({"label": "Paid"}, ROWS, "Headers must contain label. .*'Paid'"),
        ({"headers": ["paid", "group"]}, ROWS, "Headers in config do not match with the number of columns"),
        ({"excluded_columns": ["incom"]}, ROWS, "Feature names not found. .*'incom'"),
        ({"excluded_columns": ["group", "income"]}, ROWS, "Data must contain features."),
        ({}, "", "Data must contain features. data.csv is empty."),
        ({}, "paid,group,income\n", "Data must contain features."),
        ({}, b"\xff\xfe\x00", "data.csv is not UTF-8"),
        ({}, ROWS + "1,2,3,4\n", "data.csv cannot be read as CSV"),
        ({"headers": ["paid", "group", "group"]}, ROWS, "Duplicate names are not allowed"),
        ({"dataset_type": "application/x-parquet"}, ROWS, "data.csv"),
        ({"dataset_type": "application/jsonlines", "features": "x"}, ROWS, "data.csv, line 1 is not JSON"),
        ({"label_values_or_threshold": []}, ROWS, "Positive label values or thresholds are empty"),
    ],
)
def test_a_mistake_is_one_line(job: Job, change: dict[str, Any], data: Any, message: str) -> None:
    """The container's words where they are known; what would be right, where there is something near."""
    with pytest.raises(DataError, match=f"(?i){message}") as caught:
        job.given(PAID | change, data).run()

    assert "\n" not in str(caught.value)


def test_no_data_at_all(job: Job) -> None:
    """Neither an input nor an address."""
    with pytest.raises(DataError, match="no data"):
        job.given(PAID).run()


def test_a_failure_is_exit_status_255_and_a_message(job: Job) -> None:
    """What the service shows as the job's failure; nothing of a traceback."""
    done = job.given(PAID | {"label": "Paid"}, ROWS).process()
    message = (job.base / "output" / "message").read_text()

    assert done.returncode == 255
    assert message.startswith("Error: Headers must contain label.")
    assert done.stderr.strip() == message


def test_success_is_exit_status_0_and_the_containers_message(job: Job) -> None:
    """As AWS's own jobs end; bias of data alone needs neither a model nor a network."""
    done = job.given(PAID, ROWS).process(AWS_ENDPOINT_URL="http://127.0.0.1:9")

    assert (done.returncode, done.stderr) == (0, "")
    assert (job.base / "output" / "message").read_text() == DONE


@pytest.mark.parametrize("content", ["", "[]", "{", '{"pre_training_bias_metrics": 3}'])
def test_a_baseline_that_is_none(job: Job, content: str) -> None:
    """A file that is no analysis is named."""
    file = job.base / "baseline.json"
    file.write_text(content)

    with pytest.raises(DataError, match=r"baseline_constraints: .*baseline\.json is no analysis of Clarify"):
        job.given(PAID, ROWS).run(baseline_constraints=str(file))


def test_a_baseline_that_is_not_there(job: Job) -> None:
    """It is named."""
    with pytest.raises(DataError, match="baseline_constraints: there is no"):
        job.given(PAID, ROWS).run(baseline_constraints=str(job.base / "nowhere.json"))


# --- what looks wrong, and is not ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "facet", "error"),
    [
        (ROWS, 7, "Facet set is empty"),
        (HEADER + 60 * "1,0,1\n0,0,2\n", 0, "Negative facet set is empty"),
    ],
)
def test_a_group_that_nobody_is_in(job: Job, rows: str, facet: int, error: str) -> None:
    """The metric says so and has no value; the job succeeds."""
    found = job.given(
        PAID | {"facet": [{"name_or_index": "group", "value_or_threshold": [facet]}]}, rows
    ).run()
    (place,) = found["pre_training_bias_metrics"]["facets"]["group"]
    (dpl,) = (metric for metric in place["metrics"] if metric["name"] == "DPL")

    assert (dpl["error"].rstrip("."), dpl["value"]) == (error, None)


def test_one_class_only(job: Job) -> None:
    """There is no difference between groups that all have the same label."""
    found = job.given(PAID, HEADER + 60 * "1,0,1\n1,1,2\n").run()

    assert values(found, "pre_training_bias_metrics", "group")["DPL"] == 0


@pytest.mark.parametrize(
    ("label", "group"), [("größe, m", "$x"), ("a b", "sex"), ("#", "<b>"), ('q"uote', "nan"), ("1", "2")]
)
def test_odd_names(job: Job, label: str, group: str) -> None:
    """Names are names, whatever they look like."""
    config = PAID | {
        "headers": [label, group, "income"],
        "label": label,
        "facet": [{"name_or_index": group, "value_or_threshold": [0]}],
    }
    found = job.given(config, 20 * SIX).run()

    assert found["pre_training_bias_metrics"]["label"] == label
    assert values(found, "pre_training_bias_metrics", group) == {"CI": 0.0, "DPL": pytest.approx(1 / 3)}


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(["", "", "", "", "", ""], id="nothing"),
        pytest.param(["true", "false", "true", "", "true", "false"], id="booleans"),
        pytest.param([f"2024-01-0{n}" for n in range(1, 7)], id="dates"),
        pytest.param([str(10**30 + n) for n in range(6)], id="huge integers"),
        pytest.param(["1e400", "-1e400", "nan", "0", "1", "2"], id="infinite"),
    ],
)
def test_a_column_that_bias_does_not_look_at(job: Job, column: list[str]) -> None:
    """Its values are nobody's business."""
    rows = "".join(f"{line},{cell}\n" for line, cell in zip(SIX.splitlines(), column, strict=True))

    found = job.given(PAID | {"headers": ["paid", "group", "income", "odd"]}, 20 * rows).run()

    assert values(found, "pre_training_bias_metrics", "group") == {"CI": 0.0, "DPL": pytest.approx(1 / 3)}


def test_labels_as_text_predicted_as_numbers(job: Job) -> None:
    """The container's own words."""
    config = PAID | {
        "predicted_label": "said",
        "label_values_or_threshold": ["yes"],
        "methods": {"post_training_bias": {"methods": ["DPPL"]}},
    }
    with pytest.raises(
        DataError, match=r"^Predicted Label Column series data type is not the same as Label Column"
    ):
        job.given(config, "paid,group,said,income\nyes,0,1,1\nno,1,0,2\nyes,1,1,3\nno,0,1,3\n").run()

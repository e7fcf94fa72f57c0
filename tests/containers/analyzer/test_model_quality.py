"""Model quality: the goldens of the real container, scikit-learn as oracle, and thresholds that hold."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from containers.analyzer import model_constraints, model_quality
from containers.analyzer.model_quality import Predictions
from containers.analyzer.predictions import ModelQualityConfig, statistics
from containers.analyzer.reading import tables
from containers.processing.job import DataError

GOLDEN = "checkstep/quality/model_quality"


def golden_statistics(folder: Path) -> dict[str, Any]:
    # AWS's own test hands over label and prediction the wrong way round; r2 of -3.2 is its witness.
    config = ModelQualityConfig("Regression", "Prediction", inference_attribute="Label")
    return statistics(tables(folder / "baseline_dataset.csv", {"csv": {"header": True}}), config)


def test_the_container_s_regression_metrics_to_the_last_digit(shared_data: Callable[[str], Path]) -> None:
    """Values, names, order and shape are the real ones."""
    folder = shared_data(GOLDEN)
    expected = json.loads((folder / "statistics.json").read_text())

    assert json.dumps(golden_statistics(folder)) == json.dumps(expected)


def test_the_container_s_constraints(shared_data: Callable[[str], Path]) -> None:
    """From the real statistics come the real constraints."""
    folder = shared_data(GOLDEN)
    real = json.loads((folder / "statistics.json").read_text())

    assert model_constraints.suggest(real) == json.loads(
        (folder / "good_cases" / "constraints.json").read_text()
    )


@pytest.mark.parametrize(("case", "found"), [("good_cases", []), ("bad_cases", ["mse"])])
def test_the_container_s_verdict(case: str, found: list[str], shared_data: Callable[[str], Path]) -> None:
    """From the rows, to the last digit: the good case, whose thresholds the container took from them, passes."""
    folder = shared_data(GOLDEN)
    constraints = json.loads((folder / case / "constraints.json").read_text())

    written = model_constraints.violations(golden_statistics(folder), constraints)

    assert [one["metric_name"] for one in written["violations"]] == found


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=2, max_size=40))
def test_regression_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """And r2 has no value where there is nothing to explain."""
    truth, predicted = (np.array(side) / 10 for side in zip(*pairs, strict=True))
    found = model_quality.regression(Predictions(truth, predicted))["regression_metrics"]

    assert found["mae"]["value"] == pytest.approx(sklearn.mean_absolute_error(truth, predicted))
    assert found["rmse"]["value"] == pytest.approx(sklearn.root_mean_squared_error(truth, predicted))
    if len(set(truth.tolist())) == 1:
        assert found["r2"]["value"] == "NaN"
    else:
        assert found["r2"]["value"] == pytest.approx(sklearn.r2_score(truth, predicted))


def test_a_violation_reads_as_the_container_s() -> None:
    """The one text that is known, word for word."""
    quality = {
        "binary_classification_metrics": {
            "precision": {"value": 0.7015384615384616, "standard_deviation": 0.002265536573621946}
        }
    }
    constraints = {
        "binary_classification_constraints": {
            "precision": {"threshold": 1.0, "comparison_operator": "LessThanThreshold"}
        }
    }

    assert model_constraints.violations(quality, constraints) == {
        "violations": [
            {
                "constraint_check_type": "LessThanThreshold",
                "description": "Metric precision with 0.7015384615384616 +/- 0.002265536573621946 was "
                "LessThanThreshold '1.0'",
                "metric_name": "precision",
            }
        ]
    }


def test_the_documented_example() -> None:
    """Four rows, one of them positive, three called positive: the values of AWS's documentation."""
    rows = Predictions(np.array([1, 0, 0, 0]), np.array([1, 1, 1, 0]))
    found = model_quality.binary(rows)["binary_classification_metrics"]
    expected = {
        "accuracy": 0.5,
        "accuracy_best_constant_classifier": 0.25,
        "precision": 1 / 3,
        "precision_best_constant_classifier": 0.25,
        "recall": 1.0,
        "recall_best_constant_classifier": 1.0,
        "f0_5": 0.38461538461538,
        "f0_5_best_constant_classifier": 0.29411764705882,
        "f1": 0.5,
        "f1_best_constant_classifier": 0.4,
        "f2": 0.71428571428571,
        "f2_best_constant_classifier": 0.625,
        "true_positive_rate": 1.0,
        "true_negative_rate": 1 / 3,
        "false_positive_rate": 2 / 3,
        "false_negative_rate": 0.0,
    }

    assert found["confusion_matrix"] == {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}}
    assert {name: found[name]["value"] for name in expected} == pytest.approx(expected)
    assert set(found) == {*expected, "confusion_matrix"}


def scored(rows: int, seed: int = 0) -> Predictions:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, rows)
    scores = np.clip(generator.normal(0.3 + 0.3 * truth, 0.2), 0, 1).round(2)
    return Predictions(truth, None, scores.astype(np.float64))


def test_areas_and_curves_agree_with_scikit_learn() -> None:
    """Tied scores and all: the area below ROC, and the one below precision and recall by trapezoids."""
    rows = scored(400)
    found = model_quality.binary(rows)["binary_classification_metrics"]
    precisions, recalls, _ = sklearn.precision_recall_curve(rows.truth, rows.probabilities)
    precisions[-1] = precisions[-2]  # scikit-learn begins at precision 1, Spark at the first there is

    assert found["auc"]["value"] == pytest.approx(sklearn.roc_auc_score(rows.truth, rows.probabilities))
    assert found["au_prc"]["value"] == pytest.approx(sklearn.auc(recalls, precisions))
    roc = found["receiver_operating_characteristic_curve"]
    assert sklearn.auc(roc["false_positive_rates"], roc["true_positive_rates"]) == pytest.approx(
        found["auc"]["value"], abs=1e-3
    )
    assert len(found["precision_recall_curve"]["recalls"]) <= 200


def test_deviations_come_with_two_hundred_rows() -> None:
    """With 199 rows each is the text NaN; with 200 it is a small number, the same in every run."""
    few, enough = (model_quality.binary(scored(rows))["binary_classification_metrics"] for rows in (199, 200))

    assert few["f1"]["standard_deviation"] == "NaN"
    assert 0 < enough["f1"]["standard_deviation"] < 0.1
    assert 0 < enough["auc"]["standard_deviation"] < 0.1
    assert enough == model_quality.binary(scored(200))["binary_classification_metrics"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=40))
def test_several_classes_agree_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    """Weighted metrics of any labels, also of classes that are only predicted."""
    truth, predicted = (np.array(side, dtype=object) for side in zip(*pairs, strict=True))
    found = model_quality.multiclass(Predictions(truth, predicted))["multiclass_classification_metrics"]
    common = {"average": "weighted", "zero_division": 0.0, "labels": sorted({*truth, *predicted})}

    assert found["accuracy"]["value"] == pytest.approx(sklearn.accuracy_score(truth, predicted))
    for name, beta in (("f0_5", 0.5), ("f1", 1), ("f2", 2)):
        expected = sklearn.fbeta_score(truth, predicted, beta=beta, **common)
        assert found[f"weighted_{name}"]["value"] == pytest.approx(expected)
    most = max(np.unique(truth.astype(str), return_counts=True)[1])
    assert found["accuracy_best_constant_classifier"]["value"] == pytest.approx(most / len(pairs))
    assert found["confusion_matrix"]["a" if "a" in truth else truth[0]]


problems: list[tuple[str, Callable[[np.random.Generator, int], Predictions]]] = [
    ("regression", lambda dice, rows: Predictions(dice.normal(size=rows), dice.normal(size=rows))),
    ("binary", lambda dice, rows: Predictions(dice.integers(0, 2, rows), dice.integers(0, 2, rows))),
    ("binary", lambda dice, rows: Predictions(dice.integers(0, 2, rows), None, dice.random(rows))),
    ("multiclass", lambda dice, rows: Predictions(dice.choice(["a", "b", "c"], rows), dice.choice(["a", "b"], rows))),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "made"), problems)
@pytest.mark.parametrize("rows", [1, 2, 7, 300])
def test_a_model_meets_its_own_constraints(
    problem: str, made: Callable[[np.random.Generator, int], Predictions], rows: int
) -> None:
    """Also where a metric is undefined: it gets no threshold; and the document is strict JSON."""
    for seed in range(5):
        found = getattr(model_quality, problem)(made(np.random.default_rng(seed), rows))

        assert model_constraints.violations(found, model_constraints.suggest(found)) == {"violations": []}
        json.dumps(found, allow_nan=False)


def test_labels_are_told_apart_as_text_or_number() -> None:
    """1, 1.0 and "1" are one label; a probability decides where no label is predicted."""
    config = ModelQualityConfig("BinaryClassification", "y", probability_attribute="p")
    one = statistics([pa.table({"y": ["1", "0", "1.0"], "p": ["0.9", "0.4", "0.5"]})], config)
    other = statistics([pa.table({"y": [1, 0, 1], "p": [0.9, 0.4, 0.5]})], config)

    assert one == other
    assert one["binary_classification_metrics"]["accuracy"]["value"] == 1.0
    assert math.isclose(one["binary_classification_metrics"]["auc"]["value"], 1.0)


def test_the_positive_label_may_be_any_text() -> None:
    """As in UCI Adult."""
    config = ModelQualityConfig("BinaryClassification", "y", "said", positive_label=">50K")
    found = statistics([pa.table({"y": [">50K", "<=50K"], "said": [">50K", ">50K"]})], config)

    assert found["binary_classification_metrics"]["precision"]["value"] == 0.5


def test_rows_without_truth_do_not_count() -> None:
    """Ground truth comes late, for some rows never."""
    config = ModelQualityConfig("Regression", "y", "said")

    assert statistics([pa.table({"y": ["1", None], "said": ["2", "3"]})], config)["dataset"] == {
        "item_count": 1
    }


BAD: list[tuple[ModelQualityConfig, str]] = [
    (ModelQualityConfig("BinaryClasification", "y", "p"), "Did you mean 'BinaryClassification'?"),
    (ModelQualityConfig("Regression", "y"), "needs 'inference_attribute'"),
    (ModelQualityConfig("BinaryClassification", "y"), "needs 'inference_attribute'"),
    (ModelQualityConfig("Regression", "y", "predicted"), "inference_attribute: there is no 'predicted'"),
    (ModelQualityConfig("Regression", "y", "text"), "column 'text' must hold numbers"),
    (ModelQualityConfig("Regression", "y", "infinite"), "not finite"),
    (ModelQualityConfig("Regression", "y", "none"), "no row has a value in each of y, none"),
]


@pytest.mark.parametrize(("config", "message"), BAD)
def test_what_cannot_be_measured_is_said(config: ModelQualityConfig, message: str) -> None:
    """Where, what, and what would be right."""
    table = pa.table({"y": [1.0], "prediction": [1.0], "text": ["x"], "infinite": [math.inf], "none": [None]})

    with pytest.raises(DataError) as caught:
        statistics([table], config)
    assert message in str(caught.value)


def test_constraints_of_another_problem_are_said() -> None:
    """So are thresholds that are no numbers."""
    found = model_quality.regression(Predictions(np.array([1.0, 2.0]), np.array([1.0, 2.0])))

    with pytest.raises(DataError, match=r"no 'regression_constraints'.* found: version, binary"):
        model_constraints.violations(found, {"version": 0.0, "binary_classification_constraints": {}})
    with pytest.raises(DataError, match=r"regression_constraints\.mae: needs a number"):
        model_constraints.violations(
            found,
            {
                "regression_constraints": {
                    "mae": {"threshold": "0", "comparison_operator": "LessThanThreshold"}
                }
            },
        )

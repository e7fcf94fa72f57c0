"""From the configuration to the files: what is asked for is what is written, as Clarify writes it."""

import json

import numpy as np
import pandas as pd
import pytest

from containers.analyzer.analysis_report import text
from containers.analyzer.explain import Explanations, PdpConfig, ShapConfig, explain
from containers.analyzer.shap_drift import violations
from containers.analyzer.shap_values import TREE, ShapValues
from containers.processing.job import DataError

COLUMNS = ["age", "pay", "job"]
ROWS = pd.DataFrame(
    {
        "age": [30, 40, 50, 60],
        "pay": [1.0, 2.0, 4.0, 5.0],
        "job": ["cook", "clerk", "cook", "smith"],
    }
)
BASELINE = [[40, 2.0, "cook"]]


def model(rows):
    return rows["age"] / 100 + rows["pay"] / 1000 + rows["job"].map({"cook": 0.0, "clerk": 0.1, "smith": 0.2})


def both(rows):
    return np.stack([model(rows), 1 - model(rows)], axis=1)


def test_the_whole_document():
    """Keys, order and nesting of Clarify's; features in the order of the data, curves in that of importance."""
    shap = ShapConfig.from_method({"baseline": BASELINE}, COLUMNS)
    pdp = PdpConfig.from_method({"top_k_features": 2, "grid_resolution": 3}, COLUMNS)
    found = json.loads(text(explain(ROWS, model, shap, pdp).document()))

    assert list(found) == ["kernel_shap", "pdp"]
    assert list(found["kernel_shap"]) == ["label0"]
    assert list(found["kernel_shap"]["label0"]) == ["global_shap_values", "expected_value"]
    assert found["kernel_shap"]["label0"]["expected_value"] == pytest.approx(0.402)
    assert found["kernel_shap"]["label0"]["global_shap_values"] == {
        "age": pytest.approx(0.1),
        "pay": pytest.approx(0.0015),
        "job": pytest.approx(0.075),
    }
    assert [curve["feature_name"] for curve in found["pdp"]] == ["age", "job"]
    assert found["pdp"][1] == {
        "feature_name": "job",
        "data_type": "categorical",
        "feature_values": ["cook", "clerk", "smith"],
        "data_distribution": [0.5, 0.25, 0.25],
        "model_predictions": [pytest.approx([0.453, 0.553, 0.653])],
        "label_headers": ["label0"],
    }


AGGREGATED = {
    "mean_abs": {"age": 0.1, "pay": 0.0015, "job": 0.075},
    "median": {"age": 0.05, "pay": 0.001, "job": 0.05},
    "mean_sq": {"age": 0.015, "pay": 3.5e-6, "job": 0.0125},
}


@pytest.mark.parametrize("method", AGGREGATED)
def test_each_way_to_aggregate(method):
    """The mean magnitude, the median, the mean square."""
    shap = ShapConfig.from_method({"baseline": BASELINE, "agg_method": method}, COLUMNS)
    found = explain(ROWS, model, shap, None).document()

    assert found["kernel_shap"]["label0"]["global_shap_values"] == {
        name: pytest.approx(value, abs=1e-9) for name, value in AGGREGATED[method].items()
    }


def test_the_files(tmp_path):
    """The baseline always; the values of each row where they are to be saved, label by label, in full precision."""
    method = {"baseline": BASELINE, "save_local_shap_values": True}
    found = explain(ROWS, both, ShapConfig.from_method(method, COLUMNS), None, ["yes", "no"])
    written = found.write(tmp_path)
    values = pd.read_csv(tmp_path / "explanations_shap/out.csv", float_precision="round_trip")

    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "explanations_shap/baseline.csv",
        "explanations_shap/out.csv",
    ]
    assert (tmp_path / "explanations_shap/baseline.csv").read_text() == "age,pay,job\n40,2.0,cook\n"
    assert list(values) == ["age_yes", "pay_yes", "job_yes", "age_no", "pay_no", "job_no"]
    assert (values.to_numpy() == found.shap.values.swapaxes(1, 2).reshape(4, 6)).all()
    assert values["age_no"].tolist() == pytest.approx([0.1, 0, -0.1, -0.2])


def test_local_values_are_not_saved_unless_asked_for(tmp_path):
    """They are as many as the data."""
    found = explain(ROWS, model, ShapConfig.from_method({"baseline": BASELINE}, COLUMNS), None)

    assert [path.name for path in found.write(tmp_path)] == ["baseline.csv"]


def test_without_a_baseline_one_is_made_and_written(tmp_path):
    """Of the number of clusters that was asked for."""
    found = explain(ROWS, model, ShapConfig.from_method({"num_clusters": 2}, COLUMNS), None)
    found.write(tmp_path)

    assert len(pd.read_csv(tmp_path / "explanations_shap/baseline.csv")) == 2


def test_only_some_features_are_reported_but_all_are_computed(tmp_path):
    """By name or position; each has the value that it has among all."""
    method = {
        "baseline": BASELINE,
        "features_to_explain": ["job", 0],
        "save_local_shap_values": True,
    }
    found = explain(ROWS, model, ShapConfig.from_method(method, COLUMNS), None)
    found.write(tmp_path)

    assert list(pd.read_csv(tmp_path / "explanations_shap/out.csv")) == ["age_label0", "job_label0"]
    assert found.document()["kernel_shap"]["label0"]["global_shap_values"] == {
        "age": pytest.approx(0.1),
        "job": pytest.approx(0.075),
    }


@pytest.mark.parametrize(
    ("headers", "labels"),
    [(["yes", "no"], ["yes", "no"]), ([], ["label0", "label1"]), (["yes"], ["label0", "label1"])],
)
def test_labels_are_the_headers_or_numbered(headers, labels):
    """Numbered, as in the container, where there is not one for each output."""
    found = explain(ROWS, both, ShapConfig.from_method({"baseline": BASELINE}, COLUMNS), None, headers)

    assert list(found.document()["kernel_shap"]) == labels


def test_partial_dependence_alone_names_its_features(tmp_path):
    """No SHAP, no folder; without features there is nothing to say."""
    found = explain(ROWS, model, None, PdpConfig.from_method({"features": ["job", 1]}, COLUMNS))

    assert [curve["feature_name"] for curve in found.document()["pdp"]] == ["job", "pay"]
    assert found.write(tmp_path) == []
    with pytest.raises(DataError, match="pdp needs 'features' where shap is not asked for"):
        explain(ROWS, model, None, PdpConfig())


def test_values_of_trees_stand_where_clarify_s_readers_look():
    """Under kernel_shap, and it is said that they are the trees'; the drift rule reads both."""
    values = ShapValues(
        TREE, ("a", "b"), ("label0",), np.array([[[2.0], [1.0]]]), np.array([0.5]), unit="log-odds"
    )
    found = Explanations(values).document()
    turned = {"kernel_shap": {"label0": {"global_shap_values": {"a": 0.0, "b": 1.0}, "expected_value": 0.5}}}

    assert found == {
        "kernel_shap": {"label0": {"global_shap_values": {"a": 2.0, "b": 1.0}, "expected_value": 0.5}},
        "shap_method": "tree_shap",
    }
    assert len(violations({"explanations": turned}, {"explanations": found})) == 1


def test_the_seed_is_the_configuration_s():
    """The same seed, the same values to the last digit; another one, others."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(20, 12)), columns=list("abcdefghijkl"))

    def wavy(frame):
        return np.sin(frame.to_numpy() @ np.arange(12.0))

    def values(seed):
        method = {"baseline": [[0] * 12], "num_samples": 50, "seed": seed}
        return explain(rows, wavy, ShapConfig.from_method(method, list(rows)), None).document()

    assert values(1) == values(1)
    assert values(1) != values(2)


REFUSED = [
    (ShapConfig, {"agg_method": "mean"}, "shap.agg_method: there is no 'mean'"),
    (ShapConfig, {"num_clusters": 13}, "shap.num_clusters must be a whole number from 1 to 12, got 13"),
    (ShapConfig, {"num_samples": 0}, "shap.num_samples must be a whole number from 1 on, got 0"),
    (ShapConfig, {"num_samples": 1.5}, "got 1.5"),
    (ShapConfig, {"seed": -1}, "shap.seed"),
    (ShapConfig, {"features_to_explain": ["agee"]}, "there is no feature 'agee'. Did you mean 'age'?"),
    (ShapConfig, {"baseline": "s3://b/k"}, "fetch s3://b/k first"),
    (ShapConfig, {"text_config": {"granularity": "token"}}, "shap.text_config: texts and pictures"),
    (ShapConfig, {"image_config": {"model_type": "X"}}, "shap.image_config: texts and pictures"),
    (PdpConfig, {"features": ["x"]}, "Feature names not found. pdp.features: there is no feature 'x'"),
    (PdpConfig, {"features": [3]}, "there is no feature '3'"),
    (PdpConfig, {"grid_resolution": 0}, "pdp.grid_resolution must be a whole number from 1 on, got 0"),
    (PdpConfig, {"grid_resolution": True}, "got True"),
    (PdpConfig, {"top_k_features": "3"}, "pdp.top_k_features"),
]


@pytest.mark.parametrize(("config", "method", "words"), REFUSED)
def test_what_is_not_possible_is_refused(config, method, words):
    """Before any prediction is asked for; the text says what would be right."""
    with pytest.raises(DataError) as refused:
        config.from_method(method, COLUMNS)

    assert words in str(refused.value)


def test_a_baseline_that_was_fetched_comes_before_the_address():
    """Who reads the configuration fetches what it points to."""
    fetched = pd.DataFrame(BASELINE, columns=COLUMNS)
    config = ShapConfig.from_method({"baseline": "s3://bucket/baseline.csv"}, COLUMNS, fetched)

    pd.testing.assert_frame_equal(config.baseline, fetched)


def test_columns_that_are_numbers_are_named_by_them():
    """A file without header, as pandas reads it; the rows may come in any order and from anywhere."""
    rows = pd.DataFrame([[1.0, 2.0], [3.0, 5.0]], index=[7, 7])
    shap = ShapConfig.from_method({"baseline": [[0, 0]]}, ["0", "1"])
    found = explain(rows, lambda frame: frame.sum(axis=1), shap, PdpConfig(top_k_features=1)).document()

    assert found["kernel_shap"]["label0"]["global_shap_values"] == {"0": 2.0, "1": 3.5}
    assert [curve["feature_name"] for curve in found["pdp"]] == ["1"]

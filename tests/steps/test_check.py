"""The check steps in both forms: what the job gets, what a run can turn, and what the registry is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sagemaker.core.workflow.parameters import ParameterBoolean

from containers.checks import (
    CHECKS,
    DATA_BIAS,
    DATA_QUALITY,
    EXPLAINABILITY,
    MODEL_BIAS,
    MODEL_QUALITY,
    Check,
)
from pipelines.session import BuildSession
from steps.check import check_step
from steps.checked import Checked, Switches, drift_check_baselines, model_metrics
from steps.clarify_check import clarify_check_step
from steps.context import StepContext
from steps.quality_check import quality_check_step
from steps.settings import Code, Keys, Machine

Compiled = Callable[..., dict[str, Any]]
ROWS = "s3://bucket/rows/"
BIAS: dict[str, Any] = {
    "dataset_type": "application/x-parquet",
    "label": "y",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}, {"name_or_index": "age"}],
    "group_variable": "job",
}
SETTINGS: Mapping[Check, Any] = {
    DATA_QUALITY: {"dataset_format": {"parquet": {}}},
    DATA_BIAS: {**BIAS, "methods": {"pre_training_bias": {"methods": ["CI"]}}},
    MODEL_BIAS: {**BIAS, "predicted_label": "said", "methods": {"post_training_bias": {"methods": ["DI"]}}},
    EXPLAINABILITY: {
        "dataset_type": "application/x-parquet",
        "label": "y",
        "excluded_columns": ["id"],
        "methods": {"shap": {"num_samples": 50, "seed": 3}},
        "predictor": {"content_type": "text/csv", "accept_type": "text/csv", "label": 1},
    },
    MODEL_QUALITY: {
        "dataset_format": {"parquet": {}},
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "BinaryClassification",
        "ground_truth_attribute": "y",
        "inference_attribute": "said",
        "probability_attribute": "p",
        "positive_label": "yes",
    },
}
ALL = pytest.mark.parametrize("check", CHECKS.values(), ids=lambda each: each.name)


def switches(check: Check) -> Switches:
    return Switches(
        ParameterBoolean(f"{check.name}SkipCheck", default_value=False),
        ParameterBoolean(f"{check.name}RegisterNewBaseline", default_value=False),
        ParameterBoolean(f"{check.name}FailOnViolation", default_value=False),
    )


def ours(context: StepContext, check: Check) -> Checked:
    code = Code("s3://bucket/code/1", "s3://bucket/settings/1")
    return check_step(
        context,
        check,
        "an/image:1",
        Machine(),
        code,
        group="group",
        switches=switches(check),
        inputs={"data": ROWS},
    )


def native(context: StepContext, check: Check, configs: str = "s3://bucket/settings") -> Checked:
    machine, common = Machine(max_minutes=7), {"group": "group", "switches": switches(check), "data": ROWS}
    if check.statistics_file:
        return quality_check_step(context, check, machine, SETTINGS[check], **common)
    name = None if check == DATA_BIAS else "a-model"
    return clarify_check_step(
        context, check, machine, SETTINGS[check], **common, model_name=name, configs=configs
    )


def get(name: str) -> dict[str, str]:
    return {"Get": f"Parameters.{name}"}


@ALL
def test_our_form_is_a_job_that_is_told_everything(
    check: Check, context: StepContext, compiled: Compiled
) -> None:
    """Check, group and switches as arguments; it is never cached, and its report survives a failure."""
    step = compiled(ours(context, check).step)
    request = step["Arguments"]
    arguments = request["AppSpecification"]["ContainerArguments"]
    (output,) = request["ProcessingOutputConfig"]["Outputs"]

    assert request["AppSpecification"]["ContainerEntrypoint"] == [
        "python3",
        "-m",
        "containers.analyzer.check",
    ]
    assert arguments[:4] == ["--check", check.name, "--group", "group"]
    told = dict(zip(arguments[4::2], arguments[5::2], strict=True))
    for option, parameter in (
        ("skip", "SkipCheck"),
        ("register", "RegisterNewBaseline"),
        ("fail", "FailOnViolation"),
    ):
        assert told[f"--{option}"]["Std:Join"]["Values"] == [get(f"{check.name}{parameter}")]
    assert "CacheConfig" not in step
    assert output["S3Output"]["S3UploadMode"] == "Continuous"


@ALL
def test_aws_form_is_a_check_step(check: Check, context: StepContext, compiled: Compiled) -> None:
    """Its type, its switches and its group; the job is held to its time and writes to a place of this execution."""
    step = compiled(native(context, check).step)

    assert (step["Type"], step["CheckType"]) == (
        "QualityCheck" if check.statistics_file else "ClarifyCheck",
        check.type,
    )
    assert step["SkipCheck"] == get(f"{check.name}SkipCheck")
    assert step["RegisterNewBaseline"] == get(f"{check.name}RegisterNewBaseline")
    assert step["FailOnViolation"] == get(f"{check.name}FailOnViolation")
    assert step["ModelPackageGroupName"] == "group"
    assert step["Arguments"]["StoppingCondition"] == {"MaxRuntimeInSeconds": 420}
    assert "Execution.PipelineExecutionId" in json.dumps(step["Arguments"]["ProcessingOutputConfig"])


@ALL
def test_keys_and_tags_reach_aws_form(
    check: Check, make_context: Callable[..., StepContext], compiled: Compiled
) -> None:
    """As they do every other job."""
    request = compiled(native(make_context(keys=Keys("volume-key", "output-key")), check).step)["Arguments"]

    assert request["ProcessingOutputConfig"]["KmsKeyId"] == "output-key"
    assert request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "volume-key"
    assert {"Key": "stage", "Value": "test"} in request["Tags"]


@pytest.mark.parametrize("check", [DATA_BIAS, MODEL_BIAS, EXPLAINABILITY], ids=lambda each: each.name)
def test_clarify_is_configured_by_a_published_file(
    check: Check, context: StepContext, compiled: Compiled
) -> None:
    """With what the settings say, at an address of its own; the model is named to the step, and nowhere else."""
    step = compiled(native(context, check).step)
    session = context.session
    assert isinstance(session, BuildSession)
    inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in step["Arguments"]["ProcessingInputs"]}
    config = json.loads(session.objects[inputs["analysis_config"].removeprefix("s3://bucket/")])
    wanted = SETTINGS[check]

    assert inputs["dataset"] == ROWS
    for name in wanted.keys() - {"methods", "predictor"}:
        assert config[name] == wanted[name]
    for method, values in wanted["methods"].items():
        assert values.items() <= config["methods"][method].items()
    assert step.get("ModelName") == (None if check == DATA_BIAS else "a-model")
    assert "a-model" not in json.dumps(config)
    if check == EXPLAINABILITY:
        assert wanted["predictor"].items() <= config["predictor"].items()


def test_the_same_configuration_has_the_same_address(make_context: Callable[..., StepContext]) -> None:
    """Another one has another, whatever prefix they share."""
    first, again, other = (BuildSession("us-east-1", "bucket") for _ in range(3))
    native(make_context(session=first), DATA_BIAS)
    native(make_context(session=again), DATA_BIAS)
    native(make_context(session=other), MODEL_BIAS)

    assert first.objects == again.objects
    assert len(first.objects) == 2
    assert not {name for name in first.objects if "monitoring" not in name} & set(other.objects)


def test_model_monitor_is_configured_by_its_environment(context: StepContext, compiled: Compiled) -> None:
    """What QualityCheckStep has no argument for is handed on as it is."""
    environment = compiled(native(context, MODEL_QUALITY).step)["Arguments"]["Environment"]

    assert environment["analysis_type"] == "MODEL_QUALITY"
    assert environment["problem_type"] == "BinaryClassification"
    assert environment["positive_label"] == "yes"
    assert json.loads(environment["dataset_format"]) == {"parquet": {}}


@pytest.mark.parametrize("form", [ours, native])
def test_the_registry_gets_both_what_was_found_and_what_to_compare_with(
    form: Callable[[StepContext, Check], Checked], context: StepContext
) -> None:
    """Each at its place, and they are not the same: the second is the previous baseline, or this run's."""
    checked = [form(context, check) for check in CHECKS.values()]
    metrics = model_metrics("s3://bucket/evaluation.json", checked)._to_request_dict()
    carried = drift_check_baselines(checked)
    assert carried is not None
    baselines = carried._to_request_dict()

    assert metrics["ModelQuality"]["Statistics"]["S3Uri"] == "s3://bucket/evaluation.json"
    assert {group: sorted(parts) for group, parts in metrics.items()} == {
        "Bias": ["PostTrainingReport", "PreTrainingReport"],
        "Explainability": ["Report"],
        "ModelDataQuality": ["Constraints", "Statistics"],
        "ModelQuality": ["Constraints", "Statistics"],
    }
    for each in checked:
        group, part = each.check.place
        assert baselines[group][part]["S3Uri"] is each.carried.constraints
        assert each.carried.constraints is not each.calculated.constraints
    assert baselines["Bias"]["ConfigFile"]["S3Uri"].endswith("/analysis_config.json")
    assert baselines["Explainability"]["ConfigFile"]["S3Uri"].endswith("/analysis_config.json")

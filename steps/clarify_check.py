"""Bias of data and model, and what explains the model, as AWS's own step, ClarifyCheck, which runs Clarify."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sagemaker.core.clarify import (
    BiasConfig,
    DataConfig,
    ModelConfig,
    ModelPredictedLabelConfig,
    SHAPConfig,
)
from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.clarify_check_step import (
    ClarifyCheckConfig,
    ClarifyCheckStep,
    DataBiasCheckConfig,
    ModelBiasCheckConfig,
    ModelExplainabilityCheckConfig,
)

from containers import checks
from containers.checks import Check
from steps.checked import Checked, Files, Switches
from steps.context import StepContext
from steps.quality_check import check_job_config
from steps.settings import Machine


def clarify_check_step(
    context: StepContext,
    check: Check,
    machine: Machine,
    settings: Mapping[str, Any],
    *,
    group: str,
    switches: Switches,
    data: StrPipeVar,
    model_name: StrPipeVar | None,
    configs: str,
) -> Checked:
    """Compare the analysis of ``data`` with the baseline that the latest approved package of ``group`` carries.

    ``settings`` is Clarify's ``analysis_config.json``, out of which the SDK makes its own objects and then another
    ``analysis_config.json``, which is published below the S3 prefix ``configs``. The model, ``model_name``, is named
    to the step, for it is not known before the run; Clarify hosts it while it asks for predictions, on machines as
    its own. SDK 3.27 cannot give the job a network, nor the step retries.
    """
    config = CONFIGS[check.name](
        settings,
        DataConfig(
            s3_data_input_path=data,
            s3_output_path=context.output(check.name, checks.OUTPUT),
            s3_analysis_config_output_path=configs,
            dataset_type=settings["dataset_type"],
            label=settings["label"],
            predicted_label=settings.get("predicted_label"),
            excluded_columns=settings.get("excluded_columns"),
        ),
        ModelConfig(
            model_name=model_name,
            instance_count=machine.instance_count,
            instance_type=machine.instance_type,
            content_type=settings.get("predictor", {}).get("content_type", CSV),
            accept_type=settings.get("predictor", {}).get("accept_type", CSV),
        )
        if model_name is not None
        else None,
    )
    step = ClarifyCheckStep(
        name=check.name,
        clarify_check_config=config,
        check_job_config=check_job_config(context, check, machine),
        skip_check=switches.skip,
        fail_on_violation=switches.fail,
        register_new_baseline=switches.register,
        model_package_group_name=group,
    )
    return Checked(
        check,
        step,
        Files(step.properties.CalculatedBaselineConstraints),
        Files(step.properties.BaselineUsedForDriftCheckConstraints),
        context.session.address(config.monitoring_analysis_config_uri),
    )


def bias_config(settings: Mapping[str, Any]) -> BiasConfig:
    """Facets, positive label and group of an ``analysis_config.json``."""
    facets = settings["facet"]
    return BiasConfig(
        label_values_or_threshold=settings["label_values_or_threshold"],
        facet_name=[facet["name_or_index"] for facet in facets],
        facet_values_or_threshold=[facet.get("value_or_threshold") for facet in facets],
        group_name=settings.get("group_variable"),
    )


def _data_bias(settings: Mapping[str, Any], data: DataConfig, _: ModelConfig | None) -> DataBiasCheckConfig:
    metrics = settings["methods"]["pre_training_bias"]["methods"]
    return DataBiasCheckConfig(data_config=data, data_bias_config=bias_config(settings), methods=metrics)


def _model_bias(
    settings: Mapping[str, Any], data: DataConfig, model: ModelConfig | None
) -> ModelBiasCheckConfig:
    """The predicted labels are in the data; the SDK and the step want to know of the model all the same."""
    return ModelBiasCheckConfig(
        data_config=data,
        data_bias_config=bias_config(settings),
        model_config=model,
        model_predicted_label_config=ModelPredictedLabelConfig(),
        methods=settings["methods"]["post_training_bias"]["methods"],
    )


def _explainability(
    settings: Mapping[str, Any], data: DataConfig, model: ModelConfig | None
) -> ModelExplainabilityCheckConfig:
    return ModelExplainabilityCheckConfig(
        data_config=data,
        model_config=model,
        explainability_config=SHAPConfig(**settings["methods"]["shap"]),
        model_scores=settings["predictor"]["label"],
    )


CSV = "text/csv"
CONFIGS: Mapping[str, Callable[[Mapping[str, Any], DataConfig, ModelConfig | None], ClarifyCheckConfig]] = {
    checks.DATA_BIAS.name: _data_bias,
    checks.MODEL_BIAS.name: _model_bias,
    checks.EXPLAINABILITY.name: _explainability,
}

"""Bias of data and model as AWS's own step, ClarifyCheck, which runs Clarify's container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker.core.clarify import BiasConfig, DataConfig
from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.clarify_check_step import (
    ClarifyCheckStep,
    DataBiasCheckConfig,
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
    configs: str,
) -> Checked:
    """Compare the analysis of ``data`` with the baseline that the latest approved package of ``group`` carries.

    ``settings`` is Clarify's ``analysis_config.json``, out of which the SDK makes its own objects and then another
    ``analysis_config.json``, which is published below the S3 prefix ``configs``. SDK 3.27 cannot give the job a
    network, nor the step retries.
    """
    config = _check_config(
        settings,
        DataConfig(
            s3_data_input_path=data,
            s3_output_path=context.output(check.name, checks.OUTPUT),
            s3_analysis_config_output_path=configs,
            dataset_type=settings["dataset_type"],
            label=settings["label"],
        ),
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


def _check_config(settings: Mapping[str, Any], data: DataConfig) -> DataBiasCheckConfig:
    return DataBiasCheckConfig(
        data_config=data,
        data_bias_config=bias_config(settings),
        methods=settings["methods"]["pre_training_bias"]["methods"],
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

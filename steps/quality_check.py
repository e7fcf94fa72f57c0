"""Data quality and model quality as AWS's own step, QualityCheck, which runs Model Monitor's analyzer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
from sagemaker.mlops.workflow.quality_check_step import (
    DataQualityCheckConfig,
    ModelQualityCheckConfig,
    QualityCheckStep,
)

from containers import checks
from containers.checks import Check
from steps.checked import Checked, Files, Switches
from steps.context import StepContext
from steps.settings import Machine

# Of the analyzer's environment: what QualityCheckStep has arguments for. The rest is handed to the job as it is.
ARGUMENTS = (
    "problem_type",
    "inference_attribute",
    "probability_attribute",
    "ground_truth_attribute",
    "probability_threshold_attribute",
)


def quality_check_step(
    context: StepContext,
    check: Check,
    machine: Machine,
    settings: Mapping[str, Any],
    *,
    group: str,
    switches: Switches,
    data: StrPipeVar,
) -> Checked:
    """Compare ``data`` with the baseline that the latest approved package of ``group`` carries.

    ``settings`` are the analyzer's environment. SDK 3.27 cannot give the job a network, nor the step retries.
    """
    common = {
        "baseline_dataset": data,
        "dataset_format": settings["dataset_format"],
        "output_s3_uri": context.output(check.name, checks.OUTPUT),
    }
    named = {name: settings[name] for name in ARGUMENTS if name in settings}
    config = (
        DataQualityCheckConfig(**common)
        if check == checks.DATA_QUALITY
        else ModelQualityCheckConfig(**common, **named)
    )
    rest = {
        name: str(value)
        for name, value in settings.items()
        if name not in (*ARGUMENTS, "dataset_format", "analysis_type")
    }
    step = QualityCheckStep(
        name=check.name,
        quality_check_config=config,
        check_job_config=check_job_config(context, check, machine, rest),
        skip_check=switches.skip,
        fail_on_violation=switches.fail,
        register_new_baseline=switches.register,
        model_package_group_name=group,
    )
    found = step.properties
    return Checked(
        check,
        step,
        Files(found.CalculatedBaselineConstraints, found.CalculatedBaselineStatistics),
        Files(found.BaselineUsedForDriftCheckConstraints, found.BaselineUsedForDriftCheckStatistics),
    )


def check_job_config(
    context: StepContext, check: Check, machine: Machine, environment: Mapping[str, str] | None = None
) -> CheckJobConfig:
    """What a check step's job runs on."""
    return CheckJobConfig(
        role=context.roles.processing,
        instance_count=machine.instance_count,
        instance_type=machine.instance_type,
        volume_size_in_gb=machine.volume_gb,
        volume_kms_key=context.keys.volume,
        output_kms_key=context.keys.output,
        max_runtime_in_seconds=machine.max_minutes * 60,
        base_job_name=check.name.lower(),
        sagemaker_session=context.session,
        env=dict(environment) if environment else None,
        tags=context.tags.request() or None,
    )

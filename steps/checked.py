"""What both forms of a check have in common: how a run can turn it, and what it leaves for the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sagemaker.core.drift_check_baselines import DriftCheckBaselines
from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.model_metrics import FileSource, MetricsSource, ModelMetrics
from sagemaker.core.workflow.parameters import ParameterBoolean
from sagemaker.mlops.workflow.steps import Step

from containers import checks
from containers.checks import Check

JSON = "application/json"


@dataclass(frozen=True)
class Switches:
    """A check's run-time knobs, with the names and the meaning that AWS's check steps give them."""

    skip: ParameterBoolean  # compare with nothing
    register: ParameterBoolean  # what is calculated now becomes the baseline
    fail: ParameterBoolean  # a violation fails the step, and with it the run


@dataclass(frozen=True)
class Files:
    """The documents of one analysis."""

    constraints: StrPipeVar  # Clarify's analysis.json, or Model Monitor's constraints.json
    statistics: StrPipeVar | None = None


@dataclass(frozen=True)
class Checked:
    """A check in a pipeline."""

    check: Check
    step: Step
    calculated: Files  # this run's: the package's metrics
    carried: Files  # the package's baselines: those that were compared with, or this run's
    config: StrPipeVar | None = None  # Clarify's configuration, for a monitor that goes on checking


def model_metrics(evaluation: StrPipeVar, checked: Iterable[Checked]) -> ModelMetrics:
    """The package's metrics: the evaluation report as model quality, and the analysis of each check."""
    found = _by_check(checked)
    model_quality, data_quality = found.get(checks.MODEL_QUALITY), found.get(checks.DATA_QUALITY)
    return ModelMetrics(
        model_statistics=_metrics(evaluation),
        model_constraints=_constraints(model_quality, carried=False),
        model_data_statistics=_statistics(data_quality, carried=False),
        model_data_constraints=_constraints(data_quality, carried=False),
        bias_pre_training=_constraints(found.get(checks.DATA_BIAS), carried=False),
        bias_post_training=_constraints(found.get(checks.MODEL_BIAS), carried=False),
        explainability=_constraints(found.get(checks.EXPLAINABILITY), carried=False),
    )


def drift_check_baselines(checked: Iterable[Checked]) -> DriftCheckBaselines | None:
    """What the next run compares with; None where there is no check."""
    found = _by_check(checked)
    if not found:
        return None
    bias = found.get(checks.MODEL_BIAS) or found.get(checks.DATA_BIAS)
    return DriftCheckBaselines(
        model_statistics=_statistics(found.get(checks.MODEL_QUALITY), carried=True),
        model_constraints=_constraints(found.get(checks.MODEL_QUALITY), carried=True),
        model_data_statistics=_statistics(found.get(checks.DATA_QUALITY), carried=True),
        model_data_constraints=_constraints(found.get(checks.DATA_QUALITY), carried=True),
        bias_config_file=_config(bias),
        bias_pre_training_constraints=_constraints(found.get(checks.DATA_BIAS), carried=True),
        bias_post_training_constraints=_constraints(found.get(checks.MODEL_BIAS), carried=True),
        explainability_constraints=_constraints(found.get(checks.EXPLAINABILITY), carried=True),
        explainability_config_file=_config(found.get(checks.EXPLAINABILITY)),
    )


def analyses(checked: Iterable[Checked]) -> dict[str, StrPipeVar]:
    """The ``analysis.json`` of each check that leaves one, by the check's setting."""
    return {
        each.check.setting: each.calculated.constraints for each in checked if not each.check.statistics_file
    }


def _by_check(checked: Iterable[Checked]) -> Mapping[Check, Checked]:
    return {each.check: each for each in checked}


def _constraints(checked: Checked | None, *, carried: bool) -> MetricsSource | None:
    if checked is None:
        return None
    return _metrics((checked.carried if carried else checked.calculated).constraints)


def _statistics(checked: Checked | None, *, carried: bool) -> MetricsSource | None:
    if checked is None:
        return None
    uri = (checked.carried if carried else checked.calculated).statistics
    return None if uri is None else _metrics(uri)


def _config(checked: Checked | None) -> FileSource | None:
    if checked is None or checked.config is None:
        return None
    return FileSource(checked.config, content_type=JSON)


def _metrics(uri: StrPipeVar) -> MetricsSource:
    return MetricsSource(content_type=JSON, s3_uri=uri)

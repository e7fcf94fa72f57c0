"""A user's program: the checks of data and model that AWS's own tests run, against good and bad baselines.

    python checks.py FOLDER result.json

FOLDER holds the data sets and baselines. It knows nothing of where it runs.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError
from sagemaker.core.clarify import BiasConfig, DataConfig
from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.model_monitor.dataset_format import DatasetFormat
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
from sagemaker.mlops.workflow.clarify_check_step import ClarifyCheckStep, DataBiasCheckConfig
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.quality_check_step import (
    DataQualityCheckConfig,
    ModelQualityCheckConfig,
    QualityCheckStep,
)

DATA = Path(sys.argv[1])
ROLE = get_execution_role()
SESSION = PipelineSession()
PREFIX = f"s3://{SESSION.default_bucket()}/compat-checks"
JOBS = CheckJobConfig(role=ROLE, instance_count=1, instance_type="ml.c5.xlarge", sagemaker_session=SESSION)
FOLDERS = {
    "DataBias": "clarify/data_bias",
    "DataQuality": "quality/data_quality",
    "ModelQuality": "quality/model_quality",
}
FILES = {"DataBias": "analysis.json", "DataQuality": "constraints.json", "ModelQuality": "constraints.json"}
CONSTRAINTS = {
    name: ParameterString(name=f"{name}SuppliedBaselineConstraints", default_value="") for name in FOLDERS
}
STATISTICS = {
    name: ParameterString(name=f"{name}SuppliedBaselineStatistics", default_value="")
    for name in ("DataQuality", "ModelQuality")
}


def upload(path: Path, key: str) -> str:
    """A file in S3."""
    return str(SESSION.upload_data(str(path), key_prefix=f"compat-checks/{key}"))


def data_bias(data: str) -> ClarifyCheckStep:
    """Bias of the label between values of F1 above and up to a half."""
    config = DataBiasCheckConfig(
        data_config=DataConfig(
            s3_data_input_path=data,
            s3_output_path=f"{PREFIX}/data-bias/result",
            s3_analysis_config_output_path=f"{PREFIX}/data-bias/config",
            label="Label",
            headers=["Label", "F1", "F2", "F3", "F4"],
            dataset_type="text/csv",
        ),
        data_bias_config=BiasConfig(
            label_values_or_threshold=[1],
            facet_name="F1",
            facet_values_or_threshold=[0.5],
            group_name="F2",
        ),
    )
    return ClarifyCheckStep(
        name="DataBias",
        clarify_check_config=config,
        check_job_config=JOBS,
        supplied_baseline_constraints=CONSTRAINTS["DataBias"],
    )


def data_quality() -> QualityCheckStep:
    """Statistics of columns without names."""
    config = DataQualityCheckConfig(
        baseline_dataset=str(DATA / FOLDERS["DataQuality"] / "baseline_dataset.csv"),
        dataset_format=DatasetFormat.csv(header=False),
        output_s3_uri=f"{PREFIX}/data-quality",
    )
    return quality("DataQuality", config)


def model_quality() -> QualityCheckStep:
    """A regression; AWS's test has label and prediction this way round."""
    config = ModelQualityCheckConfig(
        baseline_dataset=str(DATA / FOLDERS["ModelQuality"] / "baseline_dataset.csv"),
        dataset_format=DatasetFormat.csv(),
        output_s3_uri=f"{PREFIX}/model-quality",
        problem_type="Regression",
        inference_attribute="Label",
        ground_truth_attribute="Prediction",
    )
    return quality("ModelQuality", config)


def quality(name: str, config: Any) -> QualityCheckStep:
    """A step of Model Monitor's analyzer."""
    return QualityCheckStep(
        name=name,
        quality_check_config=config,
        check_job_config=JOBS,
        supplied_baseline_constraints=CONSTRAINTS[name],
        supplied_baseline_statistics=STATISTICS[name],
    )


def run(pipeline: Pipeline, baselines: dict[str, str], **settings: Any) -> dict[str, Any]:
    """Change the steps' settings, upsert, start and wait: how the SDK describes each step."""
    for step in pipeline.steps:
        step.__dict__.update(settings)
    pipeline.upsert(role_arn=ROLE)
    execution = pipeline.start(parameters=baselines)
    with suppress(WaiterError):  # the SDK's way to say that it failed
        execution.wait(delay=1, max_attempts=90)
    return {step["StepName"]: step for step in execution.list_steps()}


def main() -> None:
    """Every verdict that AWS's tests assert, and a first run without a baseline."""
    data = upload(DATA / "clarify" / "dataset.csv", "data")
    pipeline = Pipeline(
        name="CompatChecks",
        parameters=[*CONSTRAINTS.values(), *STATISTICS.values()],
        steps=[data_bias(data), data_quality(), model_quality()],
        sagemaker_session=SESSION,
    )
    statistics = {
        parameter.name: upload(DATA / FOLDERS[name] / "statistics.json", f"baselines/{name}")
        for name, parameter in STATISTICS.items()
    }
    good, bad = (
        {
            **statistics,
            **{
                parameter.name: upload(
                    DATA / FOLDERS[name] / f"{case}_cases" / FILES[name], f"baselines/{case}/{name}"
                )
                for name, parameter in CONSTRAINTS.items()
            },
        }
        for case in ("good", "bad")
    )
    told = {
        "supplied": good,
        "bad, None": run(pipeline, bad, fail_on_violation=None),
        "bad, False": run(pipeline, bad, fail_on_violation=False),
        "bad, True": run(pipeline, bad, fail_on_violation=True),
        "good": run(pipeline, good),
        "missing": run(pipeline, {}),
        "first": run(pipeline, {}, skip_check=True, register_new_baseline=True),
    }
    Path(sys.argv[2]).write_text(json.dumps(told, default=str))


if __name__ == "__main__":
    main()

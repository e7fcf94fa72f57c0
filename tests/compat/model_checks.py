"""A user's program: bias and explainability of a model, checked against its own results and against better ones.

    python model_checks.py result.json

Trains a small model here, so that only the checks run elsewhere. It knows nothing of where they run.
"""

import io
import json
import sys
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from botocore.exceptions import WaiterError
from sagemaker.core import image_uris
from sagemaker.core.clarify import (
    BiasConfig,
    DataConfig,
    ModelConfig,
    ModelPredictedLabelConfig,
    SHAPConfig,
)
from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
from sagemaker.mlops.workflow.clarify_check_step import (
    ClarifyCheckStep,
    ModelBiasCheckConfig,
    ModelExplainabilityCheckConfig,
)
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.serve.model_builder import ModelBuilder

ROLE = get_execution_role()
SESSION = PipelineSession()
PREFIX = f"s3://{SESSION.default_bucket()}/compat-model-checks"
SUPPLIED = {
    name: ParameterString(name=f"{name}Supplied", default_value="") for name in ("Bias", "Explanation")
}


def rows() -> pd.DataFrame:
    """Who is paid: it depends on income and a little on the group, and not on noise."""
    draw = np.random.default_rng(1)
    group = draw.integers(0, 2, 400)
    income = draw.normal(50, 10, 400)
    noise = draw.normal(0, 1, 400)
    paid = (income + 8 * group + draw.normal(0, 3, 400) > 52).astype(int)
    return pd.DataFrame({"paid": paid, "income": income.round(2), "group": group, "noise": noise.round(3)})


def upload(name: str, content: bytes) -> str:
    """A file in S3."""
    path = Path(tempfile.mkdtemp(), name)
    path.write_bytes(content)
    return str(SESSION.upload_data(str(path), key_prefix="compat-model-checks"))


def archive(data: pd.DataFrame) -> bytes:
    """``model.tar.gz`` as XGBoost's algorithm leaves it."""
    matrix = xgboost.DMatrix(data.drop(columns="paid").to_numpy(), label=data["paid"])
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 20)
    model = bytes(booster.save_raw("ubj"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(model)
        tar.addfile(entry, io.BytesIO(model))
    return packed.getvalue()


def pipeline(data: pd.DataFrame) -> Pipeline:
    """Create the model, and ask it."""
    image = image_uris.retrieve("xgboost", SESSION.boto_region_name, version="3.2-0")
    builder = ModelBuilder(
        image_uri=image,
        s3_model_data_url=upload("model.tar.gz", archive(data)),
        role_arn=ROLE,
        sagemaker_session=SESSION,
    )
    create = ModelStep(name="Create", step_args=builder.build())
    uri = upload("rows.csv", data.to_csv(index=False, header=False).encode())
    asked = ModelConfig(model_name=create.properties.ModelName, instance_count=1, instance_type="ml.m5.large")

    def source(name: str) -> DataConfig:
        return DataConfig(
            s3_data_input_path=uri,
            s3_output_path=f"{PREFIX}/{name}/result",
            s3_analysis_config_output_path=f"{PREFIX}/{name}/config",
            label="paid",
            headers=list(data.columns),
            dataset_type="text/csv",
        )

    configs = {
        "Bias": ModelBiasCheckConfig(
            data_config=source("bias"),
            data_bias_config=BiasConfig(
                label_values_or_threshold=[1], facet_name="group", facet_values_or_threshold=[0]
            ),
            model_config=asked,
            model_predicted_label_config=ModelPredictedLabelConfig(probability_threshold=0.5),
        ),
        "Explanation": ModelExplainabilityCheckConfig(
            data_config=source("explanation"),
            model_config=asked,
            explainability_config=SHAPConfig(
                baseline=[[50.0, 0, 0.0]], num_samples=20, agg_method="mean_abs", seed=1
            ),
        ),
    }
    jobs = CheckJobConfig(role=ROLE, instance_count=1, instance_type="ml.m5.large", sagemaker_session=SESSION)
    checks = [
        ClarifyCheckStep(
            name=name,
            clarify_check_config=config,
            check_job_config=jobs,
            supplied_baseline_constraints=SUPPLIED[name],
        )
        for name, config in configs.items()
    ]
    return Pipeline(
        name="CompatModelChecks",
        parameters=list(SUPPLIED.values()),
        steps=[create, *checks],
        sagemaker_session=SESSION,
    )


def run(made: Pipeline, baselines: dict[str, str], *, first: bool = False) -> dict[str, Any]:
    """Upsert, start and wait: how the SDK describes each step."""
    for step in made.steps:
        if isinstance(step, ClarifyCheckStep):
            step.skip_check = step.register_new_baseline = first
    made.upsert(role_arn=ROLE)
    execution = made.start(parameters=baselines)
    with suppress(WaiterError):  # the SDK's way to say that it failed
        execution.wait(delay=1, max_attempts=120)
    return {step["StepName"]: step for step in execution.list_steps()}


def better(analyses: dict[str, Any]) -> dict[str, str]:
    """Baselines of a fairer model that has other reasons."""
    for facet in analyses["Bias"]["post_training_bias_metrics"]["facets"].values():
        for metric in facet[0]["metrics"]:
            metric["value"] = 0.0 if metric["name"] == "DPPL" else metric["value"]
    explained = analyses["Explanation"]["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    explained |= {"income": 0.001, "noise": 1.0}
    return {
        f"{name}Supplied": upload(f"{name.lower()}.json", json.dumps(analysis).encode())
        for name, analysis in analyses.items()
    }


def main() -> None:
    """A first run; one against its results; one against better results."""
    made = pipeline(rows())
    first = run(made, {}, first=True)
    analyses = {
        name: json.loads(
            SESSION.read_s3_file(
                SESSION.default_bucket(), f"compat-model-checks/{name.lower()}/result/analysis.json"
            )
        )
        for name in SUPPLIED
    }
    same = {
        f"{name}Supplied": upload(f"{name.lower()}-first.json", json.dumps(analysis).encode())
        for name, analysis in analyses.items()
    }
    told = {
        "first": first,
        "analyses": json.loads(json.dumps(analyses)),
        "same": run(made, same),
        "better": run(made, better(analyses)),
    }
    Path(sys.argv[1]).write_text(json.dumps(told, default=str))


if __name__ == "__main__":
    main()

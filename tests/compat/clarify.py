"""A user's program: bias and explanations of a model by the SDK's own Clarify processor and monitors.

python clarify.py result.json

Trains a small model here, so that only the analyses run elsewhere. It knows nothing of where they run.
"""

import io
import json
import sys
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import xgboost
from sagemaker.core import image_uris
from sagemaker.core.clarify import (
    BiasConfig,
    DataConfig,
    ModelConfig,
    ModelPredictedLabelConfig,
    PDPConfig,
    SageMakerClarifyProcessor,
    SHAPConfig,
)
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.model_monitor.clarify_model_monitoring import ModelBiasMonitor, ModelExplainabilityMonitor

SESSION, ROLE = Session(), get_execution_role()
PREFIX = "compat-clarify"
MODEL = "compat-clarify"
CLIENT = boto3.client("sagemaker")
BIAS = BiasConfig(label_values_or_threshold=[1], facet_name="group", facet_values_or_threshold=[0])
LABELS = ModelPredictedLabelConfig(probability_threshold=0.5)
SHAP = SHAPConfig(baseline=[[50.0, 0, 0.0]], num_samples=20, agg_method="mean_abs", seed=1)


def rows() -> pd.DataFrame:
    """Who is paid: it depends on income and a little on the group, and not on noise."""
    draw = np.random.default_rng(1)
    group = draw.integers(0, 2, 200)
    income = draw.normal(50, 10, 200)
    paid = (income + 8 * group + draw.normal(0, 3, 200) > 52).astype(int)
    noise = draw.normal(0, 1, 200)
    return pd.DataFrame({"paid": paid, "income": income.round(2), "group": group, "noise": noise.round(3)})


def upload(name: str, content: bytes) -> str:
    """A file in S3."""
    path = Path(tempfile.mkdtemp(), name)
    path.write_bytes(content)
    return str(SESSION.upload_data(str(path), key_prefix=PREFIX))


def hosted(data: pd.DataFrame) -> None:
    """The model, and an endpoint of its own."""
    matrix = xgboost.DMatrix(data.drop(columns="paid").to_numpy(), label=data["paid"])
    model = bytes(xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 20).save_raw("ubj"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(model)
        tar.addfile(entry, io.BytesIO(model))
    image = image_uris.retrieve("xgboost", SESSION.boto_region_name, version="3.2-0")
    archive = upload("model.tar.gz", packed.getvalue())
    CLIENT.create_model(
        ModelName=MODEL, PrimaryContainer={"Image": image, "ModelDataUrl": archive}, ExecutionRoleArn=ROLE
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": MODEL,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    CLIENT.create_endpoint_config(EndpointConfigName=MODEL, ProductionVariants=[variant])
    CLIENT.create_endpoint(EndpointName=MODEL, EndpointConfigName=MODEL)
    CLIENT.get_waiter("endpoint_in_service").wait(
        EndpointName=MODEL, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def read(output: str, name: str = "analysis.json") -> Any:
    """What a job has left in S3."""
    content = SESSION.read_s3_file(SESSION.default_bucket(), f"{PREFIX}/{output}/{name}")
    return json.loads(content) if name.endswith(".json") else content


def main() -> None:
    """Every analysis, once."""
    data = rows()
    hosted(data)
    uri = upload("rows.csv", data.to_csv(index=False, header=False).encode())
    clarify = SageMakerClarifyProcessor(
        role=ROLE, instance_count=1, instance_type="ml.m5.large", sagemaker_session=SESSION
    )
    shadow = ModelConfig(model_name=MODEL, instance_count=1, instance_type="ml.m5.large")
    there = ModelConfig(endpoint_name=MODEL)

    def source(output: str) -> DataConfig:
        return DataConfig(
            s3_data_input_path=uri,
            s3_output_path=f"s3://{SESSION.default_bucket()}/{PREFIX}/{output}",
            label="paid",
            headers=list(data.columns),
            dataset_type="text/csv",
        )

    quiet = {"wait": True, "logs": False}
    clarify.run_pre_training_bias(source("pre"), BIAS, **quiet)
    clarify.run_post_training_bias(
        source("post"), BIAS, model_config=shadow, model_predicted_label_config=LABELS, **quiet
    )
    clarify.run_bias(source("both"), BIAS, there, LABELS, **quiet)
    clarify.run_explainability(
        source("explained"), shadow, [SHAP, PDPConfig(features=["income"], grid_resolution=5)], **quiet
    )
    monitors = {"role": ROLE, "sagemaker_session": SESSION, "instance_type": "ml.m5.large"}
    with suppress(
        AttributeError
    ):  # SDK 3.27, once the job is done: it asks the job for a session that it has not
        ModelBiasMonitor(**monitors).suggest_baseline(source("bias-monitor"), BIAS, there, LABELS, **quiet)
    with suppress(AttributeError):
        ModelExplainabilityMonitor(**monitors).suggest_baseline(source("shap-monitor"), SHAP, there, **quiet)
    told = {name: read(name) for name in ("pre", "post", "both", "explained", "bias-monitor", "shap-monitor")}
    told["out.csv"] = read("explained", "explanations_shap/out.csv")
    told["job"] = CLIENT.describe_processing_job(ProcessingJobName=clarify.latest_job.processing_job_name)
    told["endpoints"] = [each["EndpointName"] for each in CLIENT.list_endpoints()["Endpoints"]]
    Path(sys.argv[1]).write_text(json.dumps(told, default=str))
    CLIENT.delete_endpoint(EndpointName=MODEL)


if __name__ == "__main__":
    main()

"""Writes sdk_3_27_checks.json beside itself: the five checks, as the SageMaker SDK 3.27 builds them.

    python tests/local_sagemaker/pipelines/definitions/build_checks.py

Needs no AWS: uploads go to moto. Names that the SDK makes up (times in keys) differ from run to run.
"""

from __future__ import annotations

from build import BUCKET, ROLE, write


def build() -> str:
    """The definition: the five checks of a model that another step created, and its registration."""
    # Importing the SDK makes AWS clients, so the environment must be set before.
    from sagemaker.core.clarify import (
        BiasConfig,
        DataConfig,
        ModelConfig,
        ModelPredictedLabelConfig,
        SHAPConfig,
    )
    from sagemaker.core.model_monitor.dataset_format import DatasetFormat
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join
    from sagemaker.core.workflow.parameters import ParameterBoolean, ParameterString
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
    from sagemaker.mlops.workflow.clarify_check_step import (
        ClarifyCheckStep,
        DataBiasCheckConfig,
        ModelBiasCheckConfig,
        ModelExplainabilityCheckConfig,
    )
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.model_step import ModelStep
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.quality_check_step import (
        DataQualityCheckConfig,
        ModelQualityCheckConfig,
        QualityCheckStep,
    )
    from sagemaker.mlops.workflow.steps import CacheConfig
    from sagemaker.serve.model_builder import ModelBuilder

    session = PipelineSession(default_bucket=BUCKET)
    session.default_bucket()  # makes it: Clarify's steps upload their configurations when they are made
    group = ParameterString("Group", default_value="group")
    constraints = ParameterString("Constraints", default_value="")
    statistics = ParameterString("Statistics", default_value="")
    skip = ParameterBoolean("SkipCheck", default_value=False)
    register = ParameterBoolean("RegisterNewBaseline", default_value=False)
    fail = ParameterBoolean("FailOnViolation", default_value=True)
    data = ParameterString("Data", default_value=f"s3://{BUCKET}/data/train.csv")
    builder = ModelBuilder(
        image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        s3_model_data_url=f"s3://{BUCKET}/model.tar.gz",
        role_arn=ROLE,
        sagemaker_session=session,
    )
    create = ModelStep(name="Create", step_args=builder.build())
    jobs = CheckJobConfig(
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        env={"NAME": "value"},
        tags=[{"Key": "team", "Value": "ours"}],
        sagemaker_session=session,
    )
    switches = {
        "check_job_config": jobs,
        "skip_check": skip,
        "register_new_baseline": register,
        "fail_on_violation": fail,
        "model_package_group_name": group,
        "cache_config": CacheConfig(enable_caching=True, expire_after="P30D"),
    }

    def output(name: str) -> Join:
        return Join(on="/", values=["s3:/", BUCKET, ExecutionVariables.PIPELINE_EXECUTION_ID, name])

    def rows(name: str) -> DataConfig:
        return DataConfig(
            s3_data_input_path=data,
            s3_output_path=output(name),
            s3_analysis_config_output_path=f"s3://{BUCKET}/config/{name}",
            label="label",
            headers=["label", "age", "income"],
            dataset_type="text/csv",
        )

    bias = BiasConfig(label_values_or_threshold=[1], facet_name="age", facet_values_or_threshold=[40])
    model = ModelConfig(model_name=create.properties.ModelName, instance_count=1, instance_type="ml.m5.large")
    clarify = {
        "DataBias": DataBiasCheckConfig(data_config=rows("data-bias"), data_bias_config=bias),
        "ModelBias": ModelBiasCheckConfig(
            data_config=rows("model-bias"),
            data_bias_config=bias,
            model_config=model,
            model_predicted_label_config=ModelPredictedLabelConfig(probability_threshold=0.4),
        ),
        "Explainability": ModelExplainabilityCheckConfig(
            data_config=rows("explainability"),
            model_config=model,
            explainability_config=SHAPConfig(
                baseline=[[40, 1000]], num_samples=10, agg_method="mean_abs", seed=1
            ),
        ),
    }
    quality = {
        "DataQuality": DataQualityCheckConfig(
            baseline_dataset=data,
            dataset_format=DatasetFormat.csv(header=True, output_columns_position="START"),
            output_s3_uri=output("data-quality"),
        ),
        "ModelQuality": ModelQualityCheckConfig(
            baseline_dataset=data,
            dataset_format=DatasetFormat.csv(header=False),
            output_s3_uri=output("model-quality"),
            problem_type="BinaryClassification",
            inference_attribute="_c0",
            probability_attribute="_c1",
            ground_truth_attribute="_c2",
            probability_threshold_attribute="0.4",
        ),
    }
    checks = [
        *(
            ClarifyCheckStep(
                name=name,
                clarify_check_config=config,
                supplied_baseline_constraints=constraints if name == "DataBias" else None,
                **switches,
            )
            for name, config in clarify.items()
        ),
        *(
            QualityCheckStep(
                name=name,
                quality_check_config=config,
                supplied_baseline_constraints=constraints,
                supplied_baseline_statistics=statistics,
                **switches,
            )
            for name, config in quality.items()
        ),
    ]
    used = [step.properties.BaselineUsedForDriftCheckConstraints for step in checks]
    calculated = [step.properties.CalculatedBaselineStatistics for step in checks[-2:]]
    tell = FailStep(name="Tell", error_message=Join(on=" ", values=[*used, *calculated]))
    return Pipeline(
        name="checks",
        parameters=[group, constraints, statistics, skip, register, fail, data],
        steps=[create, *checks, tell],
        sagemaker_session=session,
    ).definition()


if __name__ == "__main__":
    write("sdk_3_27_checks.json", build)

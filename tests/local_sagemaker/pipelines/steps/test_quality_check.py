"""QualityCheck with real jobs, whose program stands in for the container."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

# What a container does, in small: compare the data with what the baseline allows.
PROGRAM = """
import json, os
from pathlib import Path
output = Path("/opt/ml/processing/output")
rows = len(Path("/opt/ml/processing/input/data/rows.csv").read_text().split())
(output / "constraints.json").write_text(json.dumps({"rows": rows}))
(output / "statistics.json").write_text("{}")
if "baseline_constraints" in os.environ:
    allowed = json.loads(Path(os.environ["baseline_constraints"]).read_text())["rows"]
    assert Path(os.environ["baseline_statistics"]).read_text() == "{}"
    if rows > allowed:
        violation = {"feature_name": "rows", "constraint_check_type": "too_many", "description": f"{rows}"}
        (output / "constraint_violations.json").write_text(json.dumps({"violations": [violation]}))
"""


def test_the_baseline_travels_with_the_package(
    client: Callable[[str], Any], local: LocalSageMaker, write: Any
) -> None:
    """With real jobs: a first run registers its baseline, an approval makes it count, a worse run fails by it."""
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket="check-step")
    s3.put_object(Bucket="check-step", Key="code/program.py", Body=PROGRAM.encode())
    step = write.processing("Check", outputs=("result",))
    request = step["Arguments"]
    request["AppSpecification"] = {
        "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/program.py"],
    }
    request["ProcessingInputs"] = [
        {
            "InputName": name,
            "S3Input": {
                "S3Uri": f"s3://check-step/{name}/",
                "LocalPath": f"/opt/ml/processing/input/{name}",
                "S3DataType": "S3Prefix",
            },
        }
        for name in ("data", "code")
    ]
    output = {"On": "/", "Values": ["s3://check-step/out", {"Get": "Execution.PipelineExecutionId"}]}
    target = {
        "S3Uri": {"Std:Join": output},
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    request["ProcessingOutputConfig"] = {"Outputs": [{"OutputName": "result", "S3Output": target}]}
    settings = {"CheckType": "DATA_QUALITY", "ModelPackageGroupName": "check-step"}
    flags = {name: {"Get": f"Parameters.{name}"} for name in ("SkipCheck", "RegisterNewBaseline")}
    register = write.register("Register", "check-step", "s3://check-step/model.tar.gz")
    del register["Arguments"]["ModelMetrics"]
    register["Arguments"]["DriftCheckBaselines"] = {
        "ModelDataQuality": {
            part: {
                "ContentType": "application/json",
                "S3Uri": {"Get": f"Steps.Check.BaselineUsedForDriftCheck{part}"},
            }
            for part in ("Constraints", "Statistics")
        }
    }
    parameters = [{"Name": name, "Type": "Boolean", "DefaultValue": False} for name in flags]
    definition = write.definition(
        {**step, "Type": "QualityCheck", **settings, **flags}, register, parameters=parameters
    )
    sagemaker.create_pipeline(
        PipelineName="check-step",
        PipelineDefinition=json.dumps(definition),
        RoleArn=local.settings.role_arn,
        ClientRequestToken="check-step-check-step-check-step-1",
    )

    def run(rows: int, **parameters: str) -> tuple[str, dict[str, Any]]:
        """The execution's status, and the check."""
        s3.put_object(Bucket="check-step", Key="data/rows.csv", Body=b"1\n" * rows)
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        started = sagemaker.start_pipeline_execution(PipelineName="check-step", PipelineParameters=given)
        arn = started["PipelineExecutionArn"]
        while True:
            status = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)[
                "PipelineExecutionStatus"
            ]
            if status not in ("Executing", "Stopping"):
                break
            time.sleep(0.05)
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return status, next(each for each in steps if each["StepName"] == "Check")

    refused, before_any = run(2)
    first, made = run(2, SkipCheck="true", RegisterNewBaseline="true")
    waiting, _ = run(2)
    packages = sagemaker.list_model_packages(ModelPackageGroupName="check-step")["ModelPackageSummaryList"]
    sagemaker.update_model_package(
        ModelPackageArn=packages[0]["ModelPackageArn"], ModelApprovalStatus="Approved"
    )
    fine, kept = run(2)
    worse, failed = run(3)

    assert [refused, first, waiting, fine, worse] == ["Failed", "Succeeded", "Failed", "Succeeded", "Failed"]
    assert "model-package-group/check-step" in before_any["FailureReason"]
    baseline = made["Metadata"]["QualityCheck"]["CalculatedBaselineConstraints"]
    assert kept["Metadata"]["QualityCheck"]["BaselineUsedForDriftCheckConstraints"] == baseline
    report = failed["Metadata"]["QualityCheck"]["ViolationReport"]
    bucket, _, key = report.removeprefix("s3://").partition("/")
    assert (
        json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["violations"][0]["description"]
        == "3"
    )

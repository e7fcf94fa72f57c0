"""The whole service through boto3: real jobs, real files, real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from local_sagemaker.pipelines.steps import STEP_TYPES
from local_sagemaker.pipelines.steps.base import Attempt, StepType, Success

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1"
# On one line: AWS's pattern for a container's entry point admits no other.
SCRIPT = (
    "import json, sys; "
    "file = open('/opt/ml/processing/output/report/evaluation.json', 'w'); "
    "json.dump({'metrics': {'auc': {'value': float(sys.argv[1])}}}, file); "
    "file.close()"
)


def wait(sagemaker: Any, arn: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The execution when it has ended, and its steps by name."""
    deadline = time.monotonic() + 60
    while True:
        execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            answer = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
            return execution, {step["StepName"]: step for step in answer["PipelineExecutionSteps"]}
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("auc", "last"), [("0.95", "enough"), ("0.85", "missed")])
def test_a_gate_reads_what_a_real_job_has_written(
    local: Any, client: Callable[[str], Any], write: Any, auc: str, last: str
) -> None:
    """A processing job writes a JSON file, the condition reads it from S3, and the branch says by how much."""
    sagemaker = client("sagemaker")
    value = {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.measure.PropertyFiles.r"}, "Path": "metrics.auc.value"}
    }
    measure = write.processing("measure", write.get("Parameters.Auc"), outputs=("report",))
    measure["PropertyFiles"] = [
        {"PropertyFileName": "r", "OutputName": "report", "FilePath": "evaluation.json"}
    ]
    measure["Arguments"]["AppSpecification"] |= {
        "ImageUri": IMAGE,
        "ContainerEntrypoint": ["python3", "-c", SCRIPT],
    }
    output = measure["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    prefix = ["s3:/", local.settings.bucket, write.get("Execution.PipelineExecutionId")]
    output["S3Uri"] = {"Std:Join": {"On": "/", "Values": prefix}}
    text = {"Std:Join": {"On": " ", "Values": ["auc is", value]}}
    name = f"real-gate-{last}"
    definition = write.definition(
        measure,
        write.condition(
            "gate",
            {"Type": "GreaterThan", "LeftValue": value, "RightValue": 0.9},
            yes=[write.fail("enough", text)],
            no=[write.fail("missed", text)],
        ),
        parameters=[{"Name": "Auc", "Type": "String"}],
    )
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=local.settings.role_arn
    )

    arn = sagemaker.start_pipeline_execution(
        PipelineName=name, PipelineParameters=[{"Name": "Auc", "Value": auc}]
    )["PipelineExecutionArn"]
    execution, steps = wait(sagemaker, arn)

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert set(steps) == {"measure", "gate", last}
    assert steps["measure"]["StepStatus"] == "Succeeded"
    assert steps[last]["FailureReason"] == f"auc is {auc}"


def test_a_further_step_type_is_one_entry_in_the_table(
    world: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it leaves behind can be read by the checker and by later steps."""

    class Echo(StepType):
        def run(self, attempt: Attempt) -> Success:
            return Success({"Said": attempt.arguments["Say"]}, {"Lambda": {"Arn": "arn:echo"}})

    monkeypatch.setitem(STEP_TYPES, "Echo", Echo(name="Echo", properties=("Said",)))
    echo = {"Name": "e", "Type": "Echo", "Arguments": {"Say": write.get("Execution.PipelineName")}}

    execution, steps = world.run(write.definition(echo, write.processing("a", write.get("Steps.e.Said"))))

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert steps["e"]["Metadata"] == {"Lambda": {"Arn": "arn:echo"}}
    assert world.processing.requests[0]["AppSpecification"]["ContainerArguments"] == ["p"]

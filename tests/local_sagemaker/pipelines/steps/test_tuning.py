"""The Tuning step: what the checker knows of it, its names, its cache key, and how it is stopped."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker.pipelines.check import check
from local_sagemaker.pipelines.steps.tuning import TUNING

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

OBJECTIVE = {"Type": "Maximize", "MetricName": "score"}
ARGUMENTS: dict[str, Any] = {
    "HyperParameterTuningJobConfig": {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": OBJECTIVE,
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
        "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]},
    },
    "TrainingJobDefinition": {
        "AlgorithmSpecification": {
            "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "score", "Regex": "score=([0-9.]+)"}],
        },
        "StaticHyperParameters": {"sagemaker_program": "train.py"},
        "RoleArn": "arn:aws:iam::123456789012:role/local-sagemaker-execution",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    },
}


def definition(arguments: dict[str, Any], *reads: str) -> dict[str, Any]:
    """A pipeline of a tuning step, and a step that reads its properties."""
    values = [{"Get": f"Steps.Tune.{path}"} for path in reads]
    message = {"Std:Join": {"On": " ", "Values": values}}
    return {
        "Version": "2020-12-01",
        "Steps": [
            {"Name": "Tune", "Type": "Tuning", "Arguments": arguments},
            {"Name": "Tell", "Type": "Fail", "Arguments": {"ErrorMessage": message}},
        ],
    }


def problems(arguments: dict[str, Any], *reads: str) -> list[str]:
    return [str(problem) for problem in check(definition(arguments, *reads)) if problem.level == "error"]


def test_a_tuning_step_is_fine() -> None:
    """Describe's properties and the list of training jobs can be read of it."""
    assert not problems(
        ARGUMENTS,
        "BestTrainingJob.TrainingJobName",
        "OverallBestTrainingJob.TrainingJobName",
        "TrainingJobSummaries[0].TrainingJobName",
        "TrainingJobSummaries[49].FinalHyperParameterTuningJobObjectiveMetric.Value",
        "TrainingJobStatusCounters.Completed",
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("BestTraining.TrainingJobName", "Did you mean 'BestTrainingJob'?"),
        ("TrainingJobSummaries[0].TrainingJobNames", "Did you mean 'TrainingJobName'?"),
        ("TrainingJobSummaries", "cannot join a list"),
    ],
)
def test_a_property_that_is_not_there(path: str, said: str) -> None:
    """Is found when the pipeline is stored."""
    (problem,) = problems(ARGUMENTS, path)

    assert said in problem


def test_an_argument_that_the_operation_refuses() -> None:
    """The request's shape is known, down to the ranges."""
    arguments = copy.deepcopy(ARGUMENTS)
    arguments["HyperParameterTuningJobConfig"]["Strategy"] = "Bayes"
    del arguments["HyperParameterTuningJobConfig"]["ParameterRanges"]["ContinuousParameterRanges"][0]["Name"]

    found = problems(arguments)

    assert len(found) == 2
    assert "HyperParameterTuningJobConfig.Strategy" in found[0] + found[1]
    assert "ContinuousParameterRanges[0].Name" in found[0] + found[1]


@pytest.mark.parametrize(
    ("step", "given", "start"),
    [
        ("Tune", None, "abcdefghijkl-Tune-"),
        ("HPTuningStep", None, "abcdefghijkl-HPTunin-"),
        ("a step!", None, "abcdefghijkl-a-step--"),
        ("Tune", "my-own-prefix-that-is-quite-long", "my-own-prefix-that-is-"),
    ],
)
def test_names_have_at_most_32_characters(step: str, given: str | None, start: str) -> None:
    """The execution, the step, and ten letters and digits; or the name that the arguments have."""
    attempt: Any = SimpleNamespace(
        arguments={"HyperParameterTuningJobName": given} if given else {},
        execution_arn="arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl",
        step=SimpleNamespace(name=step),
        job_name="pipelines-abcdefghijkl-Tune-0123456789",
    )

    name = TUNING.job_name(attempt)

    assert name == f"{start}0123456789"
    assert len(name) <= 32


def test_the_cache_key_leaves_out_what_does_not_change_the_result() -> None:
    """AWS's list: instances, output, role and limits of time do not count; data, image and values do."""
    key = TUNING.cache_key({**ARGUMENTS, "Tags": [], "WarmStartConfig": {}})

    assert set(key) == {"HyperParameterTuningJobConfig", "TrainingJobDefinition"}
    assert set(key["TrainingJobDefinition"]) == {"AlgorithmSpecification", "StaticHyperParameters"}


def test_the_cache_key_of_several_definitions() -> None:
    """Each is looked at in the same way."""
    one = {**ARGUMENTS["TrainingJobDefinition"], "TuningObjective": OBJECTIVE}

    key = TUNING.cache_key({"TrainingJobDefinitions": [one, one]})

    assert [set(each) for each in key["TrainingJobDefinitions"]] == [
        {"AlgorithmSpecification", "StaticHyperParameters", "TuningObjective"}
    ] * 2


def test_an_internal_error_is_not_retried() -> None:
    """A tuning job repeats lost trials itself."""
    assert TUNING.failure_kind("InternalServerError: gone") is None
    assert TUNING.failure_kind("CapacityError: none left") == "SageMaker.CAPACITY_ERROR"


def test_stopping_an_execution_stops_its_tuning_job(
    local: LocalSageMaker, client: Callable[[str], Any]
) -> None:
    """The step, the tuning job and its training job have stopped."""
    sagemaker = client("sagemaker")
    arguments = copy.deepcopy(ARGUMENTS)
    job = arguments["TrainingJobDefinition"]
    job["RoleArn"] = local.settings.role_arn
    job["OutputDataConfig"]["S3OutputPath"] = f"s3://{local.settings.bucket}/tuned"
    body = b"import time\ntime.sleep(600)\n"
    client("s3").put_object(Bucket=local.settings.bucket, Key="tuning-step/train.py", Body=body)
    code = f"s3://{local.settings.bucket}/tuning-step/train.py"
    job["StaticHyperParameters"]["sagemaker_submit_directory"] = code
    sagemaker.create_pipeline(
        PipelineName="tuning-stop",
        PipelineDefinition=json.dumps(definition(arguments, "BestTrainingJob.TrainingJobName")),
        RoleArn=local.settings.role_arn,
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="tuning-stop")["PipelineExecutionArn"]

    def step() -> dict[str, Any]:
        found = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return dict(found[-1]) if found else {}

    while "Metadata" not in step():
        time.sleep(0.02)
    name = step()["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    while step()["StepStatus"] in ("Executing", "Stopping"):
        time.sleep(0.02)

    described = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert step()["StepStatus"] == "Stopped"
    assert described["HyperParameterTuningJobStatus"] == "Stopped"
    assert described["TrainingJobStatusCounters"]["InProgress"] == 0

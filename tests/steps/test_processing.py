"""The processing steps: what a job is told, and where its folders lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sagemaker.core.workflow.parameters import ParameterFloat

from containers import contract
from steps.context import StepContext
from steps.evaluate import evaluate_step
from steps.ingest import ingest_step
from steps.prep import prep_step
from steps.processing import output_uri
from steps.settings import Code, Machine

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/processing:1"


@pytest.fixture
def steps(context: StepContext, code: Code) -> dict[str, Any]:
    ingest = ingest_step(context, IMAGE, Machine(), code, "s3://bucket/raw/")
    prep = prep_step(context, IMAGE, Machine(max_minutes=5), code, output_uri(ingest, contract.DATA))
    evaluate = evaluate_step(
        context,
        IMAGE,
        Machine(),
        code,
        model="s3://bucket/model.tar.gz",
        validation=output_uri(prep, contract.VALIDATION),
        test=output_uri(prep, contract.TEST),
        holdout=output_uri(prep, contract.HOLDOUT),
        bar=ParameterFloat("QualityBar", 0.9),
        threshold="f1",
    )
    return {"ingest": ingest, "prep": prep, "evaluate": evaluate}


@pytest.mark.parametrize("name", ["ingest", "prep", "evaluate"])
def test_a_job_runs_its_module_from_the_published_code(
    name: str, steps: dict[str, Any], compiled: Callable[..., dict[str, Any]]
) -> None:
    """The code's folder is on the job's path; nothing is built into the image."""
    request = compiled(steps[name])["Arguments"]
    inputs = {entry["InputName"]: entry["S3Input"] for entry in request["ProcessingInputs"]}

    assert ["python3", "-m", f"containers.processing.{name}"] == request["AppSpecification"][
        "ContainerEntrypoint"
    ]
    assert inputs["code"]["LocalPath"] == request["Environment"]["PYTHONPATH"]
    assert (inputs["code"]["S3Uri"], inputs["settings"]["S3Uri"]) == (
        "s3://bucket/code/1",
        "s3://bucket/settings/1",
    )


@pytest.mark.parametrize("name", ["ingest", "prep", "evaluate"])
def test_folders_are_the_contracts(
    name: str, steps: dict[str, Any], compiled: Callable[..., dict[str, Any]]
) -> None:
    """Job and step read one module for their names, and every folder lies below SageMaker's."""
    request = compiled(steps[name])["Arguments"]
    paths = contract.ProcessingPaths()

    assert all(
        i["S3Input"]["LocalPath"] == str(paths.input(i["InputName"])) for i in request["ProcessingInputs"]
    )
    outputs = request["ProcessingOutputConfig"]["Outputs"]
    assert all(o["S3Output"]["LocalPath"] == str(paths.output(o["OutputName"])) for o in outputs)


def test_evaluate_offers_its_report_as_a_property_file(
    steps: dict[str, Any], compiled: Callable[..., dict[str, Any]]
) -> None:
    """The gate reads it."""
    entry = compiled(steps["evaluate"])

    assert entry["PropertyFiles"] == [
        {"PropertyFileName": "EvaluationReport", "OutputName": "evaluation", "FilePath": "evaluation.json"}
    ]


def test_a_machines_limit_becomes_seconds(
    steps: dict[str, Any], compiled: Callable[..., dict[str, Any]]
) -> None:
    """AWS counts in seconds, people in minutes."""
    assert compiled(steps["prep"])["Arguments"]["StoppingCondition"] == {"MaxRuntimeInSeconds": 300}

"""ClarifyCheck: the model whose name is known only when the step runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

OUTPUT = "s3://bucket/out"
CONFIG = {
    "label": "y",
    "methods": {"post_training_bias": {"methods": "all"}},
    "predictor": {"instance_count": 1},
}


def check_of_model(write: Any, uri: str = "s3://bucket/config/analysis_config.json", **settings: Any) -> Any:
    """A model bias check as the SDK writes it, for a first run."""
    made = write.processing("Check", outputs=("result",))
    made["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = OUTPUT
    made["Arguments"]["ProcessingInputs"] = [
        {
            "InputName": name,
            "S3Input": {
                "S3Uri": place,
                "LocalPath": f"/opt/ml/processing/input/{name}",
                "S3DataType": "S3Prefix",
            },
        }
        for name, place in (("dataset", "s3://bucket/data"), ("analysis_config", uri))
    ]
    own = {"CheckType": "MODEL_BIAS", "SkipCheck": True, "RegisterNewBaseline": True, "ModelName": "model-1"}
    return {**made, "Type": "ClarifyCheck", **own, **settings}


@pytest.fixture(autouse=True)
def jobs_that_calculate(world: Any) -> None:
    """Every job writes a baseline; every test has the analysis config."""
    world.processing.work = lambda request, stop: world.put(f"{OUTPUT}/analysis.json", b"{}")
    world.put("s3://bucket/config/analysis_config.json", json.dumps(CONFIG).encode())


def config_of(world: Any) -> tuple[str, Any]:
    """The URI of the analysis config that the last job was given, and what it holds."""
    inputs = {
        each["InputName"]: each["S3Input"] for each in world.processing.requests[-1]["ProcessingInputs"]
    }
    uri = inputs["analysis_config"]["S3Uri"]
    assert inputs["dataset"]["S3Uri"] == "s3://bucket/data"
    return uri, json.loads(world.store.read(uri))


@pytest.mark.parametrize(
    "uri", ["s3://bucket/config/analysis_config.json", "s3://bucket/config", "s3://bucket/config/"]
)
def test_the_model_is_named_in_a_copy(world: Any, write: Any, uri: str) -> None:
    """Beside the original, which stays as it is; the container finds it under the usual name."""
    _, steps = world.run(write.definition(check_of_model(write, uri)))

    copy, config = config_of(world)
    job = world.processing.requests[0]["ProcessingJobName"]
    assert steps["Check"]["StepStatus"] == "Succeeded"
    assert copy == f"s3://bucket/config/{job}/analysis_config.json"
    assert config == {**CONFIG, "predictor": {"instance_count": 1, "model_name": "model-1"}}
    assert json.loads(world.store.read("s3://bucket/config/analysis_config.json")) == CONFIG


def test_the_model_of_an_earlier_step(world: Any, write: Any) -> None:
    """ModelName may read a step, which then runs first."""
    arguments = {
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/local-sagemaker-execution",
        "PrimaryContainer": {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"},
    }
    create = {"Name": "Create", "Type": "Model", "Arguments": arguments}
    check = check_of_model(write, ModelName={"Get": "Steps.Create.ModelName"})

    _, steps = world.run(write.definition(check, create))

    _, config = config_of(world)
    (model,) = world.records.list("Model")
    assert config["predictor"]["model_name"] == model["ModelName"]
    assert list(steps) == ["Create", "Check"]


def test_without_a_model_the_config_is_the_jobs_own(world: Any, write: Any) -> None:
    """Its predictor names an endpoint, say."""
    world.run(write.definition(check_of_model(write, ModelName=None)))

    assert config_of(world) == ("s3://bucket/config/analysis_config.json", CONFIG)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "Unable to load analysis configuration as JSON. s3://bucket/config/analysis_config.json: "),
        (b"[]", "Unable to load analysis configuration as JSON. s3://bucket/config/analysis_config.json: "),
        (b'{"predictor": 1}', "Unable to load analysis configuration as JSON."),
        (None, "The analysis configuration s3://bucket/config/analysis_config.json: The specified key does"),
    ],
)
def test_a_config_that_cannot_be_read(world: Any, write: Any, body: bytes | None, said: str) -> None:
    """Fails the step before any job."""
    if body is None:
        world.store.delete("bucket", "config/analysis_config.json")
    else:
        world.put("s3://bucket/config/analysis_config.json", body)

    _, steps = world.run(write.definition(check_of_model(write)))

    assert steps["Check"]["FailureReason"].startswith(f"ClientError: {said}")
    assert world.processing.requests == []


def test_no_config_to_name_the_model_in(world: Any, write: Any) -> None:
    """Says which input is not there."""
    check = check_of_model(write)
    del check["Arguments"]["ProcessingInputs"][1]

    _, steps = world.run(write.definition(check))

    assert steps["Check"]["FailureReason"] == (
        "ClientError: ModelName is 'model-1', but there is no input 'analysis_config' to put it into."
    )


def test_another_model_is_not_taken_from_the_cache(world: Any, write: Any) -> None:
    """The copy's place is new each time and does not count; the model's name does."""
    parameter = [{"Name": "Model", "Type": "String", "DefaultValue": "one"}]
    check = check_of_model(write, ModelName={"Get": "Parameters.Model"}, CacheConfig={"Enabled": True})
    world.run(write.definition(check, parameters=parameter))

    world.wait(world.start())
    world.wait(world.start(parameters={"Model": "two"}))

    assert len(world.processing.requests) == 2
    assert config_of(world)[1]["predictor"]["model_name"] == "two"

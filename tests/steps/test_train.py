"""The training step: script mode by the framework container's own contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steps.context import StepContext
from steps.script import Script
from steps.settings import Keys, Machine, Network
from steps.train import train_step

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SOURCE = "s3://bucket/code/1/sourcedir.tar.gz"


def request(context: StepContext, compiled: Callable[..., dict[str, Any]], **machine: Any) -> dict[str, Any]:
    step = train_step(
        context,
        Script(IMAGE, Machine(**machine), SOURCE),
        {"eta": 0.1, "rounds": 10},
        train="s3://b/train",
        validation="s3://b/validation",
        flow="s3://b/flow",
    )
    arguments: dict[str, Any] = compiled(step)["Arguments"]
    return arguments


def test_the_script_is_named_by_hyperparameters(
    context: StepContext, compiled: Callable[..., dict[str, Any]]
) -> None:
    """All values are text, as the API wants them."""
    assert request(context, compiled)["HyperParameters"] == {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": SOURCE,
        "eta": "0.1",
        "rounds": "10",
    }


def test_no_metric_definitions_are_given(
    context: StepContext, compiled: Callable[..., dict[str, Any]]
) -> None:
    """AWS refuses them for its XGBoost image."""
    assert "MetricDefinitions" not in request(context, compiled)["AlgorithmSpecification"]


@pytest.mark.parametrize("channel", ["train", "validation", "flow"])
def test_every_channel_is_there(
    channel: str, context: StepContext, compiled: Callable[..., dict[str, Any]]
) -> None:
    """The fitted flow travels with the data, so that it ends up in the model."""
    channels = {entry["ChannelName"] for entry in request(context, compiled)["InputDataConfig"]}

    assert channel in channels


def test_a_guarded_environment_guards_training(
    make_context: Callable[..., StepContext], compiled: Callable[..., dict[str, Any]]
) -> None:
    """VPC, isolation, encryption and both keys."""
    context = make_context(
        network=Network(("subnet-1",), ("sg-1",), isolated=True, encrypted=True),
        keys=Keys("volume-key", "output-key"),
    )
    sent = request(context, compiled)

    assert sent["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert (sent["EnableNetworkIsolation"], sent["EnableInterContainerTrafficEncryption"]) == (True, True)
    assert (
        sent["ResourceConfig"]["VolumeKmsKeyId"],
        sent["OutputDataConfig"]["KmsKeyId"],
    ) == ("volume-key", "output-key")

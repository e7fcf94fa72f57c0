"""Requests and names that depend on nothing but packages and settings."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.deployer import names
from containers.deployer.plan import plan
from containers.deployer.registry import Package
from tests.containers.deployer.conftest import deployment

ACCOUNT = "arn:aws:sagemaker:us-east-1:123456789012"


def package(version: int, group: str = "fraud") -> Package:
    return Package(f"{ACCOUNT}:model-package/{group}/{version}", version, group, "Approved")


TWO = [package(2), package(1)]
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
INSTANCES = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
AB, SHADOW = {"kind": "ab", "share": 0.1}, {"kind": "shadow", "share": 0.25}

VARIANTS = [
    ({}, TWO, [("AllTraffic", 2, 1.0)], []),
    ({"compare": AB}, [package(1)], [("AllTraffic", 1, 1.0)], []),
    ({"compare": AB}, TWO, [("Champion", 1, 0.9), ("Challenger", 2, 0.1)], []),
    ({"compare": SHADOW}, TWO, [("Champion", 1, 1.0)], [("Challenger", 2, 0.25)]),
    ({"compare": AB}, [package(3), *TWO], [("Champion", 2, 0.9), ("Challenger", 3, 0.1)], []),
]


@pytest.mark.parametrize(("settings", "approved", "production", "shadows"), VARIANTS)
def test_packages_become_variants(
    settings: dict[str, Any], approved: list[Package], production: list[Any], shadows: list[Any]
) -> None:
    """The newest alone, or as the challenger of the one before it: variant, version, weight."""

    def seen(variants: list[dict[str, Any]]) -> list[Any]:
        return [
            (
                each["VariantName"],
                names.version("fraud", each["ModelName"]),
                each["InitialVariantWeight"],
            )
            for each in variants
        ]

    made = plan(deployment(**settings), approved).configuration
    assert seen(made["ProductionVariants"]) == production
    assert seen(made.get("ShadowProductionVariants", [])) == shadows


REQUESTS = [
    ({}, "models", {"EnableNetworkIsolation": False}),
    (
        {"network": {"subnets": ["subnet-1"], "security_groups": ["sg-1"], "isolated": True}},
        "models",
        {
            "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            "EnableNetworkIsolation": True,
        },
    ),
    ({"keys": {"volume": KEY, "output": None}}, "configuration", {"KmsKeyId": KEY}),
    (
        {
            "capture": {"percent": 20, "uri": "s3://bucket/capture"},
            "keys": {"volume": None, "output": KEY},
        },
        "configuration",
        {
            "DataCaptureConfig": {
                "EnableCapture": True,
                "InitialSamplingPercentage": 20,
                "DestinationS3Uri": "s3://bucket/capture",
                "KmsKeyId": KEY,
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {
                    "CsvContentTypes": ["text/csv"],
                    "JsonContentTypes": ["application/json", "application/jsonlines"],
                },
            }
        },
    ),
]


@pytest.mark.parametrize(("settings", "part", "expected"), REQUESTS)
def test_settings_become_members_of_requests(
    settings: dict[str, Any], part: str, expected: dict[str, Any]
) -> None:
    """Network on the model; keys and capture on the configuration."""
    made = plan(deployment(**settings), TWO)
    request = made.models[0] if part == "models" else made.configuration
    assert expected.items() <= request.items()


def test_serverless_has_no_instances() -> None:
    """Memory and concurrency stand in their place."""
    serverless = {"memory_mb": 2048, "max_concurrency": 5}
    (variant,) = plan(deployment(serverless=serverless), TWO).variants
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert not variant.keys() & INSTANCES.keys()


def test_everything_says_whose_it_is() -> None:
    """The settings' tags, the endpoint, and the package."""
    made = plan(deployment(), TWO)
    for request in (*made.models, made.configuration):
        tags = {each["Key"]: each["Value"] for each in request["Tags"]}
        assert tags == {"usecase": "a-usecase", "endpoint": "fraud", "model-package": TWO[0].arn}


OTHER = [
    {"instance_type": "ml.m5.xlarge"},
    {"instance_count": 2},
    {"keys": {"volume": KEY, "output": None}},
    {"network": {"subnets": [], "security_groups": [], "isolated": True}},
    {"capture": {"percent": 1, "uri": "s3://bucket/capture"}},
    {"compare": AB},
    {"serverless": {"memory_mb": 2048, "max_concurrency": 5}},
]


@pytest.mark.parametrize("settings", OTHER)
def test_another_configuration_has_another_name(settings: dict[str, Any]) -> None:
    """A changed setting is a change of the endpoint; so is another package."""
    usual = plan(deployment(), TWO).name
    assert plan(deployment(), TWO).name == usual
    assert plan(deployment(**settings), TWO).name != usual
    assert plan(deployment(), [package(2, "other"), package(1)]).name != usual


@pytest.mark.parametrize(
    "settings",
    [
        {"tags": {"a": "b"}},
        {"alarms": [{"metric": "ModelLatency", "statistic": "p99", "above": 1, "period_seconds": 60}]},
    ],
)
def test_what_is_not_in_the_configuration_does_not_rename_it(settings: dict[str, Any]) -> None:
    """Tags, alarms and traffic change nothing that serves."""
    assert plan(deployment(**settings), TWO).name == plan(deployment(), TWO).name


ENDPOINTS = st.from_regex(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", fullmatch=True).filter(
    lambda name: len(name) <= 63
)


@given(ENDPOINTS, st.integers(1, 999_999))
def test_names_are_names_to_sagemaker(endpoint: str, version: int) -> None:
    """Whatever the endpoint is called: 63 characters, AWS's pattern, and the version can be read from it."""
    name = names.named(endpoint, version, {"a": 1})
    assert len(name) <= 63
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)
    assert names.version(endpoint, name) == version
    assert name != names.named(f"{endpoint}x", version, {"a": 1})

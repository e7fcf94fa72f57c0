"""Permissions are read from a definition: each step asks for what it does, and for nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.policies import decide
from pipelines.iam.change import iam_change
from pipelines.iam.command import needs_of
from pipelines.iam.needs import Need, policy

GOLDEN = Path(__file__).parents[1] / "golden"
ROLE = "arn:aws:iam::123456789012:role/job"
KEY = "arn:aws:kms:eu-west-1:1:key/2"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"


def processing(**arguments: Any) -> dict[str, Any]:
    return {"Name": "Work", "Type": "Processing", "Arguments": {"RoleArn": ROLE, **arguments}}


def asked(who: str, *steps: dict[str, Any], **more: Any) -> set[tuple[str, str]]:
    needs = needs_of({"Version": "2020-12-01", "Steps": list(steps), **more})
    return {(need.action, need.resource) for need in needs.get(who, [])}


@pytest.mark.parametrize(
    ("arguments", "action", "resource"),
    [
        ({"ProcessingInputs": [{"S3Input": {"S3Uri": "s3://b/in"}}]}, "s3:GetObject", "arn:aws:s3:::b/in*"),
        ({"ProcessingInputs": [{"S3Input": {"S3Uri": "s3://b/in"}}]}, "s3:ListBucket", "arn:aws:s3:::b"),
        ({"ProcessingInputs": [{"S3Input": {"S3Uri": "s3://b"}}]}, "s3:GetObject", "arn:aws:s3:::b/*"),
        (
            {"ProcessingInputs": [{"S3Input": {"S3Uri": f"s3://b/code/{'a' * 64}"}}]},
            "s3:GetObject",
            "arn:aws:s3:::b/code*",
        ),
        (
            {"ProcessingInputs": [{"S3Input": {"S3Uri": {"Get": "Parameters.Rows"}}}]},
            "s3:GetObject",
            "arn:aws:s3:::rows/x*",
        ),
        (
            {
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {
                            "S3Output": {
                                "S3Uri": {
                                    "Std:Join": {
                                        "On": "/",
                                        "Values": [
                                            "s3://b/runs",
                                            {"Get": "Execution.PipelineExecutionId"},
                                            "out",
                                        ],
                                    }
                                }
                            }
                        }
                    ]
                }
            },
            "s3:PutObject",
            "arn:aws:s3:::b/runs/*/out*",
        ),
        ({"ProcessingOutputConfig": {"KmsKeyId": KEY, "Outputs": []}}, "kms:GenerateDataKey", KEY),
        (
            {"AppSpecification": {"ImageUri": IMAGE}},
            "ecr:BatchGetImage",
            "arn:aws:ecr:eu-west-1:123456789012:repository/mine",
        ),
        ({"NetworkConfig": {"VpcConfig": {"Subnets": ["s"]}}}, "ec2:CreateNetworkInterface", "*"),
        (
            {
                "AppSpecification": {
                    "ContainerEntrypoint": ["python3", "-m", "containers.processing.champion"]
                }
            },
            "sagemaker:ListModelPackages",
            "arn:aws:sagemaker:*:*:model-package-group/*",
        ),
    ],
)
def test_what_a_job_names_its_role_needs(arguments: dict[str, Any], action: str, resource: str) -> None:
    """And without it, the role does not need it."""
    rows = {"Parameters": [{"Name": "Rows", "Type": "String", "DefaultValue": "s3://rows/x"}]}

    assert (action, resource) in asked(ROLE, processing(**arguments), **rows)
    assert action not in {each for each, _ in asked(ROLE, processing(), **rows)}


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_a_policy_allows_each_need_and_nothing_beside(file: Path) -> None:
    """By IAM's own rules of evaluation, for every principal of our pipelines."""
    for who, needs in needs_of(json.loads(file.read_text(encoding="utf-8"))).items():
        document = policy(needs)
        for need in needs:
            context = {need.condition[1].lower(): [need.condition[2]]} if need.condition else {}
            assert decide([document], need.action, need.resource, context) == "allowed", (who, need)
            if need.condition:
                assert decide([document], need.action, need.resource, {}) == "implicitDeny"
        assert decide([document], "s3:DeleteBucket", "arn:aws:s3:::b", {}) == "implicitDeny"
        assert decide([document], "iam:CreateRole", "arn:aws:iam::1:role/x", {}) == "implicitDeny"
        assert (
            len(json.dumps(document, separators=(",", ":"))) < 10_240
        )  # what a role's inline policies may hold


def test_a_wider_resource_takes_in_the_narrower_ones() -> None:
    """So that a policy stays short enough to read."""
    needs = [Need("s3:GetObject", f"arn:aws:s3:::b/{name}", "x") for name in ("a*", "ab*", "c")]

    assert policy(needs)["Statement"][0]["Resource"] == ["arn:aws:s3:::b/a*", "arn:aws:s3:::b/c"]


def test_a_change_names_the_permissions_that_come_and_go() -> None:
    """Nothing is said of the first definition, for then everything is new."""
    plain = {"Version": "2020-12-01", "Steps": [processing()]}
    outside = {
        "Version": "2020-12-01",
        "Steps": [processing(NetworkConfig={"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}})],
    }

    assert iam_change(None, plain, "eu-west-1") == []
    assert iam_change(plain, plain, "eu-west-1") == []
    assert "+ job needs ec2:CreateNetworkInterface" in iam_change(plain, outside, "eu-west-1")
    assert "- job needs no ec2:CreateNetworkInterface any more" in iam_change(outside, plain, "eu-west-1")

"""The templates are right by CloudFormation's own schemas, and by rules of ours that no tool knows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
TEMPLATES = sorted(INFRA.glob("*.yaml"))


def read(file: Path) -> dict[str, Any]:
    template, problems = decode(str(file))
    assert not problems, problems
    plain: dict[str, Any] = json.loads(json.dumps(template))
    return plain


def test_cfn_lint_passes_without_an_exception() -> None:
    """Types, properties, references, values; with no rule switched off."""
    linted = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", *map(str, TEMPLATES)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_project_hands_every_template_the_parameters_that_it_asks_for() -> None:
    """Each nested stack exists, gets what has no default, and nothing that it does not know."""
    for name, resource in read(INFRA / "project-template.yaml")["Resources"].items():
        if resource["Type"] != "AWS::CloudFormation::Stack":
            continue
        file = INFRA / resource["Properties"]["TemplateURL"]["Fn::Sub"].rpartition("/")[2]
        asked = read(file)["Parameters"]
        given = set(resource["Properties"]["Parameters"])
        needed = {key for key, parameter in asked.items() if "Default" not in parameter}

        assert given <= asked.keys(), f"{name} gives {file.name} {given - asked.keys()}"
        assert needed <= given, f"{name} does not give {file.name} {needed - given}"


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_what_can_be_tagged_has_the_projects_tags(file: Path) -> None:
    """So that costs and rights can be told apart by project; what people make once for an account is left out."""
    if file.stem in ("service-catalog", "project-template"):
        pytest.skip("made once for an account, or made of the other templates")
    tagged = {"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::ECR::Repository", "AWS::SNS::Topic", "AWS::EC2::VPC"}
    tagged |= {
        "AWS::CodeBuild::Project",
        "AWS::CodePipeline::Pipeline",
        "AWS::Lambda::Function",
        "AWS::CloudTrail::Trail",
    }
    missing = [
        name
        for name, resource in read(file)["Resources"].items()
        if resource["Type"] in tagged
        and "sagemaker:project-id" not in [tag["Key"] for tag in resource["Properties"].get("Tags", [])]
    ]

    assert missing in ([], ["Seed"])  # the seed's build runs once


def test_no_statement_allows_everything() -> None:
    """Outside of the boundary, which only takes away; and where a service knows no resources."""
    without_resources = (
        "application-autoscaling:",
        "cloudwatch:PutMetricData",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricStatistics",
        "ec2:",
        "ecr:GetAuthorizationToken",
        "servicequotas:",
        "sts:GetCallerIdentity",
        "sagemaker:List",
        "sagemaker:Describe",
    )
    found = []
    for file in TEMPLATES:
        if (
            file.stem == "service-catalog"
        ):  # a launch role creates what any template says; it has a condition instead
            continue
        for name, resource in read(file)["Resources"].items():
            for statement in statements(resource):
                actions = (
                    statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                )
                wide = statement["Effect"] == "Allow" and statement.get("Resource") == "*"
                if wide and name not in ("Boundary", "Key"):
                    found += [
                        f"{file.name} {name} {action}"
                        for action in actions
                        if not action.startswith(without_resources)
                    ]

    assert found == []


def statements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Every statement of a resource's policies, those behind a condition included."""
    properties = resource.get("Properties", {})
    documents = [
        properties.get("PolicyDocument"),
        *(p["PolicyDocument"] for p in properties.get("Policies", [])),
    ]
    found = [each for document in documents if isinstance(document, dict) for each in document["Statement"]]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in found]


def test_every_role_of_the_project_stays_within_the_boundary() -> None:
    """Those that jobs, builds and functions take on; of the others, only services of AWS make use."""
    outside = [
        f"{file.name} {name}"
        for file in TEMPLATES
        for name, resource in read(file)["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role" and "PermissionsBoundary" not in resource["Properties"]
    ]

    assert sorted(outside) == [
        "delivery.yaml SeedStarterRole",
        "governance.yaml RecorderRole",
        "network.yaml FlowLogsRole",
        "service-catalog.yaml LaunchRole",
    ]

"""The templates' roles suffice for a pipeline, and nothing in them is there for nothing: policies are enforced."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_sagemaker import LocalSageMaker, serve
from tests.infra.test_templates import INFRA

ACCOUNT, PROJECT, ID, BUCKET = "123456789012", "perm", "p-perm0001", "perm-bucket"
ROLES = {kind: f"{PROJECT}-{ID}-{kind}" for kind in ("pipeline", "processing", "training", "build")}
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUILD_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/{ROLES['build']}"
TAGS = [{"Key": "sagemaker:project-id", "Value": ID}]
SHELL = ["/bin/sh", "-c"]

# Role and statement, and the first action that a run lacks without it.
NEEDED = {
    ("pipeline", "StartJobs"): "sagemaker:CreateProcessingJob",
    ("pipeline", "FollowAndStopJobs"): "sagemaker:DescribeProcessingJob",
    ("pipeline", "Tag"): "sagemaker:AddTags",
    ("pipeline", "HandRolesOn"): "iam:PassRole",
    ("processing", "LookIntoTheBucket"): "s3:ListBucket",
    ("processing", "ReadTheBucket"): "s3:GetObject",
    ("processing", "WriteTheBucket"): "s3:PutObject",
    ("training", "LookIntoTheBucket"): "s3:ListBucket",
    ("training", "ReadTheBucket"): "s3:GetObject",
    ("training", "WriteTheBucket"): "s3:PutObject",
    ("build", "KeepThePipeline"): "sagemaker:UpdatePipeline",
    ("build", "HandRolesOn"): "iam:PassRole",
    ("build", "WriteTheBucket"): "s3:PutObject",
}


class Project:
    """The roles of infra/identity.yaml, and a pipeline of two steps that uses them."""

    def __init__(self, local: LocalSageMaker) -> None:
        self._url = local.url
        self.owner = self._clients("local-sagemaker")
        self.owner("s3").create_bucket(Bucket=BUCKET)
        given = {"ProjectName": PROJECT, "ProjectId": ID, "BucketName": BUCKET}
        given["KeyArn"] = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
        self.owner("cloudformation").create_stack(
            StackName="perm-identity",
            TemplateBody=(INFRA / "identity.yaml").read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        )
        # moto's stacks leave a role's ManagedPolicyArns out.
        self.owner("iam").attach_role_policy(RoleName=ROLES["build"], PolicyArn=BUILD_POLICY)
        arn, session = self.arn("build"), {"RoleSessionName": "ci"}
        key = self.owner("sts").assume_role(RoleArn=arn, **session)["Credentials"]["AccessKeyId"]
        self.build = self._clients(key)
        request = {
            "PipelineName": PROJECT,
            "RoleArn": self.arn("pipeline"),
            "PipelineDefinition": self._definition(),
        }
        self.build("sagemaker").create_pipeline(**request)

    def arn(self, kind: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:role/{ROLES[kind]}"

    def run(self) -> str:
        """Publish, upsert and start as a build does; why it failed, or nothing."""
        sagemaker = self.build("sagemaker")
        try:
            self.build("s3").put_object(Bucket=BUCKET, Key="data/rows", Body=b"1\n")
            sagemaker.update_pipeline(
                PipelineName=PROJECT, RoleArn=self.arn("pipeline"), PipelineDefinition=self._definition()
            )
            execution = sagemaker.start_pipeline_execution(PipelineName=PROJECT)["PipelineExecutionArn"]
        except ClientError as error:
            return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
        while sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)[
            "PipelineExecutionStatus"
        ] in (
            "Executing",
            "Stopping",
        ):
            time.sleep(0.05)
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)[
            "PipelineExecutionSteps"
        ]
        return "\n".join(step["FailureReason"] for step in steps if "FailureReason" in step)

    @contextmanager
    def without(self, kind: str, sid: str) -> Iterator[None]:
        """The role less one of its statements."""
        iam = self.owner("iam")
        if kind == "build":
            arn = BUILD_POLICY
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
            changed = iam.create_policy_version(
                PolicyArn=arn, PolicyDocument=_less(document, sid), SetAsDefault=True
            )["PolicyVersion"]["VersionId"]
            yield
            iam.set_default_policy_version(PolicyArn=arn, VersionId=version)
            iam.delete_policy_version(PolicyArn=arn, VersionId=changed)
            return
        named = {"RoleName": ROLES[kind], "PolicyName": "needs"}
        document = iam.get_role_policy(**named)["PolicyDocument"]
        if isinstance(document, str):  # a stack's, which moto answers as Python writes it
            document = ast.literal_eval(unquote(document))
        iam.put_role_policy(**named, PolicyDocument=_less(document, sid))
        yield
        iam.put_role_policy(**named, PolicyDocument=json.dumps(document))

    def _definition(self) -> str:
        base = f"s3://{BUCKET}"
        place = "/opt/ml/processing"
        output = {"S3Uri": f"{base}/work", "LocalPath": f"{place}/output", "S3UploadMode": "EndOfJob"}
        given = {"S3Uri": f"{base}/data/", "LocalPath": f"{place}/input", "S3DataType": "S3Prefix"}
        machine = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        processing = {
            "RoleArn": self.arn("processing"),
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": [*SHELL, f"cp {place}/input/rows {place}/output/rows"],
            },
            "ProcessingResources": {"ClusterConfig": machine},
            "ProcessingInputs": [{"InputName": "in", "S3Input": {**given, "S3InputMode": "File"}}],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": output}]},
            "Tags": TAGS,
        }
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{base}/work/"}}
        training = {
            "RoleArn": self.arn("training"),
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": SHELL,
                "ContainerArguments": ["cp /opt/ml/input/data/train/rows /opt/ml/model/rows"],
            },
            "InputDataConfig": [{"ChannelName": "train", "DataSource": source}],
            "OutputDataConfig": {"S3OutputPath": f"{base}/models"},
            "ResourceConfig": machine,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "Tags": TAGS,
        }
        steps = [
            {"Name": "prep", "Type": "Processing", "Arguments": processing},
            {"Name": "train", "Type": "Training", "Arguments": training, "DependsOn": ["prep"]},
        ]
        return json.dumps({"Version": "2020-12-01", "Steps": steps})

    def _clients(self, key: str) -> Callable[[str], Any]:
        session = boto3.Session(key, "not-a-secret", region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        made: dict[str, Any] = {}

        def client(service: str) -> Any:
            if service not in made:
                made[service] = session.client(service, endpoint_url=self._url, config=config)
            return made[service]

        return client


def _less(document: dict[str, Any], sid: str) -> str:
    left = [each for each in document["Statement"] if each["Sid"] != sid]
    assert len(left) == len(document["Statement"]) - 1
    return json.dumps({**document, "Statement": left})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One server that enforces policies, with the project in it."""
    with serve(tmp_path_factory.mktemp("permissions") / "state", enforce_iam=True) as local:
        yield Project(local)


def test_the_roles_suffice(project: Project) -> None:
    """The build's role publishes, upserts and starts; the pipeline's, and those of its jobs, do the rest."""
    assert project.run() == ""


@pytest.mark.parametrize(("kind", "sid"), NEEDED)
def test_without_a_statement_a_run_fails_by_the_name_of_what_it_lacks(
    kind: str, sid: str, project: Project
) -> None:
    """Any one of them taken away, AWS's words name the role and the action."""
    with project.without(kind, sid):
        reason = project.run()

    assert f":assumed-role/{ROLES[kind]}/" in reason
    assert f"is not authorized to perform: {NEEDED[kind, sid]} on resource: " in reason


def test_the_boundary_keeps_roles_in_their_bucket(project: Project) -> None:
    """Whatever a role's own policies come to say."""
    iam, name = project.owner("iam"), ROLES["build"]
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="more",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    with pytest.raises(ClientError, match=r"s3:GetObject .* with an explicit deny in a permissions boundary"):
        project.build("s3").get_object(Bucket=f"sagemaker-us-east-1-{ACCOUNT}", Key="k")
    iam.delete_role_policy(RoleName=name, PolicyName="more")

"""People in a local SageMaker that enforces policies, who may do as little as a test says."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from local_sagemaker import LocalSageMaker

Client = Callable[[str], Any]
Statement = dict[str, Any]
SERVICES = ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]


class Enforced:
    """The server and its IAM. moto's state is the process's: names here are like no other test's."""

    def __init__(self, local: LocalSageMaker) -> None:
        self.local = local
        self.bucket = local.settings.bucket
        self._numbers = itertools.count()
        self.owner = self.client("local-sagemaker")

    def client(self, key: str) -> Client:
        """Clients of whoever has the key."""
        made: dict[str, Any] = {}
        session = boto3.Session(key, "not-a-secret", region_name="us-east-1")

        def client(service: str) -> Any:
            if service not in made:
                config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
                made[service] = session.client(service, endpoint_url=self.local.url, config=config)
            return made[service]

        return client

    def name(self, kind: str = "enforced") -> str:
        """A name that nobody has."""
        return f"{kind}-{next(self._numbers)}"

    def user(self, *statements: Statement) -> tuple[str, Client]:
        """A new user with one policy: ARN and clients."""
        name, iam = self.name("enforced-user"), self.owner("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
        return arn, self.client(iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"])

    def role(self, *statements: Statement, boundary: list[Statement] | None = None, **trust: Any) -> str:
        """A new role that SageMaker may take on unless ``trust`` says otherwise: its ARN."""
        name, iam = self.name("enforced-role"), self.owner("iam")
        trusted = {"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole", **trust}
        more = {}
        if boundary is not None:
            made = iam.create_policy(PolicyName=name, PolicyDocument=policy(*boundary))
            more["PermissionsBoundary"] = made["Policy"]["Arn"]
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trusted), **more)["Role"][
            "Arn"
        ]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*statements))
        return arn

    def assume(self, role_arn: str, *session: Statement) -> Client:
        """Clients of a session of the role, with a session policy where there are statements."""
        more = {"Policy": policy(*session)} if session else {}
        given = self.owner("sts").assume_role(RoleArn=role_arn, RoleSessionName="me", **more)["Credentials"]
        return self.client(given["AccessKeyId"])

    def finished(self, execution_arn: str) -> dict[str, dict[str, Any]]:
        """The steps of an execution that has ended, by name."""
        sagemaker = self.owner("sagemaker")
        while True:
            said = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
            if said["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
                break
            time.sleep(0.05)
        listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)
        return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}


def policy(*statements: Statement) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

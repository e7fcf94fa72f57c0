"""The execution role that exists from the start: who may take it, and what it may do."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from local_sagemaker.settings import Settings

POLICY_NAME = "everything"
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}
DESCRIPTION = "What jobs run as in the local SageMaker"
ROLE_ID = "AROALOCALSAGEMAKER000"
CREATED = "2026-01-01T00:00:00Z"  # before anything else here; the same in every process
SESSION = "local"  # the name of the session that the environment's key belongs to


def role_name(settings: Settings) -> str:
    """The role's name."""
    return settings.role_arn.rpartition("/")[2]


def describe(settings: Settings) -> dict[str, Any]:
    """The role as GetRole answers it."""
    return {
        "Path": "/",
        "RoleName": role_name(settings),
        "RoleId": ROLE_ID,
        "Arn": settings.role_arn,
        "CreateDate": CREATED,
        "AssumeRolePolicyDocument": quote(json.dumps(TRUST)),
        "Description": DESCRIPTION,
        "MaxSessionDuration": 3600,
    }


def session_arn(settings: Settings) -> str:
    """The role as STS names whoever has taken it, which the SDK maps back to the role's ARN."""
    return f"arn:aws:sts::{settings.account}:assumed-role/{role_name(settings)}/{SESSION}"


def create_in_moto(settings: Settings) -> None:
    """Give moto's IAM the same role, so that it can be listed, changed and passed like any other."""
    from datetime import datetime

    from moto.iam.models import iam_backends

    backend = iam_backends[settings.account]["aws"]
    if any(role.name == role_name(settings) for role in backend.get_roles()):
        return  # moto's state belongs to the process, and another local SageMaker in it was here first
    role = backend.create_role(role_name(settings), json.dumps(TRUST), "/", None, DESCRIPTION, [], "3600")
    del backend.roles[role.id]
    role.id, role.create_date = ROLE_ID, datetime.fromisoformat(CREATED).replace(tzinfo=None)
    backend.roles[role.id] = role
    backend.put_role_policy(role_name(settings), POLICY_NAME, json.dumps(POLICY))

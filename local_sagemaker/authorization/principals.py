"""Whom an access key stands for, and the policies that IAM (moto) has for him at this moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from local_sagemaker import execution_role
from local_sagemaker.authorization.evaluation import Policy, Principal
from local_sagemaker.authorization.keys import role_of, session_arn
from local_sagemaker.environment import ACCESS_KEY
from local_sagemaker.errors import AwsError
from local_sagemaker.other_services import OtherServices
from local_sagemaker.policies import decide
from local_sagemaker.settings import Settings

ANONYMOUS = Principal("anonymous", "anonymous")


class Principals:
    """Users and roles of one account."""

    def __init__(self, settings: Settings, others: OtherServices) -> None:
        self._settings = settings
        self._others = others

    def of_key(self, key: str) -> Principal:
        """Whoever calls with this key; without one, nobody who has a permission.

        Raises AwsError: UnrecognizedClientException for a key that nobody has, ExpiredTokenException,
        ValidationException for a role that does not exist.
        """
        if not key:
            return ANONYMOUS
        if key == ACCESS_KEY:
            return self._role(self._settings.role_arn, execution_role.session_arn(self._settings))
        role = role_of(key)
        if role is not None:
            return self._role(role, session_arn(role))
        return self._in_moto(key)

    def check_trust(self, role_arn: str, service: str = "sagemaker.amazonaws.com") -> None:
        """Raises AwsError(ValidationException) unless the role exists and lets the service take it on."""
        if role_arn == self._settings.role_arn and not self._others.loaded:
            return
        trust = document(self._find(role_arn).assume_role_policy_document)
        statements = trust.get("Statement", [])
        own = [
            {**each, "Resource": "*"}
            for each in (statements if isinstance(statements, list) else [statements])
            if _trusts(each.get("Principal"), service)
        ]
        context = {"aws:sourceaccount": [self._settings.account]}
        if decide([{"Statement": own}], "sts:AssumeRole", "*", context) != "allowed":
            raise _not_assumed(role_arn)

    def _role(self, role_arn: str, arn: str, session: Sequence[Policy] | None = None) -> Principal:
        if role_arn == self._settings.role_arn and not self._others.loaded:
            policies: list[Policy] = [execution_role.POLICY]
            return Principal(arn, role_arn, policies, None, session, self._context(role_arn))
        role = self._find(role_arn)
        boundary = self._boundary(role)
        return Principal(
            arn, role_arn, policies_of([role]), boundary, session, self._context(role_arn, _tags(role))
        )

    def _in_moto(self, key: str) -> Principal:
        self._others.load()
        from moto.iam.models import iam_backends
        from moto.sts.models import sts_backends

        iam = iam_backends[self._settings.account]["aws"]
        user = iam.get_user_from_access_key_id(key)
        if user is not None and all(each.status == "Active" for each in _keys(user, key)):
            holders = [user, *(group for group in iam.groups.values() if user in group.users)]
            context = {**self._context(user.arn), "aws:username": [user.name], "aws:userid": [user.id]}
            return Principal(user.arn, user.arn, policies_of(holders), context=context)
        taken = sts_backends[self._settings.account]["aws"].get_assumed_role_from_access_key(key)
        if taken is None:
            raise AwsError(
                "The security token included in the request is invalid.", code="UnrecognizedClientException"
            )
        if taken.expiration < datetime.now(UTC).replace(tzinfo=None):
            raise AwsError(
                "The security token included in the request is expired", code="ExpiredTokenException"
            )
        session = [document(taken.policy)] if taken.policy else None
        return self._role(taken.role_arn, taken.arn, session)

    def _find(self, role_arn: str) -> Any:
        self._others.load()
        from moto.iam.models import iam_backends

        roles = iam_backends[self._settings.account]["aws"].get_roles()
        found = next((role for role in roles if role.arn == role_arn), None)
        if found is None:
            raise _not_assumed(role_arn)
        return found

    def _boundary(self, holder: Any) -> list[Policy] | None:
        """What moto keeps of a boundary is the policy's ARN; one that was deleted since allows nothing."""
        arn = holder.permissions_boundary_arn
        if not arn:
            return None
        from moto.iam.models import iam_backends

        policy = iam_backends[self._settings.account]["aws"].managed_policies.get(arn)
        return _default(policy) if policy is not None else []

    def _context(self, arn: str, tags: dict[str, str] | None = None) -> dict[str, list[str]]:
        account = self._settings.account
        known = {
            "aws:principalarn": arn,
            "aws:principalaccount": account,
            "aws:principaltype": "User" if ":user/" in arn else "AssumedRole",
            **{f"aws:principaltag/{key.lower()}": value for key, value in (tags or {}).items()},
        }
        return {key: [value] for key, value in known.items()}


def policies_of(holders: Sequence[Any]) -> list[Policy]:
    """Every identity policy, attached or inline, of moto's users, groups or roles."""
    attached = [
        each for one in holders for policy in one.managed_policies.values() for each in _default(policy)
    ]
    return [*attached, *(document(text) for one in holders for text in one.policies.values())]


def document(text: Any) -> dict[str, Any]:
    """A policy as moto keeps it: JSON, sometimes quoted as in a URL, sometimes parsed already."""
    if isinstance(text, dict):
        return text
    parsed: dict[str, Any] = json.loads(unquote(text) if text.startswith("%7B") else text)
    return parsed


def _default(policy: Any) -> list[Policy]:
    return [document(version.document) for version in policy.versions if version.is_default]


def _keys(user: Any, key: str) -> list[Any]:
    return [each for each in user.access_keys if each.access_key_id == key]


def _tags(role: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in role.tags or []}


def _trusts(principal: Any, service: str) -> bool:
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    return principal == "*" or service in (services if isinstance(services, list) else [services])


def _not_assumed(role_arn: str) -> AwsError:
    return AwsError(
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role.",
        code="ValidationException",
    )

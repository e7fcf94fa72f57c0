"""IAM and STS, as far as the SDK asks them all the time; the rest is moto's.

Building and upserting a pipeline calls GetRole and SimulatePrincipalPolicy a dozen times, and importing moto for
that would take longer than all of them. So, until something needs moto, the execution role is answered from
``execution_role``; from then on moto holds the same role and is asked. The answers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from local_sagemaker import aws_request, execution_role
from local_sagemaker.authorization.evaluation import Policy
from local_sagemaker.authorization.keys import role_of, session_arn
from local_sagemaker.authorization.principals import document, policies_of
from local_sagemaker.errors import AwsError
from local_sagemaker.other_services import OtherServices
from local_sagemaker.policies import decide
from local_sagemaker.protocols import Answer, query_answer
from local_sagemaker.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_IAM = "https://iam.amazonaws.com/doc/2010-05-08/"
_STS = "https://sts.amazonaws.com/doc/2011-06-15/"
Members = dict[str, str]


class Iam:
    """IAM as a WSGI application."""

    def __init__(self, settings: Settings, others: OtherServices) -> None:
        self._settings = settings
        self._others = others
        self._actions: dict[str, Callable[[Members], Answer | None]] = {
            "GetRole": self._get_role,
            "SimulatePrincipalPolicy": self._simulate,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what is ours to answer; hand on the rest."""
        members = aws_request.form(environ)
        action = self._actions.get(members.get("Action", ""))
        answer = action(members) if action else None
        return self._others(environ, start_response) if answer is None else answer.send(start_response)

    def _get_role(self, members: Members) -> Answer | None:
        ours = members.get("RoleName") == execution_role.role_name(self._settings)
        if self._others.loaded or not ours:
            return None
        return query_answer("GetRole", _IAM, {"Role": execution_role.describe(self._settings)})

    def _simulate(self, members: Members) -> Answer:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html."""
        policies = [
            *self._policies(members.get("PolicySourceArn", "")),
            *(document(text) for text in aws_request.form_list(members, "PolicyInputList")),
        ]
        context = _context(members)
        results = [
            {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": decide(policies, action, resource, context),
                "MatchedStatements": [],
                "MissingContextValues": [],
            }
            for action in aws_request.form_list(members, "ActionNames")
            for resource in aws_request.form_list(members, "ResourceArns") or ["*"]
        ]
        answer = {"EvaluationResults": results, "IsTruncated": False}
        return query_answer("SimulatePrincipalPolicy", _IAM, answer)

    def _policies(self, arn: str) -> list[Policy]:
        """Every identity policy of the role, user or group. Raises AwsError(NoSuchEntity)."""
        if arn == self._settings.role_arn and not self._others.loaded:
            return [execution_role.POLICY]
        self._others.load()
        return _policies_in_moto(self._settings.account, arn)


class Sts:
    """STS as a WSGI application."""

    def __init__(self, settings: Settings, others: OtherServices) -> None:
        self._settings = settings
        self._others = others

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Whoever calls with a key that IAM has not given out is its own role, or else the execution role."""
        identity = aws_request.form(environ).get("Action") == "GetCallerIdentity"
        key = aws_request.caller(environ).access_key
        if not identity or (self._others.loaded and _is_known_to_moto(self._settings.account, key)):
            return self._others(environ, start_response)
        role = role_of(key)
        answer = {
            "UserId": f"{execution_role.ROLE_ID}:{execution_role.SESSION}",
            "Account": self._settings.account,
            "Arn": session_arn(role) if role else execution_role.session_arn(self._settings),
        }
        return query_answer("GetCallerIdentity", _STS, answer).send(start_response)


def _context(members: Members) -> dict[str, list[str]]:
    context = {}
    number = 1
    while (entry := f"ContextEntries.member.{number}") and f"{entry}.ContextKeyName" in members:
        key = members[f"{entry}.ContextKeyName"].lower()
        context[key] = aws_request.form_list(members, f"{entry}.ContextKeyValues")
        number += 1
    return context


def _policies_in_moto(account: str, arn: str) -> list[Policy]:
    from moto.iam.models import iam_backends

    backend = iam_backends[account]["aws"]
    groups = list(backend.groups.values())
    named = [one for one in (*backend.get_roles(), *backend.users.values(), *groups) if one.arn == arn]
    if not named:
        message = f"The policy source {arn} is not a user, group or role that exists here."
        raise AwsError(message, code="NoSuchEntity", status=404)
    return policies_of([*named, *(group for group in groups if named[0] in group.users)])


def _is_known_to_moto(account: str, access_key: str) -> bool:
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    user = iam_backends[account]["aws"].get_user_from_access_key_id(access_key)
    role = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
    return user is not None or role is not None

"""Which of a principal's policies decides, and what is said of it."""

from typing import Any

import pytest

from local_sagemaker.authorization.evaluation import Need, Principal, refusal

ME = "arn:aws:iam::123456789012:user/me"
OBJECT = "arn:aws:s3:::b/k"
WHO = f"User: {ME} is not authorized to perform: s3:GetObject on resource: {OBJECT}"


def allow(action: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


def deny(action: str = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, **more), "Effect": "Deny"}


def no(kind: str) -> str:
    return f"{WHO} because no {kind} policy allows the s3:GetObject action".replace(
        "boundary policy", "boundary"
    )


# policies, boundary, session, bucket policy; the sentence, None where it is allowed
TABLE: list[tuple[list[Any], list[Any] | None, list[Any] | None, list[Any], str | None]] = [
    ([], None, None, [], no("identity-based")),
    ([allow()], None, None, [], None),
    ([allow("s3:Put*")], None, None, [], no("identity-based")),
    ([allow(), deny("s3:Get*")], None, None, [], f"{WHO} with an explicit deny in an identity-based policy"),
    ([allow()], [allow("s3:*")], None, [], None),
    ([allow()], [allow("sagemaker:*")], None, [], no("permissions boundary")),
    ([allow()], [allow(), deny()], None, [], f"{WHO} with an explicit deny in a permissions boundary"),
    ([], [allow()], None, [], no("identity-based")),
    ([allow()], None, [allow("s3:GetObject")], [], None),
    ([allow()], None, [allow("s3:PutObject")], [], no("session")),
    ([allow("s3:PutObject")], None, [allow()], [], no("identity-based")),
    ([allow()], None, [allow(), deny()], [], f"{WHO} with an explicit deny in a session policy"),
    ([], None, None, [allow(Principal={"AWS": ME})], None),
    ([], None, None, [allow(Principal={"AWS": [ME]})], None),
    ([], None, None, [allow(Principal="*")], None),
    ([], None, None, [allow(Principal={"AWS": f"{ME}-not"})], no("identity-based")),
    ([], None, None, [allow(Principal={"Service": "logs.amazonaws.com"})], no("identity-based")),
    ([], None, None, [allow(Principal={"AWS": "arn:aws:iam::123456789012:root"})], no("identity-based")),
    ([allow()], None, None, [deny(Principal="*")], f"{WHO} with an explicit deny in a resource-based policy"),
    (
        [allow()],
        None,
        None,
        [deny(Principal={"AWS": "123456789012"})],
        f"{WHO} with an explicit deny in a resource-based policy",
    ),
    ([], [allow("sagemaker:*")], None, [allow(Principal={"AWS": ME})], no("permissions boundary")),
]


@pytest.mark.parametrize(("policies", "boundary", "session", "bucket", "said"), TABLE)
def test_the_layer_that_decides_is_named(
    policies: list[Any],
    boundary: list[Any] | None,
    session: list[Any] | None,
    bucket: list[Any],
    said: str | None,
) -> None:
    """A deny anywhere wins; identity or bucket must grant; boundary and session take away."""
    principal = Principal(
        ME,
        ME,
        [{"Statement": policies}],
        None if boundary is None else [{"Statement": boundary}],
        None if session is None else [{"Statement": session}],
    )

    assert refusal(principal, Need("s3:GetObject", OBJECT), {"Statement": bucket}) == said


def test_a_deleted_boundary_allows_nothing() -> None:
    """A boundary without a policy is not the same as no boundary."""
    principal = Principal(ME, ME, [{"Statement": [allow()]}], boundary=[])

    assert refusal(principal, Need("s3:GetObject", OBJECT)) == no("permissions boundary")


def test_policies_can_speak_of_whoever_calls() -> None:
    """A variable stands for what is known of the principal, and fits nothing where that is not known."""
    own = [{"Statement": [allow(Resource="arn:aws:s3:::b/${aws:username}/*")]}]
    need = Need("s3:GetObject", "arn:aws:s3:::b/me/k")

    assert refusal(Principal(ME, ME, own, context={"aws:username": ["me"]}), need) is None
    assert refusal(Principal(ME, ME, own, context={"aws:username": ["you"]}), need) is not None
    assert refusal(Principal(ME, ME, own), need) is not None

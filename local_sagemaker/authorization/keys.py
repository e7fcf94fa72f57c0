"""Access keys of roles: what a container, a function and a pipeline's steps call with.

The key itself names the role, so nothing has to be remembered, and a server that starts again knows it. That is no
secret and need not be: signatures are not verified here, and whoever reaches the loopback address may call with any
key.
"""

from __future__ import annotations

_PREFIX = "local-role-"


def key_of(role_arn: str) -> str:
    """The access key of a role; in hexadecimal, because a signature's scope has slashes of its own."""
    return _PREFIX + role_arn.encode().hex()


def role_of(access_key: str) -> str | None:
    """The role's ARN, or None for a key that is not a role's."""
    if not access_key.startswith(_PREFIX):
        return None
    try:
        return bytes.fromhex(access_key.removeprefix(_PREFIX)).decode()
    except ValueError:
        return None


def session_arn(role_arn: str) -> str:
    """How AWS names a role that SageMaker has taken on."""
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    return f"arn:aws:sts::{account}:assumed-role/{role_arn.rpartition('/')[2]}/SageMaker"

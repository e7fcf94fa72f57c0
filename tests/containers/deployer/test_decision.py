"""Everything that the function judges, as a table."""

from __future__ import annotations

import pytest

from containers.deployer.decision import Action, decide
from containers.deployer.endpoint import CHANGING, Endpoint

WANTED, OTHER = "e-v2-00000000", "e-v1-00000000"
SETTLED = ["InService", "OutOfService", "UpdateRollbackFailed"]


def endpoint(status: str, configuration: str, attempted: str = "") -> Endpoint:
    return Endpoint("arn", status, configuration, "", attempted, "", {})


CASES = [
    (None, Action.CREATE, Action.LEAVE),
    *((endpoint(status, WANTED), Action.WAIT, Action.WAIT) for status in sorted(CHANGING)),
    (endpoint("Updating", OTHER, attempted=WANTED), Action.WAIT, Action.WAIT),
    (endpoint("Failed", WANTED), Action.RECREATE, Action.LEAVE),
    (endpoint("Failed", OTHER), Action.RECREATE, Action.RECREATE),
    *((endpoint(status, WANTED, attempted=WANTED), Action.SETTLE, Action.SETTLE) for status in SETTLED),
    *((endpoint(status, OTHER, attempted=WANTED), Action.UPDATE, Action.REJECT) for status in SETTLED),
    *((endpoint(status, OTHER, attempted=OTHER), Action.UPDATE, Action.UPDATE) for status in SETTLED),
    (endpoint("InService", OTHER), Action.UPDATE, Action.UPDATE),
]


@pytest.mark.parametrize(("found", "asked", "told"), CASES)
def test_what_is_there_decides(found: Endpoint | None, asked: Action, told: Action) -> None:
    """By who asks: somebody explicitly, or an event."""
    assert decide(found, WANTED, insist=True) is asked
    assert decide(found, WANTED, insist=False) is told

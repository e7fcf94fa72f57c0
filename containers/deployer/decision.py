"""What to do, from what is wanted and what is there. Pure: all of the function's judgement is this table.

endpoint            what it serves          asked explicitly      by an event
──────────────────  ──────────────────────  ────────────────────  ─────────────────────────────────────────────
none                                        CREATE                LEAVE: somebody has deleted it
in a change                                 WAIT                  WAIT: the change's end is an event
Failed              the wanted one          RECREATE              LEAVE: it would fail again
Failed              another                 RECREATE              RECREATE
idle                the wanted one          SETTLE                SETTLE
idle                another; the wanted     UPDATE                REJECT: it was taken back
                    one was tried last
idle                another                 UPDATE                UPDATE
"""

from __future__ import annotations

from enum import Enum, auto

from containers.deployer.endpoint import FAILED, Endpoint


class Action(Enum):
    """The next thing to do."""

    CREATE = auto()
    RECREATE = auto()  # delete what failed, then create
    UPDATE = auto()
    SETTLE = auto()  # what is in service is right: look after what belongs to it
    WAIT = auto()
    REJECT = auto()  # the package, and decide again
    LEAVE = auto()


def decide(endpoint: Endpoint | None, wanted: str, *, insist: bool) -> Action:
    """``wanted`` is the endpoint configuration; ``insist`` says that somebody asked for its package just now."""
    if endpoint is None:
        return Action.CREATE if insist else Action.LEAVE
    if endpoint.changing:
        return Action.WAIT
    if endpoint.status == FAILED:
        return Action.RECREATE if insist or endpoint.configuration != wanted else Action.LEAVE
    if endpoint.configuration == wanted:
        return Action.SETTLE
    if endpoint.attempted == wanted and not insist:
        return Action.REJECT
    return Action.UPDATE

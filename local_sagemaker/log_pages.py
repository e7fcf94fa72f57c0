"""Pages of log events: which events an answer holds, and the tokens that lead on from it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from local_sagemaker.errors import AwsError
from local_sagemaker.logs import Event

MOST_EVENTS = 10_000
_ANSWER_BYTES = 1 << 20  # AWS's limit of one answer; an event counts its UTF-8 length and 26 bytes
_EVENT_BYTES = 26
_TOKEN = re.compile(r"([fb])/(\d{1,20})/s")

K = TypeVar("K")
Place = tuple[
    int, str, int
]  # timestamp, stream, number of the event in its stream: the order of a filtered page


@dataclass(frozen=True)
class Page:
    """Events of one stream with their numbers in it, and the numbers from which to read on and back."""

    events: Sequence[tuple[int, Event]]
    forward: int
    backward: int


def read_page(
    events: Sequence[Event],
    within: Callable[[Event], bool],
    token: str | None,
    limit: int,
    *,
    from_head: bool,
) -> Page:
    """The page of GetLogEvents. A token is a direction and a number, so it stays right while the log grows.

    Forwards, the page starts at the token's number; backwards, it ends before it. Without a token it starts at
    the head or ends at the tail. At either end the token leads to itself, which is how clients know.
    """
    if token is None:
        forwards, number = from_head, 0 if from_head else len(events)
    else:
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise AwsError("The specified nextToken is invalid.", code="InvalidParameterException")
        forwards, number = found[1] == "f", int(found[2])
    if forwards:
        numbers: Iterable[int] = range(number, len(events))
    else:
        number = min(number, len(events))
        numbers = range(number - 1, -1, -1)
    page, more = _fit(((n, events[n]) for n in numbers if within(events[n])), limit)
    if forwards:
        # What lies behind the last event but outside the wanted time need not be looked at again.
        return Page(
            page, page[-1][0] + 1 if more else max(number, len(events)), page[0][0] if page else number
        )
    return Page(page[::-1], number, page[-1][0] if more else 0)


def tokens(page: Page) -> dict[str, str]:
    """Both tokens, as GetLogEvents answers them."""
    return {"nextForwardToken": f"f/{page.forward:020d}/s", "nextBackwardToken": f"b/{page.backward:020d}/s"}


def after(
    places: Iterable[tuple[Place, Event]], token: str | None, limit: int
) -> tuple[list[tuple[Place, Event]], str | None]:
    """The page of FilterLogEvents: what lies after the token's place, and the next token where more does."""
    start = _place(token) if token is not None else None
    rest = sorted(one for one in places if start is None or one[0] > start)
    page, more = _fit(rest, limit)
    return page, _opaque(page[-1][0]) if more else None


def _fit(events: Iterable[tuple[K, Event]], limit: int) -> tuple[list[tuple[K, Event]], bool]:
    """As many as one answer holds, and whether more were left."""
    page: list[tuple[K, Event]] = []
    size = 0
    for key, event in events:
        size += _size(event)
        if len(page) == limit or (page and size > _ANSWER_BYTES):
            return page, True
        page.append((key, event))
    return page, False


def _size(event: Event) -> int:
    return len(event.message.encode()) + _EVENT_BYTES


def _opaque(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place(token: str) -> Place:
    try:
        timestamp, stream, number = json.loads(base64.urlsafe_b64decode(token))
        return int(timestamp), str(stream), int(number)
    except (ValueError, TypeError):
        raise AwsError("The specified nextToken is invalid.", code="InvalidParameterException") from None

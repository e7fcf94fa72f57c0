"""Pages of log events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.errors import AwsError
from local_sagemaker.log_pages import after, read_page, tokens
from local_sagemaker.logs import Event

EVENTS = st.lists(st.integers(0, 5), max_size=30).map(
    lambda steps: [Event(sum(steps[: n + 1]), f"m{n}") for n in range(len(steps))]
)


def always(_: Event) -> bool:
    return True


@given(EVENTS, st.integers(1, 7), st.booleans())
def test_following_either_token_gives_every_event_once_and_in_order(events, limit, from_head):
    """From the head forwards, or from the tail backwards, until a token leads to itself."""
    name = "nextForwardToken" if from_head else "nextBackwardToken"
    seen, token = [], None
    while True:
        page = read_page(events, always, token, limit, from_head=from_head)
        found = [event for _, event in page.events]
        seen = [*seen, *found] if from_head else [*found, *seen]
        if tokens(page)[name] == token:
            break
        token = tokens(page)[name]

    assert seen == events


@given(EVENTS, EVENTS, st.integers(1, 7))
def test_a_forward_token_goes_on_with_what_was_written_since(before, later, limit):
    """Someone who follows a growing log misses nothing and sees nothing twice."""
    page = read_page(before, always, None, 10_000, from_head=True)
    grown = [*before, *later]
    seen, token = [], tokens(page)["nextForwardToken"]
    while found := read_page(grown, always, token, limit, from_head=True).events:
        seen += [event for _, event in found]
        token = tokens(read_page(grown, always, token, limit, from_head=True))["nextForwardToken"]

    assert seen == later


def test_the_backward_token_of_a_page_leads_to_the_page_before_it():
    """Reading back from a page in the middle ends just before it."""
    events = [Event(n, str(n)) for n in range(10)]
    middle = read_page(events, always, "f/4/s", 3, from_head=True)
    earlier = read_page(events, always, tokens(middle)["nextBackwardToken"], 3, from_head=True)

    assert [event.message for _, event in middle.events] == ["4", "5", "6"]
    assert [event.message for _, event in earlier.events] == ["1", "2", "3"]


def test_an_answer_holds_at_most_a_megabyte():
    """Large messages make a page end early, never empty."""
    events = [Event(n, "x" * 700_000) for n in range(3)]

    assert len(read_page(events, always, None, 10_000, from_head=True).events) == 1
    assert len(read_page([Event(0, "x" * 3_000_000)], always, None, 10, from_head=True).events) == 1


@given(EVENTS, EVENTS, st.integers(1, 7))
def test_filtered_pages_give_every_event_of_all_streams_once_in_time_order(first, second, limit):
    """FilterLogEvents merges streams by time."""
    places = [
        ((event.timestamp, stream, number), event)
        for stream, events in (("a", first), ("b", second))
        for number, event in enumerate(events)
    ]
    seen, token = [], None
    while True:
        page, token = after(places, token, limit)
        seen += page
        if token is None:
            break

    assert seen == sorted(places)


@pytest.mark.parametrize("token", ["", "x/1/s", "f/-1/s", "f/1"])
def test_a_token_of_somebody_else_is_refused(token):
    """A made-up token is a client's mistake, not the start of the log."""
    with pytest.raises(AwsError, match="nextToken is invalid"):
        read_page([], always, token, 10, from_head=True)
    with pytest.raises(AwsError, match="nextToken is invalid"):
        after([], token, 10)

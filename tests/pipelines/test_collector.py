"""The garbage collector is away while the SDK is at work, and comes back."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pipelines import collector


@pytest.fixture(autouse=True)
def _nothing_stays_frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_nothing_is_collected_meanwhile() -> None:
    """Nested uses are one."""
    with collector.paused():
        assert not gc.isenabled()
        with collector.paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_comes_back_after_an_error() -> None:
    """A definition that cannot be built leaves the process as it was."""
    with pytest.raises(KeyError), collector.paused():
        raise KeyError
    assert gc.isenabled()


def test_what_is_there_is_left_alone() -> None:
    """What has been made is never gone through again."""
    before = gc.get_freeze_count()
    with collector.paused():
        made = [[] for _ in range(1000)]

    assert gc.get_freeze_count() >= before + len(made)

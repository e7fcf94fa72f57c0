"""Python's garbage collector, kept away from the SDK."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """While it lasts, nothing is collected; what is there at its end is never looked at again.

    The SDK makes 300,000 objects that stay. Going through them again and again was 0.6 s of its import's 1.9 s and
    half of the time that building takes; even parsing a JSON file took ten times as long once they were there.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

"""How a job says that it is done before the kernel has taken it apart.

A warm process maps a quarter of a gigabyte; freeing that takes longer than many a job's work, and nobody needs to wait
for it. The child leaves its exit code in a page of memory that it shares with its parent, and signals. It takes no open
file, which a job could close, count, or hand on.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
from typing import NoReturn


class LastWill:
    """One page, made by the parent before the fork; the child writes it, at most once, and the parent reads it."""

    SIGNAL = signal.SIGUSR1

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def read(self) -> int | None:
        """The exit code, if the child has left one."""
        return self._page[1] if self._page[0] else None

    def leave(self, child: int, exit_code: int) -> NoReturn:
        """End this process; if it is ``child``, and not a fork of it, say so first."""
        if os.getpid() == child and os.getppid() == self._parent:
            self._page[1] = exit_code
            self._page[0] = True
            with contextlib.suppress(OSError):
                os.kill(self._parent, self.SIGNAL)
        os._exit(exit_code)

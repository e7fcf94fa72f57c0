"""Who may use which cores: the cores of all running jobs together never exceed the machine's.

Threads that outnumber their cores are not merely slow: OpenMP spins at its barriers, and a 0.3 s job was
measured at 19 s. So cores are handed out as sets of CPU numbers, which become the job's CPU affinity.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Withdrawn(Exception):
    """The job was withdrawn before it got any cores."""


class Closed(Withdrawn):
    """Nobody gets cores any more."""


class Scheduler:
    """Hands out CPU numbers, first come, first served.

    A job that nobody competes with gets every core. Otherwise each gets its share of them, at least one;
    jobs that were announced and have not finished count as competitors even before they ask, so that the
    first of two parallel steps does not take the whole machine.
    """

    def __init__(self, cpus: Sequence[int]) -> None:
        if not cpus:
            raise ValueError("a scheduler needs at least one core")
        self._free = set(cpus)
        self._total = len(self._free)
        self._competing: set[str] = set()
        self._families: dict[
            str, int
        ] = {}  # how the names of jobs that come one after another begin -> how many at once
        self._queue: deque[object] = deque()
        self._withdrawn: set[str] = set()
        self._closed = False
        self._changed = threading.Condition()

    def announce(self, job: str) -> None:
        """The job exists and will ask for cores."""
        with self._changed:
            self._competing.add(job)
            self._withdrawn.discard(job)

    def expect(self, family: str, number: int) -> None:
        """So many jobs whose names begin with ``family`` will run side by side, now or soon; 0: no more.

        Where a job that ends is followed by another, its neighbour would otherwise find itself alone in between, and
        take every core.
        """
        with self._changed:
            self._families[family] = number
            if number == 0:
                del self._families[family]

    def withdraw(self, job: str) -> None:
        """The job will not ask for the cores it was announced for; if it waits for some, it stops waiting."""
        with self._changed:
            if job in self._competing:
                self._competing.discard(job)
                self._withdrawn.add(job)
                self._changed.notify_all()

    def close(self) -> None:
        """Nobody gets cores from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @contextmanager
    def cores(self, job: str) -> Iterator[tuple[int, ...]]:
        """Wait for the job's turn, and hold its CPUs for the length of a ``with`` block.

        Raises:
            Withdrawn: the job was withdrawn after it was announced, or while it waited.
            Closed: the scheduler is closed.
        """
        cpus = self._acquire(job)
        try:
            yield cpus
        finally:
            with self._changed:
                self._free.update(cpus)
                self._forget(job)
                self._changed.notify_all()

    def _acquire(self, job: str) -> tuple[int, ...]:
        ticket = object()  # and not the name: the queue must survive a name that comes twice
        with self._changed:
            self._queue.append(ticket)
            try:
                if job not in self._withdrawn:
                    self._competing.add(job)
                self._refuse(job)
                while not (self._queue[0] is ticket and self._free):
                    self._changed.wait()
                    self._refuse(job)
            except BaseException:
                self._forget(job)
                raise
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()  # the next in the queue is first now
            share = max(1, self._total // self._competitors())
            cpus = tuple(sorted(self._free)[:share])
            self._free.difference_update(cpus)
            return cpus

    def _competitors(self) -> int:
        to_come = (
            number - sum(job.startswith(family) for job in self._competing)
            for family, number in self._families.items()
        )
        return len(self._competing) + sum(max(0, number) for number in to_come)

    def _refuse(self, job: str) -> None:
        if self._closed:
            raise Closed(job)
        if job in self._withdrawn:
            raise Withdrawn(job)

    def _forget(self, job: str) -> None:
        self._competing.discard(job)
        self._withdrawn.discard(job)

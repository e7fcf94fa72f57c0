"""Cores are shared, never lent twice, and always come back."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from local_sagemaker.jobs.scheduler import Closed, Scheduler, Withdrawn


def test_a_job_alone_gets_every_core():
    """Nobody else has been announced."""
    with Scheduler([0, 1, 2]).cores("a") as cpus:
        assert cpus == (0, 1, 2)


@pytest.mark.parametrize(("total", "jobs", "share"), [(2, 2, 1), (2, 5, 1), (8, 2, 4), (8, 3, 2), (1, 1, 1)])
def test_jobs_that_were_announced_share_the_cores(total, jobs, share):
    """The first of several parallel steps does not take the whole machine."""
    scheduler = Scheduler(range(total))
    for number in range(jobs):
        scheduler.announce(str(number))

    with scheduler.cores("0") as cpus:
        assert len(cpus) == share


@pytest.mark.parametrize(
    ("total", "expected", "others", "share"),
    [(2, 2, 0, 1), (8, 2, 0, 4), (8, 4, 0, 2), (8, 1, 0, 8), (8, 2, 2, 2), (2, 4, 0, 1)],
)
def test_a_job_leaves_room_for_its_expected_neighbours(total, expected, others, share):
    """A trial that starts between its neighbour's end and the next one's beginning does not take every core."""
    scheduler = Scheduler(range(total))
    scheduler.expect("trial-", expected)
    for number in range(others):
        scheduler.announce(f"other-{number}")

    with scheduler.cores("trial-1") as cpus:
        assert len(cpus) == share
    scheduler.expect("trial-", 0)
    for number in range(others):
        scheduler.withdraw(f"other-{number}")
    with scheduler.cores("trial-2") as cpus:
        assert len(cpus) == total


def test_neighbours_that_are_there_are_not_expected_besides():
    """Two at a time are two, whether announced already or still to come."""
    scheduler = Scheduler(range(8))
    scheduler.expect("trial-", 2)
    scheduler.announce("trial-1")
    scheduler.announce("trial-2")

    with scheduler.cores("trial-1") as first, scheduler.cores("trial-2") as second:
        assert (len(first), len(second)) == (4, 4)


def test_a_finished_or_withdrawn_job_no_longer_counts():
    """What is left of the machine is not saved for jobs that will not come."""
    scheduler = Scheduler([0, 1])
    for job in "abc":
        scheduler.announce(job)
    with scheduler.cores("a"):
        pass
    scheduler.withdraw("b")

    with scheduler.cores("c") as cpus:
        assert cpus == (0, 1)


def test_a_withdrawn_job_gets_no_cores():
    """Neither one that waits nor one that has not asked yet; announced anew, it does."""
    scheduler = Scheduler([0])
    scheduler.announce("a")
    scheduler.withdraw("a")
    with pytest.raises(Withdrawn), scheduler.cores("a"):
        pass
    scheduler.announce("a")
    with scheduler.cores("a"):
        waiting = Asker(scheduler, "b")
        wait_for(lambda: "b" in scheduler._competing)
        scheduler.withdraw("b")
        waiting.thread.join(5)

    assert waiting.answer is Withdrawn


def test_a_closed_scheduler_sends_everybody_away():
    """Whoever waits, and whoever comes."""
    scheduler = Scheduler([0])
    with scheduler.cores("a"):
        waiting = Asker(scheduler, "b")
        wait_for(lambda: "b" in scheduler._competing)
        scheduler.close()
        waiting.thread.join(5)

    assert waiting.answer is Closed
    with pytest.raises(Closed), scheduler.cores("c"):
        pass


def test_without_cores_there_is_no_scheduler():
    """A machine has at least one."""
    with pytest.raises(ValueError, match="at least one core"):
        Scheduler([])


class Asker:
    """A thread that asks for cores, holds them until told, and gives them back."""

    def __init__(self, scheduler: Scheduler, job: str) -> None:
        self.cpus: tuple[int, ...] | None = None
        self.answer: type[Exception] | None = None
        self.done = threading.Event()
        self.scheduler, self.job = scheduler, job
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()

    def _ask(self) -> None:
        try:
            with self.scheduler.cores(self.job) as cpus:
                self.cpus = cpus
                self.done.wait(10)
                self.cpus = None
        except Withdrawn as answer:
            self.answer = type(answer)


def wait_for(condition, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.0005)


class Machine(RuleBasedStateMachine):
    """Any order of announcing, asking, finishing and withdrawing."""

    def __init__(self) -> None:
        super().__init__()
        self.cpus = range(3)
        self.scheduler = Scheduler(self.cpus)
        self.askers: list[Asker] = []
        self.count = 0

    def holding(self) -> list[Asker]:
        return [asker for asker in self.askers if asker.cpus]

    def waiting(self) -> list[Asker]:
        return [asker for asker in self.askers if asker.thread.is_alive() and not asker.cpus]

    def settle(self) -> None:
        """The head of the queue has cores, or there are none."""
        wait_for(lambda: not self.waiting() or sum(len(asker.cpus or ()) for asker in self.holding()) == 3)

    @rule(ahead=st.booleans())
    def ask(self, ahead: bool) -> None:
        self.count += 1
        if ahead:
            self.scheduler.announce(str(self.count))
        self.askers.append(Asker(self.scheduler, str(self.count)))
        self.settle()

    @rule()
    def announce_only(self) -> None:
        self.scheduler.announce(f"idle-{self.count}")

    @precondition(lambda self: self.holding())
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        asker = data.draw(st.sampled_from(self.holding()))
        asker.done.set()
        asker.thread.join(5)
        self.settle()

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        asker = data.draw(st.sampled_from(self.waiting()))
        self.scheduler.withdraw(asker.job)
        asker.thread.join(5)
        assert asker.answer is Withdrawn
        self.settle()

    @invariant()
    def no_core_is_lent_twice(self) -> None:
        lent = [cpu for asker in self.holding() for cpu in asker.cpus or ()]
        assert len(lent) == len(set(lent))
        assert set(lent) <= set(self.cpus)

    @invariant()
    def first_come_first_served(self) -> None:
        served = [bool(asker.cpus) for asker in self.askers if asker.thread.is_alive()]
        assert served == sorted(served, reverse=True)

    def teardown(self) -> None:
        for asker in self.askers:
            asker.done.set()
        for asker in self.askers:
            asker.thread.join(5)
            assert not asker.thread.is_alive()
        assert sorted(self.scheduler._free) == list(self.cpus)


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestScheduling = Machine.TestCase

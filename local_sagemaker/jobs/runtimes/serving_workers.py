"""Several processes that answer, each with the model loaded for itself; a request goes to one that is free."""

from __future__ import annotations

import os
import queue
import threading
import traceback
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from local_sagemaker.jobs.runtimes.serving import CannotServe, Model, Reply, Request


class Workers:
    """Forks so many processes. One thread only may be running then."""

    def __init__(self, number: int, load: Callable[[], Model]) -> None:
        """Wait until all have loaded. Raises CannotServe."""
        self._free: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        started = [_fork(load) for _ in range(number)]
        for pid, connection in started:
            if not _loaded(connection):
                raise CannotServe("A worker could not load the model.")
            threading.Thread(target=_end_with, args=(pid,), daemon=True).start()
            self._free.put(connection)

    def answer(self, request: Request) -> Reply:
        """What the next worker that is free answers."""
        connection = self._free.get()
        try:
            connection.send(request)
            reply: Reply = connection.recv()
        except (
            EOFError,
            OSError,
        ):  # the worker has died: the container is about to end, and that is the answer
            threading.Event().wait()
        self._free.put(connection)
        return reply


def _fork(load: Callable[[], Model]) -> tuple[int, Connection]:
    ours, theirs = Pipe()
    pid = os.fork()
    if pid == 0:
        ours.close()
        code = 1
        try:
            _work(theirs, load)
            code = 0
        except CannotServe as problem:
            print(problem, flush=True)  # noqa: T201
        except BaseException:  # noqa: BLE001 - a script may raise anything, and its parent's code is not its own
            traceback.print_exc()
        finally:
            os._exit(code)
    theirs.close()
    return pid, ours


def _work(connection: Connection, load: Callable[[], Model]) -> None:
    model = load()
    connection.send(os.getpid())
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        connection.send(reply(model, request))


def reply(model: Model, request: Request) -> Reply:
    """A model's answer, or a 500 for what it raised: the next request is another."""
    try:
        return model.answer(request)
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        traceback.print_exc()
        return Reply(f"{type(error).__name__}: {error}".encode(), "text/plain", 500)


def _loaded(connection: Connection) -> bool:
    try:
        connection.recv()
    except EOFError:
        return False
    return True


def _end_with(pid: int) -> None:
    """Let the container end when a worker has: one with half its workers is replaced whole."""
    os.waitpid(pid, 0)
    os._exit(1)

"""From a fork of the preforked parent to the job's own program."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from local_sagemaker.jobs import interpreter, namespace, rewriting
from local_sagemaker.jobs.interpreter import Fresh, Leave
from local_sagemaker.jobs.last_will import LastWill
from local_sagemaker.jobs.namespace import Room

# Docker's exit codes for a container that could not start.
CANNOT_START, CANNOT_EXECUTE, NOT_FOUND = 125, 126, 127


@dataclass(frozen=True)
class Order:
    """What the server asks for, as it travels to the child: every field is JSON."""

    room: Room
    argv: list[str]
    environment: dict[str, str]
    cwd: str
    cpus: list[int]

    @classmethod
    def read(cls, descriptor: int) -> Order:
        """The order in an open file."""
        with open(descriptor, encoding="utf-8") as file:
            return cls.parse(json.load(file))

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Order:
        """The order whose fields these are."""
        room = fields.pop("room")
        hosts, keep = tuple(room.pop("hosts")), tuple(room.pop("keep"))
        shared = tuple((place, outside) for place, outside in room.pop("shared"))
        return cls(room=Room(**room, hosts=hosts, keep=keep, shared=shared), **fields)


@dataclass(frozen=True)
class Inheritance:
    """What the parent leaves to each of its children."""

    pid: int  # the parent's own
    rung: str  # of the ladder in ``namespace``
    library_path: tuple[str, ...]  # sys.path of a new interpreter, without what comes first
    fresh: Fresh  # what is loaded
    environment: Mapping[str, str]  # … and under which it was
    blas_threads: Callable[[int], None]  # see ``preload``


class CannotStart(Exception):
    """The job's program cannot be run: a sentence for its log, and the exit code."""

    def __init__(self, message: str, code: int = CANNOT_START) -> None:
        super().__init__(message)
        self.code = code


def stand_by(parent: socket.socket, inheritance: Inheritance, will: LastWill) -> NoReturn:
    """Do what can be done before there is a job, wait for one, and become it.

    Args:
        parent: brings one byte and three files: the order, where the output goes, and a socket to the server, which
            is told that the job has started, and in which mount namespace. Its end means: no job, never mind.
        inheritance: what the parent left.
        will: where to leave the exit code.
    """
    code = CANNOT_START
    try:
        os.setsid()
        _own_signals()
        namespace.die_with_parent(inheritance.pid)
        has_left = _leave(inheritance)
        interpreter.refresh(inheritance.fresh)
        _rehearse(inheritance)
        byte, files, _, _ = socket.recv_fds(parent, 1, 3)
        started = time.time()
        parent.close()
        if byte:
            order, output, server = files
            _own_streams(output)
            leave = functools.partial(will.leave, os.getpid())
            if not has_left:
                namespace.leave(inheritance.rung)  # what has refused once is to be said in the job's log
            _start(Order.read(order), socket.socket(fileno=server), inheritance, leave, started)
    except CannotStart as problem:
        _say(str(problem))
        code = problem.code
    except OSError as problem:
        _say(f"the job cannot start: {problem}")
    except Exception:  # noqa: BLE001 - a mistake of ours, which must not be silent either
        traceback.print_exc()
    finally:  # nothing of a child may run on in the parent's code
        os._exit(code)


def _leave(inheritance: Inheritance) -> bool:
    """Take a view of the file system of its own already, where a job gets one; whether that is done."""
    if inheritance.rung != namespace.REWRITTEN:
        try:
            namespace.leave(inheritance.rung)
        except OSError:
            return False
        # Again: a change of rights, as in there, switches it off.
        namespace.die_with_parent(inheritance.pid)
    return True


def _rehearse(inheritance: Inheritance) -> None:
    """Go through what comes between an order and its program, for the sake of the memory that it writes to.

    A forked process gets its own copy of each page when it first writes there, and merely using an object is writing:
    it is counted. Here, where nobody waits, that costs nothing.
    """
    order = Order(
        Room("", "", shared=(("", ""),)), ["python3", __file__], dict(inheritance.environment), "/", [0]
    )
    Order.parse(json.loads(json.dumps(order, default=vars)))
    interpreter.plan(order.argv, order.environment, inheritance.fresh.names, inheritance.environment)
    compile("import os\nprint", "", "exec", dont_inherit=True)
    os.environ.update(os.environ)


def _start(
    order: Order,
    server: socket.socket,
    inheritance: Inheritance,
    leave: Leave,
    started: float,
) -> NoReturn:
    rewrite = None
    if inheritance.rung == namespace.REWRITTEN:
        rewrite = rewriting.Rewriter(order.room.folder)
        order = rewrite.order(order)
        # Nothing here can be made read-only for one process alone: it gets a copy.
        for place, outside in order.room.shared:
            shutil.copytree(outside, Path(order.room.folder, place), dirs_exist_ok=True)
        for sentence in rewrite.warnings(network=order.room.network):
            _say(sentence)
    else:
        namespace.move_in(order.room)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, order.cpus)
    _announce(server, started, inheritance.rung)
    try:
        os.chdir(order.cwd)
    except OSError as problem:
        raise CannotStart(f"the working directory {order.cwd} cannot be entered: {problem.strerror}")
    plan = interpreter.plan(order.argv, order.environment, inheritance.fresh.names, inheritance.environment)
    if plan is None:
        _replace(rewrite.program(order) if rewrite else order)
    inheritance.blas_threads(len(order.cpus))
    os.environ.clear()
    os.environ.update(order.environment)
    if rewrite is None:
        interpreter.run(plan, inheritance.library_path, inheritance.fresh, leave)
    rewrite.install(inheritance.library_path)
    interpreter.run(plan, inheritance.library_path, inheritance.fresh, leave, rewrite.code)


def _replace(order: Order) -> NoReturn:
    """Run any other program, or a Python from its very start, in this process's place."""
    name = order.argv[0]
    if interpreter.is_python(name):
        os.execve(sys.executable, [sys.executable, *order.argv[1:]], order.environment)  # noqa: S606
    program = name if "/" in name else shutil.which(name, path=order.environment["PATH"])
    if program is None:
        raise CannotStart(f"the program {name!r} is not in PATH ({order.environment['PATH']})", NOT_FOUND)
    try:
        os.execve(program, order.argv, order.environment)  # noqa: S606 - no shell is meant
    except FileNotFoundError:
        raise CannotStart(f"the program {name!r} does not exist", NOT_FOUND)
    except OSError as problem:
        raise CannotStart(f"the program {name!r} cannot be executed: {problem.strerror}", CANNOT_EXECUTE)


def _announce(server: socket.socket, started: float, rung: str) -> None:
    message = json.dumps({"started": started, "isolation": rung, "pid": os.getpid()}).encode() + b"\n"
    with contextlib.suppress(OSError):  # the server is gone: so will be this process
        if rung == namespace.REWRITTEN:
            server.sendall(message)
        else:
            with Path("/proc/self/ns/mnt").open() as own:
                socket.send_fds(server, [message], [own.fileno()])
    server.close()


def _own_signals() -> None:
    """The dispositions of a fresh interpreter; forked processes keep their parent's."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    if hasattr(signal, "SIGXFSZ"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _own_streams(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)


def _say(sentence: str) -> None:
    os.write(1, f"local_sagemaker: {sentence}\n".encode(errors="replace"))

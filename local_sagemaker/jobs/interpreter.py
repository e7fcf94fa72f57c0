"""Be ``python script.py`` in a process that already has its libraries loaded.

``plan`` reads a command line as the interpreter would and says whether this process can stand in for it;
``run`` does, and ends the process exactly as the interpreter ends: same output, same tracebacks, same exit
status.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import gc
import itertools
import os
import random
import re
import runpy
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NoReturn

PYTHON = re.compile(r"python(3(\.\d+)?)?")
# Environment that this process can still obey. Any other PYTHON… is read only when an interpreter starts.
OBEYED = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
# Environment that loaded libraries have read already.
READ_AT_LOAD = re.compile(r"(PYTHON|LD_|DYLD_|OMP_|GOMP_|KMP_|OPENBLAS_|MKL_|NUMBA_|NUMEXPR_|MPL|JE_|ARROW_)")

Leave = Callable[[int], NoReturn]
# What ``rewriting`` puts between compiling and running, where it is used.
Rewrite = Callable[[types.CodeType], types.CodeType]


@dataclass(frozen=True)
class Plan:
    """A Python command line that a loaded process can run."""

    kind: str  # "script" | "module" | "code"
    target: str  # its path, its name, or its text
    arguments: tuple[str, ...]  # sys.argv, which the interpreter may still change
    path: tuple[str, ...]  # what comes before the standard library in sys.path


@dataclass(frozen=True)
class Fresh:
    """What an interpreter that has just started here has loaded, beside us.

    Made once, by the parent: merely to look at two thousand names would make a child copy the memory they lie in.
    """

    modules: frozenset[str]
    names: frozenset[str]  # the first parts of their names
    ours: tuple[str, ...]  # the job has no business with these

    @classmethod
    def now(cls) -> Fresh:
        """What this process has loaded."""
        ours = tuple(name for name in sys.modules if name.split(".")[0] == "local_sagemaker")
        modules = frozenset(sys.modules).difference(ours)
        return cls(modules, frozenset(name.partition(".")[0] for name in modules) - {"__main__"}, ours)


def refresh(fresh: Fresh) -> None:
    """Make this forked process an interpreter that has just started, as far as no job decides."""
    for name in fresh.ours:
        del sys.modules[name]  # what runs now keeps its own references
    main = types.ModuleType("__main__")
    vars(main).update(__builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = main
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules[
            "numpy.random"
        ].seed()  # its global state is the parent's: all jobs would draw the same numbers


def is_python(program: str) -> bool:
    """Whether ``program`` is the container's Python: its name, on a path that is not this machine's."""
    name = Path(program).name
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not PYTHON.fullmatch(name) or name not in ("python", "python3", version):
        return False
    return program == name or program == sys.executable or not Path(program).exists()


def plan(
    argv: Sequence[str],
    environment: Mapping[str, str],
    loaded: frozenset[str],
    loaded_with: Mapping[str, str],
) -> Plan | None:
    """How to run ``argv`` in this process, or None where only a new interpreter would do the same.

    Args:
        argv: the command line as seen inside, beginning with the program.
        environment: the job's environment.
        loaded: top-level names of the modules loaded here; the job must not bring a module of that name.
        loaded_with: the environment under which they were loaded.
    """
    command = _command(argv)
    if command is None or _reads_otherwise(environment, loaded_with):
        return None
    kind, target, arguments = command
    first = {"script": str(Path(target).resolve().parent), "module": str(Path.cwd()), "code": ""}[kind]
    path = [first, *(part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part)]
    if any(_top_level_names(folder or ".") & loaded for folder in path):
        return None
    return Plan(kind, target, arguments, tuple(path))


def _command(argv: Sequence[str]) -> tuple[str, str, tuple[str, ...]] | None:
    if not is_python(argv[0]):
        return None
    rest = list(argv[1:])
    while rest and rest[0] in ("-u", "--"):  # the output is unbuffered anyway
        if rest.pop(0) == "--":
            break
    else:
        if len(rest) > 1 and rest[0] == "-m":
            return "module", rest[1], ("-m", *rest[2:])
        if len(rest) > 1 and rest[0] == "-c":
            return "code", rest[1], ("-c", *rest[2:])
        if rest and rest[0].startswith("-"):
            return None
    if not rest or rest[0].endswith((".pyc", ".pyz", ".zip")) or not Path(rest[0]).is_file():
        return None
    return "script", rest[0], tuple(rest)


def _reads_otherwise(environment: Mapping[str, str], loaded_with: Mapping[str, str]) -> bool:
    return any(
        READ_AT_LOAD.match(name) and name not in OBEYED and loaded_with.get(name) != value
        for name, value in environment.items()
    )


def _top_level_names(folder: str) -> set[str]:
    """The names under which ``import`` would find something in a folder."""
    names = set()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((".py", ".so", ".pyc")):
                names.add(entry.name.partition(".")[0])
            elif Path(entry.path, "__init__.py").is_file():
                names.add(entry.name)
    return names


def run(
    plan: Plan,
    library_path: Sequence[str],
    fresh: Fresh,
    leave: Leave = os._exit,
    rewrite: Rewrite = lambda code: code,
) -> NoReturn:
    """Run the plan and end this process. The environment and the working directory are the job's already.

    Args:
        plan: what to run.
        library_path: the rest of sys.path, as a new interpreter would have it.
        fresh: what was loaded before.
        leave: ends this process with an exit code.
        rewrite: applied to the code of ``__main__`` before it runs.
    """
    status = 1
    try:
        _settle(plan, library_path)
        uncaught = _execute(plan, rewrite)
        status = _report(uncaught) if uncaught else 0
        del uncaught  # the last hold on what the script's frames held
        _finish(fresh)
    finally:
        leave(status & 0xFF)


def _settle(plan: Plan, library_path: Sequence[str]) -> None:
    """What the job decides of the interpreter's state."""
    sys.argv[:] = plan.arguments
    sys.orig_argv[:] = [sys.executable, *plan.arguments]
    sys.path[:] = [*plan.path, *library_path]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    if "TZ" in os.environ:
        time.tzset()


def _execute(plan: Plan, rewrite: Rewrite) -> BaseException | None:
    """Run the plan; what it raised is returned, so that it is reported when it is no longer being handled."""
    try:
        _run_code(plan, rewrite)
    except BaseException as error:  # noqa: BLE001 - this is the interpreter's own outermost level
        return error
    return None


def _run_code(plan: Plan, rewrite: Rewrite) -> None:
    main = vars(sys.modules["__main__"])
    if plan.kind == "module":
        # Private, but it is what ``python -m`` calls, down to the frames that a traceback shows.
        runpy._run_module_as_main(plan.target)  # type: ignore[attr-defined]
        return
    if plan.kind == "code":
        exec(rewrite(compile(plan.target, "<string>", "exec", dont_inherit=True)), main)  # noqa: S102
        return
    path = str(Path.cwd() / plan.target)
    main.update(__file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path))
    code = compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
    exec(rewrite(code), main)  # noqa: S102 - running what the user wrote is the point


def _report(error: BaseException) -> int:
    """Print an exception as the interpreter does, without the frames of this module; its exit status."""
    if isinstance(error, SystemExit):
        return _exit_status(error.code)
    _hide_own_frames(error)
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException as failure:  # noqa: BLE001 - a user's hook may do anything
        print("Error in sys.excepthook:", file=sys.stderr)  # noqa: T201 - the interpreter's own words
        _hide_own_frames(failure)
        sys.__excepthook__(type(failure), failure, failure.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)  # noqa: T201
        sys.__excepthook__(type(error), error, error.__traceback__)
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _flush()
        os.kill(os.getpid(), signal.SIGINT)
    return 1


def _hide_own_frames(error: BaseException) -> None:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    print(code, file=sys.stderr)  # noqa: T201 - sys.exit("message")
    return 1


def _finish(fresh: Fresh) -> None:
    """What happens between the last line of a script and the end of its process."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are not daemons
    atexit._run_exitfuncs()
    # A file that the script left open is written when its last reference goes.
    vars(sys.modules["__main__"]).clear()
    # The job's own modules are the last, and are found from there without touching all the others.
    for name in list(itertools.takewhile(lambda name: name not in fresh.modules, reversed(sys.modules))):
        with contextlib.suppress(Exception):
            vars(sys.modules.pop(name)).clear()
    gc.collect()
    _flush()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    ctypes.CDLL(None).fflush(None)  # what C code has printed

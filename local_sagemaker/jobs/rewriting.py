"""The last rung: where a job cannot have its own ``/opt/ml``, its code is given other paths.

Text constants that name ``/opt/ml`` are replaced in the compiled code of ``__main__`` and of every module that is not a
library, in the command line, the environment and the shell script that is the entry point; a ``python`` that a shell
starts does the same. Not reached: paths that are put together from pieces without ``/opt/ml`` in them
(``os.path.join("/", "opt", "ml")``), and a Python that a job starts by its absolute path.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import types
from collections.abc import Sequence
from dataclasses import replace
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_sagemaker.jobs import interpreter

if TYPE_CHECKING:
    from local_sagemaker.jobs.child import Order

# Not part of a longer name (/opt/mlflow, /data/opt/ml), also behind file://.
PATTERN = r"((?<![\w./-])|(?<=file://))/opt/ml(?![\w-]|\.\w)"

PROJECT = Path(__file__).parents[2]
BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv[1]); from local_sagemaker.jobs.rewriting import main; main()"
)


class Rewriter:
    """Gives everything of one job ``folder`` for ``/opt/ml``."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._text = re.compile(PATTERN)
        self._bytes = re.compile(PATTERN.encode())

    def text(self, text: str) -> str:
        """A path, command or any text."""
        return self._text.sub(lambda _: self.folder, text)

    def code(self, code: types.CodeType) -> types.CodeType:
        """Compiled code, with the functions and classes in it."""
        return code.replace(co_consts=tuple(self._constant(value) for value in code.co_consts))

    def _constant(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self._bytes.sub(lambda _: os.fsencode(self.folder), value)
        if isinstance(value, types.CodeType):
            return self.code(value)
        if isinstance(value, tuple | frozenset):
            return type(value)(self._constant(item) for item in value)
        return value

    def order(self, order: Order) -> Order:
        """What the job is asked to do, for a machine where it has no ``/tmp`` of its own either."""
        environment = {name: self.text(value) for name, value in order.environment.items()}
        own = {"TMPDIR": order.room.scratch, "HOME": order.room.scratch}
        return replace(
            order,
            argv=[self.text(argument) for argument in order.argv],
            environment={**own, **environment},
            cwd=self.text(order.cwd),
        )

    def program(self, order: Order) -> Order:
        """The order for a program that is not run here: a shell, or a Python that must start anew."""
        shims = Path(order.room.scratch, ".bin")
        shims.mkdir()
        python = [sys.executable, "-c", BOOTSTRAP, str(PROJECT), self.folder]
        for name in ("python", "python3"):
            (shims / name).write_text(f'#!/bin/sh\nexec {shlex.join(python)} "$@"\n')
            (shims / name).chmod(0o755)
        name, *arguments = order.argv
        if interpreter.is_python(name):
            argv = [*python, *arguments]
        else:
            argv = [self._own_copy(argument, Path(order.room.scratch)) for argument in order.argv]
        path = f"{shims}{os.pathsep}{order.environment['PATH']}"
        return replace(order, argv=argv, environment={**order.environment, "PATH": path})

    def _own_copy(self, argument: str, scratch: Path) -> str:
        """A file of the job that names /opt/ml, rewritten; any other argument as it is."""
        path = Path(argument)
        if not _below(argument, self.folder) or not path.is_file():
            return argument
        text = path.read_bytes()
        rewritten = self._constant(text)
        if rewritten == text:
            return argument
        copy = scratch / path.name
        copy.write_bytes(rewritten)
        copy.chmod(path.stat().st_mode)
        return str(copy)

    def warnings(self, *, network: bool) -> list[str]:
        """What the job's log should say about this machine."""
        sentences = [
            f"this machine gives a job no /opt/ml of its own; its paths are rewritten to {self.folder}"
        ]
        if not network:
            sentences.append(
                "this machine cannot isolate a job from the network; it runs with network access"
            )
        return sentences

    def install(self, library_path: Sequence[str]) -> None:
        """Rewrite each module as it is imported, if it is not a library."""
        rewriter = self

        class Loader(SourceFileLoader):
            """Compiles every time: a cached compilation would carry this job's paths into the next."""

            def get_code(self, fullname: str) -> types.CodeType:
                path = self.get_filename(fullname)
                return rewriter.code(compile(self.get_data(path), path, "exec", dont_inherit=True))

        loaders = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (Loader, SOURCE_SUFFIXES))
        finder = FileFinder.path_hook(*loaders)

        def own_code(path: str) -> Any:
            path = str(Path.cwd() / path)
            if not _below(path, self.folder) and any(_below(path, library) for library in library_path):
                raise ImportError(f"{path} holds libraries, which are left as they are")
            return finder(path)

        sys.path_hooks.insert(0, own_code)
        sys.path_importer_cache.clear()


def main() -> None:
    """Be the ``python`` that a job's shell calls: the arguments are PROJECT FOLDER, then those of the interpreter."""
    _, _, folder, *arguments = sys.argv
    own = 2 + len([part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part])
    library_path = sys.path[own:]  # after this project, the working directory, and what the job has set
    fresh = interpreter.Fresh.now()
    interpreter.refresh(fresh)
    plan = interpreter.plan(["python", *arguments], {**os.environ}, frozenset(), os.environ)
    if plan is None:
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - options that only it understands
    rewriter = Rewriter(folder)
    rewriter.install(library_path)
    interpreter.run(plan, library_path, fresh, rewrite=rewriter.code)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)

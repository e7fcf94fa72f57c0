"""What this project tells a user who gave it something wrong.

ProjectError                    base of all: the message is for people, no traceback is shown
 ├── SettingsError              a settings file: every mistake in it, at once           exit status 2
 ├── UsageError                 the command line: an unknown name, a value of the wrong type   exit status 2
 └── RunError                   something that ran has failed                          exit status 1
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ProjectError(Exception):
    """Base of all errors that are shown without a traceback."""

    exit_status = 1


class UsageError(ProjectError):
    """The command line asks for something that does not exist or does not fit."""

    exit_status = 2


class SettingsError(ProjectError):
    """A settings file says something wrong; ``problems`` holds every mistake, one line each."""

    exit_status = 2

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class RunError(ProjectError):
    """A pipeline, a step or a request has failed."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` where a known name is close, otherwise the known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known: {', '.join(names)}." if names else "None are known."

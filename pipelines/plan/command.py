"""``python -m pipelines plan``, and the question before an upsert."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from pipelines.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.plan.plan import Plan

DESCRIPTION = """Show what an upsert would change, and what a run after it would do: which steps come from the cache,
and for each of the others the argument that differs. Only reads; publishes nothing."""

EPILOG = """exit status: 0 nothing would change, 2 something would, 1 it cannot be told

examples:
  python -m pipelines plan
  python -m pipelines plan --env prod --param InputData=s3://bucket/new/
  python -m pipelines plan --format json | jq '.steps[] | select(.outcome != "hit")'
"""

UPSERT = (
    "Show the plan and ask; then publish code and settings, and create or update the pipeline. "
    "Without a terminal it refuses to change anything unless --yes is given. 'run' and scripts/demo do not ask."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``plan``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--format", choices=("text", "json"), default="text")


def show(plan: Plan, console: Console, form: str = "text") -> int:
    """Print the plan; the exit status."""
    from pipelines.plan import show

    if form == "json":
        sys.stdout.write(f"{show.as_json(plan)}\n")
    else:
        show.show(plan, console)
    return 2 if plan.changed else 0


def agreed(plan: Plan, yes: bool) -> bool:  # noqa: FBT001 - the option, as it was given
    """Whether the user wants it. Raises UsageError where nobody is there to ask."""
    if yes:
        return True
    verb = "Update" if plan.exists else "Create"
    if not sys.stdin.isatty():
        raise UsageError(f"{verb} pipeline {plan.pipeline}? There is no terminal to ask; give --yes.")
    try:
        return input(f"{verb} pipeline {plan.pipeline}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False

"""Findings as a table, as lines or as JSON; and the rules themselves."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.lint.finding import Finding
from pipelines.lint.rules import RULES


def print_text(findings: Sequence[Finding], *, excepted: int, reasons: Path | None) -> None:
    """A table where a terminal shows it, else a line each; then how many."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_table(findings)) if findings else None
    else:
        for each in findings:
            line = f"{each.rule}  {each.place}  {each.what}  fix: {each.fix}"
            console.print(line, markup=False, soft_wrap=True)
    count = Counter(each.severity for each in findings)
    said = ", ".join(f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in sorted(count.items()))
    meant = (
        f"; {excepted} more {'is' if excepted == 1 else 'are'} meant to be there: {_short(reasons)}"
        if excepted
        else ""
    )
    console.print(f"{said or 'clean'}{meant}", markup=False, soft_wrap=True)


def print_json(findings: Iterable[Finding]) -> None:
    """A list of objects, in the order of the rules."""
    text = json.dumps([asdict(each) for each in findings], indent=2, ensure_ascii=False)
    sys.stdout.write(f"{text}\n")


def print_rules() -> None:
    """The rules with what, why and what to do."""
    for rule in RULES.values():
        only = f" (where {rule.demand} is demanded)" if rule.demand else ""
        head = f"{rule.id}  {rule.name}  {rule.severity}{only}"
        sys.stdout.write(f"{head}\n      {rule.what}: {rule.why}.\n      fix: {rule.fix}.\n")


def _short(file: Path | None) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return str(file.relative_to(here) if file and file.is_relative_to(here) else file)


def _table(findings: Iterable[Finding]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("rule", "where", "what", "fix"):
        table.add_column(title, overflow="fold")
    for each in findings:
        colour = "red" if each.severity == "error" else "yellow"
        table.add_row(Text(f"{each.rule} {each.name}", colour), *map(Text, (each.place, each.what, each.fix)))
    return table

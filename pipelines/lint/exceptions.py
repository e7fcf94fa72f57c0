"""Findings that are meant to be there, each with its reason, in a file beside the code: JSON has no comments."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import SettingsError, suggestion
from pipelines.lint.finding import Finding
from pipelines.lint.rules import RULES

OURS = Path(__file__).parent / "exceptions.toml"  # what we leave as it is in our own pipelines, and why


@dataclass(frozen=True)
class Except:
    """Steps in which a rule is not meant to hold."""

    rule: str
    steps: tuple[str, ...]
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is meant to be there."""
        return finding.rule == self.rule and finding.step in self.steps


def read_exceptions(file: Path) -> list[Except]:
    """The ``[[except]]`` tables of a file. Raises SettingsError, naming every table that is none."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8")).get("except", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{file.name}: is not valid TOML: {error}"]) from None
    found, problems = [], []
    for number, table in enumerate(tables if isinstance(tables, list) else [tables], 1):
        try:
            found.append(_exception(table if isinstance(table, dict) else {}))
        except ValueError as error:
            problems.append(f"{file.name}: except {number}{error}")
    if problems:
        raise SettingsError(problems)
    return found


def _exception(table: Mapping[str, Any]) -> Except:
    rule, steps, reason = table.get("rule"), table.get("steps"), table.get("reason")
    if not isinstance(rule, str) or rule not in RULES:
        raise ValueError(f": there is no rule {rule!r}. {suggestion(str(rule), RULES)}")
    named = isinstance(steps, list) and bool(steps) and all(isinstance(step, str) for step in steps)
    if not isinstance(steps, list) or not named or not isinstance(reason, str) or not reason.strip():
        raise ValueError(f" ({rule}): give steps, a list of their names, and a reason")
    return Except(rule, tuple(steps), reason)

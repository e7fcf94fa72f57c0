"""What a rule found, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pipelines.lint.subject import Subject

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Found:
    """One place where a rule does not hold."""

    step: str  # a step's or a parameter's name; empty for the pipeline as a whole
    argument: str  # the path from there, as ``ProcessingOutputConfig.Outputs['train']``; may be empty
    what: str
    fix: str = ""  # where this place knows better than the rule


@dataclass(frozen=True)
class Rule:
    """One thing that is looked for."""

    id: str
    name: str
    severity: Severity  # an error breaks a run or fools its reader; a warning makes that likely
    what: str
    why: str
    fix: str
    look: Callable[[Subject], Iterable[Found]]
    demand: str = ""  # it looks only where the environment demands this; see ``subject.DEMANDS``


@dataclass(frozen=True)
class Finding:
    """What a rule found, as it is reported."""

    rule: str
    name: str
    severity: Severity
    step: str
    argument: str
    what: str
    fix: str

    @property
    def place(self) -> str:
        """``step.argument``, or ``pipeline``."""
        return ".".join(filter(None, (self.step, self.argument))) or "pipeline"

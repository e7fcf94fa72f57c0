"""What a tuning job tells on its way: a log of its own, one line whenever a trial ends.

On AWS a tuning job has no log; here it is the place to see how a long search is doing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_sagemaker import logs
from local_sagemaker.tuning import trials
from local_sagemaker.tuning.plan import Plan
from local_sagemaker.tuning.warm_start import Inheritance

Document = dict[str, Any]


class Progress:
    """Writes the log of one tuning job."""

    def __init__(self, log: Path, plan: Plan) -> None:
        self._log = log
        self._plan = plan

    def begin(self, inherited: Inheritance) -> None:
        """Say which trials of other tuning jobs count, and which do not and why."""
        if inherited.used or inherited.dropped:
            self._say(f"Warm start with {len(inherited.used)} trials of the parents.")
        for name, reason in inherited.dropped.items():
            self._say(f"Warm start without {name}: {reason}.")

    def ended(self, summary: Document, everything: Sequence[Document]) -> None:
        """Say how a trial ended, and how the search stands."""
        value, early = trials.objective(summary), summary.get("_StoppedEarly")
        how = summary["TrainingJobStatus"]
        if early:
            how += f" early after round {early['Round']}, at {early['Value']:g} where {early['Bar']:g} was the bar"
        found = "no objective value" if value is None else f"objective {value:g}"
        self._say(f"{summary['TrainingJobName']}: {how}, {found}. {self._standing(everything)}")

    def _standing(self, everything: Sequence[Document]) -> str:
        ended = sum(each["TrainingJobStatus"] not in trials.RUNNING for each in everything)
        early = sum("_StoppedEarly" in each for each in everything)
        best = trials.best(everything, minimize=self._plan.minimize)
        name = f"{trials.objective(best):g} by {best['TrainingJobName']}" if best else "none yet"
        return (
            f"{ended} of at most {self._plan.trials} done, {len(everything) - ended} running, "
            f"{early} stopped early; best: {name}"
        )

    def _say(self, text: str) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as file:
            file.write(logs.format_line(datetime.now(UTC), text))

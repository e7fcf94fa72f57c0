"""What early stopping and a warm start saved. Estimates: nobody ran the trials that were saved."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

from containers.tuning.trials import Search


def by_early_stopping(search: Search) -> dict[str, Any]:
    """How many trials were stopped, and how much longer they would have taken: to the median of the finished ones."""
    finished = [trial.seconds for trial in search.trials if trial.status == "Completed" and trial.seconds]
    stopped = [trial.seconds or 0.0 for trial in search.trials if trial.status == "Stopped"]
    found: dict[str, Any] = {"enabled": search.early_stopping, "trials_stopped": len(stopped)}
    if not stopped:
        return found | {"seconds_saved": 0.0}
    if not finished:
        return found | {
            "seconds_saved": None,
            "reason": "no trial ran to its end, so there is nothing to compare",
        }
    typical = median(finished)
    return found | {"seconds_saved": sum(max(0.0, typical - seconds) for seconds in stopped)}


def by_warm_start(search: Search, parents: Sequence[Search]) -> dict[str, Any] | None:
    """How many trials sooner than its best parent this search had found what that parent found; None without one."""
    best_parent = min(
        (parent for parent in parents if parent.best),
        key=lambda parent: search.cost(parent.best.objective if parent.best else None),
        default=None,
    )
    if not best_parent or not best_parent.best:
        return None
    value = best_parent.best.objective
    reached = [trial.number for trial in search.trials if search.cost(trial.objective) <= search.cost(value)]
    warm, cold = (reached[0] if reached else None), best_parent.best.number
    lengths = [trial.seconds for trial in search.trials if trial.seconds is not None]
    saved = None if warm is None else cold - warm
    return {
        "type": search.warm_start,
        "parents": list(search.parents),
        "parent_best": value,
        "parent_trials_until_then": cold,
        "trials_until_then": warm,
        "trials_saved": saved,
        "seconds_saved": None if saved is None or not lengths else saved * fmean(lengths),
        **({} if warm else {"reason": "no trial came up to the parents' best"}),
    }

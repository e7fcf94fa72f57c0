"""The best models of a search, side by side: the one that is judged, and those that came close on validation.

Which model is judged was decided by the validation rows, before anybody looked at the test rows, and stays so: the
table is there to see whether the choice was a close one, not to choose again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing.model_archive import TrainedModel, load
from containers.processing.report import Scored, measure


def runners_up(paths: ProcessingPaths) -> list[TrainedModel]:
    """The models in the inputs ``model-2``, ``model-3`` and so on; none where nothing was searched."""
    folders = (paths.input(contract.candidate(rank)) for rank in count(2))
    found: list[TrainedModel] = []
    for folder in folders:
        if not folder.is_dir():
            return found
        found.append(load(folder))
    return found


def table(models: Sequence[tuple[TrainedModel, Scored, Scored]], rule: str) -> list[dict[str, Any]]:
    """A row for each model, with its scores of the validation and of the test rows: how it was made, how it does."""
    return [
        {
            "rank": rank,
            "hyperparameters": model.description.get("hyperparameters", {}),
            "best_iteration": model.description.get("best_iteration"),
            **measure(model.problem, validation, test, rule),
        }
        for rank, (model, validation, test) in enumerate(models, start=1)
    ]

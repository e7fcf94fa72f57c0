"""What can be wrong with a use case's table [batch], between it and the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from containers import contract
from pipelines.errors import suggestion

if TYPE_CHECKING:
    from pipelines.config import UseCase

RUN = (contract.RUN_DATE, contract.EXECUTION)
ADDED = (contract.DECISION, contract.PROBABILITY, contract.PREDICTION, contract.MODEL_VERSION)


def problems(usecase: UseCase) -> list[str]:
    """Partitions that are none, and columns whose names the scores need."""
    found = []
    for name in usecase.batch_partitions:
        if name not in (*RUN, *usecase.columns):
            found.append(
                f"batch.partition_by: there is no column '{name}'. {suggestion(name, [*RUN, *usecase.columns])}"
            )
        elif usecase.columns.get(name) == "number":
            found.append(
                f"batch.partition_by: '{name}' is a number, which has too many values to part rows by"
            )
    taken = [name for name in usecase.columns if name in (*RUN, *ADDED)]
    if taken:
        found.append(
            f"columns: batch scoring adds columns of its own called {', '.join(taken)}; rename yours"
        )
    return found

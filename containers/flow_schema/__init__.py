"""What a prep flow may say, and what is wrong with one. Standard library only: checked anywhere.

    problems([{"operator": "scale", "columns": ["agee"]}], {"age": "integer", "y": "string"}, "y")
    -> ["flow 1 (scale): 'method' is missing: standard, min_max or robust",
        "flow 1 (scale): there is no column 'agee'. Did you mean 'age'?"]

operators   the table of operators and their fields
fields      one step by itself: its fields and their values
columns     the columns, followed through the whole flow
formula     the language of the ``formula`` operator
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter

from containers.flow_schema.columns import follow, raw_columns
from containers.flow_schema.fields import field_problems
from containers.flow_schema.operators import OPERATORS, TYPES, Field, Operator, Step, complete

__all__ = ["OPERATORS", "TYPES", "Field", "Operator", "Step", "complete", "problems", "raw_columns"]


def problems(
    flow: Sequence[Step], columns: Mapping[str, str], label: str, *, multiclass: bool = False
) -> list[str]:
    """Every mistake in ``flow``, each a sentence that says where, what, and what would be right; [] if none.

    ``columns`` is the raw schema, name -> type, and ``label`` the column that is learned. ``multiclass``
    matters where a column is encoded by the label: it then becomes one column per class.
    """
    found = follow(flow, columns, label, multiclass=multiclass)
    for number, step in enumerate(flow, 1):
        where = f"flow {number} ({step.get('operator', '?') if isinstance(step, Mapping) else '?'})"
        found += [(number, f"{where}: {mistake}") for mistake in field_problems(step)]
    return [problem for _, problem in sorted(found, key=itemgetter(0))]

"""The prep flow: fitted once on the training rows, kept as plain JSON, applied to any row from then on.

    fitted = fit(flow, train, columns=columns, label="income", problem="binary", positive=">50K")
    features = apply(fitted, rows)                  # the same numbers for one row as for a million
    again = FittedFlow.from_json(fitted.to_json())  # what serving does

pandas and numpy only: this package travels with the processing image and inside the model.

table       raw values to canonical columns: numbers, texts, times
label       what is learned: 0/1, the index of a class, or the number itself
fitted      fit, apply, and the JSON
shape       drop, keep, rename, cast         missing     impute
categories  text, encode                     numbers     scale, outliers, bin
dates       date_parts                       formula     formula
"""

from containers.flow.errors import FlowError
from containers.flow.fitted import FittedFlow, apply, deduplicate, fit, matrix, transform
from containers.flow.label import Label

__all__ = ["FittedFlow", "FlowError", "Label", "apply", "deduplicate", "fit", "matrix", "transform"]

"""What can be wrong between a use case's facets, its label and its columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.config import Facet, UseCase


def problems(usecase: UseCase) -> list[str]:
    """Each mistake, with its place and what would be right."""
    found = [problem for facet in usecase.facets for problem in _facet(facet, usecase)]
    named = Counter((facet.column, facet.values) for facet in usecase.facets)
    found += [
        f"facets: {column} {list(values)} stands there twice"
        for (column, values), n in named.items()
        if n > 1
    ]
    return [*found, *_label_values(usecase), *_reweigh(usecase)]


def _facet(facet: Facet, usecase: UseCase) -> list[str]:
    place = f"facets: '{facet.column}'"
    found = []
    if facet.column == usecase.label:
        found.append(f"{place} is the label; a facet is a group of rows, not their outcome")
    kind = usecase.columns.get(facet.column)
    if kind == "timestamp":
        found.append(f"{place} holds points in time; make groups of them in a column of its own")
    if kind == "number" and (len(facet.values) != 1 or isinstance(facet.values[0], str | bool)):
        found.append(f"{place} holds numbers: values must be one number, the facet is the rows above it")
    if not usecase.fairness.group_variable:
        found += [
            f"{place}: {limit} needs fairness.group_variable, the column within whose values it compares"
            for limit in facet.parsed
            if limit.grouped
        ]
    return found


def _label_values(usecase: UseCase) -> list[str]:
    values = usecase.fairness.label_values
    match usecase.problem:
        case "binary" if values:
            return ["fairness.label_values: belongs to problems that are not binary; here it is 'positive'"]
        case "multiclass" if usecase.facets and not values:
            return [
                "fairness.label_values: say which values of the label are the good outcome, as there are facets"
            ]
        case "regression" if usecase.facets and (len(values) != 1 or isinstance(values[0], str)):
            return ["fairness.label_values: give one number, above which the outcome is a good one"]
    return []


def _reweigh(usecase: UseCase) -> list[str]:
    if usecase.fairness.reweigh and not usecase.facets:
        return ["fairness.reweigh: weighs rows by facet and label, so it needs facets"]
    return []

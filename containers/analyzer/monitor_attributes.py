"""Which columns the attributes of model quality mean: a column's name, the number of one, or a part's own value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from containers.analyzer.capture import TRUTH
from containers.analyzer.predictions import ModelQualityConfig
from containers.processing.job import DataError

OUTPUTS = ("endpointOutput", "batchTransformOutput")


def resolve(config: ModelQualityConfig, columns: Sequence[str]) -> ModelQualityConfig:
    """The same with the names of columns. An attribute that means none is left as it is, for its user to complain.

    ``0`` is the first column of a file without header, and the first value of an answer in merged data, where the
    truth, if nothing names it, is the one column that ``groundTruthData`` has.

    Raises:
        DataError: nothing names the truth, and there are several columns that it may be, or none.
    """
    return replace(
        config,
        ground_truth_attribute=_truth(config.ground_truth_attribute, columns),
        inference_attribute=_output(config.inference_attribute, columns),
        probability_attribute=_output(config.probability_attribute, columns),
    )


def _truth(name: str, columns: Sequence[str]) -> str:
    if name:
        return _first((name, f"{TRUTH}_{name}", f"_c{name}"), columns)
    found = [column for column in columns if column.startswith(f"{TRUTH}_")]
    if len(found) != 1:
        raise DataError(
            "ground_truth_attribute: not given, and no single column can be meant: "
            f"{TRUTH} has {', '.join(found) or 'none'}; all columns are {', '.join(columns)}"
        )
    return found[0]


def _output(name: str | None, columns: Sequence[str]) -> str | None:
    if name is None:
        return None
    return _first((name, *(f"{part}_{name}" for part in OUTPUTS), f"_c{name}"), columns)


def _first(names: Sequence[str], columns: Sequence[str]) -> str:
    return next((name for name in names if name in columns), names[0])

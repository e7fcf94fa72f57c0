"""What explains our own model on the prepared test rows, exactly, and whether its reasons have changed.

Clarify would ask the model behind an endpoint again and again (Kernel SHAP). Of a model of trees that we hold in our
hands the values can be read off: the same file, ``analysis.json``, which says whose method it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from containers import checks, prepared
from containers.analyzer import clarify_report, shap_drift
from containers.analyzer.analysis_report import VERSION, text
from containers.analyzer.explain import EXPLANATIONS, Explanations
from containers.analyzer.explain_config import PdpConfig, ShapConfig
from containers.analyzer.kernel_shap import Model
from containers.analyzer.pdp import PartialDependence, partial_dependence
from containers.analyzer.shap_values import ShapValues
from containers.analyzer.tree_shap import tree_shap
from containers.contract import MODEL, TEST, ProcessingPaths
from containers.processing.job import DataError
from containers.processing.model_archive import TrainedModel, load, load_flow

ROWS = (
    500  # over which partial dependence is averaged: ten features at fifteen values each are 75,000 questions
)


def main(settings: Mapping[str, Any], paths: ProcessingPaths, output: Path, baseline: Path | None) -> None:
    """Write ``analysis.json``, and the violations where the order of the features has changed.

    Raises:
        DataError: the model or the rows are wrong, or the baseline is none of explanations.
    """
    folder = paths.input(MODEL)
    model = load(folder)
    rows = prepared.read(paths.input(TEST), TEST, model.features).features.to_pandas()
    config = ShapConfig.from_method(settings["methods"]["shap"], model.features)
    values = tree_shap(model.booster, rows, labels=model.classes if model.problem == "multiclass" else ())
    groups = made_of(folder, model)
    known = Known(rows, groups)
    found = values.grouped(groups)
    curves = dependence(model, known, found)
    explanations = Explanations(found, curves, config)
    document = {"version": VERSION, EXPLANATIONS: explanations.document()}
    (output / checks.ANALYSIS_FILE).write_text(text(document), encoding="utf-8")
    explanations.write(output)
    drawn = clarify_report.pictures(found, known.rows, clarify_report.title_of(settings), output)
    clarify_report.write(settings, document, explanations, None, output, drawn)
    if baseline is not None:
        compare(document, baseline / checks.ANALYSIS_FILE, output / checks.VIOLATIONS_FILE)


def made_of(folder: Path, model: TrainedModel) -> dict[str, list[str]]:
    """The features that one column was encoded into, by column: they are one reason, whatever values there are."""
    groups: dict[str, list[str]] = {}
    for step in load_flow(folder).steps:
        for column, learned in (step.get("learned") or {}).items():
            made = learned.get("columns", ()) if isinstance(learned, Mapping) else ()
            members = [name for name in made if name in model.features]
            if step["operator"] == "encode" and len(members) > 1:
                groups[column] = members
    return groups


class Known:
    """The rows by the columns that people know: of columns that say yes to one of a column's values, that value."""

    def __init__(self, rows: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> None:
        """``groups``: the features that one column was encoded into. Means of classes are left as they are."""
        self._features = list(rows.columns)
        self._groups = {
            group: list(members)
            for group, members in groups.items()
            if np.isin(rows[list(members)].to_numpy(dtype=np.float64), (0.0, 1.0)).all()
        }
        of = {member: group for group, members in self._groups.items() for member in members}
        known: dict[str, Any] = {}
        for name in self._features:
            group = of.get(name)
            if group is None:
                known[name] = rows[name]
            elif group not in known:
                known[group] = self._values(rows, group)
        self.rows = pd.DataFrame(known)
        for group in groups.keys() - self._groups.keys():  # something to draw it by
            self.rows[group] = rows[groups[group][0]]

    def encoded(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of this kind as the model's features."""
        made: dict[str, Any] = {}
        for group, members in self._groups.items():
            for member in members:
                made[member] = (rows[group] == member.removeprefix(f"{group}_")).to_numpy(dtype=np.float64)
        return pd.DataFrame({name: made.get(name, rows.get(name)) for name in self._features})

    def _values(self, rows: pd.DataFrame, group: str) -> pd.Series[Any]:
        members = self._groups[group]
        yes = rows[members].to_numpy(dtype=np.float64)
        texts = np.array([member.removeprefix(f"{group}_") for member in members], dtype=object)
        return pd.Series(np.where(yes.any(axis=1), texts[yes.argmax(axis=1)], None), index=rows.index)


def dependence(model: TrainedModel, known: Known, values: ShapValues) -> tuple[PartialDependence, ...]:
    """The partial dependence on the features that matter most, over some of the rows, picked evenly."""
    some = known.rows.iloc[:: -(-len(known.rows) // ROWS)].reset_index(drop=True)

    def predict(rows: pd.DataFrame) -> Any:
        table = pa.Table.from_pandas(known.encoded(rows), preserve_index=False)
        return model.score(prepared.Rows(TEST, np.zeros(len(rows)), table))

    labels = values.labels if len(values.labels) > 1 else ()
    shown = [name for name in values.ranking() if name in known.rows][: PdpConfig().top_k_features]
    ask = Model(predict)
    return tuple(partial_dependence(some, name, ask, PdpConfig().grid_resolution, labels) for name in shown)


def compare(document: Mapping[str, Any], baseline: Path, report: Path) -> None:
    """Write the violation ``report``, where there are any."""
    try:
        found = shap_drift.violations(document, json.loads(baseline.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the baseline {baseline.name} is no analysis of explanations: {error}") from None
    if found:
        entries = {"version": VERSION, "violations": [asdict(each) for each in found]}
        report.write_text(text(entries), encoding="utf-8")

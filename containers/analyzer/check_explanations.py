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

from containers import checks, prepared
from containers.analyzer import shap_drift
from containers.analyzer.analysis_report import VERSION, text
from containers.analyzer.explain import EXPLANATIONS, Explanations
from containers.analyzer.explain_config import ShapConfig
from containers.analyzer.explanation_pictures import draw
from containers.analyzer.tree_shap import tree_shap
from containers.contract import MODEL, TEST, ProcessingPaths
from containers.processing.job import DataError
from containers.processing.model_archive import TrainedModel, load, load_flow


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
    explanations = Explanations(values.grouped(groups), config=config)
    document = {"version": VERSION, EXPLANATIONS: explanations.document()}
    (output / checks.ANALYSIS_FILE).write_text(text(document), encoding="utf-8")
    explanations.write(output)
    if explanations.shap is not None:
        title = str(settings.get("methods", {}).get("report", {}).get("title", ""))
        draw(explanations.shap, as_known(rows, groups), title, output)
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


def as_known(rows: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The rows by the columns that were encoded: of columns that say yes to one of their values, that value.

    What was encoded into several numbers (the mean of each class) is shown by the first of them.
    """
    known = {}
    group_of = {member: group for group, members in groups.items() for member in members}
    for name in rows.columns:
        group = group_of.get(name)
        if group is None:
            known[name] = rows[name]
        elif group not in known:
            members = list(groups[group])
            yes = rows[members].to_numpy(dtype=np.float64)
            if not np.isin(yes, (0.0, 1.0)).all():
                known[group] = rows[members[0]]
                continue
            texts = np.array([member.removeprefix(f"{group}_") for member in members], dtype=object)
            chosen = np.where(yes.any(axis=1), texts[yes.argmax(axis=1)], None)
            known[group] = pd.Series(chosen, index=rows.index)
    return pd.DataFrame(known)


def compare(document: Mapping[str, Any], baseline: Path, report: Path) -> None:
    """Write the violation ``report``, where there are any."""
    try:
        found = shap_drift.violations(document, json.loads(baseline.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the baseline {baseline.name} is no analysis of explanations: {error}") from None
    if found:
        entries = {"version": VERSION, "violations": [asdict(each) for each in found]}
        report.write_text(text(entries), encoding="utf-8")

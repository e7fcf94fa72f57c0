"""Why a model predicts what it predicts, in the files of Clarify: global and local SHAP values, partial dependence.

``explain`` asks any model (Kernel SHAP); ``tree_shap`` reads the values off trees. Both end as ``Explanations``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from containers.analyzer.explain_config import PdpConfig, ShapConfig
from containers.analyzer.kernel_shap import BATCH, Model, Predict, kernel_shap
from containers.analyzer.pdp import PartialDependence, partial_dependence
from containers.analyzer.shap_baseline import computed
from containers.analyzer.shap_values import KERNEL, ShapValues
from containers.processing.job import DataError

__all__ = ["Explanations", "PdpConfig", "ShapConfig", "explain"]

EXPLANATIONS = "explanations"  # the key in analysis.json
FOLDER, LOCAL, BASELINE = "explanations_shap", "out.csv", "baseline.csv"


@dataclass(frozen=True)
class Explanations:
    """What was found; what was not asked for is None or empty."""

    shap: ShapValues | None = None
    pdp: tuple[PartialDependence, ...] = ()
    config: ShapConfig = field(default_factory=ShapConfig)

    def document(self) -> dict[str, Any]:
        """The object ``explanations`` of ``analysis.json``.

        Values stand under ``kernel_shap`` whatever the method, for that is where Clarify's readers look; if they are
        not Kernel SHAP's, ``shap_method`` says whose.
        """
        made: dict[str, Any] = {}
        if self.shap is not None:
            made[KERNEL] = self.shap.document(self.config.agg_method, self.config.features_to_explain)
            if self.shap.method != KERNEL:
                made["shap_method"] = self.shap.method
        if self.pdp:
            made["pdp"] = [each.document() for each in self.pdp]
        return made

    def write(self, folder: Path) -> list[Path]:
        """Write ``explanations_shap/``: the baseline, the local values if they are to be saved; give their paths."""
        if self.shap is None:
            return []
        tables: dict[str, pd.DataFrame | None] = {BASELINE: self.shap.baseline}
        if self.config.save_local_shap_values:
            tables[LOCAL] = self.shap.table(self.config.features_to_explain)
        written = []
        for name, table in tables.items():
            if table is not None:
                (folder / FOLDER).mkdir(parents=True, exist_ok=True)
                table.to_csv(folder / FOLDER / name, index=False)
                written.append(folder / FOLDER / name)
        return written


def explain(
    rows: pd.DataFrame,
    predict: Predict,
    shap: ShapConfig | None,
    pdp: PdpConfig | None,
    label_headers: Sequence[str] = (),
    batch: int = BATCH,
) -> Explanations:
    """Explain a model that can be asked.

    Args:
        rows: features only; columns may hold text. The model is shown their names as texts, also where they are
            numbers.
        predict: rows to predictions, (rows,) or (rows, labels). It is asked about ``batch`` rows at once.
        shap: None: not asked for.
        pdp: None: not asked for.
        label_headers: names of the outputs; Clarify's ``label0``, … where there is not one for each.
        batch: it changes nothing but memory and speed.

    Raises:
        DataError: it cannot be done; the text says why.
    """
    if pdp and not pdp.features and shap is None:
        raise DataError(
            "Analysis configuration schema validation error. pdp needs 'features' where shap is not asked for."
        )
    rows = rows.set_axis(rows.columns.map(str), axis=1)
    values = None
    if shap is not None:
        values = kernel_shap(
            rows,
            predict,
            computed(rows, shap.num_clusters, shap.seed) if shap.baseline is None else shap.baseline,
            samples=shap.num_samples,
            use_logit=shap.use_logit,
            seed=shap.seed,
            labels=tuple(label_headers),
            batch=batch,
        )
    curves: tuple[PartialDependence, ...] = ()
    if pdp is not None:
        ask = Model(predict, batch)
        named = pdp.features or most_important(values, shap, pdp.top_k_features)
        curves = tuple(
            partial_dependence(rows, name, ask, pdp.grid_resolution, label_headers) for name in named
        )
    return Explanations(values, curves, shap or ShapConfig())


def most_important(values: ShapValues | None, shap: ShapConfig | None, count: int) -> list[str]:
    """The features that matter most."""
    return values.ranking(shap.agg_method)[:count] if values is not None and shap is not None else []

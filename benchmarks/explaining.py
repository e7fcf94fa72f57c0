"""What explaining takes beside shap's ``KernelExplainer``: the same model, rows, baseline and number of coalitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from benchmarks.measure import in_turns
from benchmarks.table import TIMES, Row
from benchmarks.workshop import ROOT, Workshop
from containers.analyzer.kernel_shap import kernel_shap
from containers.analyzer.shap_baseline import computed
from containers.analyzer.shap_drift import similarity
from containers.analyzer.shap_values import ShapValues

DATA = ROOT.parent / "shared" / "data" / "adult" / "adult.data"
ROWS = 10_000
FEW = 40  # rows that KernelExplainer is measured with: it takes one after the other, so its time is scaled up
FAR = 2_000  # rows of the baseline that nobody has anything in common with, which is slower


def explaining(workshop: Workshop) -> Iterator[Row]:
    """Ours ÷ shap's, with the baseline that is made of the data, and with one far from it; none without the data."""
    if not DATA.is_file():
        workshop.say(f"there is no {DATA.name}, so explaining is not measured")
        return
    rows, model = adult()
    near = computed(rows, clusters=1)
    far = rows.mean().to_frame().T + 0.5
    for name, count, baseline, target in (("shap", ROWS, near, 1 / 50), ("shap-far", FAR, far, None)):
        sides = Sides(rows[:count], model, baseline)
        found = in_turns(sides.measured(), workshop.turns, workshop.say)
        ours, theirs = found["our SHAP"], found["KernelExplainer"].scaled(count / FEW)
        what = "made of the data" if target else "that no row has a value in common with"
        yield Row(
            name,
            f"global SHAP of {count:,} rows of Adult ÷ KernelExplainer, baseline {what}",
            ours.over(theirs),
            TIMES,
            target,
            f"{theirs.over(ours).median:.0f} times as fast: {ours.median:.1f} s beside {theirs.median:.0f} s (scaled "
            f"up from {FEW}); {sides.asked / count:.0f} predictions a row; ranking alike {sides.alike():.4f} of 1",
        )


@dataclass
class Sides:
    """Both ways to the same values."""

    rows: pd.DataFrame
    model: xgb.Booster
    baseline: pd.DataFrame
    asked: int = 0  # predictions, by ours
    ours: ShapValues | None = None
    theirs: Any = field(default=None)

    def measured(self) -> dict[str, Callable[[], float]]:
        """By name; each returns seconds."""
        return {"our SHAP": self._ours, "KernelExplainer": self._theirs}

    def alike(self) -> float:
        """How well the two rankings agree, over the rows that both have explained."""
        assert self.ours is not None  # noqa: S101 - it was measured
        ours = np.abs(self.ours.values[:FEW, :, 0]).mean(axis=0)
        theirs = np.abs(self.theirs).mean(axis=0)
        names = self.ours.features
        return similarity(dict(zip(names, ours, strict=True)), dict(zip(names, theirs.tolist(), strict=True)))

    def _predict(self, rows: Any) -> Any:
        self.asked += len(rows)
        return self.model.inplace_predict(np.asarray(rows))

    def _ours(self) -> float:
        self.asked = 0
        began = time.perf_counter()
        self.ours = kernel_shap(self.rows, self._predict, self.baseline)
        ended = time.perf_counter()
        return ended - began

    def _theirs(self) -> float:
        import shap  # takes a second, which is not measured

        explainer = shap.KernelExplainer(self.model.inplace_predict, self.baseline.to_numpy())
        began = time.perf_counter()
        # Without its selection of features: the same least squares as ours.
        self.theirs = explainer.shap_values(self.rows[:FEW].to_numpy(), l1_reg=False, silent=True)
        ended = time.perf_counter()
        return ended - began


def adult() -> tuple[pd.DataFrame, xgb.Booster]:
    """Adult's 14 features as numbers, in another order, and trees that were trained on them."""
    data = pd.read_csv(DATA, header=None, skipinitialspace=True).sample(frac=1, random_state=0)
    coded = data.apply(lambda column: pd.factorize(column)[0] if column.dtype == object else column)
    rows = coded.iloc[:, :-1].set_axis([f"column {index}" for index in range(14)], axis=1)
    labels = data.iloc[:, -1] == ">50K"
    parameters = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.2}
    return rows.reset_index(drop=True), xgb.train(parameters, xgb.DMatrix(rows.to_numpy(), labels), 60)

"""What a tuning job searches, and how hard: plain records that a use case's ``[tuning]`` table fills in.

No SDK import. What is wrong between them is found by ``pipelines.tuning_checks``, what is unwise by
``pipelines.tuning_lint``. Semantics: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Strategy = Literal["Bayesian", "Random", "Grid", "Hyperband"]
Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]
Direction = Literal["Maximize", "Minimize"]
WarmStartType = Literal["IdenticalDataAndAlgorithm", "TransferLearning"]
Kind = Literal["Integer", "Continuous", "Categorical"]


@dataclass(frozen=True)
class Range:
    """The values that one hyperparameter may take: from ``min`` to ``max``, or one of ``values``."""

    min: int | float | None = None
    max: int | float | None = None
    scaling: Scaling = (
        "Auto"  # Logarithmic for what spans decades, ReverseLogarithmic for what comes close to 1
    )
    values: tuple[str | int | float, ...] = ()

    @property
    def kind(self) -> Kind:
        """By how the bounds are written: 3 and 8 are whole numbers and search those only, 3.0 and 8.0 are not."""
        if self.values:
            return "Categorical"
        return "Integer" if isinstance(self.min, int) and isinstance(self.max, int) else "Continuous"


@dataclass(frozen=True)
class WarmStart:
    """What a search already knows: finished tuning jobs whose trials count as its first."""

    type: WarmStartType
    parents: tuple[str, ...]  # names of tuning jobs, at most five


@dataclass(frozen=True)
class Tuning:
    """One search."""

    enabled: bool = False  # otherwise one training job with the fixed hyperparameters
    strategy: Strategy = "Bayesian"
    objective: str = ""  # such as validation:auc; "": the metric that decides on early stopping in training
    direction: Direction | None = None  # known for XGBoost's own metrics
    ranges: Mapping[str, Range] = field(default_factory=dict)  # of the hyperparameters that are searched
    jobs: int | None = None  # trials; a grid has as many as it has cells
    parallel: int = 2  # of them at a time: a Bayesian search learns from those that have ended
    max_minutes: int | None = None  # of the whole search
    early_stopping: Literal["Auto", "Off"] = "Auto"
    target: float | None = None  # the search ends when a trial reaches it
    not_improving: int | None = None  # … or after so many trials that were hardly better
    convergence: bool = False  # … or when AWS finds that more trials will not help
    min_resource: int | None = None  # Hyperband: rounds that every trial gets
    max_resource: int | None = None  # Hyperband: rounds at most
    seed: int = 0
    top: int = 3  # how many of the best models are evaluated; the best of them is the one that is judged
    warm_start: bool = True  # begin with what the searches behind the approved models found

"""The hyperparameters of ``train.py``: what there is, and what it may be. Standard library only.

SageMaker hands every hyperparameter over as text, so this table is what gives them their types back. The
names are XGBoost's own (https://xgboost.readthedocs.io/en/release_3.2.0/parameter.html), with its aliases
understood; how many rounds, when to stop and where to begin are ours.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from containers.contract import EVAL_METRICS

Value = int | float | str

OBJECTIVES = {
    "binary": ("binary:logistic",),
    "multiclass": ("multi:softprob",),
    "regression": (
        "reg:squarederror",
        "reg:absoluteerror",
        "reg:squaredlogerror",
        "reg:pseudohubererror",
        "reg:gamma",
        "reg:tweedie",
        "count:poisson",
    ),
}  # the first of each is the default
METRICS = (
    "auc", "aucpr", "error", "logloss", "merror", "mlogloss",
    "rmse", "rmsle", "mae", "mape", "mphe", "poisson-nloglik", "gamma-nloglik", "gamma-deviance", "tweedie-nloglik",
)  # fmt: skip  # "error@0.7" has a detail besides its name
GROWING = ("auc", "aucpr", "map", "ndcg", "pre")  # of these more is better
ALIASES = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
    "random_state": "seed",
    "num_round": "rounds",
    "num_boost_round": "rounds",
    "n_estimators": "rounds",
}


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter and the values it may have."""

    name: str
    kind: Callable[[str], Value]
    help: str
    low: float = -math.inf
    high: float = math.inf
    above: bool = False  # low itself is too low
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> Value:
        """The value that ``text`` stands for.

        Raises:
            ValueError: it is not one; the text says which would be.
        """
        try:
            value = self.kind(text.strip())
        except ValueError:
            raise ValueError(f"{self.name} must be {self.wanted}, got '{text}'") from None
        if isinstance(value, str):
            right = not self.choices or value in self.choices
        else:
            right = (
                self.low <= value <= self.high
                and math.isfinite(value)
                and not (self.above and value == self.low)
            )
        if not right:
            raise ValueError(f"{self.name} must be {self.wanted}, got '{text}'")
        return value

    @property
    def whole(self) -> bool:
        """Whether only whole numbers will do."""
        return self.kind is _whole

    @property
    def wanted(self) -> str:
        """What a right value is, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices) if len(self.choices) > 1 else self.choices[0]
        if self.kind is str:
            return "a text"
        noun = "a whole number" if self.whole else "a number"
        bounds = []
        if self.low > -math.inf:
            bounds.append(f"above {self.low:g}" if self.above else f"at least {self.low:g}")
        if self.high < math.inf:
            bounds.append(f"at most {self.high:g}")
        return " ".join([noun, " and ".join(bounds)]).strip()


def _whole(text: str) -> int:
    """``6`` and, as tuning jobs write it, ``6.0``."""
    number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


def _table(*parameters: Parameter) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


OURS = _table(
    Parameter("problem", str, "what is predicted", choices=tuple(OBJECTIVES)),
    Parameter("num_class", _whole, "how many classes (multiclass); found out where left out", low=2),
    Parameter("rounds", _whole, "most boosting rounds; early stopping may end sooner", low=1),
    Parameter(
        "early_stopping_rounds", _whole, "stop after so many rounds without improvement; 0 never", low=0
    ),
    Parameter("seed", _whole, "seed of row and column sampling", low=0, high=2**31 - 1),
    Parameter("checkpoint_every", _whole, "rounds between checkpoints; 0 none", low=0),
)
BOOSTER = _table(
    Parameter("eta", float, "learning rate: smaller needs more rounds", low=0, high=1, above=True),
    Parameter("max_depth", _whole, "depth of a tree; 0 unlimited", low=0),
    Parameter("max_leaves", _whole, "leaves of a tree; 0 unlimited", low=0),
    Parameter("grow_policy", str, "which leaf is split next", choices=("depthwise", "lossguide")),
    Parameter("max_bin", _whole, "bins of a feature: more is finer and slower", low=2),
    Parameter("min_child_weight", float, "least weight of a leaf: more is more cautious", low=0),
    Parameter("gamma", float, "least gain of a split", low=0),
    Parameter("lambda", float, "L2 penalty on leaf values", low=0),
    Parameter("alpha", float, "L1 penalty on leaf values", low=0),
    Parameter("max_delta_step", float, "largest step of a leaf; 1 to 10 helps where a class is rare", low=0),
    Parameter("subsample", float, "share of the rows that each tree sees", low=0, high=1, above=True),
    Parameter(
        "colsample_bytree", float, "share of the features that each tree sees", low=0, high=1, above=True
    ),
    Parameter("colsample_bylevel", float, "share of these that each level sees", low=0, high=1, above=True),
    Parameter("colsample_bynode", float, "share of these that each split sees", low=0, high=1, above=True),
    Parameter("num_parallel_tree", _whole, "trees a round", low=1),
    Parameter(
        "scale_pos_weight", float, "weight of positive rows; distorts probabilities", low=0, above=True
    ),
    Parameter("base_score", float, "the prediction before the first tree; estimated where left out"),
    Parameter("monotone_constraints", str, "direction of each feature, such as (1,0,-1)"),
    Parameter("interaction_constraints", str, "features that may meet in a tree, such as [[0,1],[2,3]]"),
    Parameter("objective", str, "the loss; must fit the problem", choices=sum(OBJECTIVES.values(), ())),
    Parameter("eval_metric", str, "metrics, comma-separated; the last one decides on early stopping"),
    Parameter("tweedie_variance_power", float, "of reg:tweedie", low=1, high=2),
    Parameter("huber_slope", float, "of reg:pseudohubererror", low=0, above=True),
    Parameter("booster", str, "the kind of model", choices=("gbtree",)),
    Parameter("tree_method", str, "how splits are found", choices=("hist", "auto")),
)
KNOWN = {**OURS, **BOOSTER}


@dataclass(frozen=True)
class Hyperparameters:
    """How to train."""

    problem: str
    num_class: int | None = None  # multiclass; None: as many as the fitted flow or the labels have
    rounds: int = 100
    early_stopping_rounds: int = 0  # 0: never
    seed: int = 0
    checkpoint_every: int = 50  # rounds; 0: none
    booster: Mapping[str, Value] = field(default_factory=dict)  # by XGBoost's names

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is measured each round; the last one decides on early stopping, as always in XGBoost."""
        named = str(self.booster.get("eval_metric", ""))
        return tuple(part.strip() for part in named.split(",") if part.strip()) or EVAL_METRICS[self.problem]

    @property
    def objective(self) -> str:
        """The loss."""
        return str(self.booster.get("objective", OBJECTIVES[self.problem][0]))


def parse(texts: Mapping[str, str]) -> Hyperparameters:
    """The hyperparameters that ``texts`` stand for; names with ``_`` or ``sagemaker_`` in front are AWS's.

    Raises:
        ValueError: naming every mistake at once.
    """
    mistakes: list[str] = []
    found: dict[str, Value] = {}
    for given, text in texts.items():
        if given.startswith(("_", "sagemaker_")):
            continue
        name = ALIASES.get(given, given)
        if name not in KNOWN:
            mistakes.append(_unknown(given))
        elif name in found:
            mistakes.append(f"{given} is given twice: it is another name for {name}")
        else:
            try:
                found[name] = KNOWN[name].parse(text)
            except ValueError as error:
                mistakes.append(str(error))
    mistakes += _contradictions(found, texts)
    if mistakes:
        raise ValueError("; ".join(mistakes))
    ours = {name: value for name, value in found.items() if name in OURS}
    booster = {name: value for name, value in sorted(found.items()) if name in BOOSTER}
    return Hyperparameters(**ours, booster=booster)  # type: ignore[arg-type]  # parse() gave each its type


def problems(texts: Mapping[str, str]) -> list[str]:
    """Every mistake in these hyperparameters, for whoever checks settings before a job is started."""
    try:
        parse(texts)
    except ValueError as error:
        return str(error).split("; ")
    return []


def from_command_line(arguments: Sequence[str]) -> dict[str, str]:
    """The ``--name value`` pairs that SageMaker's framework toolkit makes of a job's hyperparameters."""
    parser = argparse.ArgumentParser(
        prog="train", description="Train XGBoost on prepared Parquet channels.", allow_abbrev=False
    )
    for title, table in (("how to train", OURS), ("XGBoost's own", BOOSTER)):
        group = parser.add_argument_group(title)
        for parameter in table.values():
            group.add_argument(
                f"--{parameter.name}", help=f"{parameter.help} ({parameter.wanted})".replace("%", "%%"),
                metavar="VALUE", default=argparse.SUPPRESS,
            )  # fmt: skip
    known, rest = parser.parse_known_args(arguments)
    return {**vars(known), **_pairs(rest)}


def _pairs(rest: Sequence[str]) -> dict[str, str]:
    """What the parser does not know, as pairs all the same, so that ``parse`` can say what was meant."""
    found: dict[str, str] = {}
    name = ""
    for word in rest:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            found[name] = value
        elif name:
            found[name] = word
    return found


def _unknown(name: str) -> str:
    near = get_close_matches(name, [*KNOWN, *ALIASES], n=1)
    hint = f" Did you mean '{near[0]}'?" if near else f" (known: {', '.join(sorted(KNOWN))})"
    return f"there is no hyperparameter '{name}'.{hint}"


def _contradictions(found: Mapping[str, Value], texts: Mapping[str, str]) -> list[str]:
    """What is wrong between hyperparameters that are right on their own."""
    if "problem" not in texts:
        return [f"problem is missing: {OURS['problem'].wanted}"]
    problem = found.get("problem")
    if problem is None:
        return []
    mistakes = []
    objectives = OBJECTIVES[str(problem)]
    if "objective" in found and found["objective"] not in objectives:
        mistakes.append(
            f"objective {found['objective']} does not fit the problem {problem}, "
            f"which has {', '.join(objectives)}"
        )
    for metric in str(found.get("eval_metric", "")).replace(" ", "").split(","):
        if metric and metric.partition("@")[0] not in METRICS:
            near = get_close_matches(metric, METRICS, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"(known: {', '.join(METRICS)})"
            mistakes.append(f"there is no eval_metric '{metric}'. {hint}")
    return mistakes

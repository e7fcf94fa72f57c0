"""What is allowed in a ``[tuning]`` table, and unwise: warnings, never errors.

After AWS's advice: few hyperparameters, narrow ranges on the right scale, and not too many trials at a time.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-considerations.html
"""

from __future__ import annotations

from collections.abc import Iterator

from containers.training.hyperparameters import KNOWN
from pipelines.config import UseCase
from steps.search import Range, Tuning

FEW = 5  # hyperparameters
DECADES = 100  # max over min from which on a linear scale spends nearly all trials on large values
WIDE = 10_000  # max over min beyond which a range says little
CLOSE_TO_ONE = 0.99
TRIALS_EACH = 2  # for each hyperparameter, before a search is better than chance
ROUNDS = 3  # at least, in which a Bayesian search can learn


def warnings(usecase: UseCase) -> list[str]:
    """Advice about the use case's search, a line each; none where nothing is searched."""
    tuning = usecase.tuning
    if not tuning.enabled:
        return []
    found = [*_size(tuning), *_stopping(tuning, usecase)]
    found += [
        f"ranges.{name}: {warning}" for name, each in tuning.ranges.items() for warning in _range(name, each)
    ]
    return [f"tuning.{warning}" for warning in found]


def _size(tuning: Tuning) -> Iterator[str]:
    many, jobs = len(tuning.ranges), tuning.jobs or 0
    if many > FEW:
        yield f"ranges: {many} hyperparameters are searched; each more asks for many more trials, {FEW} are plenty"
    if tuning.strategy in ("Bayesian", "Random") and jobs < TRIALS_EACH * many:
        yield f"jobs: {jobs} trials for {many} hyperparameters are hardly better than chance; {10 * many} are usual"
    if tuning.strategy == "Bayesian" and tuning.parallel * ROUNDS > jobs > tuning.parallel:
        yield (
            f"parallel: {tuning.parallel} of {jobs} trials at a time leave a Bayesian search little to learn from; "
            f"it finds better values with {max(1, jobs // ROUNDS)} or fewer"
        )


def _stopping(tuning: Tuning, usecase: UseCase) -> Iterator[str]:
    if tuning.early_stopping == "Off" and tuning.strategy != "Hyperband" and (tuning.jobs or 0) >= 10:
        yield "early_stopping: 'Auto' ends the trials that fall behind, and seldom costs anything"
    if "rounds" in tuning.ranges and usecase.training.early_stopping_rounds:
        yield (
            "ranges.rounds: early_stopping_rounds already finds how many rounds each trial needs; "
            "set a fixed number that is high enough"
        )


def _range(name: str, searched: Range) -> Iterator[str]:
    low, high = searched.min, searched.max
    if low is None or high is None:
        return
    if searched.kind == "Integer" and not KNOWN[name].whole:
        yield f"{name} may be any number, but whole bounds make the search try whole ones only; write {low}.0"
    if low > 0 and high / low > WIDE:
        yield f"from {low} to {high} is {high / low:,.0f} times as much; a narrower range finds more with fewer trials"
    if low > 0 and high / low >= DECADES and searched.scaling in ("Linear", "Auto"):
        yield f'from {low} to {high} a linear scale tries large values nearly always; scaling = "Logarithmic"'
    if (
        searched.kind == "Continuous"
        and low >= 0.5
        and CLOSE_TO_ONE <= high < 1
        and searched.scaling != "ReverseLogarithmic"
    ):
        yield 'what matters close to 1 is the distance to 1; scaling = "ReverseLogarithmic"'

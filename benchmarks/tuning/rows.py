"""What a search is worth, on UCI Adult with 20 trials: one search a turn with a seed of its own, judged by medians."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.measure import Series
from benchmarks.table import TIMES, Row
from benchmarks.tuning.adult import DATA, Adult, prepare
from benchmarks.tuning.search import TRIALS, best_model, search, train
from benchmarks.workshop import Workshop
from containers.tuning.trials import Search

# XGBoost's own, and the rounds and early stopping of the use case.
DEFAULTS = {
    "eta": "0.3",
    "max_depth": "6",
    "min_child_weight": "1",
    "colsample_bytree": "1",
    "subsample": "1",
}


@dataclass(frozen=True)
class Turn:
    """The searches of one seed."""

    patient: Search  # every trial runs to its end
    cold: Search
    warm: Search  # with cold as its parent
    test_auc: float  # of cold's best model

    @property
    def stopped(self) -> int:
        """How many trials were stopped early."""
        return sum(trial.status == "Stopped" for trial in self.cold.trials)

    @property
    def lost(self) -> float:
        """How much lower the best validation AUC is for having stopped trials."""
        return _best(self.patient) - _best(self.cold)

    @property
    def trials_until(self) -> tuple[int, int]:
        """After how many trials the cold search had its best, and the warm one as much; all and one if it never had."""
        wanted = _best(self.cold)
        reached = [trial.number for trial in self.warm.measured if (trial.objective or 0) >= wanted]
        assert self.cold.best is not None  # noqa: S101 - a search that completed has one
        return self.cold.best.number, min(reached, default=TRIALS + 1)


def tuning(workshop: Workshop) -> Iterator[Row]:
    """Tuned against untuned, early stopping, and warm start; none where the data is not there."""
    if not DATA.is_file():
        workshop.say(f"there is no {DATA.name}, so tuning is not measured")
        return
    with workshop.place() as place:
        adult = prepare(workshop.local, place)
        default = adult.test_auc(train(adult, "defaults", DEFAULTS))
        turns = [_turn(adult, seed, workshop) for seed in range(1, workshop.turns + 1)]
    yield Row(
        "tuned",
        "1 - test AUC of the best of 20 trials ÷ that of XGBoost's defaults",
        _series(turns, lambda turn: (1 - turn.test_auc) / (1 - default)),
        TIMES,
        1.0,
        f"test AUC {_series(turns, lambda turn: turn.test_auc).median:.4f}, defaults {default:.4f}",
    )
    yield Row(
        "early-stopping",
        "trials that run to their end when AWS's rule may stop them, of 20",
        _series(turns, lambda turn: TRIALS - turn.stopped),
        "",
        0.75 * TRIALS,
        f"stopped: {', '.join(str(turn.stopped) for turn in turns)}; "
        f"training time {_series(turns, lambda turn: _seconds(turn.cold) / _seconds(turn.patient)).median:.2f} of the "
        "same search without",
    )
    yield Row(
        "early-stopping-loss",
        "what that costs of the best validation AUC, in ten-thousandths, against the same search without",
        _series(turns, lambda turn: turn.lost * 1e4),
        "",
        10,
    )
    cold, warm = zip(*(turn.trials_until for turn in turns), strict=True)
    yield Row(
        "warm-start",
        "trials until a warm search has the cold one's best ÷ trials the cold one took",
        _series(turns, lambda turn: turn.trials_until[1] / turn.trials_until[0]),
        TIMES,
        0.5,
        f"warm {', '.join(map(str, warm))}; cold {', '.join(map(str, cold))}",
    )


def _turn(adult: Adult, seed: int, workshop: Workshop) -> Turn:
    workshop.say(f"seed {seed}: a search whose trials all run to their end")
    patient = search(adult, f"patient-{seed}", seed, early_stopping=False)
    workshop.say(f"seed {seed}: the same with early stopping")
    cold = search(adult, f"cold-{seed}", seed)
    workshop.say(f"seed {seed}: another that starts from it")
    warm = search(adult, f"warm-{seed}", seed + 1000, parent=cold.name)
    return Turn(patient, cold, warm, adult.test_auc(best_model(adult, cold)))


def _best(found: Search) -> float:
    assert found.best is not None  # noqa: S101 - a search that completed has one
    return found.best.objective or 0.0


def _seconds(found: Search) -> float:
    return sum(trial.seconds or 0.0 for trial in found.trials)


def _series(turns: list[Turn], of: Callable[[Turn], float]) -> Series:
    return Series(tuple(float(of(turn)) for turn in turns))

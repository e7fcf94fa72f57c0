"""Importance is found where the objective follows a hyperparameter, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from containers.tuning.importance import LEAST, importance
from containers.tuning.trials import search


def searched(description, summary, value, trials=40):
    """A random search whose objective is ``value(eta, depth)``."""
    draw = np.random.default_rng(7)
    summaries = []
    for number in range(1, trials + 1):
        eta, depth = 10 ** draw.uniform(-2, 0), draw.integers(2, 11)
        policy = draw.choice(["depthwise", "lossguide"])
        summaries.append(
            summary(number, value(eta, depth), eta=str(eta), max_depth=str(depth), grow_policy=policy)
        )
    return search(description(), summaries)


def test_the_one_that_decides_explains_most(description, summary):
    """Its share is large, and that of the others small."""
    shares = importance(searched(description, summary, lambda eta, depth: -((depth - 6) ** 2)))

    assert next(iter(shares)) == "max_depth"
    assert shares["max_depth"] > 0.8
    assert shares["eta"] < 0.1


def test_what_only_matters_together_is_not_given_to_one(description, summary):
    """Sign by sign: neither tells anything alone."""
    shares = importance(
        searched(description, summary, lambda eta, depth: (1 if eta > 0.1 else -1) * (depth - 6), trials=120)
    )

    assert shares["several together"] > 0.5


def test_shares_come_to_one(description, summary):
    """Each is a share of the same variance."""
    shares = importance(searched(description, summary, lambda eta, depth: eta + depth / 10))

    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0


def test_the_same_search_gives_the_same_shares(description, summary):
    """The forest is seeded."""
    made = searched(description, summary, lambda eta, depth: eta * depth)

    assert importance(made) == importance(made)


@pytest.mark.parametrize(
    "values", [(0.5,) * 20, tuple(range(LEAST - 1)), (None,) * 20], ids=["all alike", "too few", "no values"]
)
def test_where_nothing_can_be_said_nothing_is(found, values):
    """Rather than noise."""
    assert importance(found(*values)) == {}

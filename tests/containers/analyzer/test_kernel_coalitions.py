"""Which coalitions are asked about, and that their solution is that of the least squares."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.kernel_coalitions import coalitions

counts = st.integers(1, 14)
samples = st.none() | st.integers(1, 300)
seeds = st.integers(0, 5)


@given(counts, samples, seeds)
def test_each_coalition_is_asked_about_once_and_with_its_complement(features, wanted, seed):
    """None is empty, none is everybody, no more than were asked for; but two at least, and all have weight."""
    found = coalitions(features, wanted, seed)
    masks = {tuple(mask) for mask in found.masks.tolist()}

    assert len(masks) == len(found.masks) == len(found.weights)
    assert all(tuple(not each for each in mask) in masks for mask in masks)
    assert all(0 < sum(mask) < features for mask in masks)
    assert len(masks) <= max(2, 2 * features + 2048 if wanted is None else wanted)
    assert (found.weights > 0).all()


@pytest.mark.parametrize("features", range(1, 12))
def test_few_features_are_enumerated_with_the_weights_of_shapley_s_kernel(features):
    """All 2**n - 2 coalitions; a coalition counts as (n - 1) / (size (n - size)), shared out over its size."""
    found = coalitions(features)
    sizes = found.masks.sum(axis=1)
    kernel = np.array([(features - 1) / (size * (features - size) * comb(features, size)) for size in sizes])

    assert len(found.masks) == 2**features - 2
    assert found.weights == pytest.approx(kernel / kernel.sum() if len(kernel) else kernel)


def test_the_outer_sizes_are_enumerated_first():
    """Of 14 features and 100 samples: one alone and all but one, as shap does; the others are drawn."""
    sizes = coalitions(14, 100).masks.sum(axis=1)

    assert [int((sizes == size).sum()) for size in (1, 13)] == [14, 14]
    assert len(sizes) == 100


def test_the_same_seed_draws_the_same_coalitions():
    """And another one others."""
    first, again, other = (coalitions(20, 100, seed).masks for seed in (3, 3, 4))

    assert (first == again).all()
    assert not np.array_equal(first, other)


@given(st.integers(2, 9), st.integers(1, 200), seeds)
def test_the_solution_is_that_of_constrained_least_squares(features, wanted, seed):
    """The textbook's way, a Lagrange multiplier for the sum, gives the same wherever it can be solved."""
    found = coalitions(features, wanted, seed)
    known = found.masks.astype(float)
    square = known.T @ (found.weights[:, None] * known)
    system = np.block([[square, np.ones((features, 1))], [np.ones((1, features)), np.zeros((1, 1))]])
    random = np.random.default_rng(seed)
    gain, total = random.normal(size=len(known)), 0.7
    values, share = found.solution()

    assert (values @ gain + share * total).sum() == pytest.approx(total, abs=1e-12)
    if np.linalg.cond(system) < 1e9:
        expected = np.linalg.solve(system, [*(known.T @ (found.weights * gain)), total])[:-1]
        assert values @ gain + share * total == pytest.approx(expected, abs=1e-9)


@given(st.integers(3, 14), st.integers(1, 200), seeds)
def test_what_two_features_do_together_is_halved_whatever_was_drawn(features, wanted, seed):
    """The pairs of coalition and complement see to it, as soon as there are enough of them to tell features apart."""
    found = coalitions(features, wanted, seed)
    values, share = found.solution()
    known = found.masks.astype(float)
    if np.linalg.matrix_rank(known - known.mean(axis=1, keepdims=True)) < features - 1:
        return
    both = values @ (known[:, 0] * known[:, 1]) + share

    assert both == pytest.approx([0.5, 0.5, *[0.0] * (features - 2)], abs=1e-9)


def test_many_features_need_no_more_samples_than_are_asked_for():
    """300 features: nobody enumerates 2**300."""
    found = coalitions(300, 700)
    values, share = found.solution()
    weights = np.linspace(-1, 1, 300)

    assert len(found.masks) <= 700
    assert values @ (found.masks @ weights) + share * weights.sum() == pytest.approx(weights, abs=1e-9)

"""The coalitions of features that Kernel SHAP asks the model about, and the matrix that makes values of its answers.

Lundberg and Lee, *A Unified Approach to Interpreting Model Predictions* (2017). Which coalitions are asked follows
shap's ``KernelExplainer``, on which Clarify is built: sizes are enumerated from the outside in (one feature alone, all
but one, two, …) as long as the number of samples allows it, the rest is drawn at random, each with its complement.
What differs, as in Clarify: no feature is left out for being equal to the baseline, none for being unimportant. So
the coalitions are the same for every row, and one matrix solves the least squares of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import helmert, pinv

from containers.analyzer.shap_values import Array

Masks = NDArray[np.bool_]
EXTRA_SAMPLES = 2048  # shap's default: so many, and two for each feature
DRAWS = 4  # of each sample that is wanted; the same may be drawn twice


@dataclass(frozen=True)
class Coalitions:
    """Which features are known, and how much each coalition counts."""

    masks: Masks  # (coalitions, features)
    weights: Array  # (coalitions,)

    def solution(self) -> tuple[Array, Array]:
        """``values``, (features, coalitions), and ``share``, (features,), of the weighted least squares.

        A feature's values are ``values @ gain + share * total``: ``gain`` is what knowing the coalition changes,
        ``total`` what knowing all features does. They add up to ``total`` because the solution is sought among those
        that do: an even share, plus something from the space of vectors that add up to nothing.
        """
        count = self.masks.shape[1]
        space = helmert(count).T if count > 1 else np.zeros((1, 0))
        root = np.sqrt(self.weights)[:, None]
        known = self.masks.astype(np.float64)
        values = space @ pinv(known @ space * root) * root.T if len(known) and count > 1 else known.T * 0.0
        return values, (1 - values @ known.sum(axis=1)) / count


def coalitions(features: int, samples: int | None = None, seed: int = 0) -> Coalitions:
    """At most ``samples`` of the 2**features - 2 coalitions between none and all.

    Args:
        features: how many there are.
        samples: shap's default where None: 2048, and two for each feature.
        seed: of what is drawn at random, where they are not all enumerated.
    """
    wanted = 2 * features + EXTRA_SAMPLES if samples is None else samples
    if features <= 30:  # above, 2**features is more than anyone asks
        wanted = min(wanted, 2**features - 2)
    weights = size_weights(features)
    masks: list[Masks] = []
    found: list[Array] = []
    left, enumerated, rest = float(wanted), 0, 1.0
    for size, weight in enumerate(weights, 1):
        some = subsets_of(features, size)
        if left * weight / rest / some < 1 - 1e-8:
            break
        every = enumerate_size(features, size)
        masks.append(every)
        found.append(np.full(some, weight / some))
        left, rest, enumerated = left - some, rest - weight, size
    if enumerated < len(weights):
        drawn, times = draw(
            features, int(left), weights[enumerated:], enumerated, np.random.default_rng(seed)
        )
        masks.append(drawn)
        found.append(times * weights[enumerated:].sum() / times.sum())
    if not masks:
        return Coalitions(np.zeros((0, features), bool), np.zeros(0))
    return Coalitions(np.concatenate(masks), np.concatenate(found))


def size_weights(features: int) -> Array:
    """How much all coalitions of a size count, for sizes from 1 up to half the features, complements included."""
    sizes = np.arange(1, features // 2 + 1)
    weights = (features - 1.0) / (sizes * (features - sizes))
    weights[: (features - 1) // 2] *= 2  # the size in the middle of an even number is its own complement
    return np.asarray(weights / weights.sum()) if len(sizes) else weights


def subsets_of(features: int, size: int) -> int:
    """How many coalitions have this size or its complement's."""
    return comb(features, size) * (1 if 2 * size == features else 2)


def enumerate_size(features: int, size: int) -> Masks:
    """Every coalition of this size, and every complement."""
    chosen = np.array(list(combinations(range(features), size)))
    masks = np.zeros((len(chosen), features), bool)
    np.put_along_axis(masks, chosen, True, axis=1)
    return masks if 2 * size == features else np.concatenate([masks, ~masks])


def draw(
    features: int, wanted: int, weights: Array, enumerated: int, random: np.random.Generator
) -> tuple[Masks, Array]:
    """Different coalitions of the sizes that were not enumerated, and how often each of them was drawn.

    Always with its complement: then what two features do together is shared out exactly, whatever was drawn, and only
    what three do is left to chance. (shap leaves out the complements of the size in the middle, and pays for it.)
    """
    sizes = enumerated + 1 + random.choice(len(weights), DRAWS * wanted, p=weights / weights.sum())
    times: dict[bytes, int] = {}
    for size in sizes:
        mask = np.zeros(features, bool)
        mask[random.permutation(features)[:size]] = True
        if mask[0]:  # one name for both of a pair
            mask = ~mask
        times[mask.tobytes()] = times.get(mask.tobytes(), 0) + 1
        if len(times) >= max(1, wanted // 2):
            break
    masks = np.frombuffer(b"".join(times), bool).reshape(len(times), features)
    often = np.array(list(times.values()), dtype=np.float64)
    return np.concatenate([masks, ~masks]), np.concatenate([often, often])

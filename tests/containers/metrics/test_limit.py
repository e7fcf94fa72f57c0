"""Limits on bias, as use cases write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.bias_config import POST_TRAINING_NAMES, PRE_TRAINING_NAMES
from containers.metrics.limit import METRICS, Limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("|DPPL| <= 0.10", Limit("DPPL", "at_most", 0.1, absolute=True)),
        ("DI >= 0.8", Limit("DI", "at_least", 0.8)),
        ("  DI<=1.25 ", Limit("DI", "at_most", 1.25)),
        ("RD >= -0.05", Limit("RD", "at_least", -0.05)),
        ("|TE|<=1e-2", Limit("TE", "at_most", 0.01, absolute=True)),
    ],
)
def test_a_limit_is_read(text, limit):
    """Blanks do not matter; bars around the metric mean its magnitude."""
    assert Limit.parse(text) == limit


@given(
    st.builds(
        Limit,
        st.sampled_from(METRICS),
        st.sampled_from(["at_least", "at_most"]),
        st.integers(0, 10_000).map(lambda number: number / 1000),
        st.booleans(),
    )
)
def test_a_limit_is_written_as_it_is_read(limit):
    """For every metric, side and number of few digits."""
    assert Limit.parse(str(limit)) == limit


def test_the_metrics_are_clarifys_21():
    """What a limit may name is what the analyzer computes."""
    assert sorted(METRICS) == sorted([*PRE_TRAINING_NAMES, *POST_TRAINING_NAMES])
    assert len(METRICS) == 21


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no limit; write it as '|DPPL| <= 0.10' or 'DI >= 0.8'"),
        ("DI", "'DI' is no limit"),
        ("DI > 0.8", "'DI > 0.8' is no limit"),
        ("|DPPL <= 0.1", "'|DPPL <= 0.1' is no limit"),
        ("0.8 <= DI", "is no limit"),
        ("DPLL <= 0.1", "there is no bias metric 'DPLL'. Did you mean 'DP"),
        ("di >= 0.8", "there is no bias metric 'di'. Did you mean 'DI'?"),
        ("fairness >= 1", "there is no bias metric 'fairness'. Known: CDDL, CI,"),
        ("DI >= much", "'much' is no number"),
        ("DI >= 0.8.1", "'0.8.1' is no number"),
        ("DI >= inf", "'inf' is no number"),
        ("|RD| <= -0.1", "a magnitude is never below 0"),
    ],
)
def test_what_is_no_limit_is_refused(text, said):
    """With what would be right."""
    with pytest.raises(ValueError) as caught:
        Limit.parse(text)

    assert said in str(caught.value)

"""What stopping early and starting warm saved."""

from __future__ import annotations

import pytest

from containers.tuning.savings import by_early_stopping, by_warm_start
from containers.tuning.trials import search


def test_a_stopped_trial_saves_what_the_others_took_longer(description, summary):
    """Measured by the median of those that ran to their end; a slow stopped one saves nothing."""
    trials = [
        *(summary(number, 0.9, seconds=seconds) for number, seconds in enumerate((8, 10, 12), start=1)),
        summary(4, 0.5, seconds=3, status="Stopped"),
        summary(5, 0.5, seconds=30, status="Stopped"),
    ]

    assert by_early_stopping(search(description(), trials)) == {
        "enabled": True,
        "trials_stopped": 2,
        "seconds_saved": 7.0,
    }


def test_where_nothing_was_stopped_nothing_was_saved(found):
    """Zero, and no reason to look for."""
    assert by_early_stopping(found(0.8, 0.9))["seconds_saved"] == 0


def test_without_a_finished_trial_the_saving_is_unknown(description, summary):
    """And the report says why."""
    saved = by_early_stopping(search(description(), [summary(1, 0.5, status="Stopped")]))

    assert saved["seconds_saved"] is None
    assert "nothing to compare" in saved["reason"]


def test_a_warm_start_saves_the_trials_that_the_parent_needed(found):
    """The parent found 0.9 with its fourth trial, this search came up to it with its second."""
    saved = by_warm_start(found(0.85, 0.9, 0.95, parents=("parent",)), [found(0.5, 0.6, 0.7, 0.9, 0.8)])

    assert (saved["parent_best"], saved["parent_trials_until_then"]) == (0.9, 4)
    assert (saved["trials_until_then"], saved["trials_saved"], saved["seconds_saved"]) == (2, 2, 20.0)


def test_of_several_parents_the_best_counts(found):
    """By the direction of the search."""
    saved = by_warm_start(
        found(0.2, direction="Minimize", parents=("one", "two")),
        [found(0.1, 0.4, direction="Minimize"), found(0.3, direction="Minimize")],
    )

    assert saved["parent_best"] == 0.1
    assert saved["trials_saved"] is None
    assert saved["reason"] == "no trial came up to the parents' best"


@pytest.mark.parametrize("values", [None, (None, None)], ids=["no parent", "a parent without values"])
def test_without_a_parent_that_found_something_there_is_nothing_to_say(found, values):
    """None, which the report shows as such."""
    assert by_warm_start(found(0.9), [found(*values)] if values else []) is None

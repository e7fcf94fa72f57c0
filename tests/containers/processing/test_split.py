import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers.processing.job import DataError
from containers.processing.split import lots, split

NAMES = ["train", "validation", "test"]


def table(rows, seed=0):
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"r{n}" for n in range(rows)],
            "x": draw.normal(size=rows),
            "when": pd.to_datetime(draw.integers(0, 10**9, rows), unit="s", utc=True),
        }
    )


def asked(strategy, *, problem="binary", validation=0.15, test=0.2, seed=20):
    about = {"strategy": strategy, "validation": validation, "test": test, "seed": seed, "order_by": "when"}
    return {"problem": problem, "split": about}


def sets(rows, sides):
    return {name: set(rows["id"].iloc[positions]) for name, positions in sides.items()}


@settings(deadline=None, max_examples=40)
@given(
    st.integers(12, 300),
    st.sampled_from(["stratified", "random", "time"]),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 2**31),
)
def test_every_row_is_on_one_side_and_the_numbers_are_right(rows, strategy, validation, test, seed):
    """The three sides are disjoint, together they are all rows, and each has its share."""
    frame = table(rows)
    sides = split(
        frame,
        np.zeros(rows),
        asked(strategy, problem="regression", validation=validation, test=test, seed=seed),
    )

    assert sorted(np.concatenate(list(sides.values())).tolist()) == list(range(rows))
    assert list(sides) == NAMES
    assert len(sides["test"]) == max(1, round(rows * test))
    assert len(sides["validation"]) == max(1, round(rows * validation))


def test_every_class_has_the_same_share_on_every_side():
    """Stratified: three percent of fraud in all is three percent everywhere."""
    label = np.r_[np.ones(30), np.zeros(970)]
    sides = split(table(1000), label, asked("stratified"))

    assert [int(label[sides[name]].sum()) for name in NAMES] == [20, 4, 6]


def test_the_seed_decides_and_nothing_else():
    """Twice the same, another seed other rows."""
    frame, label = table(500), np.arange(500) % 2
    first, again, other = (sets(frame, split(frame, label, asked("random", seed=seed))) for seed in (1, 1, 2))

    assert first == again
    assert first != other


@pytest.mark.parametrize("strategy", ["random", "stratified"])
def test_a_row_keeps_its_side_when_others_come_and_go(strategy):
    """Of a thousand rows that stay, in another order and with a hundred new ones among them, nearly none moves."""
    frame = table(1100)
    label = (np.arange(1100) % 5 == 0).astype(float)
    order = np.random.default_rng(1).permutation(1000)
    fewer, fewer_label = frame.iloc[order].reset_index(drop=True), label[order]

    before = sets(fewer, split(fewer, fewer_label, asked(strategy)))
    after = sets(frame, split(frame, label, asked(strategy)))

    moved = sum(len(before[name] - after[name]) for name in NAMES)
    assert moved <= 30  # a hundred new rows move each border by about ten places


def test_equal_rows_draw_equal_lots():
    """So that a copy of a training row is (but for the border) no test row."""
    frame = pd.concat([table(50), table(50)], ignore_index=True)

    drawn = lots(frame, 3)
    assert (drawn[:50] == drawn[50:]).all()
    assert ((drawn >= 0) & (drawn < 1)).all()
    assert abs(lots(table(20_000), 3).mean() - 0.5) < 0.01


def test_time_puts_the_latest_rows_last():
    """No training row is later than a validation row, none of those later than a test row."""
    frame = table(200)
    sides = split(frame, np.arange(200) % 2, asked("time"))
    when = frame["when"]

    assert when.iloc[sides["train"]].max() <= when.iloc[sides["validation"]].min()
    assert when.iloc[sides["validation"]].max() <= when.iloc[sides["test"]].min()


BAD = [
    (
        "random",
        "regression",
        [0, 1],
        "validation would have no row|test would have no row|train would have no row",
    ),
    (
        "stratified",
        "binary",
        [0, 0, 0, 0, 0, 1, 1],
        "would have no row of class 1, which has 2 row.*needs at least three",
    ),
    ("random", "binary", [0] * 99 + [1], "class 1, which has 1 row.*strategy 'stratified', would help"),
    ("time", "binary", [0] * 50 + [1] * 50, "no row of class"),
]


@pytest.mark.parametrize(("strategy", "problem", "label", "said"), BAD)
def test_too_few_rows_are_refused(strategy, problem, label, said):
    """The message says which side would be short of which class."""
    frame = table(len(label)).sort_values("when", ignore_index=True)

    with pytest.raises(DataError, match=said):
        split(frame, np.array(label, float), asked(strategy, problem=problem))


def test_rows_without_a_time_cannot_be_ordered():
    """They are counted."""
    frame = table(20)
    frame.loc[3:5, "when"] = pd.NaT

    with pytest.raises(DataError, match="3 of 20 rows have no 'when' to be ordered by"):
        split(frame, np.arange(20) % 2, asked("time"))

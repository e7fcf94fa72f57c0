"""What serving looks up is what the flow makes: the same bits, whatever the flow and whatever was asked before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers.flow import FlowError, fit, transform
from containers.flow.parts import own_texts, part
from containers.flow.table import conform
from containers.serving.features import KEPT, LONGEST, Features
from tests.containers.flow.test_fitted import ABOUT, ANCHORS, COLUMNS, flows, frame_of, row, step, strange_row

RAW = {name: type_ for name, type_ in COLUMNS.items() if name != "y"}
TOGETHER = step("formula", column="cooks", expression="where(job == 'cook', age, 0)")


def fitted(flow, rows=()):
    rows = [*ANCHORS, *rows]
    return fit(flow, frame_of(rows, (["yes", "no"] * len(rows))[: len(rows)]), **ABOUT)


def canonical(rows, flow):
    def column(name):
        cells = np.empty(len(rows), dtype=object)
        cells[:] = [row[name] for row in rows]
        return conform(cells, flow.columns[name], frozenset(flow.missing))

    return {name: column(name) for name in flow.columns}


def expected(flow, table):
    return np.column_stack(list(transform(flow, table).values()))


@given(
    flows,
    st.booleans(),
    st.lists(row, max_size=4),
    st.lists(st.one_of(row, strange_row), min_size=1, max_size=6),
)
@settings(max_examples=60)
def test_features_are_the_flows(flow, together, train, rows):
    """Of any flow: rows one by one, all at once and once more give what the whole flow gives, to the last bit."""
    try:
        made = fitted([TOGETHER, *flow] if together else flow, train)
    except FlowError:
        return
    features = Features(made)
    table = canonical(rows, made)
    whole = expected(made, table)
    for place in range(len(rows)):
        alone = features({name: column[[place]] for name, column in table.items()})
        assert alone.tobytes() == whole[[place]].tobytes()
    assert features(table).tobytes() == whole.tobytes()


def test_a_text_that_shares_a_feature_is_not_looked_up():
    """A formula over two columns keeps both together; a text by itself is taken out."""
    end = [step("encode", "job", method="one_hot"), step("drop", "when")]
    assert set(own_texts(fitted(end))) == {"job"}
    assert not own_texts(fitted([TOGETHER, *end]))


def test_a_part_has_what_needs_no_other_column():
    """A column that a formula has overwritten from others is gone, and what is made of it too."""
    flow = fitted(
        [
            step("formula", column="pay", expression="pay + age"),
            step("scale", "pay", method="standard"),
            step("encode", "job", method="ordinal"),
            step("drop", "when"),
        ]
    )
    assert part(flow, ["pay"]).features == ()
    assert set(part(flow, ["pay", "age"]).features) == {"pay", "age"}
    assert part(flow, ["job"]).features == ("job",)


@pytest.mark.parametrize(
    "texts",
    [
        [f"new {number}" for number in range(KEPT * 3)],
        ["x" * (LONGEST + 1), "cook", None, "y" * 100_000],
        ["cook"] * 5 + [None, "nurse"],
    ],
    ids=["more than are kept", "long", "few"],
)
@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_memory_is_bounded_and_answers_are_not(texts, size):
    """Texts without end get their features, and what is kept of them has a limit."""
    flow = fitted([step("encode", "job", method="target"), step("drop", "when")])
    features = Features(flow)
    for first in range(0, len(texts), size):
        rows = [{**ANCHORS[0], "job": text} for text in texts[first : first + size]]
        table = canonical(rows, flow)
        assert features(table).tobytes() == expected(flow, table).tobytes()
    ((_, _, looked_up),) = features._texts
    known, _ = looked_up._known
    assert len(known) <= KEPT
    assert all(text is None or len(text) <= LONGEST for text in known)

"""Raw values to canonical columns: all at once is as one by one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.flow.dates import PARTS
from containers.flow.table import conform, number_of

CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(alphabet="0123456789.eE+-_ \n\tx٣", max_size=8),
    st.sampled_from(["", " 1 ", "1\n2", "1e999", "-0", "nan", "inf", "1_0", "٣", "0x1", "+.5e-3", "5."]),
)


@given(
    st.one_of(
        st.lists(CELLS, max_size=6),
        st.lists(st.one_of(st.none(), st.integers(), st.floats()), max_size=6),
        st.lists(st.text(alphabet="0123456789.eE+-", max_size=6), max_size=6),
    )
)
def test_numbers_read_together_are_those_read_alone(cells):
    """Reading a column of numbers at once gives each value what it gives by itself, to the last bit."""
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    alone = np.array([number_of(cell) for cell in cells], dtype=np.float64)
    assert conform(column, "number").tobytes() == alone.tobytes()


@pytest.mark.parametrize("text", ["1" * 200_000 + "x", "1." + "1" * 200_000 + "x", "\n" * 200_000 + "x"])
def test_a_long_text_that_is_no_number_is_found_out_soon(text):
    """What looks like a number for long is read once, not once for each way in which it could be split."""
    assert np.isnan(conform(np.array([text, text], dtype=object), "number")).all()


@given(
    st.lists(
        st.one_of(st.none(), st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01"))), max_size=5
    )
)
def test_the_parts_of_a_time_are_those_of_pandas(moments):
    """Years, quarters, days and the rest are what the calendar of pandas says; a missing time has none."""
    times = pd.DatetimeIndex(moments).as_unit("ns")
    names = {name: name for name in PARTS} | {"day_of_year": "dayofyear", "weekday": "dayofweek"}
    for part, name in names.items():
        if part not in ("weekend", "epoch"):
            expected = np.asarray(getattr(times, name), dtype=np.float64)
            assert np.array_equal(PARTS[part](times.to_numpy()), expected, equal_nan=True), part

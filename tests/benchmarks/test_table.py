"""How a figure is judged and shown."""

import json

import pytest
from rich.console import Console

from benchmarks.measure import Series
from benchmarks.table import TIMES, Row, shown, table


@pytest.mark.parametrize(
    ("values", "unit", "target", "met", "verdict"),
    [
        ((0.7, 0.8, 3.0), TIMES, 0.9, True, "met"),
        ((0.9,), TIMES, 0.9, True, "met"),
        ((1.1, 1.25, 1.3), TIMES, 0.9, False, f"missed by 0.35{TIMES}"),
        ((64.0,), "ms", 30, False, "missed by 34 ms"),
        ((64.0,), "ms", None, None, ""),
    ],
)
def test_verdict(values, unit, target, met, verdict):
    """A figure is its median, and meets its target or says by how much it does not."""
    row = Row("name", "what", Series(values), unit, target)

    assert (met, verdict) == (row.met, row.verdict)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.774, TIMES, f"0.77{TIMES}"),
        (12.3, TIMES, f"12{TIMES}"),
        (4.256, "ms", "4.26 ms"),
        (64.4, "ms", "64 ms"),
    ],
)
def test_shown(value, unit, text):
    """A figure has as many digits as it deserves."""
    assert text == shown(value, unit)


def test_table():
    """The table shows the figure, its range, its target and the verdict; the JSON has the same and every value."""
    row = Row("name", "a step", Series((17.0, 12.0, 31.0)), "ms", 20.0, "six of them")
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(table([row]))

    for text in ("a step", "six of them", "17 ms", "12 ms … 31 ms", "≤ 20 ms", "met"):
        assert text in captured.get()
    document = json.loads(json.dumps(row.document()))
    assert (document["value"], document["met"], document["series"]) == (17.0, True, [17.0, 12.0, 31.0])

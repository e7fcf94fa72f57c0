"""One small PNG a question, in colours that every reader can tell apart: how all pictures of ours are made.

Colours after Okabe & Ito, *Color Universal Design* (2008). Figures are made without pyplot, which would
look for a display, keep every figure alive and take longer to import than all of these take to draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8A8A8A"
CYCLE = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#000000")
STYLE = {
    "text.parse_math": False,  # a class called "$5 to $9" is no formula
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "savefig.dpi": 110,
}


@contextmanager
def figure(path: Path, title: str, width: float = 5.6) -> Iterator[Axes]:
    """An empty chart; what was drawn in it is written when the block is left."""
    with rc_context(STYLE):
        drawn = Figure(figsize=(width, 4.2), layout="constrained")
        FigureCanvasAgg(drawn)
        axes = drawn.subplots()
        yield axes
        drawn.supxlabel(title, x=0.99, ha="right", fontsize=7, color=GREY)
        # Without "Software" the same numbers give the same bytes, whatever the version of matplotlib.
        drawn.savefig(path, metadata={"Software": None})

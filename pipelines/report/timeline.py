"""When each step ran, as bars below one another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from pipelines.report.graph import COLOURS
from pipelines.service import Step

_NAMES, _BARS, _LINE, _TOP = 150, 640, 22, 6


def draw(steps: Sequence[Step]) -> str:
    """The bars as SVG, in the order of the steps; empty where no step has ended."""
    ran = [(step, step.started, step.ended) for step in steps]
    done: list[tuple[Step, datetime, datetime]] = [
        (step, began, ended) for step, began, ended in ran if began is not None and ended is not None
    ]
    if not done:
        return ""
    first = min(began for _, began, _ in done)
    whole = max((ended - first).total_seconds() for _, _, ended in done) or 1.0
    height = 2 * _TOP + _LINE * len(done)
    width = _NAMES + _BARS + 80
    parts = [
        f'<svg class="timeline" viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="Times">'
    ]
    for number, (step, began, ended) in enumerate(done):
        top = _TOP + _LINE * number
        left = _NAMES + _BARS * (began - first).total_seconds() / whole
        seconds = (ended - began).total_seconds()
        length = max(1.5, _BARS * seconds / whole)
        border, _ = COLOURS.get(step.status, COLOURS[""])
        shade = "0.45" if step.cached_from else "1"
        said = "from the cache" if step.cached_from else spoken(seconds)
        parts.append(
            f'<text x="{_NAMES - 8}" y="{top + 14}" class="name">{escape(step.name)}</text>'
            f'<rect x="{left:.1f}" y="{top + 4}" width="{length:.1f}" height="13" rx="2" fill="{border}"'
            f' opacity="{shade}"/>'
            f'<text x="{left + length + 5:.1f}" y="{top + 14}" class="time">{said}</text>'
        )
    return "".join([*parts, "</svg>"])


def spoken(seconds: float) -> str:
    """A duration as people say it: ``0.4 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"

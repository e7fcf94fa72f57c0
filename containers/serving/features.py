"""Raw columns to what the model sees, as the flow says, with each text worked out once.

A row of a request is mostly texts that were there a moment ago: countries, tariffs, devices. What the flow makes of a
text depends on nothing else where its column shares no feature with another, so it is looked up; the flow itself makes
the entry, the first time. All other columns take the flow's own way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from containers.flow import FittedFlow, matrix
from containers.flow.parts import own_texts, part
from containers.flow.table import Column, Table

Numbers = npt.NDArray[np.float64]

KEPT = 1024  # texts a column; a client that sends new ones for ever gets its answers, and no more memory
LONGEST = 64  # characters of a text that is kept


class Features:
    """(rows, features) of the canonical raw columns; equal to ``transform``, column by column, to the last bit."""

    def __init__(self, flow: FittedFlow) -> None:
        texts = own_texts(flow)
        self._width = len(flow.features)
        self._rest = part(flow, [name for name in flow.columns if name not in texts])
        self._rest_places = _places(flow, self._rest.features)
        self._texts = [
            (name, _places(flow, own.features), Texts(name, own))
            for name, own in texts.items()
            if own.features
        ]

    def __call__(self, table: Table) -> Numbers:
        """Of the table that ``rows.read`` makes."""
        rows = len(next(iter(table.values())))
        made = np.empty((rows, self._width))
        if self._rest.features:
            rest = {name: table[name] for name in self._rest.columns}
            made[:, self._rest_places] = matrix(self._rest, rest)
        for name, places, texts in self._texts:
            made[:, places] = texts(table[name])
        return made


class Texts:
    """What each text of one column becomes. What is known is replaced, never changed, so that threads may share it."""

    def __init__(self, name: str, flow: FittedFlow) -> None:
        self._name = name
        self._flow = flow
        self._known: tuple[dict[str | None, int], Numbers] = ({}, np.empty((0, len(flow.features))))

    def __call__(self, column: Column) -> Numbers:
        """(rows, features) of a canonical column."""
        texts = column.tolist()
        codes, rows = self._known
        try:
            return rows[[codes[text] for text in texts]]
        except KeyError:
            pass
        distinct = dict.fromkeys(texts)
        if len(distinct) > KEPT or any(text is not None and len(text) > LONGEST for text in distinct):
            return self._worked_out(texts)
        new = [text for text in distinct if text not in codes]
        if len(codes) + len(new) > KEPT:
            codes, rows, new = {}, rows[:0], list(distinct)
        rows = np.concatenate([rows, self._worked_out(new)])
        codes = {**codes, **{text: len(codes) + place for place, text in enumerate(new)}}
        self._known = codes, rows
        return rows[[codes[text] for text in texts]]

    def _worked_out(self, texts: Sequence[str | None]) -> Numbers:
        column = np.empty(len(texts), dtype=object)
        column[:] = texts
        return matrix(self._flow, {self._name: column})


def _places(flow: FittedFlow, features: Sequence[str]) -> slice | list[int]:
    """Where the features stand among all of the flow's."""
    places = [flow.features.index(name) for name in features]
    if places and places == list(range(places[0], places[-1] + 1)):
        return slice(places[0], places[-1] + 1)
    return places

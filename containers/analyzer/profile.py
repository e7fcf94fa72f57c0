"""A data set in one pass: all that statistics, constraints and violations are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from containers.analyzer.distinct import Distinct
from containers.analyzer.kll import Sketch
from containers.analyzer.moments import Moments
from containers.analyzer.types import Kinds, read
from containers.processing.job import DataError

CATEGORIES = 120  # with more different texts than that (Deequ's limit), they are not listed
NO_DOMAINS: Mapping[str, Collection[str]] = MappingProxyType({})


class FeatureProfile:
    """What is known of one column so far, whichever type it will turn out to have."""

    def __init__(self, name: str, domain: Collection[str] = (), missing: int = 0) -> None:
        """``domain`` are the texts that ``share_of`` will be asked about; ``missing``: rows before the first."""
        self.name = name
        self._domain = frozenset(domain)
        self._in_domain = 0
        self.kinds = Kinds()
        self.missing = missing
        self.moments = Moments()  # these two of no use once there is a text
        self.sketch = Sketch()
        self.distinct = Distinct()
        self.categories: dict[str, int] | None = {}  # rows by text; None: too many

    @property
    def completeness(self) -> float:
        """The share of rows with a value."""
        rows = self.kinds.present + self.missing
        return self.kinds.present / rows if rows else 1.0

    def share_of(self, domain: Collection[str]) -> float:
        """The share of values that are in ``domain``, which was given to the constructor.

        Raises:
            ValueError: it was not, and there are too many different values to say so afterwards.
        """
        if self.categories is not None:
            inside = sum(rows for text, rows in self.categories.items() if text in domain)
        elif frozenset(domain) == self._domain:
            inside = self._in_domain
        else:
            raise ValueError(f"the values of {self.name!r} were not held against this domain")
        return inside / self.kinds.present if self.kinds.present else 1.0

    def add(self, column: pa.Array) -> None:
        """Take in the next rows.

        Raises:
            DataError: the column is of a type (a list, say) that has neither numbers nor texts.
        """
        try:
            values = read(column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise DataError(
                f"column {self.name!r} is of type {column.type}, which cannot be analysed; leave it out, or make it "
                "a number or text"
            ) from None
        self.kinds += values.kinds
        self.missing += values.missing
        if not self.kinds.text:
            self.moments.add(values.numbers)
            self.sketch.add(values.numbers)
        self.distinct.add_numbers(values.numbers)
        if values.written is not None:
            self._count(values.written)
        if len(values.texts):
            self.distinct.add_texts(values.texts)

    def _count(self, written: pa.Array) -> None:
        """Count the rows in the domain, and those of each text as long as there are few enough texts."""
        if self._domain:
            known = pa.array(sorted(self._domain), pa.string())
            self._in_domain += pc.sum(pc.is_in(written, value_set=known)).as_py() or 0
        if self.categories is None:
            return
        if len(pc.unique(written.slice(0, 4 * CATEGORIES))) > CATEGORIES:
            self.categories = None  # most columns of numbers end here, cheaply
            return
        for entry in pc.value_counts(written).to_pylist():
            self.categories[entry["values"]] = self.categories.get(entry["values"], 0) + entry["counts"]
        if len(self.categories) > CATEGORIES:
            self.categories = None


@dataclass(frozen=True)
class DatasetProfile:
    """A data set: how many rows, and its columns by name, in order."""

    rows: int
    features: Mapping[str, FeatureProfile]


def profile(
    tables: Iterable[pa.Table], domains: Mapping[str, Collection[str]] = NO_DOMAINS
) -> DatasetProfile:
    """Look at every value once; for the tables see ``reading.tables``.

    A column may be in some of the tables only; in the rows of the others it is missing. ``domains``: see
    ``constraints.domains``; needed where the data set is to be held against constraints.

    Raises:
        DataError: there are no rows.
    """
    rows = 0
    features: dict[str, FeatureProfile] = {}
    for table in tables:
        for name in table.column_names:
            feature = features.setdefault(name, FeatureProfile(name, domains.get(name, ()), rows))
            for chunk in table.column(name).chunks:
                feature.add(chunk)
        for name in features.keys() - set(table.column_names):
            features[name].missing += len(table)
        rows += len(table)
    if not rows:
        raise DataError("the data set has no rows")
    return DatasetProfile(rows, features)

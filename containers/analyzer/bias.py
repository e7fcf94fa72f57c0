"""The bias of a data set, and of what a model predicts for it, as Clarify's container computes and reports it.

Two passes over the data: one learns what the columns hold, the other counts rows. Only the flip test must hold rows,
and of those only numbers; all other metrics take the memory of one part, whatever the size of the data.
"""

from __future__ import annotations

from collections.abc import Sequence

from containers.analyzer.analysis_report import BiasAnalysis, FacetMetrics, Section
from containers.analyzer.bias_config import BiasConfig
from containers.analyzer.bias_facet import Facet
from containers.analyzer.bias_rows import Outcomes, Parts, profile


def analyze(parts: Parts, config: BiasConfig) -> BiasAnalysis:
    """Compute the metrics that ``config`` asks for; ``parts`` is called twice and gives the same data each time.

    Raises:
        BiasError: a column is missing, labels and predictions are of different kinds, nothing is predicted positive,
            or amounts have no threshold. A metric that has no value is no error: the report says why.
    """
    data = profile(parts, config)
    outcomes = Outcomes(config, data)
    facets = [Facet(facet, config, data) for facet in config.facets]
    for part in parts():
        rows = outcomes.read(part)
        for facet in facets:
            facet.add(rows)
    outcomes.check()

    def section(metrics: Sequence[str]) -> Section | None:
        if not metrics:
            return None
        found: dict[str, list[FacetMetrics]] = {}
        for facet in facets:
            found.setdefault(facet.column, []).extend(facet.metrics(metrics))
        return Section(config.label, found, outcomes.label.text)

    return BiasAnalysis(section(config.pre), section(config.post))

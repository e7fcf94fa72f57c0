"""The metrics of endpoints, in CloudWatch: moto asks for them whenever somebody asks moto.

Nothing is published while requests are answered, and nothing is kept twice.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

from local_sagemaker.endpoints.metrics import NAMESPACE, EndpointMetrics

_UNITS = {
    "ModelLatency": "Microseconds",
    "OverheadLatency": "Microseconds",
    "ModelLoadingTime": "Microseconds",
    "ModelLoadingWaitTime": "Microseconds",
    "ModelDownloadingTime": "Microseconds",
    "ModelUnloadingTime": "Microseconds",
    "InvocationsPerInstance": "None",
    "ModelCacheHit": "None",
    "LoadedModelCount": "None",
}


class CloudWatchMetrics:
    """Endpoints' metrics for the account and region that they are in, from ``offer`` to ``close``."""

    def __init__(self, metrics: EndpointMetrics, account: str, region: str) -> None:
        self._metrics = metrics
        self._where = (account, region)
        self._offered: type | None = None

    def offer(self) -> None:
        """Let moto, which has been loaded, ask from now on: it asks every class that it knows to have metrics."""
        from moto.core.common_models import CloudWatchMetricProvider

        def get(account_id: str, region: str) -> list[Any]:
            return self.data() if self._offered and (account_id, region) == self._where else []

        members = {"get_cloudwatch_metrics": staticmethod(get)}
        self._offered = type("EndpointMetricProvider", (CloudWatchMetricProvider,), members)

    def close(self) -> None:
        """Offer nothing more: moto outlives the local SageMaker in a process that serves several."""
        self._offered = None

    def data(self) -> list[Any]:
        """moto's record of every period of every metric."""
        datum = _datum()
        return [
            datum(
                namespace=NAMESPACE,
                name=metric,
                min_stat=values.least,
                max_stat=values.most,
                sample_count=values.count,
                sum_stat=values.total,
                dimensions=[
                    {"Name": "EndpointName", "Value": endpoint},
                    {"Name": "VariantName", "Value": variant},
                ],
                timestamp=datetime.fromtimestamp(start, UTC).replace(tzinfo=None),  # as moto's clock
                unit=_UNITS.get(metric, "Count"),
            )
            for endpoint, variant, metric, start, values in self._metrics.periods()
        ]


@functools.cache
def _datum() -> Any:
    """moto's record, which knows that it is in a list already: moto sees that of metrics with one dimension only."""
    from moto.cloudwatch.models import MetricAggregatedDatum

    class Datum(MetricAggregatedDatum):  # type: ignore[misc]  # moto has no types here
        def filter(
            self,
            namespace: str | None,
            name: str | None,
            dimensions: list[dict[str, str]],
            already_present_metrics: list[Any] | None = None,
        ) -> bool:
            known = already_present_metrics or []
            return super().filter(namespace, name, dimensions) and not any(map(self._is, known))

        def _is(self, other: Any) -> bool:
            return bool(
                self.name == other.name
                and self.namespace == other.namespace
                and self.dimensions == other.dimensions
            )

    return Datum

"""How a job goes about it: what its request says; else what the container asks for; else SageMaker's defaults.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEGABYTE = 1024 * 1024
_PAYLOAD, _CONCURRENT = 6, 1  # SageMaker's defaults
_STRATEGIES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}


@dataclass(frozen=True)
class Options:
    """The three settings that a container may have a say in."""

    concurrent: int  # requests under way at a time
    megabytes: int  # of a request at most; 0: however many, sent in chunks
    strategy: str  # "SINGLE_RECORD" | "MULTI_RECORD"

    @property
    def single(self) -> bool:
        """Whether a request carries one record."""
        return self.strategy == "SINGLE_RECORD"

    @property
    def limit(self) -> int:
        """Bytes of a request at most; 0: no limit."""
        return self.megabytes * MEGABYTE

    def __str__(self) -> str:
        return (
            f"MaxConcurrentTransforms={self.concurrent}, MaxPayloadInMB={self.megabytes}, "
            f"BatchStrategy={self.strategy}"
        )


def choose(request: Mapping[str, Any], parameters: Mapping[str, Any]) -> Options:
    """Options out of a request, and of what ``/execution-parameters`` answered, which may be anything."""
    strategy: Any = _STRATEGIES.get(request.get("BatchStrategy", "")) or parameters.get("BatchStrategy")
    megabytes = request.get("MaxPayloadInMB")
    return Options(
        request.get("MaxConcurrentTransforms")
        or _number(parameters.get("MaxConcurrentTransforms"), 1)
        or _CONCURRENT,
        _number(parameters.get("MaxPayloadInMB"), 0, _PAYLOAD) if megabytes is None else megabytes,
        strategy if strategy in ("SINGLE_RECORD", "MULTI_RECORD") else "MULTI_RECORD",
    )


def variables(request: Mapping[str, Any]) -> dict[str, str]:
    """What a container finds in its environment: that it is a batch, and what the request says of how."""
    said = {
        "SAGEMAKER_BATCH_STRATEGY": _STRATEGIES.get(request.get("BatchStrategy", "")),
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": request.get("MaxPayloadInMB"),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": request.get("MaxConcurrentTransforms"),
    }
    return {"SAGEMAKER_BATCH": "true"} | {
        name: str(value) for name, value in said.items() if value is not None
    }


def _number(value: Any, least: int, default: int = 0) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= least else default

"""A captured record as a preprocessing script sees it: attributes by AWS's names.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-and-post-processing.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class EventMetadata:
    """Which call it was; what is not in the record is None."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self.event_id = metadata.get("eventId")
        self.event_time = metadata.get("inferenceTime")
        self.inference_id = metadata.get("inferenceId")
        self.custom_attribute = metadata.get("customAttributes")


class EventData:
    """One part: what was asked, answered or true; ``data`` is text as ``encoding`` says, and may be replaced."""

    def __init__(self, part: Mapping[str, Any]) -> None:
        self.encoding = part.get("encoding")
        self.data = part.get("data")
        self.observedContentType = part.get("observedContentType")
        self.mode = part.get("mode")

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the record."""
        return {name: value for name, value in vars(self).items() if value is not None}


class CapturedData:
    """The whole record; parts that it lacks are None."""

    def __init__(self, event_dict: Mapping[str, Any]) -> None:
        self.event_dict = dict(event_dict)
        captured = event_dict.get("captureData") or {}
        self.event_metadata = _optional(EventMetadata, event_dict.get("eventMetadata"))
        self.endpoint_input = _optional(EventData, captured.get("endpointInput"))
        self.endpoint_output = _optional(EventData, captured.get("endpointOutput"))
        self.batch_transform_output = _optional(EventData, captured.get("batchTransformOutput"))
        self.ground_truth = _optional(EventData, event_dict.get("groundTruthData"))
        self.event_version = event_dict.get("eventVersion")

    def as_dict(self) -> dict[str, Any]:
        """The record, with what a script has put into its parts."""
        parts = {
            "endpointInput": self.endpoint_input,
            "endpointOutput": self.endpoint_output,
            "batchTransformOutput": self.batch_transform_output,
        }
        record = {
            **self.event_dict,
            "captureData": {name: part.as_dict() for name, part in parts.items() if part is not None},
        }
        if self.ground_truth is not None:
            record["groundTruthData"] = self.ground_truth.as_dict()
        return record

    def __str__(self) -> str:
        return str(self.as_dict())


def _optional(kind: type[Any], part: Any) -> Any:
    return kind(part) if isinstance(part, Mapping) else None

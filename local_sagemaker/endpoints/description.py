"""What DescribeEndpoint answers, made of what is kept of an endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


def of(document: Document) -> Document:
    """The document with its variants as SageMaker tells them."""
    since = document["LastModifiedTime"]
    answer = {**document}
    if document["EndpointStatus"] in ("Creating", "Failed"):
        return answer
    before = {plan["VariantName"]: plan for plan in document.get("_Before", [])}
    answer |= _variants(
        document["_Plan"], lambda plan: _scaled(_variant(plan, since), before.get(plan["VariantName"]))
    )
    capture = document["_Configuration"].get("DataCaptureConfig")
    if capture is not None:
        answer["DataCaptureConfig"] = _capture(capture)
    if "_Pending" in document:
        pending = document["_Pending"]
        answer["PendingDeploymentSummary"] = {
            "EndpointConfigName": pending["EndpointConfigName"],
            **_variants(pending["_Plan"], lambda plan: _pending(plan, since, pending.get("Stage"))),
            "StartTime": pending["StartTime"],
        }
    return answer


def _variants(plan: list[Document], described: Callable[[Document], Document]) -> Document:
    production = [described(each) for each in plan if not each.get("Shadow")]
    shadows = [described(each) for each in plan if each.get("Shadow")]
    return {"ProductionVariants": production, **({"ShadowProductionVariants": shadows} if shadows else {})}


def _capture(configuration: Document) -> Document:
    enabled = configuration.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": configuration["InitialSamplingPercentage"],
        "DestinationS3Uri": configuration["DestinationS3Uri"],
        "KmsKeyId": configuration.get("KmsKeyId", ""),
    }


def _variant(plan: Document, since: float) -> Document:
    return {
        "VariantName": plan["VariantName"],
        "DeployedImages": _images(plan, since),
        "CurrentWeight": plan["Weight"],
        "DesiredWeight": plan["Weight"],
        **_size(plan),
    }


def _scaled(described: Document, before: Document | None) -> Document:
    """A variant whose processes are just being started or ended: what it wants, and what it has."""
    if (
        before is None
        or "ServerlessConfig" in before
        or before["InstanceCount"] == described["DesiredInstanceCount"]
    ):
        return described
    return {
        **described,
        "CurrentInstanceCount": before["InstanceCount"],
        "VariantStatus": [{"Status": "Updating"}],
    }


def _pending(plan: Document, since: float, stage: Document | None) -> Document:
    return {**_variant(plan, since), "VariantStatus": [stage or {"Status": "Creating", "StartTime": since}]}


def _size(plan: Document) -> Document:
    if "ServerlessConfig" in plan:
        return {
            "CurrentServerlessConfig": plan["ServerlessConfig"],
            "DesiredServerlessConfig": plan["ServerlessConfig"],
        }
    return {"CurrentInstanceCount": plan["InstanceCount"], "DesiredInstanceCount": plan["InstanceCount"]}


def _images(plan: Document, since: float) -> list[Document]:
    return [
        {"SpecifiedImage": each["Image"], "ResolvedImage": each["Image"], "ResolutionTime": since}
        for each in plan["Containers"]
    ]

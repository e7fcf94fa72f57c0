"""What DescribeEndpoint answers, made of what is kept of an endpoint."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def of(document: Document) -> Document:
    """The document with its variants as SageMaker tells them."""
    since = document["LastModifiedTime"]
    answer = {**document}
    if document["EndpointStatus"] in ("Creating", "Failed"):
        return answer
    answer["ProductionVariants"] = [_variant(plan, since) for plan in document["_Plan"]]
    if "_Pending" in document:
        pending = document["_Pending"]
        answer["PendingDeploymentSummary"] = {
            "EndpointConfigName": pending["EndpointConfigName"],
            "ProductionVariants": [_pending(plan, since) for plan in pending["_Plan"]],
            "StartTime": pending["StartTime"],
        }
    return answer


def _variant(plan: Document, since: float) -> Document:
    return {
        "VariantName": plan["VariantName"],
        "DeployedImages": _images(plan, since),
        "CurrentWeight": plan["Weight"],
        "DesiredWeight": plan["Weight"],
        **_size(plan),
    }


def _pending(plan: Document, since: float) -> Document:
    return {**_variant(plan, since), "VariantStatus": [{"Status": "Creating", "StartTime": since}]}


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

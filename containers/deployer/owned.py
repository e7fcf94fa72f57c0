"""The models and endpoint configurations that were made for one endpoint: found, and swept away when nobody needs them.

Records cost nothing, but they hide what counts, and accounts have limits of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from botocore.exceptions import ClientError

from containers.deployer import names
from containers.deployer.clients import Clients
from containers.deployer.plan import ENDPOINT_TAG


def configurations(sagemaker: Any, endpoint: str) -> list[str]:
    """The names of the endpoint's configurations, the newest first."""
    found = _owned(sagemaker, endpoint, "list_endpoint_configs", "EndpointConfigs", "EndpointConfig")
    return list(found)


def models(sagemaker: Any, endpoint: str) -> list[str]:
    """The names of the endpoint's models, the newest first."""
    return list(_owned(sagemaker, endpoint, "list_models", "Models", "Model"))


def models_of(sagemaker: Any, configuration: str) -> set[str]:
    """The models that a configuration names; none where it is gone."""
    try:
        found = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
    except ClientError:
        return set()
    variants = [*found["ProductionVariants"], *found.get("ShadowProductionVariants", [])]
    return {each["ModelName"] for each in variants}


def sweep(
    clients: Clients, endpoint: str, kept: Collection[str], only: Collection[str] | None = None
) -> None:
    """Delete the configurations that are not in ``kept``, and the models that neither it nor a kept one names.

    With ``only``, nothing else is touched.
    """
    sagemaker = clients.sagemaker
    used: set[str] = set(kept)
    for configuration in configurations(sagemaker, endpoint):
        if configuration in kept or (only is not None and configuration not in only):
            used |= models_of(sagemaker, configuration)
        elif _deleted(sagemaker.delete_endpoint_config, EndpointConfigName=configuration):
            clients.say(f"deleted the endpoint configuration {configuration}")
    for model in models(sagemaker, endpoint):
        unused = model not in used and (only is None or model in only)
        if unused and _deleted(sagemaker.delete_model, ModelName=model):
            clients.say(f"deleted the model {model}")


def _owned(sagemaker: Any, endpoint: str, operation: str, member: str, kind: str) -> Iterator[str]:
    """Names that look like ours and carry our tag: with a cut name, two endpoints may share their beginning."""
    pages = sagemaker.get_paginator(operation).paginate(
        NameContains=f"{names.stem(endpoint)}-v", SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for each in page[member]:
            name = each[f"{kind}Name"]
            if names.version(endpoint, name) is not None and _is_ours(
                sagemaker, each[f"{kind}Arn"], endpoint
            ):
                yield name


def _is_ours(sagemaker: Any, arn: str, endpoint: str) -> bool:
    try:
        tags = sagemaker.list_tags(ResourceArn=arn, MaxResults=50)["Tags"]
    except ClientError:  # deleted since it was listed
        return False
    return {"Key": ENDPOINT_TAG, "Value": endpoint} in tags


def _deleted(delete: Any, **name: str) -> bool:
    """Delete; whether it was there. Somebody else may sweep at the same time."""
    try:
        delete(**name)
    except ClientError as error:
        if "Could not find" in error.response["Error"]["Message"]:
            return False
        raise
    return True

"""Whether the next search trains on the very rows of an earlier one, in SageMaker's eyes too.

SageMaker compares the addresses of the channels, and ours lie in the folder of an execution. They are the same where
the step cache gives the earlier result; without the cache, or with a result that is too old for it, no two executions
train on identical data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from pydantic import TypeAdapter

from containers import contract
from pipelines.errors import RunError
from pipelines.service import Service


def why_not(service: Service, lineage: Mapping[str, str], recipe: str, input_data: str) -> str:
    """Why the rows that ``recipe`` makes of ``input_data`` are not those of ``lineage``; empty where they are.

    Args:
        service: SageMaker and S3 of the environment.
        lineage: what the registered package says about its making.
        recipe: ``Publication.recipe``: the code and the settings of ingest and prep.
        input_data: the S3 address of the raw rows.
    """
    if lineage.get("DataRecipe") != recipe:
        return "the rows are prepared in another way now"
    cache = service.config.environment.cache
    if not cache.enabled:
        return "the step cache is off, so the rows are prepared anew, at another address"
    try:
        manifest = service.read_json(f"{lineage['DataManifest']}/{contract.MANIFEST_FILE}")
        prepared = _modified(service, f"{lineage['PrepFlow']}/{contract.FLOW_FILE}")
    except (RunError, ClientError):
        return "its prepared rows have been deleted"
    lasts: timedelta = TypeAdapter(timedelta).validate_python(cache.expire_after)
    if prepared + lasts < datetime.now(UTC):
        return "its rows are too old for the step cache"
    if manifest["source"] != input_data:
        return f"its data is {manifest['source']}"
    return "" if _unchanged(service, manifest) else "the data has changed since"


def _unchanged(service: Service, manifest: Mapping[str, Any]) -> bool:
    """Whether the objects that were ingested are there, no others, and none was written since."""
    since = datetime.fromisoformat(manifest["time"])
    known = {each["uri"]: each["bytes"] for each in manifest["objects"]}
    there = {uri: (size, modified) for uri, size, modified in _objects(service, manifest["source"])}
    return known == {uri: size for uri, (size, _) in there.items()} and all(
        modified <= since for _, modified in there.values()
    )


def _objects(service: Service, source: str) -> Iterator[tuple[str, int, datetime]]:
    """What ingest would read of ``source``: address, bytes, and when it was written."""
    bucket, key = _parts(source)
    pages = service.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
    found = [each for page in pages for each in page.get("Contents", ())]
    folder = key.rstrip("/") + "/"
    alone = [each for each in found if each["Key"] == key]
    below = [each for each in found if each["Key"].startswith(folder) and _is_data(each["Key"])]
    for each in alone or below:
        yield f"s3://{bucket}/{each['Key']}", each["Size"], each["LastModified"]


def _is_data(key: str) -> bool:
    name = key.rpartition("/")[2]
    return bool(name) and name[0] not in "_."


def _modified(service: Service, uri: str) -> datetime:
    bucket, key = _parts(uri)
    modified: datetime = service.s3.head_object(Bucket=bucket, Key=key)["LastModified"]
    return modified


def _parts(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key

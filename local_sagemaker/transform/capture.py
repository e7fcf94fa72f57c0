"""Data capture of a transform job: manifests of the objects that it read and wrote, for Model Monitor.

``<destination>/input/yyyy/mm/dd/hh/<job>.json`` and ``<destination>/output/…``; the data itself is not written twice.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local_sagemaker.s3 import names
from local_sagemaker.s3.store import ObjectStore


def write(store: ObjectStore, request: Mapping[str, Any], paths: Sequence[str]) -> None:
    """Write both manifests, where the request has a DataCaptureConfig; ``paths`` are the inputs' below their prefix."""
    configuration = request.get("DataCaptureConfig")
    if configuration is None:
        return
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    output = request["TransformOutput"]["S3OutputPath"].rstrip("/") + "/"
    _put(store, request, "input", [{"prefix": _prefix(store, source)}, *paths])
    _put(store, request, "output", [{"prefix": output}, *(f"{path}.out" for path in paths)])


def _prefix(store: ObjectStore, source: Mapping[str, Any]) -> str:
    """What comes before the inputs' paths."""
    if source["S3DataType"] == "ManifestFile":
        return str(json.loads(store.read(source["S3Uri"]))[0]["prefix"])
    return str(source["S3Uri"])


def _put(store: ObjectStore, request: Mapping[str, Any], which: str, manifest: list[Any]) -> None:
    bucket, prefix = names.split_uri(request["DataCaptureConfig"]["DestinationS3Uri"])
    hour = f"{datetime.now(UTC):%Y/%m/%d/%H}"
    key = f"{prefix.rstrip('/')}/{which}/{hour}/{request['TransformJobName']}.json".lstrip("/")
    store.put(bucket, key, json.dumps(manifest).encode())

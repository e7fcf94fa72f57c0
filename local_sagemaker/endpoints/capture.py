"""Data capture: what an endpoint was asked and answered, as JSON Lines in S3.

``<destination>/<endpoint>/<variant>/yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.jsonl``, one record a request.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import logging
import queue
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.s3.store import ObjectStore

Document = dict[str, Any]

_PAUSE = 0.25  # seconds between two files, so that one holds what came meanwhile
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    asked: bytes
    asked_type: str
    answered: bytes
    answered_type: str
    inference_id: str | None = None
    shadow: bool = False


class Capture:
    """Writes in the background, in order, as many requests as the configurations ask for."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()  # folder, line
        self._thread = threading.Thread(target=self._write, name="data capture", daemon=True)
        self._thread.start()

    def record(
        self, endpoint: str, variant: str, configuration: Mapping[str, Any], exchange: Exchange
    ) -> None:
        """Keep an exchange, if it is one of the share that is kept."""
        if random.random() * 100 >= configuration["InitialSamplingPercentage"]:  # noqa: S311 - a sample
            return
        now = datetime.now(UTC)
        folder = f"{configuration['DestinationS3Uri'].rstrip('/')}/{endpoint}/{variant}/{now:%Y/%m/%d/%H}"
        self._queue.put((folder, json.dumps(record(configuration, exchange, now))))

    def close(self) -> None:
        """Write what is there, and end."""
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        going_on = True
        while going_on:
            lines: dict[str, list[str]] = defaultdict(list)
            item = self._queue.get()
            if item is not None:
                threading.Event().wait(_PAUSE)
            while True:
                if item is None:
                    going_on = False
                    break
                lines[item[0]].append(item[1])
                if self._queue.empty():
                    break
                item = self._queue.get()
            for folder, records in lines.items():
                self._store_file(folder, records)

    def _store_file(self, folder: str, records: list[str]) -> None:
        now = datetime.now(UTC)
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        try:
            self._store.put(bucket, f"{prefix}/{name}", "".join(f"{line}\n" for line in records).encode())
        except (AwsError, OSError) as error:  # requests are answered all the same
            _log.warning("data capture cannot write to %s: %s", folder, error)


def record(configuration: Mapping[str, Any], exchange: Exchange, now: datetime) -> Document:
    """One line: the parts that the configuration asks for, and what identifies the request."""
    modes = {option["CaptureMode"] for option in configuration["CaptureOptions"]}
    types = configuration.get("CaptureContentTypeHeader", {})
    data = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _part("INPUT", exchange.asked, exchange.asked_type, types)
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _part("OUTPUT", exchange.answered, exchange.answered_type, types)
    metadata = {"eventId": str(uuid.uuid4())}
    if exchange.inference_id is not None:
        metadata["inferenceId"] = exchange.inference_id
    if exchange.shadow:
        metadata["invocationSource"] = "ShadowExperiment"
    metadata["inferenceTime"] = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _part(mode: str, content: bytes, content_type: str, types: Mapping[str, list[str]]) -> Document:
    encoding = _encoding(content_type, types)
    try:
        data = base64.b64encode(content).decode() if encoding == "BASE64" else content.decode()
    except UnicodeDecodeError:
        data, encoding = base64.b64encode(content).decode(), "BASE64"
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def _encoding(content_type: str, types: Mapping[str, list[str]]) -> str:
    """Text as it is where the configuration says of its type that it is text; everything else in Base64."""
    kind = content_type.partition(";")[0].strip().lower()
    for member, encoding in (("CsvContentTypes", "CSV"), ("JsonContentTypes", "JSON")):
        if kind in (each.lower() for each in types.get(member, [])):
            return encoding
    return "BASE64"

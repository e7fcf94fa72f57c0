"""Whether two searches train on the same rows: files in a local S3 that change, age and vanish."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines import config, same_rows
from pipelines.service import Service
from steps.settings import Cache


@dataclass
class Rows:
    """Raw rows in S3, and what an execution has said about them."""

    s3: Any
    bucket: str
    lineage: dict[str, str]
    source: str

    def put(self, name: str, body: bytes = b"1,2\n") -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.source.split('/', 3)[3]}{name}", Body=body)

    def manifest(self, later: float = 60, **changes: Any) -> None:
        """What ingest says once it has read ``a.csv``; ``later`` seconds from now."""
        time = (datetime.now(UTC) + timedelta(seconds=later)).isoformat(timespec="seconds")
        objects = [{"uri": f"{self.source}a.csv", "bytes": 4}]
        body = json.dumps({"source": self.source, "objects": objects, "time": time, **changes})
        key = self.lineage["DataManifest"].split("/", 3)[3]
        self.s3.put_object(Bucket=self.bucket, Key=f"{key}/manifest.json", Body=body.encode())


@pytest.fixture
def rows(client: Callable[[str], Any]) -> Rows:
    s3, bucket, key = client("s3"), f"rows-{uuid.uuid4().hex[:8]}", "raw/"
    s3.create_bucket(Bucket=bucket)
    lineage = {
        "DataRecipe": "recipe",
        "DataManifest": f"s3://{bucket}/runs/1/manifest",
        "PrepFlow": f"s3://{bucket}/runs/1/flow",
    }
    found = Rows(s3, bucket, lineage, f"s3://{bucket}/{key}")
    found.put("a.csv")
    found.put("_SUCCESS")
    found.manifest()
    s3.put_object(Bucket=bucket, Key="runs/1/flow/flow.json", Body=b"{}")
    return found


@pytest.fixture
def why_not(local: Any, monkeypatch: pytest.MonkeyPatch, rows: Rows) -> Callable[..., str]:
    """``why_not(expire_after="P1D")``: with another cache."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.url)

    def ask(recipe: str = "recipe", source: str = "", **cache: Any) -> str:
        settings = config.load("local", "adult")
        environment = settings.environment.model_copy(update={"cache": Cache(**cache)})
        service = Service(settings.model_copy(update={"environment": environment}))
        return same_rows.why_not(service, rows.lineage, recipe, source or rows.source)

    return ask


def test_rows_that_nobody_touched_are_the_same(why_not: Callable[..., str]) -> None:
    """Spark's markers are no data."""
    assert why_not() == ""


def test_another_recipe_makes_other_rows(why_not: Callable[..., str]) -> None:
    """A prep flow that has changed."""
    assert "prepared in another way" in why_not("another")


def test_without_a_cache_the_rows_lie_elsewhere(why_not: Callable[..., str]) -> None:
    """Equal in content, at another address: other data to SageMaker."""
    assert "cache is off" in why_not(enabled=False)


def test_rows_that_the_cache_has_forgotten_are_prepared_anew(why_not: Callable[..., str]) -> None:
    """The duration is AWS's, ISO 8601."""
    assert "too old" in why_not(expire_after="PT0S")


def test_another_source_is_other_data(why_not: Callable[..., str], rows: Rows) -> None:
    """Whatever is in it."""
    assert why_not(source="s3://elsewhere/b.csv") == f"its data is {rows.source}"


def test_a_new_file_is_other_data(why_not: Callable[..., str], rows: Rows) -> None:
    """At the same address."""
    rows.put("b.csv")

    assert "changed since" in why_not()


def test_a_file_that_was_written_again_is_other_data(why_not: Callable[..., str], rows: Rows) -> None:
    """Of the same size, after ingest had read it."""
    rows.manifest(later=-60)

    assert "changed since" in why_not()


def test_what_is_gone_cannot_be_compared(why_not: Callable[..., str], rows: Rows) -> None:
    """An execution's folder may be cleaned up."""
    rows.s3.delete_object(Bucket=rows.bucket, Key="runs/1/flow/flow.json")

    assert "deleted" in why_not()

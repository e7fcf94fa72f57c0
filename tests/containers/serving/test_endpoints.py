"""One package on two images, behind real endpoints: the same bytes, and the offline scores to the last bit."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from botocore.exceptions import ClientError

from containers import contract
from containers.serving.predictor import load
from pipelines.config import load as load_config
from pipelines.publish import plan
from tests.containers.serving.conftest import Trained
from tests.containers.serving.rows import WRITERS, hard_rows, offline, written
from tests.local_sagemaker.endpoints.conftest import REGISTRY, Host

OURS = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-pipelines-reference-serving:1"
IMAGES = {"aws": f"{REGISTRY}/sagemaker-xgboost:3.2-0", "ours": OURS}


@pytest.fixture(scope="module")
def rows(trained: Trained) -> pd.DataFrame:
    return hard_rows(trained, load(trained.folder).flow)


@pytest.fixture(scope="module")
def host(local: Any, client: Callable[[str], Any]) -> Host:
    return Host(client, local.settings.bucket, local.settings.role_arn)


@pytest.fixture(scope="module")
def endpoints(host: Host, trained: Trained) -> Iterator[Mapping[str, str]]:
    """By image: an endpoint that serves the package which register would make."""
    publication = plan(load_config())
    for key, content in publication.objects.items():
        if key.endswith(contract.SOURCE_ARCHIVE):
            host.client("s3").put_object(Bucket=host.bucket, Key=key, Body=content)
    environment = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": publication.serving,
        contract.DECISION_THRESHOLD: "0.2",
    }
    made = {
        name: host.deploy(host.container(packed(trained.folder), image, environment))
        for name, image in IMAGES.items()
    }
    yield made
    for name in made.values():
        host.sagemaker.delete_endpoint(EndpointName=name)
        host.gone(name)


def packed(folder: Path) -> bytes:
    """A ``model.tar.gz``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in folder.iterdir():
            archive.add(path, path.name)
    return buffer.getvalue()


def both(host: Host, endpoints: Mapping[str, str], body: Any, kind: str, accept: str) -> str:
    """The answer, which is one."""
    answers = {host.ask(name, body, kind, Accept=accept) for name in endpoints.values()}
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize("kind", WRITERS)
def test_a_thousand_rows_are_scored_as_offline(
    host: Host,
    endpoints: Mapping[str, str],
    trained: Trained,
    rows: pd.DataFrame,
    tmp_path: Path,
    kind: str,
) -> None:
    """With missing and unseen values, in every format, on both images: the bits that evaluation gives."""
    answer = json.loads(both(host, endpoints, written(rows, kind), kind, "application/json"))
    found = np.array([each["probability"] for each in answer["predictions"]])
    assert np.array_equal(found, offline(trained, rows, tmp_path))
    assert len(found) == 1000
    assert len(set(found)) > 100


@pytest.mark.parametrize("kind", WRITERS)
def test_a_row_alone_is_scored_as_among_many(
    host: Host, endpoints: Mapping[str, str], rows: pd.DataFrame, kind: str
) -> None:
    """One row in a request gives the bytes that it gives among many, on both images."""
    few = rows.head(25)
    together = both(host, endpoints, written(few, kind), kind, "application/jsonlines").splitlines()
    alone = [
        both(host, endpoints, written(few.iloc[[place]], kind), kind, "application/jsonlines").strip()
        for place in range(len(few))
    ]
    assert alone == together


@pytest.mark.parametrize("accept", ["application/json", "application/jsonlines", "text/csv"])
def test_every_response_type_is_the_same_on_both(
    host: Host, endpoints: Mapping[str, str], rows: pd.DataFrame, accept: str
) -> None:
    """What a package promises to write is written, byte for byte alike."""
    assert both(host, endpoints, written(rows.head(50), "text/csv"), "text/csv", accept)


def test_explanations_and_bad_rows_are_the_same_on_both(
    host: Host, endpoints: Mapping[str, str], rows: pd.DataFrame
) -> None:
    """Contributions, and what is said of a bad row, do not depend on the image."""
    instances = json.loads(written(rows.head(5), "application/json"))["instances"]
    instances[2]["events_1h"] = "many"
    document = json.dumps({"instances": instances, "explain": True})
    found = json.loads(both(host, endpoints, document, "application/json", "application/json"))["predictions"]
    assert found[2]["error"]["row"] == 3
    assert "contributions" in found[0]


REFUSED = [
    ("text/csv", b"1,2,3\n", "application/json", 400),
    ("application/json", b"{", "application/json", 400),
    ("application/x-parquet", b"PAR1", "application/json", 400),
    ("image/png", b"x", "application/json", 415),
]


@pytest.mark.parametrize(("kind", "body", "accept", "status"), REFUSED)
def test_refusals_are_the_same_on_both(
    host: Host, endpoints: Mapping[str, str], kind: str, body: bytes, accept: str, status: int
) -> None:
    """A refusal reaches the client as a ModelError with the model's status and words, the same on both images."""
    said = set()
    for name in endpoints.values():
        with pytest.raises(ClientError) as refused:
            host.ask(name, body, kind, Accept=accept)
        response = refused.value.response
        assert response["Error"]["Code"] == "ModelError"
        assert response["OriginalStatusCode"] == status
        said.add(response["OriginalMessage"])
    assert len(said) == 1

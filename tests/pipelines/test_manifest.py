"""A version's manifest on the command line: what it was made of, and whether that is still there as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.__main__ import main
from pipelines.config import USECASES

Command = Callable[..., tuple[int, str, str]]
BUCKET = "manifest-objects"
HASH = "c" * 64


@pytest.fixture
def group(request: pytest.FixtureRequest) -> str:
    return f"manifest-{abs(hash(request.node.nodeid))}"[:40]


@pytest.fixture
def command(
    group: str,
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """``command("1")``: exit status, output and error of ``packages 1``, for a group of its own."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    usecase = tmp_path / "usecase.toml"
    text = (USECASES / "roaming.toml").read_text(encoding="utf-8")
    usecase.write_text(text.replace('group = "roaming"', f'group = "{group}"'), encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["packages", *arguments, "--usecase", str(usecase)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def put(client: Callable[[str], Any], group: str) -> Callable[[str, bytes], dict[str, str]]:
    """Writes an object of this test's; its address and hash."""
    s3 = client("s3")
    if BUCKET not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)

    def write(name: str, content: bytes) -> dict[str, str]:
        s3.put_object(Bucket=BUCKET, Key=f"{group}/{name}", Body=content)
        return {"uri": f"s3://{BUCKET}/{group}/{name}", "sha256": hashlib.sha256(content).hexdigest()}

    return write


@pytest.fixture
def version(
    client: Callable[[str], Any], group: str, put: Callable[[str, bytes], dict[str, str]]
) -> dict[str, str]:
    """A registered version with a manifest whose objects are there."""
    data, flow = put("data/manifest.json", b"{}"), put("flow/flow.json", b"{}")
    manifest = {
        "commit": "1a2b3c",
        "data": {
            "uri": "s3://raw/rows.csv",
            "sha256": HASH,
            "rows": 12345,
            "manifest": {**data, "uri": data["uri"].rpartition("/")[0]},
        },
        "flow": {**flow, "uri": flow["uri"].rpartition("/")[0]},
        "model": put("model.tar.gz", b"a model" * 1000),
        "training": {
            "training_job": "arn:of:the:job",
            "hyperparameters": {"rounds": 7, "num_class": None, "booster": {"eta": 0.5}},
        },
        "seeds": {"split": 3, "training": 4},
        "images": {"training": "an/image:1"},
        "versions": {"training": {"python": "3.12.1"}},
        "code": {"ingest": {"uri": f"s3://code/{HASH}", "sha256": HASH}},
        "settings": {},
    }
    own = put("manifest.json", json.dumps(manifest).encode())
    sagemaker = client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    inference = {
        "Containers": [{"Image": "an/image:1", "ModelDataUrl": manifest["model"]["uri"]}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    for properties in ({"Manifest": own["uri"], "ManifestHash": own["sha256"]}, {"UseCase": "roaming"}):
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            InferenceSpecification=inference,
            CustomerMetadataProperties=properties,
        )
    return own


@pytest.mark.usefixtures("version")
def test_a_version_says_what_it_was_made_of(command: Command) -> None:
    """Commit, data, jobs, seeds, versions, code; and all that is one object is hashed again."""
    status, out, _ = command("1")

    assert status == 0
    for wanted in (
        "1a2b3c", f"{HASH}  12,345 rows, s3://raw/rows.csv", "arn:of:the:job", "rounds 7, eta 0.5",
        "split 3, training 4", "an/image:1", "python 3.12.1", "code of ingest",
    ):  # fmt: skip
        assert wanted in out
    assert out.count("is what it was") == 4
    assert max(map(len, out.splitlines())) > 100  # hashes are not broken


@pytest.mark.usefixtures("version")
def test_what_was_changed_afterwards_is_named(
    command: Command, put: Callable[[str, bytes], dict[str, str]], client: Callable[[str], Any], group: str
) -> None:
    """The model was replaced and the flow deleted: both are said, and the exit status is 1."""
    put("model.tar.gz", b"another model")
    client("s3").delete_object(Bucket=BUCKET, Key=f"{group}/flow/flow.json")
    status, out, _ = command("1")

    assert status == 1
    assert f"model has changed: s3://{BUCKET}/{group}/model.tar.gz" in out
    assert f"flow is gone: s3://{BUCKET}/{group}/flow/flow.json" in out
    assert "manifest is what it was" in out


@pytest.mark.parametrize("content", [b"{}", b"no JSON", b""])
@pytest.mark.usefixtures("version")
def test_a_manifest_that_was_changed_proves_nothing(
    content: bytes, command: Command, put: Callable[[str, bytes], dict[str, str]]
) -> None:
    """Its hash is on the package, so it is found out, and nothing of it is shown."""
    put("manifest.json", content)
    status, out, err = command("1")

    assert (status, err) == (1, "")
    assert "manifest has changed" in out
    assert "rows" not in out


@pytest.mark.usefixtures("version")
def test_a_version_without_a_manifest_says_so(command: Command) -> None:
    """Those that were registered before there were manifests, or by other means."""
    status, out, err = command("latest")

    assert (status, out) == (1, "")
    assert "version 2 names no manifest" in err

"""What a registered version was made of, as its manifest says, and whether that is still what lies in S3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Group
from rich.text import Text

from containers import contract
from pipelines.errors import RunError
from pipelines.packages import Package
from pipelines.service import Service

BLOCK = 1 << 20


@dataclass(frozen=True)
class Proof:
    """One object of S3 against the hash that was written down."""

    name: str
    uri: str
    expected: str
    found: str  # empty where the object is not there any more

    @property
    def holds(self) -> bool:
        """Whether it is still the same object."""
        return self.found == self.expected


def read(service: Service, package: Package) -> tuple[dict[str, Any], list[Proof]]:
    """The manifest of ``package``, and what came of hashing again all that it names as one object.

    A manifest that is not the one that was registered proves nothing: then its own proof stands alone.

    Raises:
        RunError: the package names no manifest.
    """
    properties = service.sagemaker.describe_model_package(ModelPackageName=package.arn).get(
        "CustomerMetadataProperties", {}
    )
    uri = properties.get(contract.MANIFEST_PROPERTY)
    if not uri:
        raise RunError(f"version {package.version} names no manifest: {package.arn}")
    own = _prove(service, "manifest", uri, properties.get(contract.MANIFEST_HASH_PROPERTY, ""))
    if not own.holds:
        return {}, [own]
    found: dict[str, Any] = service.read_json(uri)
    data, flow, model = found["data"]["manifest"], found["flow"], found["model"]
    return found, [
        own,
        _prove(service, "data manifest", f"{data['uri']}/{contract.MANIFEST_FILE}", data["sha256"]),
        _prove(service, "flow", f"{flow['uri']}/{contract.FLOW_FILE}", flow["sha256"]),
        _prove(service, "model", model["uri"], model["sha256"]),
    ]


def shown(package: Package, manifest: Mapping[str, Any], proofs: list[Proof]) -> Group:
    """The manifest as people read it, and below it what was hashed again."""
    lines = [Text.assemble((f"{name:<26}", "bold"), value) for name, value in _lines(manifest)]
    return Group(Text(f"{package.arn}, {package.status}"), *lines, *map(_said, proofs))


def _lines(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not manifest:
        return
    data, training = manifest["data"], manifest["training"]
    yield "commit", manifest["commit"]
    yield "data", f"{data['sha256']}  {data['rows']:,} rows, {data['uri']}"
    yield "flow", f"{manifest['flow']['sha256']}  {manifest['flow']['uri']}"
    yield "model", f"{manifest['model']['sha256']}  {manifest['model']['uri']}"
    for kind in ("training_job", "tuning_job"):
        if kind in training:
            yield kind.replace("_", " "), training[kind]
    yield "hyperparameters", _pairs(_flat(training["hyperparameters"]))
    yield "seeds", _pairs(manifest["seeds"])
    for name, image in manifest["images"].items():
        yield f"{name} image", image
    for where, versions in manifest["versions"].items():
        yield f"{where} saw", _pairs(versions)
    for kind in ("code", "settings"):
        for name, address in manifest[kind].items():
            yield f"{kind} of {name}", address["sha256"]


def _said(proof: Proof) -> Text:
    if proof.holds:
        return Text(f"✔ {proof.name} is what it was: sha256 {proof.expected}", style="green")
    if not proof.found:
        return Text(f"✘ {proof.name} is gone: {proof.uri}", style="red")
    return Text(
        f"✘ {proof.name} has changed: {proof.uri} has sha256 {proof.found}, expected {proof.expected}",
        style="red",
    )


def _flat(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """XGBoost's own among the others, without what is not set."""
    others = {name: value for name, value in hyperparameters.items() if name != "booster"}
    flat = {**others, **hyperparameters.get("booster", {})}
    return {name: value for name, value in flat.items() if value is not None}


def _pairs(values: Mapping[str, Any]) -> str:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return ", ".join(f"{name} {text}" for name, text in texts.items())


def _prove(service: Service, name: str, uri: str, expected: str) -> Proof:
    return Proof(name, uri, expected, _hash(service, uri))


def _hash(service: Service, uri: str) -> str:
    """SHA-256 of an object; empty where it is not there."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    digest = hashlib.sha256()
    try:
        body = service.s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket"):
            return ""
        raise
    for block in iter(lambda: body.read(BLOCK), b""):
        digest.update(block)
    return digest.hexdigest()

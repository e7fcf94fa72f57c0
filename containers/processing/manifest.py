"""Write down what a model was made of: data, code, flow, images, seeds, versions, each with its hash.

    python -m containers.processing.manifest --commit 1a2b --training-job arn:… --model-uri s3://…

What lies in the job's inputs is hashed here; code and settings lie under addresses that are their hashes; and the
versions are those that ingest, training and this job have seen. The manifest's own hash is left beside it, and both its
address and its hash go on the registered package: whoever changes the one is found out by the other.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing.job import DataError, read_settings, run
from containers.processing.model_archive import members
from containers.versions import versions

ADDRESS = re.compile(r"/([0-9a-f]{64})(/|$)")  # the hash in a content-addressed address


@dataclass(frozen=True)
class Origin:
    """What the pipeline knows and the job does not: names and addresses, as they stand in the manifest.

    The execution is not among them: what a model is made of is the same when it is registered again, from the cache.
    """

    commit: str = ""
    training_job: str = ""
    tuning_job: str = ""
    data_uri: str = ""  # of the raw rows
    manifest_uri: str = ""
    flow_uri: str = ""
    model_uri: str = ""
    processing_image: str = ""
    training_image: str = ""


def main(paths: ProcessingPaths, origin: Origin) -> None:
    """Write the output ``model_manifest``: the manifest, and a file with its hash.

    Raises:
        DataError: an input is missing, or the model was trained behind another flow than the one in the input.
    """
    settings = read_settings(paths)
    manifest = _file(paths, contract.MANIFEST, contract.MANIFEST_FILE)
    flow = _file(paths, contract.FLOW, contract.FLOW_FILE)
    model = _file(paths, contract.MODEL, contract.MODEL_ARCHIVE)
    files = members(model.parent)
    if files.get(contract.FLOW_FILE) != flow.read_bytes():
        raise DataError(
            f"the {contract.FLOW_FILE} in {contract.MODEL_ARCHIVE} is not that of the input '{contract.FLOW}': "
            "the model was trained behind another flow"
        )
    data, trained = json.loads(manifest.read_bytes()), json.loads(files[contract.MODEL_INFO_FILE])
    document = {
        "version": 1,
        "usecase": settings["name"],
        "commit": origin.commit,
        "data": {
            "uri": origin.data_uri,
            "sha256": data["sha256"],
            "rows": data["rows"],
            "objects": data["objects"],
            "manifest": {"uri": origin.manifest_uri, "sha256": digest(manifest.read_bytes())},
        },
        "flow": {"uri": origin.flow_uri, "sha256": digest(flow.read_bytes())},
        "model": {
            "uri": origin.model_uri,
            "sha256": file_digest(model),
            "files": {name: digest(content) for name, content in files.items()},
        },
        "training": {
            "training_job": origin.training_job,
            **({"tuning_job": origin.tuning_job} if origin.tuning_job else {}),
            "hyperparameters": trained["hyperparameters"],
        },
        "seeds": {**settings["seeds"], "training": trained["hyperparameters"]["seed"]},
        "code": {name: _address(uri) for name, uri in settings["code"].items()},
        "settings": {name: _address(uri) for name, uri in settings["settings"].items()},
        "images": {"processing": origin.processing_image, "training": origin.training_image},
        "versions": {
            "ingest": data["versions"],
            "training": trained["versions"],
            "processing": versions(),
        },
    }
    text = (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
    output = paths.output(contract.MODEL_MANIFEST)
    output.mkdir(parents=True, exist_ok=True)
    (output / contract.MANIFEST_FILE).write_bytes(text)
    hashed = json.dumps({contract.HASH_PATH: digest(text)})
    (output / contract.HASH_FILE).write_text(hashed + "\n", encoding="utf-8")
    print(f"model sha256 {document['model']['sha256']}\nmanifest sha256 {digest(text)}", flush=True)


def digest(content: bytes) -> str:
    """SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def file_digest(file: Path) -> str:
    """SHA-256 of a file, which need not fit into memory."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _file(paths: ProcessingPaths, channel: str, name: str) -> Path:
    file = paths.input(channel) / name
    if not file.is_file():
        raise DataError(f"there is no {name} in the input '{channel}'")
    return file


def _address(uri: str) -> Mapping[str, str]:
    """A content-addressed address and the hash that it is made of."""
    found = ADDRESS.search(uri)
    return {"uri": uri, "sha256": found[1] if found else ""}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="manifest", description=(__doc__ or "").split("\n", 1)[0])
    for name in asdict(Origin()):
        parser.add_argument(f"--{name.replace('_', '-')}", default="")
    sys.exit(run(main, ProcessingPaths(), Origin(**vars(parser.parse_args()))))

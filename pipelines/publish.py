"""Code and settings, published under addresses made of their contents' hashes.

A definition names these addresses, so the same code and settings give the same definition, a step whose own code did
not change hits the cache, and what a past execution ran can still be read. Planning is pure; only ``upload`` talks to
S3.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from containers import contract
from pipelines.checks import planned
from pipelines.config import Config
from steps.settings import Code

ROOT = Path(__file__).parent.parent
PACKAGE = "containers"
TRAINING_SCRIPT = f"{PACKAGE}/training/train.py"
SERVING_SCRIPT = f"{PACKAGE}/serving/inference.py"
MANIFEST = "manifest"  # names all other code, so it is published last
CHECK_MODULE = f"{PACKAGE}/analyzer/check.py"  # of every check that is a processing job
OBJECT = re.compile(r"(?P<folder>.*?/[0-9a-f]{64}/)")  # where an object of a publication lies

# What each processing job must know of the use case. A setting that a job does not read does not touch its cache.
SETTINGS_READ = {
    "ingest": ("name", "problem", "label", "positive", "source", "columns"),
    "prep": ("name", "problem", "label", "positive", "source", "columns", "split", "flow"),
    "evaluate": ("name", "title", "problem", "label", "positive", "gate", "facets", "fairness"),
    "tuning_report": ("name", "title"),
    "champion": ("name", "problem", "gate"),
    "smoke_test": ("name", "problem", "label"),
    "model_card": ("name", "title", "problem", "gate", "card"),
    "manifest": ("name",),
}
BATCH_SETTINGS_READ = {
    "prepare_rows": ("name", "label", "source", "columns"),
    "write_scores": ("name", "columns"),
}


@dataclass(frozen=True)
class Publication:
    """What a definition refers to: addresses by job, and the objects that must be there before it runs."""

    code: Mapping[str, Code]  # processing module, or a check's setting -> where its code and settings lie
    source_dir: str  # the training job's sourcedir.tar.gz; empty where nothing is trained
    serving: str  # that of the registered model's container; empty where none is registered
    objects: Mapping[str, bytes] = field(repr=False)  # key in the bucket -> content

    @property
    def recipe(self) -> str:
        """What makes training rows of raw data, in a word: equal data and an equal recipe give equal rows."""
        makers = [address for name in ("ingest", "prep") for address in astuple(self.code[name])]
        return hashlib.sha256("\n".join(makers).encode()).hexdigest()

    @property
    def prefixes(self) -> list[str]:
        """The folders within the bucket, named after their contents: every object lies below one of them."""
        folders = (OBJECT.match(key) for key in self.objects)
        return sorted({folder["folder"] for folder in folders if folder})


def plan(config: Config) -> Publication:
    """The addresses and objects for ``config``; nothing is uploaded."""
    objects: dict[str, bytes] = {}
    prefix = config.environment.prefix

    def publish(kind: str, files: Mapping[str, bytes]) -> str:
        key = f"{prefix}/{kind}/{content_address(files)}"
        objects.update({f"{key}/{name}": content for name, content in files.items()})
        return f"s3://{config.environment.bucket}/{key}"

    def processing(module: str, **more: Any) -> Code:
        settings = {**settings_of(module, config), **more}
        return Code(
            package=publish("code", closure(f"{PACKAGE}/processing/{module}.py")),
            settings=publish("settings", {contract.SETTINGS_FILE: _json(settings)}),
        )

    if config.pipeline == "inference":
        batch = {
            "max_bad_rows": config.usecase.batch.max_bad_rows,
            "partition_by": config.usecase.batch_partitions,
        }
        code = {module: processing(module, batch=batch) for module in BATCH_SETTINGS_READ}
        return Publication(code, "", "", objects)
    code = {module: processing(module) for module in SETTINGS_READ if module != MANIFEST}
    for check, how in planned(config).items():
        if how.form == "processing":
            code[check.setting] = Code(
                package=publish("code", closure(CHECK_MODULE)),
                settings=publish("settings", {check.settings_file: _json(how.settings)}),
            )
    training, serving = (
        f"{publish('code', {contract.SOURCE_ARCHIVE: _source_archive(script)})}/{contract.SOURCE_ARCHIVE}"
        for script in (TRAINING_SCRIPT, SERVING_SCRIPT)
    )
    made_by = {**{name: each.package for name, each in code.items()}, "train": training, "serve": serving}
    told = {name: each.settings for name, each in code.items()}
    code[MANIFEST] = processing(MANIFEST, seeds=config.usecase.seeds, code=made_by, settings=told)
    return Publication(code, training, serving, objects)


def settings_of(module: str, config: Config) -> dict[str, Any]:
    """What the job ``module`` is told of the use case."""
    settings = config.usecase.model_dump(mode="json")
    told = {name: settings[name] for name in {**SETTINGS_READ, **BATCH_SETTINGS_READ}[module]}
    if module == "prep" and config.usecase.fairness.reweigh:  # else facets and label values are nothing to it
        facets = [{"column": facet["column"], "values": facet["values"]} for facet in settings["facets"]]
        return {**told, "facets": facets, "fairness": settings["fairness"]}
    return told


def upload(publication: Publication, bucket: str, s3: Any) -> int:
    """Put what is not there yet into ``bucket``, and return how many objects that were."""
    pages = s3.get_paginator("list_objects_v2")

    def there(prefix: str) -> set[str]:
        return {
            entry["Key"]
            for page in pages.paginate(Bucket=bucket, Prefix=prefix)
            for entry in page.get("Contents", [])
        }

    def put(key: str) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=publication.objects[key])

    with ThreadPoolExecutor(8) as pool:
        known = set().union(*pool.map(there, publication.prefixes))
        new = sorted(publication.objects.keys() - known)
        list(pool.map(put, new))
    return len(new)


@cache
def closure(file: str) -> Mapping[str, bytes]:
    """``file`` and every file of our package that it imports, however indirectly: name -> content, sorted."""
    found: dict[str, bytes] = {}
    waiting = [file]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name], needed = _read(name)
        waiting += needed
    return dict(sorted(found.items()))


@cache
def _read(name: str) -> tuple[bytes, tuple[str, ...]]:
    """A file, and those that it needs; once, for most are in several closures."""
    source = (ROOT / name).read_bytes()
    return source, (*_imports(source), *_packages_above(name))


def _imports(source: bytes) -> list[str]:
    """The files of our package that ``source`` imports."""
    modules: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    paths = [module.replace(".", "/") for module in modules if module.split(".")[0] == PACKAGE]
    candidates = [name for path in paths for name in (f"{path}.py", f"{path}/__init__.py")]
    return [name for name in candidates if (ROOT / name).is_file()]


def _packages_above(name: str) -> list[str]:
    folders = [folder.as_posix() for folder in Path(name).parents if folder != Path()]
    return [f"{folder}/__init__.py" for folder in folders if (ROOT / folder / "__init__.py").is_file()]


def _source_archive(script: str) -> bytes:
    """A ``sourcedir.tar.gz`` with the script at its top, as AWS's framework containers want it; same in, same out."""
    files = closure(script)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted({**files, Path(script).name: files[script]}.items()):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)


def content_address(files: Mapping[str, bytes]) -> str:
    """What a folder of these files is named after: SHA-256 over each one's name, length and content, in order."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _json(value: Any) -> bytes:
    # Not sorted: the order of a use case's columns means something.
    return json.dumps(value, indent=1, ensure_ascii=False).encode()

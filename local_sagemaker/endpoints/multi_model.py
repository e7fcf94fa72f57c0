"""A multi-model container: models that are fetched and loaded when they are asked for, and unloaded for others.

    TargetModel ──► on disk? ──no──► fetch from S3, unpack
                      │ yes ◄────────────┘
                      ▼
                    loaded? ──no──► room? ──no──► unload what was asked least recently and is idle
                      │ yes ◄────────── load
                      ▼
                    invoke

https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoints.html
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from local_sagemaker.endpoints.connection import Answer
from local_sagemaker.endpoints.hosted import Document, Invocation, Refused
from local_sagemaker.endpoints.program import ROLE, Programs
from local_sagemaker.endpoints.shelves import Full, Shelf
from local_sagemaker.errors import AwsError
from local_sagemaker.jobs.failure import JobFailure

_LOADING = 360.0  # seconds that a model has to be fetched and loaded; the request waits 60 of them
_ON_DISK = 100  # unpacked models that are kept in a container's folder

Count = Callable[[Mapping[str, float]], None]


@dataclass
class _Model:
    target: str
    key: str
    ready: Future[None] = field(default_factory=Future)
    users: int = 0

    @property
    def idle(self) -> bool:
        return self.users == 0 and self.ready.done()


class MultiModel:
    """One container of many models.

    Args:
        definition: the container, as CreateModel has it; its ModelDataUrl is a prefix.
        folder: becomes its ``/opt/ml``.
        most: models that are loaded at a time.
        count: is told the metrics of multi-model endpoints.
    """

    def __init__(
        self, shelf: Shelf, programs: Programs, definition: Document, folder: Path, most: int, count: Count
    ) -> None:
        self.name = shelf.name
        self._shelf = shelf
        self._programs = programs
        self._definition = definition
        self._folder = folder / "models"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._most = most
        self._count = count
        caching = definition.get("MultiModelConfig", {}).get("ModelCacheSetting", "Enabled")
        self._caches = caching == "Enabled"
        self._changed = threading.Condition()
        self._models: OrderedDict[str, _Model] = OrderedDict()  # by target; who was asked last is last
        self._unloading: set[str] = set()  # keys
        self._loaded = 0  # models that are loaded, on their way there, or on their way out
        self._on_disk: OrderedDict[str, None] = OrderedDict()  # keys

    def start(self) -> None:
        """Begin."""
        self._shelf.start()

    def wait(self) -> None:
        """Until models can be loaded. Raises JobFailure."""
        self._shelf.wait()

    def stop(self) -> None:
        """End it, with all its models."""
        self._shelf.stop()

    def abandon(self) -> None:
        """Start nothing more."""
        self._shelf.abandon()

    def has(self, target: str | None) -> bool:
        """Whether the model is loaded."""
        model = self._models.get(target or "")
        return model is not None and model.ready.done()

    def ask(self, invocation: Invocation, seconds: float) -> Answer:
        """The target model's answer.

        Raises:
            AwsError: there is no such model, or it is not loaded in time; then loading goes on.
            Refused: it cannot be loaded, or answers with an error.
        """
        began = time.monotonic()
        model = self._take(invocation.target or "")
        try:
            hit = model.ready.done()
            self._loaded_in(model, seconds)
            waited = time.monotonic() - began
            self._count({"ModelCacheHit": float(hit), "ModelLoadingWaitTime": waited * 1e6})
            return self._shelf.invoke(model.key, invocation, max(0.001, seconds - waited))
        finally:
            self._give_back(model)

    def _take(self, target: str) -> _Model:
        with self._changed:
            model = self._models.get(target)
            if model is None:
                model = self._models[target] = _Model(
                    target, hashlib.sha256(target.encode()).hexdigest()[:32]
                )
                threading.Thread(target=self._load, args=(model,), name=f"load {target}", daemon=True).start()
            self._models.move_to_end(target)
            model.users += 1
            return model

    def _give_back(self, model: _Model) -> None:
        with self._changed:
            model.users -= 1
            out = not self._caches and self._models.get(model.target) is model and model.idle
            if out:
                self._out(model)
            self._changed.notify_all()
        if out:
            self._unload(model)

    def _loaded_in(self, model: _Model, seconds: float) -> None:
        try:
            model.ready.result(seconds)
        except TimeoutError:
            raise AwsError(
                f"The model {model.target} is not ready for inference yet: it is still being loaded. Try again later.",
                code="ModelNotReadyException",
                status=429,
            ) from None

    def _load(self, model: _Model) -> None:
        """Fetch and load a model; whoever waits for it learns how that went."""
        deadline = time.monotonic() + _LOADING
        try:
            self._room(model, deadline)
            try:
                self._bring(model, deadline)
            except BaseException:
                with self._changed:
                    self._loaded -= 1
                raise
        except BaseException as error:  # noqa: BLE001 - whoever waits for the model raises it
            with self._changed:
                if self._models.get(model.target) is model:
                    del self._models[model.target]  # the next request tries again
                self._changed.notify_all()
            model.ready.set_exception(error)
            return
        model.ready.set_result(None)
        with self._changed:
            self._changed.notify_all()
            self._count({"LoadedModelCount": float(self._loaded)})

    def _bring(self, model: _Model, deadline: float) -> None:
        folder = self._folder / model.key
        began = time.monotonic()
        if not folder.is_dir():
            self._fetch(model, folder)
            self._count({"ModelDownloadingTime": (time.monotonic() - began) * 1e6})
        self._keep_on_disk(model.key)
        began = time.monotonic()
        while True:
            try:
                self._shelf.load(model.key, model.target, folder, max(0.001, deadline - time.monotonic()))
                break
            except Full:
                victim = self._least_recent()
                if victim is None:
                    raise Refused(self.name, 507, f"There is no room for the model {model.target}.") from None
                self._unload(victim)
        self._count({"ModelLoadingTime": (time.monotonic() - began) * 1e6})

    def _room(self, model: _Model, deadline: float) -> None:
        """Wait for a place, and take it: what was asked least recently goes."""
        while True:
            with self._changed:
                free = self._loaded < self._most and model.key not in self._unloading
                if free:
                    self._loaded += 1
                    return
                victim = self._idle() if self._loaded >= self._most else None
                if victim is None:
                    if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                        raise Refused(self.name, 507, f"There is no room for the model {model.target}.")
                    continue
                self._out(victim)
            self._unload(victim)

    def _least_recent(self) -> _Model | None:
        with self._changed:
            victim = self._idle()
            if victim is not None:
                self._out(victim)
            return victim

    def _idle(self) -> _Model | None:
        return next((model for model in self._models.values() if model.idle), None)

    def _out(self, model: _Model) -> None:
        del self._models[model.target]
        self._unloading.add(model.key)

    def _unload(self, model: _Model) -> None:
        began = time.monotonic()
        try:
            self._shelf.unload(model.key)
        finally:
            with self._changed:
                self._unloading.discard(model.key)
                self._loaded -= 1
                self._changed.notify_all()
        self._count({"ModelUnloadingTime": (time.monotonic() - began) * 1e6})

    def _fetch(self, model: _Model, folder: Path) -> None:
        url = f"{self._definition['ModelDataUrl'].rstrip('/')}/{model.target.lstrip('/')}"
        coming = folder.with_suffix(".coming")
        shutil.rmtree(coming, ignore_errors=True)
        try:
            self._programs.fetch({"ModelDataUrl": url, ROLE: self._definition.get(ROLE, "")}, coming)
        except JobFailure as failure:
            shutil.rmtree(coming, ignore_errors=True)
            bucket, _, key = url.removeprefix("s3://").partition("/")
            raise AwsError(_missing(bucket, key, str(failure)), code="ValidationError") from None
        coming.rename(folder)

    def _keep_on_disk(self, key: str) -> None:
        with self._changed:
            self._on_disk[key] = None
            self._on_disk.move_to_end(key)
            held = {model.key for model in self._models.values()} | self._unloading
            spare = [each for each in self._on_disk if each not in held]
            for old in spare[: max(0, len(self._on_disk) - _ON_DISK)]:
                del self._on_disk[old]
                shutil.rmtree(self._folder / old, ignore_errors=True)


def _missing(bucket: str, key: str, why: str) -> str:
    if "Could not find" not in why:
        return why
    return (
        f"Failed to download model data(bucket: {bucket}, key: {key}). Please ensure that there is an object located "
        "at the URL and that the role passed to CreateModel has permissions to download the model."
    )

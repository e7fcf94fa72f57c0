"""Where the models of a multi-model container are loaded: each in a process of its own, or in the container's server.

https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from local_sagemaker.endpoints.connection import Answer, NoAnswer, TooSlow
from local_sagemaker.endpoints.hosted import Document, Invocation, Refused, Site, good, send
from local_sagemaker.endpoints.member import Member
from local_sagemaker.endpoints.program import Programs
from local_sagemaker.jobs.failure import JobFailure

TARGET = "X-Amzn-SageMaker-Target-Model"
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_UNLOADING = 60.0  # seconds


class Full(Exception):
    """The container has no room for another model until one is unloaded."""


class Shelf(Protocol):
    """Where models are loaded, from ``start`` to ``stop``."""

    name: str

    def start(self) -> None:
        """Begin."""

    def wait(self) -> None:
        """Until models can be loaded. Raises JobFailure."""

    def stop(self) -> None:
        """End it, with all its models."""

    def abandon(self) -> None:
        """Start nothing more."""

    def load(self, key: str, target: str, folder: Path, seconds: float) -> None:
        """Load the model in ``folder/model``. Raises Full, Refused, OSError."""

    def unload(self, key: str) -> None:
        """Forget it; nobody asks it any more."""

    def invoke(self, key: str, invocation: Invocation, seconds: float) -> Answer:
        """What it answers. Raises Refused."""


class Processes:
    """Loads each model as if it were the only one, in a process that has it as ``/opt/ml/model``.

    AWS's images run a worker for each model too; here one that crashes takes no other with it, and scripts of the same
    name do not meet.
    """

    def __init__(self, site: Site, programs: Programs, definition: Document) -> None:
        self.name = site.name
        self._site = site
        self._programs = programs
        self._definition = definition
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}
        self._over = False

    def start(self) -> None:
        """Nothing is loaded yet."""

    def wait(self) -> None:
        """Models can be loaded at once."""

    def stop(self) -> None:
        """End every model's process."""
        self.abandon()
        for member in list(self._members.values()):
            member.server.stop()

    def abandon(self) -> None:
        """Start nothing more."""
        with self._lock:
            self._over = True
        for member in list(self._members.values()):
            member.server.abandon()

    def load(self, key: str, target: str, folder: Path, seconds: float) -> None:
        """Start its process and wait until it answers. Raises Refused, OSError."""
        site = replace(self._site, startup=min(seconds, self._site.startup))
        try:
            member = site.serve(self._programs.program(self._definition, folder), folder)
            self._begin(key, member)
            site.wait(member)
        except JobFailure as problem:
            self.unload(key)
            raise Refused(self.name, 500, f"The model {target} cannot be loaded: {problem}") from None

    def _begin(self, key: str, member: Member) -> None:
        with self._lock:
            if self._over:
                raise JobFailure("the container is being stopped")
            self._members[key] = member
            member.server.start()

    def unload(self, key: str) -> None:
        """End its process."""
        with self._lock:
            member = self._members.pop(key, None)
        if member is not None:
            member.server.stop()

    def invoke(self, key: str, invocation: Invocation, seconds: float) -> Answer:
        """What it answers. Raises Refused."""
        member = self._members.get(key)
        if member is None:
            raise Refused(self.name, 500, "The container is being stopped.")
        return good(self.name, send(member, "/invocations", invocation, seconds))


class Contract:
    """Tells the container's own server to load and unload, by the contract of multi-model containers."""

    def __init__(self, site: Site, programs: Programs, definition: Document) -> None:
        self.name = site.name
        self._site = site
        folder = site.place.folder
        self._member = site.serve(programs.program(definition, folder), SAGEMAKER_MULTI_MODEL="true")

    def start(self) -> None:
        """Begin."""
        self._member.server.start()

    def wait(self) -> None:
        """Until it answers. Raises JobFailure."""
        self._site.wait(self._member)

    def stop(self) -> None:
        """End it."""
        self._member.server.stop()

    def abandon(self) -> None:
        """Start nothing more."""
        self._member.server.abandon()

    def load(self, key: str, target: str, folder: Path, seconds: float) -> None:
        """``POST /models``; one that is loaded already is. Raises Full, Refused."""
        del folder  # the container sees it below /opt/ml/models
        body = json.dumps({"model_name": key, "url": f"/opt/ml/models/{key}/model"}).encode()
        answer = send(self._member, "/models", Invocation(body, {**_JSON, TARGET: target}), seconds)
        if answer.status == 507:
            raise Full
        if answer.status != 409:
            good(self.name, answer)

    def unload(self, key: str) -> None:
        """``DELETE /models/…``; what the container makes of it is its own affair."""
        try:
            self._member.server.send("DELETE", f"/models/{key}", body=b"", headers=_JSON, seconds=_UNLOADING)
        except (TooSlow, NoAnswer):
            return  # it is started anew, with no model

    def invoke(self, key: str, invocation: Invocation, seconds: float) -> Answer:
        """``POST /models/…/invoke``; a container that was started anew is told to load the model again."""
        target = invocation.target or ""
        asked = replace(invocation, headers={**invocation.headers, TARGET: target})
        path = f"/models/{key}/invoke"
        answer = send(self._member, path, asked, seconds)
        if answer.status == 404:
            try:
                self.load(key, target, Path(), seconds)
            except Full:
                raise Refused(self.name, 507, f"There is no room for the model {target}.") from None
            answer = send(self._member, path, asked, seconds)
        return good(self.name, answer)

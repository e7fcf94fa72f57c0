"""One variant of a fleet: instances that are alike, each with the model's containers; the least busy one is asked."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_sagemaker.endpoints.connection import Answer
from local_sagemaker.endpoints.hosted import Container, Document, Invocation, SingleModel, Site
from local_sagemaker.endpoints.member import Members, Place, names
from local_sagemaker.endpoints.multi_model import MultiModel
from local_sagemaker.endpoints.program import Programs
from local_sagemaker.endpoints.server import INVOCATION_SECONDS, STARTUP_SECONDS
from local_sagemaker.endpoints.shelves import Contract, Processes
from local_sagemaker.errors import AwsError
from local_sagemaker.jobs import failure
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.logs import log_path
from local_sagemaker.settings import Settings

LOG_GROUP = "/aws/sagemaker/Endpoints"
MULTI_MODEL = "MultiModel"
Count = Callable[[Mapping[str, float]], None]


class Instance:
    """The containers of one model, asked one after the other."""

    def __init__(self, containers: tuple[Container, ...], folders: tuple[Path, ...]) -> None:
        self.containers = containers
        self._folders = folders
        self.busy = 0  # requests; the variant's lock guards it

    def wait(self) -> None:
        """Until all answer. Raises JobFailure."""
        for container in self.containers:
            container.wait()

    def stop(self) -> None:
        """End them."""
        for container in self.containers:
            container.abandon()
        for container in self.containers:
            container.stop()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def has(self, target: str | None) -> bool:
        """Whether nothing need be loaded."""
        return all(container.has(target) for container in self.containers)


class Variant:
    """Instances of a variant, from ``start`` to ``stop``.

    Args:
        plan: the variant, as ``plan`` makes it.
        folder: of the fleet.
        count: is told metrics.
    """

    def __init__(
        self,
        settings: Settings,
        runner: ProcessRunner,
        programs: Programs,
        endpoint: str,
        plan: Document,
        folder: Path,
        count: Count,
    ) -> None:
        self.name: str = plan["VariantName"]
        self.direct: bool = plan["Direct"]
        self.multi_model = any(each.get("Mode") == MULTI_MODEL for each in plan["Containers"])
        self._settings = settings
        self._programs = programs
        self._made_by = Members(settings, runner, programs)
        self._endpoint = endpoint
        self._plan = plan
        self._folder = folder
        self._count = count
        self._lock = threading.Condition()
        self._instances: list[Instance] = []  # those that are asked
        self._coming: list[Instance] = []
        self._stopped = False

    @property
    def hosts(self) -> list[str]:
        """The containers' names."""
        return names(self._plan["Containers"])

    @property
    def size(self) -> int:
        """Instances that are asked."""
        return max(1, len(self._instances))

    def start(self, instances: int) -> None:
        """Begin so many instances; ``wait`` tells when they answer. Raises JobFailure where there is nothing to run."""
        for _ in range(instances):
            instance = self._instance()
            with self._lock:
                self._coming.append(instance)
                if self._stopped:
                    raise JobFailure("The endpoint was deleted before it was in service.")
            for container in instance.containers:
                container.start()

    def wait(self) -> None:
        """Until all that have begun answer; they are asked from then on. Raises JobFailure."""
        coming = list(self._coming)
        for instance in coming:
            instance.wait()
        with self._lock:
            self._instances += coming
            self._coming.clear()

    def resize(self, instances: int) -> None:
        """Have so many instances; what is under way is answered. Raises JobFailure; nothing changes then."""
        try:
            self.start(instances - len(self._instances))
            self.wait()
        except BaseException:
            with self._lock:
                coming, self._coming = self._coming, []
            for instance in coming:
                instance.stop()
            raise
        with self._lock:
            leaving, self._instances = self._instances[instances:], self._instances[:instances]
            deadline = time.monotonic() + INVOCATION_SECONDS
            while any(instance.busy for instance in leaving) and time.monotonic() < deadline:
                self._lock.wait(1.0)
        for instance in leaving:
            instance.stop()

    def stop(self) -> None:
        """End every instance."""
        for instance in self._all():
            for container in instance.containers:
                container.abandon()
        for instance in self._all():
            instance.stop()

    def abandon(self) -> None:
        """Start nothing more: the runner is about to end."""
        for instance in self._all():
            for container in instance.containers:
                container.abandon()

    def ask(self, invocation: Invocation, host: str | None) -> Answer:
        """Send a request through the containers of an instance; what one answers is what the next is asked.

        Raises:
            Refused: a container answered with an error, too late, or not at all. The others are not asked then.
            AwsError: there is no such model.
        """
        deadline = time.monotonic() + INVOCATION_SECONDS
        with self._least_busy(invocation.target) as instance:
            first, *others = [each for each in instance.containers if host in (None, each.name)]
            answer = first.ask(invocation, INVOCATION_SECONDS)
            for container in others:
                invocation = invocation.then(answer)
                answer = container.ask(invocation, max(0.001, deadline - time.monotonic()))
            return answer

    @contextmanager
    def _least_busy(self, target: str | None) -> Iterator[Instance]:
        with self._lock:
            instance = self._instances[0]
            if len(self._instances) > 1:  # one that has the model, then one that has the least to do
                instance = min(self._instances, key=lambda each: (not each.has(target), each.busy))
            instance.busy += 1
        try:
            yield instance
        finally:
            with self._lock:
                instance.busy -= 1
                if not instance.busy:
                    self._lock.notify_all()

    def _all(self) -> list[Instance]:
        with self._lock:
            self._stopped = True
            return [*self._instances, *self._coming]

    def _instance(self) -> Instance:
        """Raises JobFailure."""
        instance = f"i-{secrets.token_hex(8)}"
        containers, folders = [], []
        definitions = self._plan["Containers"]
        for definition, name in zip(definitions, self.hosts, strict=True):
            folder = self._folder / f"{self.name}-{name}-{instance}"
            stream = f"{self.name}/{instance}" + (f"/{name}" if len(definitions) > 1 else "")
            group = f"{LOG_GROUP}/{self._endpoint}"
            site = Site(
                members=self._made_by,
                variant=self.name,
                name=name,
                place=Place(
                    f"endpoint/{self._endpoint}/{self._folder.name}/{folder.name}", folder, group, stream
                ),
                log=log_path(self._settings.logs, group, stream),
                startup=self._plan.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS),
            )
            folders.append(folder)
            try:
                containers.append(self._container(site, definition))
            except (JobFailure, AwsError, OSError) as error:
                raise JobFailure(
                    f'Failed to download model data for container "{name}" of production variant {self.name}. '
                    f"{failure.explain(error, 'preparing the container')}"
                ) from None
        return Instance(tuple(containers), tuple(folders))

    def _container(self, site: Site, definition: Document) -> Container:
        if definition.get("Mode") != MULTI_MODEL:
            return SingleModel(site, definition)
        own = self._programs.brings_its_own(definition["Image"])
        site.place.folder.mkdir(parents=True)
        shelf = (Contract if own else Processes)(site, self._programs, definition)
        most = self._settings.loaded_models
        return MultiModel(shelf, self._programs, definition, site.place.folder, most, self._count)

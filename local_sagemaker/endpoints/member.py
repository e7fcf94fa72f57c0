"""One container of a model, made ready to serve: its program, its log, and the server that keeps it alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_sagemaker.endpoints.program import Program, Programs
from local_sagemaker.endpoints.server import STARTUP_SECONDS, ModelServer
from local_sagemaker.jobs import container
from local_sagemaker.jobs.process import ProcessRunner, Task
from local_sagemaker.logs import log_path
from local_sagemaker.settings import Settings

Document = dict[str, Any]

PRIMARY = "primary"  # the only container of a model
_GRACE = 30.0  # seconds between SIGTERM and SIGKILL, as SageMaker documents for serving containers


@dataclass(frozen=True)
class Member:
    """One container, which its server starts."""

    name: str  # its host name; "primary" of a model with one
    server: ModelServer
    stream: str  # of its log


@dataclass(frozen=True)
class Place:
    """Where a container runs, and where it logs.

    ``cpus`` are those that it shares with the job's other containers; without them it shares all with everybody.
    ``tries`` says when it is given up, for ``ModelServer``.
    """

    job: str  # unique: "endpoint/my-endpoint/0a1b2c3d/v0-primary"
    folder: Path  # becomes /opt/ml
    log_group: str
    stream: str
    cpus: tuple[int, ...] | None = None
    tries: int | None = None


def names(definitions: Sequence[Document]) -> list[str]:
    """What a model's containers are called."""
    if len(definitions) == 1:
        return [PRIMARY]
    return [each.get("ContainerHostname", f"container-{number}") for number, each in enumerate(definitions)]


class Members:
    """Makes containers, as CreateModel has them, ready to serve."""

    def __init__(self, settings: Settings, runner: ProcessRunner, programs: Programs) -> None:
        self._settings = settings
        self._runner = runner
        self._programs = programs

    def make(self, definition: Document, name: str, place: Place, startup: float = STARTUP_SECONDS) -> Member:
        """Fetch model and code; ``server.start()`` then starts it. Raises JobFailure, AwsError, OSError."""
        place.folder.mkdir(parents=True)
        return self.serve(self._programs.prepare(definition, place.folder), name, place, startup)

    def serve(self, program: Program, name: str, place: Place, startup: float, **environment: str) -> Member:
        """A container that runs the program, with more in its environment."""
        for made in ("packages", "input", "output"):
            (place.folder / made).mkdir(exist_ok=True)
        task = Task(
            job=place.job,
            folder=place.folder,
            argv=program.argv,
            environment=container.merged(
                container.environment(self._settings, network=True, role=""),  # the program names it
                {"SAGEMAKER_CONTAINER_NAME": name, **environment},
                program.environment,
            ),
            log=log_path(self._settings.logs, place.log_group, place.stream),
            cwd=program.cwd,
            reserves_cores=False,
            cpus=place.cpus,
            grace=_GRACE,
        )
        return Member(name, ModelServer(self._runner, task, startup, place.tries), place.stream)

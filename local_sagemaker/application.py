"""One local SageMaker, put together: every part is one line here."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from local_sagemaker import environment, execution_role
from local_sagemaker.authorization.guard import SageMakerGuard
from local_sagemaker.authorization.principals import Principals
from local_sagemaker.authorization.store import GuardedStore
from local_sagemaker.cloudwatch_logs import CloudWatchLogs
from local_sagemaker.control_plane import ControlPlane, Operation
from local_sagemaker.endpoints.alarms import Alarms
from local_sagemaker.endpoints.api import Endpoints
from local_sagemaker.endpoints.autoscaling import Autoscaling
from local_sagemaker.endpoints.cloudwatch import CloudWatchMetrics
from local_sagemaker.endpoints.configurations import EndpointConfigs
from local_sagemaker.endpoints.metrics import EndpointMetrics
from local_sagemaker.endpoints.runtime_api import Runtime
from local_sagemaker.events import Events
from local_sagemaker.front import Front, SageMakerServices
from local_sagemaker.functions.service import Functions
from local_sagemaker.http_server import HttpServer
from local_sagemaker.iam import Iam, Sts
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.jobs.processing import ProcessingJobs
from local_sagemaker.jobs.training import TrainingJobs
from local_sagemaker.other_services import OtherServices
from local_sagemaker.pipelines.api import Pipelines
from local_sagemaker.queues import Queues
from local_sagemaker.records import Records
from local_sagemaker.resources.generic import GenericResources
from local_sagemaker.resources.image_versions import ImageVersions
from local_sagemaker.resources.model_package_groups import ModelPackageGroups
from local_sagemaker.resources.model_packages import ModelPackages
from local_sagemaker.resources.models import Models
from local_sagemaker.resources.search import Search
from local_sagemaker.resources.tags import Tags
from local_sagemaker.s3.api import S3Api
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings
from local_sagemaker.state_folder import Server, StateFolder
from local_sagemaker.transform.api import TransformJobs
from local_sagemaker.tuning.api import HyperParameterTuningJobs
from local_sagemaker.wire import SageMakerApi


class Module(Protocol):
    """What offers operations. What can be cut short by the end of the process has ``close()`` and ``recover()`` too."""

    def operations(self) -> dict[str, Operation]:
        """The operations, by AWS's names."""


class LocalSageMaker:
    """One local SageMaker: serves from ``start()`` to ``stop()``."""

    def __init__(self, settings: Settings, *, embedded: bool = False) -> None:
        self.settings = settings
        self._folder = StateFolder(settings.folder)
        self._embedded = embedded
        self._parts = ExitStack()
        self._started = 0.0

    @property
    def url(self) -> str:
        """Where it is served; with port 0, known once it has started."""
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which an AWS client talks to it. Nothing is set here: that is the caller's to do."""
        return environment.environment(self.settings, self.url)

    def start(self) -> None:
        """Recover what an earlier process left, and serve.

        Raises SettingsError (the folder is taken, or is somebody else's), OSError (the port is taken), ValueError
        (a setting is wrong). Nothing keeps running then.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and every job."""
        self._parts.close()

    def health(self) -> dict[str, Any]:
        """What the health endpoint answers."""
        return {
            "version": _version(),
            "pid": os.getpid(),
            "folder": str(self.settings.folder),
            "uptime_seconds": round(time.time() - self._started, 3),
        }

    def _start(self) -> None:
        self._folder.claim(self.settings)
        self._parts.callback(self._folder.release)
        # The port first: jobs are told the URL, and only a bound socket knows it when a free one was asked for.
        server = HttpServer(_not_yet, self.settings.host, self.settings.port)
        server.start()
        self._parts.callback(server.stop)
        self.settings = replace(self.settings, port=server.port)
        server.app = self._front()
        self._started = time.time()
        environment.write_files(self.settings, self.url)
        self._folder.announce(Server(os.getpid(), self.url, self._started, self._embedded))

    def _front(self) -> Front:
        settings = self.settings
        metrics = EndpointMetrics()
        cloudwatch = CloudWatchMetrics(metrics, settings.account, settings.region)
        self._parts.callback(cloudwatch.close)

        def prepare() -> None:
            execution_role.create_in_moto(settings)
            cloudwatch.offer()
            functions.take_over()

        others = OtherServices(settings, prepare, endpoint=self.url, entering=lambda: functions.be_asked())
        functions = Functions(settings, others)
        principals = Principals(settings, others)
        enforced = GuardedStore(settings, principals) if settings.enforce_iam else None
        store = enforced or ObjectStore(settings.objects)
        if not store.has_bucket(settings.bucket):
            store.create_bucket(settings.bucket, settings.region)
        control_plane, endpoints = self._control_plane(store, others, functions, metrics, principals)
        return Front(
            {
                "s3": S3Api(store, settings.region, enforced.guard.request if enforced else None),
                "sagemaker": SageMakerServices(
                    SageMakerApi(control_plane),
                    Runtime(settings, endpoints.deployments, control_plane.guard),
                ),
                "logs": CloudWatchLogs(settings, others),
                "iam": Iam(settings, others),
                "sts": Sts(settings, others),
                "lambda": functions,
                "application-autoscaling": Autoscaling(settings, endpoints.describe, others),
            },
            others,
            self.health,
        )

    def _control_plane(
        self,
        store: ObjectStore,
        others: OtherServices,
        functions: Functions,
        metrics: EndpointMetrics,
        principals: Principals,
    ) -> tuple[ControlPlane, Endpoints]:
        settings = self.settings
        records = Records(settings.database)
        self._parts.callback(records.close)
        runner = ProcessRunner(settings)
        control_plane = ControlPlane(settings)
        if settings.enforce_iam:
            control_plane.guard = SageMakerGuard(settings, records, principals)
        events = Events(settings, records, others, functions, control_plane)
        training_jobs = TrainingJobs(settings, records, store, runner)
        alarms = Alarms(settings, others, metrics, events.tell)
        endpoints = Endpoints(settings, records, store, runner, metrics, alarms.in_alarm)
        resources: list[Module] = [
            Models(settings, records),
            ModelPackageGroups(settings, records),
            ModelPackages(settings, records),
            EndpointConfigs(settings, records),
            GenericResources(settings, records),
            ImageVersions(settings, records),
            Tags(records),
            Search(records),
        ]
        jobs: list[Module] = [ProcessingJobs(settings, records, store, runner), training_jobs]
        above: list[Module] = [
            endpoints,
            TransformJobs(settings, records, store, runner),
            HyperParameterTuningJobs(settings, records, control_plane, runner, training_jobs),
            Pipelines(
                settings, records, store, control_plane, functions.call, Queues(others, settings.region).send
            ),
        ]
        modules = [*resources, *jobs, *above]
        for module in modules:
            control_plane.add(module.operations())
        # Closed from the last to the first: pipelines start no more jobs, the runner ends those that run, and only
        # then is there something to wait for.
        for close in (events.close, alarms.close, *_closers(jobs), runner.close, *_closers(above)):
            self._parts.callback(close)
        if not self._embedded:  # a test or notebook that runs no job does without the preforked parent
            runner.start()  # first: what is recovered may begin to run at once
        alarms.start()
        for module in modules:
            recover = getattr(module, "recover", None)
            if recover is not None:
                recover()
        return control_plane, endpoints


def _closers(modules: Iterable[Module]) -> list[Callable[[], None]]:
    return [module.close for module in modules if hasattr(module, "close")]


@contextmanager
def serve(folder: Path | str | None = None, **settings: Any) -> Iterator[LocalSageMaker]:
    """A local SageMaker for a test or a notebook, from here to the end of the block.

    ``folder`` keeps its state; without one it lives in a temporary folder and is gone afterwards. ``settings`` are
    those of ``Settings``; the port is a free one unless given. Nothing is set globally: hand
    ``local.environment`` to what should use it.
    """
    with tempfile.TemporaryDirectory(prefix="local-sagemaker-") as temporary:
        chosen = Settings(folder=Path(folder or temporary).resolve(), **{"port": 0, **settings})
        local = LocalSageMaker(chosen, embedded=True)
        local.start()
        try:
            yield local
        finally:
            local.stop()


def _not_yet(_: Any, start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"The local SageMaker is starting.\n"]


def _version() -> str:
    try:
        return version("sagemaker-pipelines-reference")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "(from a checkout)"

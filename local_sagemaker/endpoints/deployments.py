"""What happens to endpoints in the background: fleets that start, take over, are drained, and end.

Whatever is changed here is changed for one incarnation of an endpoint, known by an id that its document carries: a
name may be free and taken again while a thread still works for the endpoint that had it before.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local_sagemaker.endpoints import traffic
from local_sagemaker.endpoints.capture import Capture, Exchange
from local_sagemaker.endpoints.fleet import Fleet, processes
from local_sagemaker.endpoints.hosted import Refused
from local_sagemaker.endpoints.metrics import EndpointMetrics
from local_sagemaker.endpoints.program import Programs
from local_sagemaker.errors import AwsError
from local_sagemaker.jobs.failure import LIMIT, JobFailure, explain, shorten
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.records import Closed, Missing, Records
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings

Document = dict[str, Any]
Change = Callable[[Document], Document]

KIND = "Endpoint"
CREATING, IN_SERVICE, UPDATING, DELETING, FAILED = "Creating", "InService", "Updating", "Deleting", "Failed"
_GRACE = 5.0  # seconds for requests under way when the local SageMaker ends
_LOOK = 0.2  # seconds between two looks at alarms
_log = logging.getLogger(__name__)


class Deployments:
    """The fleets of all endpoints. Every method may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        store: ObjectStore,
        runner: ProcessRunner,
        metrics: EndpointMetrics,
        in_alarm: Callable[[str], bool],
    ) -> None:
        self.metrics = metrics
        self._in_alarm = in_alarm  # whether the CloudWatch alarm of a name is in its ALARM state
        self._settings = settings
        self._records = records
        self._runner = runner
        self.programs = Programs(settings, store)
        self._capture = Capture(store)
        self._lock = threading.Condition()
        self._serving: dict[str, Fleet] = {}  # by the endpoint's name: what gets the requests
        self._starting: dict[str, Fleet] = {}  # … and what will
        self._moving: dict[str, tuple[Fleet, float]] = {}  # what gets a share of them, and how much
        self._closed = False

    # For the runtime.

    @contextlib.contextmanager
    def serving(self, name: str, seconds: float) -> Iterator[Fleet | None]:
        """What serves an endpoint; None where there is no endpoint in service.

        While the block lasts, an update does not end that fleet. Right after a restart of the local SageMaker an
        endpoint is in service and its containers are still being started: a request waits for them so long.
        """
        fleet = self._enter(name, seconds)
        try:
            yield fleet
        except Refused:
            self._refuse_when_closed()  # the container was ended, which is not the model's fault
            raise
        finally:
            if fleet is not None:
                fleet.leave()

    # For the operations.

    def begin(self, document: Document) -> None:
        """Do in the background what the endpoint's status says is under way."""
        work = {
            CREATING: self._bring_up,
            IN_SERVICE: self._bring_up,
            UPDATING: self._bring_over if "_Pending" in document else self._resize,
            DELETING: self._take_down,
        }
        threading.Thread(
            target=self._guarded,
            args=(work[document["EndpointStatus"]], document),
            name=f"endpoint {document['EndpointName']}",
            daemon=True,
        ).start()

    def reweigh(self, name: str, weights: Mapping[str, float]) -> None:
        """Share an endpoint's traffic otherwise from now on."""
        with self._lock:
            if fleet := self._serving.get(name):
                fleet.reweigh(weights)

    def recover(self) -> None:
        """Start again what was in service, or on its way there, when the server went away."""
        shutil.rmtree(self._settings.folder / "endpoints", ignore_errors=True)  # model data; it is in S3
        for document in self._records.list(KIND):
            if document["EndpointStatus"] != FAILED:
                self.begin(document)

    def close(self) -> None:
        """Take no more requests, let those under way finish for a moment, and start nothing more.

        The processes end with the runner.
        """
        with self._lock:
            self._closed = True
            moving = (fleet for fleet, _ in self._moving.values())
            fleets = [*self._serving.values(), *self._starting.values(), *moving]
            self._lock.notify_all()
        deadline = time.monotonic() + _GRACE
        for fleet in fleets:
            fleet.wait(deadline - time.monotonic())
        for fleet in fleets:
            fleet.abandon()
        self._capture.close()

    # In the background.

    def _guarded(self, work: Callable[[Document], None], document: Document) -> None:
        try:
            work(document)
        except (Missing, Closed):
            return  # deleted, or left to the next server's recover()
        except Exception as error:  # noqa: BLE001 - whatever it is, the endpoint must not be creating for ever
            self._fail(document, error)

    def _bring_up(self, document: Document) -> None:
        self._move(document, self._started(document, document), _in_service)

    def _bring_over(self, document: Document) -> None:
        """Start what is to come beside what serves; after a restart that first, so that requests are answered."""
        name = document["EndpointName"]
        if name not in self._serving:
            try:
                self._move(document, self._started(document, document), lambda document: document)
            except (JobFailure, AwsError, OSError) as error:
                _log.warning("endpoint %s: what was in service cannot be started again: %s", name, error)
        pending = document["_Pending"]
        fleet = self._started(document, pending)
        if self._shifted(document, fleet, pending.get("LastDeploymentConfig", {})):
            self._move(document, fleet, _updated)

    def _resize(self, document: Document) -> None:
        """Run as many processes as the plan says; after a restart, all of them anew. Failing leaves what serves."""
        name = document["EndpointName"]
        fleet = self._serving.get(name)
        if fleet is None:
            self._move(document, self._started(document, document), _resized)
            return
        try:
            for plan in document["_Plan"]:
                fleet.resize(plan["VariantName"], processes(self._settings, plan))
        except JobFailure:
            for plan in document["_Before"]:  # other variants may have been resized
                fleet.resize(plan["VariantName"], processes(self._settings, plan))
            raise
        self._records.update(KIND, name, lambda current: _resized(_same(current, document)))

    def _shifted(self, document: Document, fleet: Fleet, deployment: Document) -> bool:
        """Give the new fleet more and more of the traffic. Raises JobFailure where an alarm takes it back."""
        name = document["EndpointName"]
        instances = sum(each["InstanceCount"] for each in document["_Pending"]["_Plan"])
        kept = False
        try:
            for step in traffic.steps(deployment, instances):
                with self._lock:
                    if self._closed:
                        return False
                    self._records.update(KIND, name, functools.partial(_baking, document, step))
                    self._moving[name] = (fleet, step.share)
                self._bake(document, step, traffic.alarms(deployment))
            kept = True
        finally:
            with self._lock:
                self._moving.pop(name, None)
            if not kept:
                fleet.drain()
                shutil.rmtree(fleet.folder, ignore_errors=True)
        return kept

    def _bake(self, document: Document, step: traffic.Step, alarms: list[str]) -> None:
        """Stay at a step for its time. Raises JobFailure where an alarm goes off, Missing for a deleted endpoint."""
        deadline = time.monotonic() + step.seconds
        while True:
            alarming = [alarm for alarm in alarms if self._in_alarm(alarm)]
            if alarming:
                raise JobFailure(
                    f"Rolled back: the alarm(s) {', '.join(alarming)} went off while {step.share:.0%} of the traffic "
                    f"went to {document['_Pending']['EndpointConfigName']}. All of it goes to what was in service "
                    "before."
                )
            _same(self._records.get(KIND, document["EndpointName"]), document)
            left = deadline - time.monotonic()
            if left <= 0 or self._closed:
                return
            time.sleep(min(_LOOK, left))

    def _take_down(self, document: Document) -> None:
        name = document["EndpointName"]
        with self._lock:
            # What is moving is ended by the thread that moves it.
            fleets = [fleet for each in (self._serving, self._starting) if (fleet := each.pop(name, None))]
        for fleet in fleets:
            fleet.stop()
            shutil.rmtree(fleet.folder, ignore_errors=True)
        self.metrics.forget(name)
        self._records.delete(KIND, name)  # the name is taken until now: it is this incarnation's

    def _started(self, document: Document, what: Document) -> Fleet:
        name = document["EndpointName"]
        keep = self._keeper(name, what["_Configuration"].get("DataCaptureConfig", {}))
        fleet = Fleet(
            self._settings,
            self._runner,
            self.programs,
            name,
            what["_Plan"],
            keep,
            lambda variant, values: self.metrics.record(name, variant, values),
        )
        with self._lock:
            if self._closed:
                raise Closed("the local SageMaker is stopping")
            _same(
                self._records.get(KIND, name), document
            )  # under the lock: a deletion that comes next finds the fleet
            self._starting[name] = fleet
        try:
            fleet.start()
        except BaseException:
            shutil.rmtree(fleet.folder, ignore_errors=True)
            raise
        finally:
            with self._lock:
                if self._starting.get(name) is fleet:
                    del self._starting[name]
        return fleet

    def _keeper(self, name: str, capture: Document) -> Callable[[str, Exchange], None]:
        if not capture or not capture.get("EnableCapture", True):
            return lambda *_: None
        return lambda variant, exchange: self._capture.record(name, variant, capture, exchange)

    def _move(self, document: Document, fleet: Fleet, change: Change) -> None:
        """Let the traffic go to a fleet from now on, and the old one finish. A deleted endpoint's fleet ends."""
        name = document["EndpointName"]
        with self._lock:
            if self._closed:
                return
            try:
                self._records.update(KIND, name, lambda current: change(_same(current, document)))
            except Missing:
                old: Fleet | None = fleet
            else:
                old = self._serving.get(name)
                self._serving[name] = fleet
            self._lock.notify_all()
        if old is not None:
            old.drain()
            shutil.rmtree(old.folder, ignore_errors=True)

    def _fail(self, document: Document, error: Exception) -> None:
        name = document["EndpointName"]
        if not isinstance(error, JobFailure | AwsError | OSError):
            _log.exception("endpoint %s", name, exc_info=error)
        reason = shorten(explain(error, "starting the endpoint"), LIMIT)

        def change(current: Document) -> Document:
            _same(current, document)
            kept = {key: value for key, value in current.items() if key not in ("_Pending", "_Before")}
            if "_Before" in current:  # what could not be scaled stays as it was
                kept["_Plan"] = current["_Before"]
            status = IN_SERVICE if name in self._serving else FAILED
            return {
                **kept,
                "EndpointStatus": status,
                "FailureReason": reason,
                "LastModifiedTime": time.time(),
            }

        with contextlib.suppress(Missing, Closed):
            if not self._closed:
                self._records.insist(KIND, name, change)

    def _refuse_when_closed(self) -> None:
        if self._closed:  # clients try again, and find the next local SageMaker
            raise AwsError("The local SageMaker is stopping.", code="ServiceUnavailable", status=503)

    def _enter(self, name: str, seconds: float) -> Fleet | None:
        with self._lock:
            self._refuse_when_closed()
            if name not in self._serving:
                document = self._records.get(KIND, name)
                if document is None or document["EndpointStatus"] not in (IN_SERVICE, UPDATING):
                    return None
                self._lock.wait_for(lambda: name in self._serving or self._closed, seconds)
            self._refuse_when_closed()
            fleet = self._serving.get(name)
            if name in self._moving and random.random() < self._moving[name][1]:  # noqa: S311 - traffic
                fleet = self._moving[name][0]
            if fleet is not None:
                fleet.enter()  # under the lock: an update that comes next sees it
            return fleet


def _same(current: Document | None, document: Document) -> Document:
    """The document as it is now. Raises Missing where it is another endpoint's, or one that is being deleted."""
    if current is None or current["_Id"] != document["_Id"] or current["EndpointStatus"] == DELETING:
        raise Missing(KIND, document["EndpointName"])
    return current


def _in_service(document: Document) -> Document:
    return {**document, "EndpointStatus": IN_SERVICE, "LastModifiedTime": time.time()}


def _baking(document: Document, step: traffic.Step, current: Document) -> Document:
    """The document while a step bakes: DescribeEndpoint tells how far the update is."""
    _same(current, document)
    status = {
        "Status": "Baking",
        "StatusMessage": f"Baking for {step.seconds:g} seconds with {step.share:.0%} of the traffic.",
        "StartTime": time.time(),
    }
    return {**current, "_Pending": {**current["_Pending"], "Stage": status}}


def _resized(document: Document) -> Document:
    kept = {key: value for key, value in document.items() if key not in ("_Before", "FailureReason")}
    return _in_service(kept)


def _updated(document: Document) -> Document:
    """The document once the pending fleet serves."""
    pending = document["_Pending"]
    kept = {key: value for key, value in document.items() if key not in ("_Pending", "FailureReason")}
    made = {key: value for key, value in pending.items() if key not in ("StartTime", "Stage")}
    return {**kept, **made, "EndpointStatus": IN_SERVICE, "LastModifiedTime": time.time()}

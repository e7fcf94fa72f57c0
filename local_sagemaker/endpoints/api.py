"""Create, update, describe, list and delete endpoints; and bring them back after a restart.

    Creating ──► InService ⇄ Updating        an update that fails leaves the old fleet in service
        └──────► Failed      └► Deleting ──► gone

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local_sagemaker import records
from local_sagemaker.control_plane import Operation
from local_sagemaker.endpoints import configurations, description
from local_sagemaker.endpoints.fleet import Fleet
from local_sagemaker.endpoints.plan import Plans
from local_sagemaker.endpoints.program import Programs
from local_sagemaker.errors import AwsError, ValidationException
from local_sagemaker.jobs.failure import LIMIT, JobFailure, explain, shorten
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.listing import page
from local_sagemaker.records import Closed, Missing, Records
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings

Document = dict[str, Any]
Plan = list[Document]  # one entry a variant, as ``plan`` makes them

KIND = "Endpoint"
CREATING, IN_SERVICE, UPDATING, DELETING, FAILED = "Creating", "InService", "Updating", "Deleting", "Failed"
_CHANGING = (CREATING, UPDATING, DELETING)
_log = logging.getLogger(__name__)


class Endpoints:
    """The operations on endpoints, and the fleets behind them."""

    def __init__(
        self, settings: Settings, records: Records, store: ObjectStore, runner: ProcessRunner
    ) -> None:
        self._settings = settings
        self._records = records
        self._runner = runner
        self._programs = Programs(settings, store)
        self._plans = Plans(settings, records, self._programs)
        self._lock = threading.Condition()
        self._serving: dict[str, Fleet] = {}  # what gets the requests
        self._starting: dict[str, Fleet] = {}  # what will
        self._closed = False

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": self.describe,
            "ListEndpoints": self.list,
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.update_weights,
            "DeleteEndpoint": self.delete,
        }

    # The operations.

    def create(self, request: Document) -> Document:
        """Accept an endpoint and start its containers in the background."""
        name, configuration = request["EndpointName"], self._configuration("CreateEndpoint", request)
        now = time.time()
        document = {
            **request,
            "EndpointArn": self._arn(name),
            "EndpointStatus": CREATING,
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Plan": self._plans.of(configuration),
            "_Configuration": configuration,
        }
        try:
            self._records.create(KIND, name, document)
        except records.Exists:
            raise ValidationException(
                f'Cannot create already existing endpoint "{self._arn(name)}".'
            ) from None
        self._begin(name, self._bring_up)
        return document

    def describe(self, request: Document) -> Document:
        """The endpoint as it is now."""
        return description.of(self._get(request["EndpointName"]))

    def list(self, request: Document) -> Document:
        """A page of endpoints."""
        return page("ListEndpoints", self._records.list(KIND), request, kind=KIND)

    def update(self, request: Document) -> Document:
        """Start a new fleet, move the traffic to it, and let the old one finish what it has begun."""
        name, configuration = request["EndpointName"], self._configuration("UpdateEndpoint", request)
        plan = self._plans.of(configuration)
        pending = {
            "EndpointConfigName": request["EndpointConfigName"],
            "_Plan": plan,
            "_Configuration": configuration,
        }
        if request.get("RetainAllVariantProperties"):
            excluded = {
                each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", [])
            }
            _retain(plan, self._get(name)["_Plan"], excluded)

        def change(document: Document) -> Document:
            self._refuse_in_progress(document)
            return {
                **document,
                "EndpointStatus": UPDATING,
                "LastModifiedTime": time.time(),
                "_Pending": {**pending, "StartTime": time.time()},
            }

        document = self._change(name, change)
        self._begin(name, self._bring_over)
        return document

    def update_weights(self, request: Document) -> Document:
        """Share the traffic otherwise. There is nothing to wait for; the endpoint is in service at once."""
        name = request["EndpointName"]
        desired = {each["VariantName"]: each for each in request["DesiredWeightsAndCapacities"]}

        def change(document: Document) -> Document:
            self._refuse_in_progress(document)
            known = {plan["VariantName"] for plan in document["_Plan"]}
            if unknown := desired.keys() - known:
                raise ValidationException(
                    f"The variant name(s) {', '.join(sorted(unknown))} are not present within endpoint "
                    f'configuration "{document["EndpointConfigName"]}".'
                )
            plan = [_wanted(each, desired.get(each["VariantName"], {})) for each in document["_Plan"]]
            if not any(each["Weight"] for each in plan):
                raise ValidationException(
                    "At least one production variant must have a weight greater than 0."
                )
            return {**document, "_Plan": plan, "LastModifiedTime": time.time()}

        document = self._change(name, change)
        with self._lock:
            if fleet := self._serving.get(name):
                fleet.reweigh({each["VariantName"]: each["Weight"] for each in document["_Plan"]})
        return document

    def delete(self, request: Document) -> None:
        """End it, whatever it is doing. It is gone when its processes are."""
        name = request["EndpointName"]
        self._change(name, lambda document: {**document, "EndpointStatus": DELETING})
        self._begin(name, self._take_down)

    # What the runtime needs.

    @contextlib.contextmanager
    def serving(self, name: str, seconds: float) -> Iterator[tuple[Fleet, Document] | None]:
        """What serves an endpoint, and its document; None where there is no endpoint in service.

        While the block lasts, an update does not end that fleet. Right after a restart of the local SageMaker an
        endpoint is in service and its containers are still being started: a request waits for them so long.
        """
        document = self._records.get(KIND, name)
        if document is None or document["EndpointStatus"] not in (IN_SERVICE, UPDATING):
            yield None
            return
        with self._lock:
            self._lock.wait_for(lambda: name in self._serving or self._closed, seconds)
            fleet = self._serving.get(name)
            if fleet is not None:
                fleet.enter()  # under the lock: an update that comes next sees it
        if fleet is None:
            yield None
            return
        try:
            yield fleet, document
        finally:
            fleet.leave()

    # What happens in the background.

    def recover(self) -> None:
        """Start again what was in service, or on its way there, when the server went away."""
        shutil.rmtree(self._settings.folder / "endpoints", ignore_errors=True)  # model data; it is in S3
        for name, document in self._records.items(KIND):
            status = document["EndpointStatus"]
            if status == DELETING:
                self._begin(name, self._take_down)
            elif status in (CREATING, IN_SERVICE):
                self._begin(name, self._bring_up)
            elif status == UPDATING:
                self._begin(name, self._resume)

    def close(self) -> None:
        """Start nothing more. The processes end with the runner."""
        with self._lock:
            self._closed = True
            fleets = [*self._serving.values(), *self._starting.values()]
            self._lock.notify_all()
        for fleet in fleets:
            fleet.abandon()

    def _begin(self, name: str, what: Callable[[str], None]) -> None:
        def guarded() -> None:
            try:
                what(name)
            except (Missing, Closed):
                pass  # deleted, or left to the next server's recover()
            except Exception:  # noqa: BLE001 - the border of a thread: nobody else would hear of it
                _log.exception("endpoint %s", name)

        threading.Thread(target=guarded, name=f"endpoint {name}", daemon=True).start()

    def _bring_up(self, name: str) -> None:
        document = self._get(name)
        try:
            fleet = self._started(name, document["_Plan"])
        except Exception as error:  # noqa: BLE001 - whatever it is, the endpoint must not be creating for ever
            self._fail(name, error)
            return
        self._move(name, fleet, _in_service)

    def _bring_over(self, name: str) -> None:
        pending = self._get(name)["_Pending"]
        try:
            fleet = self._started(name, pending["_Plan"])
        except Exception as error:  # noqa: BLE001 - as above; what is in service stays
            self._fail(name, error)
            return
        self._move(name, fleet, _updated)

    def _resume(self, name: str) -> None:
        """An update that was cut short: what was in service first, so that requests are answered meanwhile."""
        document = self._get(name)
        try:
            fleet = self._started(name, document["_Plan"])
        except Exception as error:  # noqa: BLE001 - as above
            _log.warning("endpoint %s: what was in service cannot be started again: %s", name, error)
        else:
            self._move(name, fleet, lambda document: document)
        self._bring_over(name)

    def _take_down(self, name: str) -> None:
        with self._lock:
            fleets = [fleet for each in (self._serving, self._starting) if (fleet := each.pop(name, None))]
        for fleet in fleets:
            fleet.stop()
        self._records.delete(KIND, name)
        shutil.rmtree(self._settings.folder / "endpoints" / name, ignore_errors=True)

    def _started(self, name: str, plan: Plan) -> Fleet:
        fleet = Fleet(self._settings, self._runner, self._programs, name, plan)
        with self._lock:
            if self._closed:
                raise Closed("the local SageMaker is stopping")
            self._starting[name] = fleet
        try:
            fleet.start()
        finally:
            with self._lock:
                self._starting.pop(name, None)
        return fleet

    def _move(self, name: str, fleet: Fleet, change: Callable[[Document], Document]) -> None:
        """Let the traffic go to a fleet from now on, and the old one finish. A deleted endpoint's fleet ends."""

        def unless_deleting(document: Document) -> Document:
            if document["EndpointStatus"] == DELETING:
                raise Missing(KIND, name)
            return change(document)

        with self._lock:
            if self._closed:
                return
            try:
                self._records.update(KIND, name, unless_deleting)
            except Missing:
                old: Fleet | None = fleet
            else:
                old = self._serving.get(name)
                self._serving[name] = fleet
            self._lock.notify_all()
        if old is not None:
            old.drain()
            shutil.rmtree(old.folder, ignore_errors=True)

    def _fail(self, name: str, error: Exception) -> None:
        if self._closed:
            return
        if not isinstance(error, JobFailure | AwsError | OSError):
            _log.exception("endpoint %s", name, exc_info=error)
        reason = shorten(explain(error, "starting the endpoint"), LIMIT)

        def change(document: Document) -> Document:
            if document["EndpointStatus"] == DELETING:
                return document
            document = {key: value for key, value in document.items() if key != "_Pending"}
            status = IN_SERVICE if name in self._serving else FAILED
            return {
                **document,
                "EndpointStatus": status,
                "FailureReason": reason,
                "LastModifiedTime": time.time(),
            }

        with contextlib.suppress(Missing, Closed):
            self._records.insist(KIND, name, change)

    # Small things.

    def _configuration(self, operation: str, request: Document) -> Document:
        return configurations.get(self._records, self._settings, operation, request["EndpointConfigName"])

    def _arn(self, name: str) -> str:
        return self._settings.arn("endpoint", name.lower())

    def _get(self, name: str) -> Document:
        document = self._records.get(KIND, name)
        if document is None:
            raise self._missing(name)
        return document

    def _change(self, name: str, change: Callable[[Document], Document]) -> Document:
        try:
            return self._records.update(KIND, name, change)
        except Missing:
            raise self._missing(name) from None

    def _missing(self, name: str) -> AwsError:
        return ValidationException(f'Could not find endpoint "{self._arn(name)}".')

    def _refuse_in_progress(self, document: Document) -> None:
        status = document["EndpointStatus"]
        if status in _CHANGING:
            raise ValidationException(f'Cannot update in-progress endpoint "{document["EndpointArn"]}".')
        if status == FAILED:
            raise ValidationException(
                f'Cannot update endpoint "{document["EndpointArn"]}" in status Failed. Delete it and create it again.'
            )


def _in_service(document: Document) -> Document:
    return {**document, "EndpointStatus": IN_SERVICE, "LastModifiedTime": time.time()}


def _updated(document: Document) -> Document:
    """The document once the pending fleet serves."""
    pending = document["_Pending"]
    kept = {key: value for key, value in document.items() if key not in ("_Pending", "FailureReason")}
    made = {key: pending[key] for key in ("EndpointConfigName", "_Plan", "_Configuration")}
    return {**kept, **made, "EndpointStatus": IN_SERVICE, "LastModifiedTime": time.time()}


def _wanted(plan: Document, desired: Mapping[str, Any]) -> Document:
    return {
        **plan,
        "Weight": float(desired.get("DesiredWeight", plan["Weight"])),
        "InstanceCount": desired.get("DesiredInstanceCount", plan["InstanceCount"]),
    }


def _retain(plan: Plan, before: Plan, excluded: set[str]) -> None:
    """Carry weights and instance counts over to variants that keep their names."""
    old = {each["VariantName"]: each for each in before}
    for each in plan:
        was = old.get(each["VariantName"])
        for member, property_ in (("Weight", "DesiredWeight"), ("InstanceCount", "DesiredInstanceCount")):
            if was is not None and property_ not in excluded:
                each[member] = was[member]

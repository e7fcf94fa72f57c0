"""Create, update, describe, list and delete endpoints; and bring them back after a restart.

    Creating ──► InService ⇄ Updating        an update that fails leaves the old fleet in service
        └──────► Failed      └► Deleting ──► gone

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local_sagemaker import records
from local_sagemaker.control_plane import Operation
from local_sagemaker.endpoints import configurations, description
from local_sagemaker.endpoints.deployments import (
    CREATING,
    DELETING,
    FAILED,
    KIND,
    UPDATING,
    Deployments,
    Document,
)
from local_sagemaker.endpoints.fleet import processes
from local_sagemaker.endpoints.metrics import EndpointMetrics
from local_sagemaker.endpoints.plan import Plans
from local_sagemaker.errors import AwsError, ValidationException
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.listing import page
from local_sagemaker.records import Missing, Records
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings

Plan = list[Document]  # one entry a variant, as ``plan`` makes them

_CHANGING = (CREATING, UPDATING, DELETING)


class Endpoints:
    """The operations on endpoints; ``deployments`` does what they ask for."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        store: ObjectStore,
        runner: ProcessRunner,
        metrics: EndpointMetrics,
        in_alarm: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._settings = settings
        self._records = records
        self.deployments = Deployments(settings, records, store, runner, metrics, in_alarm)
        self._plans = Plans(settings, records, self.deployments.programs)

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
        deployment = (
            {"LastDeploymentConfig": request["DeploymentConfig"]} if "DeploymentConfig" in request else {}
        )
        document = {
            **request,
            **deployment,
            "EndpointArn": self._arn(name),
            "EndpointStatus": CREATING,
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Id": uuid.uuid4().hex,
            "_Plan": self._plans.of(configuration),
            "_Configuration": configuration,
        }
        try:
            self._records.create(KIND, name, document)
        except records.Exists:
            raise ValidationException(
                f'Cannot create already existing endpoint "{self._arn(name)}".'
            ) from None
        self.deployments.begin(document)
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

        if "DeploymentConfig" in request:
            pending["LastDeploymentConfig"] = request["DeploymentConfig"]

        def change(document: Document) -> Document:
            self._refuse_in_progress(document)
            if request.get("RetainDeploymentConfig") and "LastDeploymentConfig" in document:
                pending.setdefault("LastDeploymentConfig", document["LastDeploymentConfig"])
            return {
                **document,
                "EndpointStatus": UPDATING,
                "LastModifiedTime": time.time(),
                "_Pending": {**pending, "StartTime": time.time()},
            }

        document = self._change(name, change)
        self.deployments.begin(document)
        return document

    def update_weights(self, request: Document) -> Document:
        """Share the traffic otherwise, at once; where other numbers of processes run then, that takes a moment."""
        name = request["EndpointName"]
        desired = {each["VariantName"]: each for each in request["DesiredWeightsAndCapacities"]}

        def change(document: Document) -> Document:
            self._refuse_in_progress(document)
            known = {plan["VariantName"] for plan in document["_Plan"] if not plan.get("Shadow")}
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
            resized = self._processes(plan) != self._processes(document["_Plan"])
            scaling = {"EndpointStatus": UPDATING, "_Before": document["_Plan"]} if resized else {}
            return {**document, **scaling, "_Plan": plan, "LastModifiedTime": time.time()}

        document = self._change(name, change)
        production = (each for each in document["_Plan"] if not each.get("Shadow"))
        self.deployments.reweigh(name, {each["VariantName"]: each["Weight"] for each in production})
        if document["EndpointStatus"] == UPDATING:
            self.deployments.begin(document)
        return document

    def delete(self, request: Document) -> None:
        """End it, whatever it is doing. It is gone when its processes are."""
        name = request["EndpointName"]

        def change(document: Document) -> Document:
            if document["EndpointStatus"] == DELETING:
                raise _in_progress(document)
            return {**document, "EndpointStatus": DELETING, "LastModifiedTime": time.time()}

        self.deployments.begin(self._change(name, change))

    # With the server.

    def recover(self) -> None:
        """Start again what was in service, or on its way there, when the server went away."""
        self.deployments.recover()

    def close(self) -> None:
        """Start nothing more. The processes end with the runner."""
        self.deployments.close()

    # Small things.

    def _configuration(self, operation: str, request: Document) -> Document:
        return configurations.get(self._records, self._settings, operation, request["EndpointConfigName"])

    def _processes(self, plan: Plan) -> tuple[int, ...]:
        return tuple(processes(self._settings, each) for each in plan)

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
            raise _in_progress(document)
        if status == FAILED:
            raise ValidationException(
                f'Cannot update endpoint "{document["EndpointArn"]}" in status Failed. Delete it and create it again.'
            )


def _in_progress(document: Document) -> AwsError:
    return ValidationException(f'Cannot update in-progress endpoint "{document["EndpointArn"]}".')


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

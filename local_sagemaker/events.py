"""What SageMaker tells EventBridge of its resources, and what the rules there make of it.

Rules are moto's, who matches patterns; their targets that are Lambda functions or pipelines are reached from here, the
others by moto (SQS, log groups, event buses). Where moto was never asked for anything, there is no rule, and nothing
is done.
https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.endpoints import description
from local_sagemaker.errors import AwsError
from local_sagemaker.functions.service import Functions
from local_sagemaker.other_services import OtherServices
from local_sagemaker.pipelines import state
from local_sagemaker.records import Document, Records
from local_sagemaker.settings import Settings

SOURCE = "aws.sagemaker"
_STEP_KIND = state.steps_kind("")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """One kind of resource: what its events are called, and which members of its record are a change of state."""

    detail_type: str
    states: tuple[str, ...]


_STATE_CHANGES = {
    "ProcessingJob": Told("SageMaker Processing Job State Change", ("ProcessingJobStatus",)),
    "TrainingJob": Told("SageMaker Training Job State Change", ("TrainingJobStatus", "SecondaryStatus")),
    "TransformJob": Told("SageMaker Transform Job State Change", ("TransformJobStatus",)),
    "HyperParameterTuningJob": Told(
        "SageMaker HyperParameter Tuning Job State Change", ("HyperParameterTuningJobStatus",)
    ),
    "Endpoint": Told("SageMaker Endpoint State Change", ("EndpointStatus",)),
    "EndpointConfig": Told("SageMaker Endpoint Config State Change", ()),
    "Model": Told("SageMaker Model State Change", ()),
    "ModelPackage": Told(
        "SageMaker Model Package State Change",
        ("ModelPackageStatus", "ModelApprovalStatus", "ModelLifeCycle"),
    ),
}


class Events:
    """Turns changes of records into events, and events into what their rules' targets do."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        others: OtherServices,
        functions: Functions,
        control_plane: ControlPlane,
    ) -> None:
        self._settings = settings
        self._others = others
        self._functions = functions
        self._control_plane = control_plane
        self._waiting: queue.Queue[Document | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        records.observe(self._see)

    def tell(self, source: str, detail_type: str, resources: list[str], detail: Document) -> None:
        """Deliver an event that is not of a record."""
        self._put({**self._envelope(detail_type, "", detail), "source": source, "resources": resources})

    def close(self) -> None:
        """Deliver no more."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _see(self, kind: str, _name: str, before: Document | None, after: Document) -> None:
        if not self._others.loaded:
            return
        event = self._event(kind, before, after)
        if event is not None:
            self._put(event)

    def _put(self, event: Document) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver_all, name="events", daemon=True)
                self._thread.start()
        self._waiting.put(event)

    def _event(self, kind: str, before: Document | None, after: Document) -> Document | None:
        if kind in _STATE_CHANGES:
            told = _STATE_CHANGES[kind]
            changed = [state for state in told.states if (before or {}).get(state) != after.get(state)]
            if before is not None and not changed:
                return self._deployment(before, after) if kind == "Endpoint" else None
            detail = _detail(kind, after)
            if kind == "ModelPackage" and before is not None:
                detail["UpdatedModelPackageFields"] = changed
            return self._envelope(told.detail_type, after.get(f"{kind}Arn", ""), detail)
        if kind == state.EXECUTION:
            return self._execution(before, after)
        if kind.startswith(_STEP_KIND):
            return self._step(kind.removeprefix(_STEP_KIND), before, after)
        return None

    def _deployment(self, before: Document, after: Document) -> Document | None:
        """An update of an endpoint is a step further."""
        was, now = (each.get("_Pending", {}).get("Stage") for each in (before, after))
        if now is None or was == now:
            return None
        kind = "SageMaker Endpoint Deployment State Change"
        return self._envelope(kind, after["EndpointArn"], _detail("Endpoint", after))

    def _execution(self, before: Document | None, after: Document) -> Document | None:
        was, now = (before or {}).get("PipelineExecutionStatus"), after["PipelineExecutionStatus"]
        if was == now:
            return None
        over = now in state.EXECUTION_TERMINAL
        detail = {
            "pipelineArn": after["PipelineArn"],
            "pipelineExecutionArn": after["PipelineExecutionArn"],
            "pipelineExecutionDisplayName": after.get("PipelineExecutionDisplayName", ""),
            "currentPipelineExecutionStatus": now,
            **({"previousPipelineExecutionStatus": was} if was else {}),
            "executionStartTime": _time(after["CreationTime"]),
            **({"executionEndTime": _time(after["LastModifiedTime"])} if over else {}),
        }
        kind = "SageMaker Model Building Pipeline Execution Status Change"
        return self._envelope(kind, after["PipelineArn"], detail, after["PipelineExecutionArn"])

    def _step(self, execution: str, before: Document | None, after: Document) -> Document | None:
        was, now = (before or {}).get("StepStatus"), after["StepStatus"]
        if was == now:
            return None
        pipeline = self._settings.arn("pipeline", execution.partition("/")[0])
        detail = {
            "pipelineArn": pipeline,
            "pipelineExecutionArn": self._settings.arn("pipeline", execution),
            "stepName": after["StepName"],
            "stepType": after["_Type"],
            "currentStepStatus": now,
            **({"previousStepStatus": was} if was else {}),
            "stepStartTime": _time(after["StartTime"]),
            **({"stepEndTime": _time(after["EndTime"])} if "EndTime" in after else {}),
            **({"failureReason": after["FailureReason"]} if "FailureReason" in after else {}),
            "metadata": after.get("Metadata", {}),
        }
        return self._envelope(
            "SageMaker Model Building Pipeline Execution Step Status Change", pipeline, detail
        )

    def _envelope(self, detail_type: str, arn: str, detail: Document, *more: str) -> Document:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": SOURCE,
            "account": self._settings.account,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._settings.region,
            "resources": [each for each in (arn, *more) if each],
            "detail": detail,
        }

    def _deliver_all(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self._deliver(event)
            except Exception:  # noqa: BLE001 - one event must not cost the others their delivery
                _log.exception("the event %s could not be delivered", event["detail-type"])

    def _deliver(self, event: Document) -> None:
        from moto.events.models import events_backends

        backend = events_backends[self._settings.account][self._settings.region]
        for rule in list(backend.event_buses["default"].rules.values()):
            if (
                rule.state == "ENABLED"
                and rule.event_pattern.get_pattern()
                and rule.event_pattern.matches_event(event)
            ):
                for target in list(rule.targets):
                    self._reach(rule, target, event)

    def _reach(self, rule: Any, target: Mapping[str, Any], event: Document) -> None:
        arn = target["Arn"]
        service = arn.split(":")[2] if arn.count(":") >= 5 else ""
        reach = {"lambda": self._invoke, "sagemaker": self._start}.get(service)
        try:
            if reach is not None:
                reach(target, event)
            else:
                _by_moto(rule, target, event)
        except (AwsError, NotImplementedError) as error:
            _log.warning("rule %s: the target %s could not be reached: %s", rule.name, arn, error)

    def _invoke(self, target: Mapping[str, Any], event: Document) -> None:
        self._functions.begin(self._functions.find(target["Arn"]), json.dumps(_input(target, event)).encode())

    def _start(self, target: Mapping[str, Any], event: Document) -> None:
        del event
        given = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
        request = {"PipelineName": target["Arn"], "PipelineParameters": given}
        self._control_plane.call("StartPipelineExecution", request)


def _detail(kind: str, record: Document) -> Document:
    """What an event says of a record: times in milliseconds but for packages', an endpoint's states in capitals."""
    if kind == "Endpoint":
        record = description.of(record)
        record["EndpointStatus"] = re.sub(r"(?<!^)(?=[A-Z])", "_", record["EndpointStatus"]).upper()
    told = _time if kind == "ModelPackage" else _milliseconds
    return {
        key: told(value) if key.endswith("Time") and isinstance(value, float) else value
        for key, value in record.items()
        if not key.startswith("_")
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _by_moto(rule: Any, target: Mapping[str, Any], event: Document) -> None:
    """Let moto send the event to one target of its rule; it wants the time as a number."""
    from moto.events.models import Rule

    now = datetime.now(UTC).timestamp()
    alone = Rule(rule.name, rule.account_id, rule.region_name, None, None, None, None, "default", "ENABLED")
    alone.put_targets([dict(target)])
    alone.send_to_targets({**event, "time": now, "ingestion-time": now})


def _input(target: Mapping[str, Any], event: Document) -> Any:
    """What the target gets: the event, a part of it, or a text made of it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        return _at(event, target["InputPath"])
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        text = transformer["InputTemplate"]
        for name, path in transformer.get("InputPathsMap", {}).items():
            value = _at(event, path)
            text = text.replace(f"<{name}>", value if isinstance(value, str) else json.dumps(value))
        try:
            return json.loads(text)
        except ValueError:
            return text
    return event


def _at(event: Document, path: str) -> Any:
    """What lies at ``$.detail.name``; None where nothing does."""
    value: Any = event
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

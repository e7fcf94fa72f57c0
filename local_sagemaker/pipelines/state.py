"""How executions and their steps are kept: the documents that survive the process.

An execution is a record ``PipelineExecution``, called what its ARN ends in: ``<pipeline>/execution/<id>``. Its
steps are records of a kind of their own for each execution, so that listing or changing a step costs the same
however many executions there are. Step documents are PipelineExecutionStep entries, and keep in ``_Properties``
what later steps, retries and selective executions read.
"""

from __future__ import annotations

import re
import secrets
import string
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_sagemaker.records import Records

Document = dict[str, Any]

EXECUTION = "PipelineExecution"
STEP_TERMINAL = ("Succeeded", "Failed", "Stopped")
EXECUTION_TERMINAL = (*STEP_TERMINAL, "CompletedWithFailures")

STEP_REASON_LENGTH = 1024
EXECUTION_REASON_LENGTH = 1300

_ALPHABET = string.ascii_lowercase + string.digits
_JOB_NAME_LENGTH = 63


def steps_kind(execution: str) -> str:
    """The kind of the records that are the steps of one execution."""
    return f"PipelineExecutionStep/{execution}"


def steps(records: Records, execution: str) -> list[Document]:
    """The steps of an execution that have begun, in the order in which they did."""
    return records.list(steps_kind(execution))


def new_execution_id() -> str:
    """Twelve letters and digits, as on AWS."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def job_name(execution_id: str, step: str, prefix: str | None) -> str:
    """A new name for a job of a step: ``pipelines-<execution>-<step, at most 20>-<10 letters and digits>``.

    A name in the arguments (the SDK's ``use_custom_job_prefix``) takes the place of all but the last part.
    """
    tail = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(10))
    head = prefix or f"pipelines-{execution_id}-{step[:20]}"
    head = re.sub(r"[^a-zA-Z0-9-]", "-", head)[: _JOB_NAME_LENGTH - len(tail) - 1].lstrip("-")
    return f"{head}-{tail}"


def iso(seconds: float) -> str:
    """A time as the execution variables show it: UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stop_step(records: Records, execution: str, name: str) -> None:
    """Write that a step has been asked to stop; one that has ended in the meantime stays ended."""

    def change(document: Document) -> Document:
        return document if document["StepStatus"] in STEP_TERMINAL else {**document, "StepStatus": "Stopping"}

    records.update(steps_kind(execution), name, change)


def end_step(
    records: Records,
    execution: str,
    name: str,
    status: str,
    *,
    reason: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    private: Mapping[str, Any] | None = None,
) -> Document:
    """Write that a step has ended; returns its document."""
    change: Document = {"StepStatus": status, "EndTime": time.time(), **(private or {})}
    if reason:
        change["FailureReason"] = clipped(reason, STEP_REASON_LENGTH)
    if metadata:
        change["Metadata"] = dict(metadata)
    return records.insist(steps_kind(execution), name, change)


def end_execution(records: Records, execution: str, status: str, reason: str | None) -> None:
    """Write that an execution has ended."""
    change: Document = {"PipelineExecutionStatus": status, "LastModifiedTime": time.time()}
    if reason:
        # Describe and List call it by different names.
        clip = clipped(reason, EXECUTION_REASON_LENGTH)
        change |= {"FailureReason": clip, "PipelineExecutionFailureReason": clip}
    records.insist(EXECUTION, execution, change)


def clipped(text: str, length: int) -> str:
    """The text, shortened in the middle where it is too long: its first and its last words matter most."""
    if len(text) <= length:
        return text
    half = (length - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"

"""SageMaker Pipelines as one service of the control plane."""

from __future__ import annotations

from collections.abc import Callable

from local_sagemaker.control_plane import ControlPlane, Operation
from local_sagemaker.functions.process import Invocation
from local_sagemaker.pipelines.callbacks import Callbacks
from local_sagemaker.pipelines.executions import Executions
from local_sagemaker.pipelines.stored import StoredPipelines
from local_sagemaker.records import Records
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings


class Pipelines:
    """Pipelines and their executions.

    Steps create jobs through ``control_plane``, like any client, ``invoke`` Lambda functions by their ARN, and
    ``send`` texts to queues by their URL.
    """

    def __init__(
        self,
        settings: Settings,
        records: Records,
        store: ObjectStore,
        control_plane: ControlPlane,
        invoke: Callable[[str, bytes], Invocation],
        send: Callable[[str, str], None],
    ) -> None:
        self._stored = StoredPipelines(settings, records, store)
        self._callbacks = Callbacks(records, send)
        self._executions = Executions(
            settings, records, store, control_plane, self._stored, invoke, self._callbacks
        )

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        parts = (self._stored, self._executions, self._callbacks)
        return {name: operation for part in parts for name, operation in part.operations().items()}

    def recover(self) -> None:
        """At boot, before the first request: end the executions that an earlier process left unfinished."""
        self._executions.recover()

    def close(self) -> None:
        """At the end, before the jobs are closed: start no further step."""
        self._executions.close()

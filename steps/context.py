"""What all steps of one pipeline share: the session, who they run as, where outputs go, how jobs are guarded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagemaker.core.network import NetworkConfig
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.retry import (
    RetryPolicy,
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig

from steps.settings import Cache, Keys, Network, Retry, Roles, Tags


@dataclass(frozen=True)
class StepContext:
    """Shared by all steps of one pipeline."""

    session: PipelineSession
    roles: Roles
    runs: str  # s3 prefix below which every execution has a folder of its own
    network: Network
    keys: Keys
    cache: Cache
    retry: Retry
    tags: Tags

    def output(self, step: str, name: str = "") -> Join:
        """Where ``step`` of this execution leaves the output ``name``; two executions never share a place."""
        parts = [self.runs, ExecutionVariables.PIPELINE_EXECUTION_ID, step.lower()]
        return Join(on="/", values=[*parts, name] if name else parts)

    def cache_config(self) -> CacheConfig | None:
        """The step cache, where it is on."""
        return (
            CacheConfig(enable_caching=True, expire_after=self.cache.expire_after)
            if self.cache.enabled
            else None
        )

    def network_config(self, *, reaches_out: bool = False) -> NetworkConfig | None:
        """The network of a processing job; one that ``reaches_out``, to a source or an API, cannot be cut off."""
        isolated = self.network.isolated and not reaches_out
        if not (isolated or self.network.encrypted or self.network.subnets):
            return None
        return NetworkConfig(
            enable_network_isolation=isolated,
            encrypt_inter_container_traffic=self.network.encrypted,
            subnets=list(self.network.subnets) or None,
            security_group_ids=list(self.network.security_groups) or None,
        )

    def job_retries(self) -> list[RetryPolicy]:
        """For steps that run a job: service faults, throttling, and a job's own infrastructure failures."""
        return [
            *self.request_retries(),
            SageMakerJobStepRetryPolicy(
                exception_types=[
                    SageMakerJobExceptionTypeEnum.INTERNAL_ERROR,
                    SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
                    SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT,
                ],
                **self._retry_schedule(),
            ),
        ]

    def request_retries(self) -> list[RetryPolicy]:
        """For steps that only make a request, such as registering a model."""
        return [
            StepRetryPolicy(
                exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
                **self._retry_schedule(),
            )
        ]

    def _retry_schedule(self) -> dict[str, Any]:
        return {
            "interval_seconds": self.retry.interval_seconds,
            "backoff_rate": self.retry.backoff_rate,
            "max_attempts": self.retry.attempts,
        }

"""What steps share: scoped outputs, guarded networks, retries."""

from __future__ import annotations

from collections.abc import Callable

from steps.context import StepContext
from steps.settings import Cache, Network, Retry


def test_an_output_lies_in_the_executions_own_folder(context: StepContext) -> None:
    """The execution's id comes right after the shared prefix."""
    values = context.output("Prep", "train").expr["Std:Join"]["Values"]

    assert values == ["s3://bucket/runs", {"Get": "Execution.PipelineExecutionId"}, "prep", "train"]


def test_no_network_setting_means_no_network_request(context: StepContext) -> None:
    """An empty NetworkConfig would be an invalid request."""
    assert context.network_config() is None


def test_a_job_that_reads_its_source_is_not_cut_off(make_context: Callable[..., StepContext]) -> None:
    """It keeps the VPC and the encryption."""
    context = make_context(network=Network(("subnet-1",), ("sg-1",), isolated=True, encrypted=True))

    reader = context.network_config(reaches_out=True)

    assert not reader.enable_network_isolation
    assert (reader.subnets, reader.encrypt_inter_container_traffic) == (["subnet-1"], True)
    assert context.network_config().enable_network_isolation


def test_a_cache_that_is_off_is_not_mentioned(make_context: Callable[..., StepContext]) -> None:
    """Without a CacheConfig SageMaker computes everything."""
    assert make_context(cache=Cache(enabled=False)).cache_config() is None


def test_a_request_is_not_retried_for_a_jobs_reasons(make_context: Callable[..., StepContext]) -> None:
    """SageMaker refuses a job's retry policy on a step that runs none."""
    context = make_context(retry=Retry(attempts=7))

    kinds = [policy.to_request()["ExceptionType"] for policy in context.request_retries()]

    assert kinds == [["Step.SERVICE_FAULT", "Step.THROTTLING"]]
    assert {7} == {policy.to_request()["MaxAttempts"] for policy in context.job_retries()}

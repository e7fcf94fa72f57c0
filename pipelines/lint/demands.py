"""Rules that hold where an environment demands them: keys, network, tags, limits and retries of every job.

Each is a table: type of step -> the members of its request that must be there. An expression counts as there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import expression
from pipelines.lint.finding import Found
from pipelines.lint.subject import Subject

Places = Mapping[str, tuple[str, ...]]

_PROCESSING = ("Processing", "ClarifyCheck", "QualityCheck")
_TRIAL = "TrainingJobDefinition"
# Instances whose storage is part of them, encrypted by the hardware; a volume key is refused there.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
_LOCAL_STORAGE = re.compile(r"ml\.(\w+d|\w+dn|g4dn|g5|g6e?|p4de?|p5\w*|trn\w*)\.")

VOLUME_KEY: Places = {
    **dict.fromkeys(_PROCESSING, ("ProcessingResources.ClusterConfig.VolumeKmsKeyId",)),
    "Training": ("ResourceConfig.VolumeKmsKeyId",),
    "Tuning": (f"{_TRIAL}.ResourceConfig.VolumeKmsKeyId",),
    "Transform": ("TransformResources.VolumeKmsKeyId",),
    "AutoML": ("AutoMLJobConfig.SecurityConfig.VolumeKmsKeyId",),
    "EndpointConfig": ("KmsKeyId",),
}
OUTPUT_KEY: Places = {
    **dict.fromkeys(_PROCESSING, ("ProcessingOutputConfig.KmsKeyId",)),
    "Training": ("OutputDataConfig.KmsKeyId",),
    "Tuning": (f"{_TRIAL}.OutputDataConfig.KmsKeyId",),
    "Transform": ("TransformOutput.KmsKeyId",),
    "AutoML": ("OutputDataConfig.KmsKeyId",),
}
VPC: Places = {
    **dict.fromkeys(_PROCESSING, ("NetworkConfig.VpcConfig",)),
    "Training": ("VpcConfig",),
    "Tuning": (f"{_TRIAL}.VpcConfig",),
    "AutoML": ("AutoMLJobConfig.SecurityConfig.VpcConfig",),
    "Model": ("VpcConfig",),
}
ISOLATION: Places = {
    **dict.fromkeys(_PROCESSING, ("NetworkConfig.EnableNetworkIsolation",)),
    "Training": ("EnableNetworkIsolation",),
    "Tuning": (f"{_TRIAL}.EnableNetworkIsolation",),
    "Model": ("EnableNetworkIsolation",),
}
ENCRYPTION: Places = {
    **dict.fromkeys(_PROCESSING, ("NetworkConfig.EnableInterContainerTrafficEncryption",)),
    "Training": ("EnableInterContainerTrafficEncryption",),
    "Tuning": (f"{_TRIAL}.EnableInterContainerTrafficEncryption",),
    "AutoML": ("AutoMLJobConfig.SecurityConfig.EnableInterContainerTrafficEncryption",),
}
TAGS: Places = dict.fromkeys(
    (*_PROCESSING, "Training", "Tuning", "Transform", "AutoML", "Model", "EndpointConfig"), ("Tags",)
)
TIMEOUTS: Places = {
    **dict.fromkeys(_PROCESSING, ("StoppingCondition.MaxRuntimeInSeconds",)),
    "Training": ("StoppingCondition.MaxRuntimeInSeconds",),
    "Tuning": (f"{_TRIAL}.StoppingCondition.MaxRuntimeInSeconds",),
    "AutoML": ("AutoMLJobConfig.CompletionCriteria.MaxAutoMLJobRuntimeInSeconds",),
}
RETRIED = ("Processing", "Training", "Tuning", "Transform", "AutoML")


def missing(*tables: Places, what: str) -> Callable[[Subject], Iterator[Found]]:
    """A rule: every step of a table's type has every member that it names, and has it on."""

    def look(subject: Subject) -> Iterator[Found]:
        for step in subject.steps:
            for path in (path for table in tables for path in table.get(step.type, ())):
                for place in _places(step, path):
                    if not _there(step.arguments, place) and not _impossible(step.arguments, place):
                        yield Found(step.name, place, what)

    return look


def no_retries(subject: Subject) -> Iterator[Found]:
    """A job that one throttled request ends."""
    for step in subject.steps:
        if step.type in RETRIED and not step.retry:
            yield Found(
                step.name, "RetryPolicies", "a throttled request or a lack of capacity ends the execution"
            )


def _places(step: Step, path: str) -> Sequence[str]:
    """The path, or where a tuning job has several definitions, that in each of them."""
    several = step.arguments.get(f"{_TRIAL}s")
    if not path.startswith(f"{_TRIAL}.") or not isinstance(several, list):
        return [path]
    inner = path.removeprefix(f"{_TRIAL}.")
    return [f"{_TRIAL}s[{index}].{inner}" for index in range(len(several))]


def _there(arguments: Any, path: str) -> bool:
    value = _at(arguments, path)
    return bool(expression(value)) or bool(value)


def _impossible(arguments: Any, path: str) -> bool:
    """A volume key for an instance that has no volume."""
    if not path.endswith("VolumeKmsKeyId"):
        return False
    kind = _at(arguments, path.removesuffix("VolumeKmsKeyId") + "InstanceType")
    return isinstance(kind, str) and bool(_LOCAL_STORAGE.match(kind))


def _at(arguments: Any, path: str) -> Any:
    for name in path.replace("[", ".").replace("]", "").split("."):
        if expression(arguments):
            return arguments
        if isinstance(arguments, list) and name.isdigit() and int(name) < len(arguments):
            arguments = arguments[int(name)]
        elif isinstance(arguments, Mapping):
            arguments = arguments.get(name)
        else:
            return None
    return arguments

"""A template with a type that nothing creates is refused, before anything of it is made.

moto reports a resource type that it does not know as created. Here the answer is AWS's for a type that CloudFormation
does not know. SageMaker's and S3's own models of moto do not count: what they make lies behind the front, where no
client finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_sagemaker.stacks import bridge
from local_sagemaker.stacks.templates import whole_names

_ELSEWHERE = ("AWS::SageMaker::", "AWS::S3::")
_NOTHING_TO_CREATE = {"AWS::CloudFormation::WaitConditionHandle", "AWS::CDK::Metadata"}


def install() -> None:
    """Make moto's CloudFormation check every template before it creates or updates a stack."""
    from moto.cloudformation.parsing import ResourceMap

    if hasattr(ResourceMap, "_checked"):
        return
    ResourceMap._checked = True
    load, diff = ResourceMap.load, ResourceMap.build_resource_diff

    def checked_load(self: Any) -> None:
        _check(self._template)
        for part in ("Resources", "Outputs"):
            if part in self._template:  # in place: moto has handed the template on already
                self._template[part] = whole_names(self._template[part])
        self._resource_json_map = self._template.get("Resources", {})
        load(self)

    def checked_diff(self: Any, template: Mapping[str, Any], parameters: Any = None) -> Any:
        _check(template)
        return diff(self, template, parameters)

    ResourceMap.load, ResourceMap.build_resource_diff = checked_load, checked_diff


def creatable() -> frozenset[str]:
    """The resource types that a stack really creates."""
    from moto.cloudformation.parsing import get_model_map

    models = (kind for kind in get_model_map() if kind.count("::") == 2 and not kind.startswith(_ELSEWHERE))
    return frozenset(models) | bridge.installed()


def _check(template: Mapping[str, Any]) -> None:
    from moto.cloudformation.exceptions import ValidationError

    kinds = {resource.get("Type", "") for resource in template.get("Resources", {}).values()}
    known = creatable() | _NOTHING_TO_CREATE
    unknown = sorted(kind for kind in kinds if kind not in known and not kind.startswith("Custom::"))
    if unknown:
        raise ValidationError(
            message=f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]. "
            "The local SageMaker creates nothing for them, so the stack would only look complete."
        )

"""CloudFormation stacks say no to what nothing would create.

moto reports a resource type that it does not know as created. Here its stacks refuse such a template before
anything is made, in AWS's words for a type that CloudFormation does not know. The types are those of moto's own
models, without SageMaker's and S3's: those would be created behind the front, where no client finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ELSEWHERE = ("AWS::SageMaker::", "AWS::S3::")
_NOTHING_TO_CREATE = {"AWS::CloudFormation::WaitConditionHandle", "AWS::CDK::Metadata"}


def refuse_what_nothing_creates() -> None:
    """Make moto's CloudFormation check every template before it creates or updates a stack."""
    from moto.cloudformation.parsing import ResourceMap

    load, diff = ResourceMap.load, ResourceMap.build_resource_diff

    def checked_load(self: Any) -> None:
        _check(self._template)
        load(self)

    def checked_diff(self: Any, template: Mapping[str, Any], parameters: Any = None) -> Any:
        _check(template)
        return diff(self, template, parameters)

    ResourceMap.load, ResourceMap.build_resource_diff = checked_load, checked_diff


def creatable() -> frozenset[str]:
    """The resource types that a stack really creates."""
    from moto.cloudformation.parsing import get_model_map

    return frozenset(
        kind for kind in get_model_map() if kind.count("::") == 2 and not kind.startswith(_ELSEWHERE)
    )


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

"""A document as an operation answers it: only what the output shape has, and nothing empty."""

from __future__ import annotations

from typing import Any

from local_sagemaker.service_model import Shape


def shaped(shape: Shape, value: Any) -> Any:
    """``value`` cut down to ``shape``: a copy without private (``_``), unknown and None members.

    Structures with nothing in them are left out, because the SageMaker SDK's records refuse ``{}``. Lists and
    maps may be empty: a list operation that finds nothing says so.
    """
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {
            key: shaped(member, value[key])
            for key, member in shape.members.items()
            if value.get(key) is not None
        }
        return {key: member for key, member in members.items() if not _hollow(shape.members[key], member)}
    if shape.type_name == "list" and isinstance(value, list):
        items = (shaped(shape.member, item) for item in value if item is not None)
        return [item for item in items if not _hollow(shape.member, item)]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: shaped(shape.value, item) for key, item in value.items() if item is not None}
    return value


def _hollow(shape: Shape, value: Any) -> bool:
    # A structure that has no members in the model is a marker: there, {} is the whole message.
    return shape.type_name == "structure" and value == {} and bool(shape.members)

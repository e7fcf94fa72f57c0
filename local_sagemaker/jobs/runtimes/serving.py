"""What the model server and what answers in it agree on.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class CannotServe(Exception):
    """The container cannot start: a sentence for its log."""


@dataclass(frozen=True)
class Request:
    """One invocation."""

    body: bytes
    content_type: str = ""
    accept: str = ""


@dataclass(frozen=True)
class Reply:
    """One answer."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Model(Protocol):
    """What answers invocations."""

    def answer(self, request: Request) -> Reply:
        """The answer. May raise anything, which becomes a 500."""

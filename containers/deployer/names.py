"""What a deployment's resources are called: the same for the same request, so that making them twice is a no-op."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

_LONGEST = 63  # characters, of models, endpoint configurations and endpoints
_HASH = 8


def function(endpoint: str) -> str:
    """The function that deploys to the endpoint."""
    return f"{endpoint}-deployer"


def named(endpoint: str, version: int, request: dict[str, Any]) -> str:
    """``<endpoint>-v<version>-<8 hex digits>``, the digits being of what is asked for; long endpoint names are cut."""
    text = json.dumps([endpoint, request], sort_keys=True)
    ending = f"-v{version}-{hashlib.sha256(text.encode()).hexdigest()[:_HASH]}"
    return f"{stem(endpoint)}{ending}"


def stem(endpoint: str) -> str:
    """With what the names of an endpoint's models and configurations begin; leaves room for six digits of version."""
    room = _LONGEST - len("-v") - 6 - len("-") - _HASH
    return endpoint[:room].rstrip("-")


def version(endpoint: str, name: str) -> int | None:
    """The version in a name that ``named`` has made for the endpoint, or, of a long one, might have; else None."""
    found = re.fullmatch(rf"{re.escape(stem(endpoint))}-v(\d+)-[0-9a-f]{{{_HASH}}}", name)
    return int(found[1]) if found else None


def alarm(endpoint: str, metric: str) -> str:
    """The alarm that we keep on a metric of the endpoint."""
    return f"{endpoint}-{metric}"


def scaling_policy(endpoint: str) -> str:
    """The scaling policy that we keep on the endpoint's variants."""
    return f"{endpoint}-invocations"

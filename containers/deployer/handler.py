"""The function: looks whenever it is asked, or told of a change, and answers what came of it.

What it deploys, and where, lies beside it in ``deployment.json``. Its log tells what it saw and decided.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from containers.deployer import settings
from containers.deployer.ask import ask
from containers.deployer.clients import Clients
from containers.deployer.reconcile import reconcile

_ROOT = Path(__file__).parents[2]


def handle(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Lambda's entry point. Raises what a service refuses, so that Lambda and the pipeline's step see it fail."""
    deployment = settings.read(json.loads((_ROOT / settings.FILE).read_text(encoding="utf-8")))
    asked = ask(event, deployment)
    if asked is None:
        print(f"not about {deployment.endpoint}: nothing to do")
        return {}
    return reconcile(deployment, asked, _clients()).document()


@cache
def _clients() -> Clients:
    """Made at the first invocation, and kept for the next ones."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 4})
    return Clients(lambda service: boto3.client(service, config=config), print)

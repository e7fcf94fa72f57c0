"""The container runs the command that the request names: what the SDK's ``ModelTrainer`` asks for.

The SDK sends its driver and the user's code as the channels ``sm_drivers`` and ``code``, and ``/bin/bash`` with a
script of the first as entry point. The driver sets the ``SM_*`` variables itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_sagemaker.jobs.program import Program


def program(algorithm: Mapping[str, Any]) -> Program:
    """The command of an AlgorithmSpecification that has a ContainerEntrypoint."""
    return Program((*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", [])))

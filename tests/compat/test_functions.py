"""Python functions as steps: ``@step``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def test_functions_as_steps(program: Callable[..., str]) -> None:
    """What one function returns is what the next is called with, and the last one's result can be read."""
    printed = program(Path(__file__).with_name("functions.py"), IMAGE)

    assert printed.splitlines()[-1] == "42"

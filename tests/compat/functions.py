"""A user's program whose steps are Python functions: one makes numbers, the next adds them to a parameter.

    python functions.py IMAGE

Prints what the last function returned.
"""

import sys

from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.workflow.parameters import ParameterInteger
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.function_step import step
from sagemaker.mlops.workflow.pipeline import Pipeline

ROLE = get_execution_role()
PLACE = {"image_uri": sys.argv[1], "instance_type": "ml.m5.large", "role": ROLE}


@step(name="make", **PLACE)
def make() -> list[int]:
    """Some numbers."""
    return [1, 2, 3]


@step(name="add", **PLACE)
def add(numbers: list[int], more: int) -> int:
    """Their sum, and more."""
    return sum(numbers) + more


def main() -> None:
    """Upsert, start, wait, and read the result."""
    more = ParameterInteger(name="More", default_value=10)
    pipeline = Pipeline(
        name="CompatFunctions",
        parameters=[more],
        steps=[add(make(), more)],
        sagemaker_session=PipelineSession(),
    )
    pipeline.upsert(role_arn=ROLE)
    execution = pipeline.start(parameters={"More": 36})
    execution.wait(delay=1, max_attempts=90)
    print(execution.result("add"))  # noqa: T201


if __name__ == "__main__":
    main()

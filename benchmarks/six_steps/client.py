"""Start the pipeline and wait for its end, in one command; prints the ARN of the execution.

python -m benchmarks.six_steps.client NAME
"""

import sys
import time
from typing import Any

import boto3


def run(sagemaker: Any, name: str) -> str:
    """The ARN of an execution that has ended. Raises RuntimeError if it did not succeed."""
    arn: str = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    while True:
        execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            break
        time.sleep(0.02)
    if execution["PipelineExecutionStatus"] != "Succeeded":
        raise RuntimeError(f"the execution {arn} ended as {execution['PipelineExecutionStatus']}")
    return arn


if __name__ == "__main__":
    sys.stdout.write(run(boto3.client("sagemaker"), sys.argv[1]) + "\n")

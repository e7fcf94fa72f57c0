"""Build and check a use case's definition once, and say how long that took after the imports: a JSON object."""

import json
import os
import sys
import time

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the SDK looks for one while it is imported

from local_sagemaker.pipelines.check import check
from pipelines import collector, config

with collector.paused():  # as the command line does
    from pipelines.training import definition


def main(usecase: str) -> float:
    """Returns the seconds. Raises RuntimeError if the definition is wrong."""
    began = time.perf_counter()
    text = definition(config.load("local", usecase))
    problems = check(json.loads(text))
    ended = time.perf_counter()
    if problems:
        raise RuntimeError(f"the definition is wrong: {problems[0]}")
    return ended - began


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"seconds": main(sys.argv[1])}) + "\n")

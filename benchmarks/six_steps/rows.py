"""The rows of the table about six trivial steps."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from benchmarks.measure import in_turns
from benchmarks.six_steps import client, pipeline, plain
from benchmarks.six_steps.shapes import CHAIN, DIAMOND
from benchmarks.table import TIMES, Row
from benchmarks.workshop import THREADS, Workshop, command, seconds


def six_steps(workshop: Workshop) -> Iterator[Row]:
    """The overhead of a step, and the whole pipeline ÷ the same six steps in one plain script."""
    local = workshop.local
    sagemaker, logs, s3 = (local.client(service) for service in ("sagemaker", "logs", "s3"))
    data = pipeline.rows()
    bucket, role = local.settings.bucket, local.settings.role_arn
    pipeline.publish(s3, bucket, data)
    for name, shape in {"diamond": DIAMOND, "chain": CHAIN}.items():
        text = pipeline.definition(shape, bucket, role)
        sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=role)
    with workshop.place() as folder:
        source = folder / "rows.parquet"
        data.to_parquet(source)

        def chain() -> float:
            return pipeline.overhead(sagemaker, logs, client.run(sagemaker, "chain"))

        def script() -> float:
            return seconds(command(plain.__name__, source, folder / "results"), THREADS)

        def diamond() -> float:
            return seconds(command(client.__name__, "diamond"), local.environment)

        def served() -> float:
            began = perf_counter()
            client.run(sagemaker, "diamond")
            return perf_counter() - began

        sides = {
            "six steps in a row": chain,
            "six steps in a script": script,
            "six steps in a pipeline": diamond,
            "six steps for a client that is up": served,
        }
        for each in sides.values():
            each()  # files that are read for the first time, a client that looks for its model
        overhead, scripted, piped, up = in_turns(sides, 2 * workshop.turns, workshop.say).values()
    yield Row(
        "step",
        "overhead of a trivial step",
        overhead.scaled(1000),
        "ms",
        20,
        "six in a row, each 80 ms of pandas: (their time less that of the work) ÷ 6",
    )
    yield Row(
        "six-steps",
        "six-step pipeline ÷ the same steps in one plain script, whole commands, the local SageMaker being up",
        piped.over(scripted),
        TIMES,
        1.15,
        f"{piped.median:.2f} s ÷ {scripted.median:.2f} s, three of them in parallel",
    )
    yield Row(
        "six-steps-up",
        "the same, the client being up too: from its request to the end of the execution",
        up.over(scripted),
        TIMES,
        detail=f"{up.median:.2f} s; the rest of the row above is Python and boto3 starting",
    )

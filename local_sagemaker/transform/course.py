"""The course of a job while its containers run: objects are read, requests are under way, outputs are written.

Requests are sent side by side; answers are taken in the order of their records. What is held in memory at a time is
what those requests carry, whatever the size of an object.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.s3 import names
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.transform import objects
from local_sagemaker.transform.association import Association
from local_sagemaker.transform.containers import Containers
from local_sagemaker.transform.failed import Failed
from local_sagemaker.transform.objects import InputObject
from local_sagemaker.transform.options import Options
from local_sagemaker.transform.output import Output
from local_sagemaker.transform.split import Payload, Splitter

LONGEST = 5 * 24 * 3600.0  # seconds of a transform job, SageMaker's limit


@dataclass
class _UnderWay:
    """One object, from its first request to its output."""

    source: InputObject
    output: Output
    failed: Failed | None = None


class Course:
    """One pass over a job's objects.

    Args:
        go_on: raises what ends the job at once.
        report: is told of each object that failed.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        options: Options,
        *,
        store: ObjectStore,
        containers: Containers,
        go_on: Callable[[], None],
        report: Callable[[InputObject, Failed], None],
    ) -> None:
        source, target = request["TransformInput"], request["TransformOutput"]
        self._store = store
        self._containers = containers
        self._options = options
        self._go_on = go_on
        self._report = report
        self._association = Association(request, time.time())
        self._splitter = Splitter(
            source.get("SplitType", "None"),
            options.single,
            options.limit,
            gzip=source.get("CompressionType") == "Gzip",
        )
        self._bucket, prefix = names.split_uri(target["S3OutputPath"])
        self._prefix = prefix.rstrip("/")
        self._lines = target.get("AssembleWith") == "Line"
        self._headers = {"Content-Type": source.get("ContentType"), "Accept": target.get("Accept")}
        self._queue: deque[tuple[_UnderWay, Future[bytes] | None]] = deque()
        self._deadline = time.monotonic() + LONGEST
        self.done: list[InputObject] = []

    def run(self, sources: Sequence[InputObject]) -> dict[InputObject, Failed]:
        """Transform them all; those that failed, and why.

        Raises JobFailure, AwsError, OSError, and what ``go_on`` raises.
        """
        failures: dict[InputObject, Failed] = {}
        with ThreadPoolExecutor(self._options.concurrent, "transform") as pool:
            try:
                for source in sources:
                    self._feed(source, pool, failures)
                while self._queue:
                    self._take(failures)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._containers.stop()
                while self._queue:
                    self._queue.popleft()[0].output.discard()
                raise
        return failures

    def _feed(
        self, source: InputObject, pool: ThreadPoolExecutor, failures: dict[InputObject, Failed]
    ) -> None:
        one = _UnderWay(
            source,
            Output(self._store, self._bucket, objects.output_key(self._prefix, source), lines=self._lines),
        )
        try:
            for payload in self._splitter.payloads(lambda: self._store.bytes_of(source.bucket, source.key)):
                self._queue.append((one, pool.submit(self._transform, payload)))
                while len(self._queue) > 2 * self._options.concurrent:
                    self._take(failures)
                if one.failed:
                    break
        except Failed as failed:
            one.failed = one.failed or failed
        except AwsError as error:
            one.failed = one.failed or Failed(f"Unable to read the object: {error.message}")
        except BaseException:
            one.output.discard()
            raise
        self._queue.append((one, None))

    def _transform(self, payload: Payload) -> bytes:
        headers = {name: value for name, value in self._headers.items() if value}
        try:
            if self._association.nothing_to_do:
                return self._containers.ask(payload.body, headers).body
            body = payload.body if isinstance(payload.body, bytes) else b"".join(payload.body)
            asked = self._association.ask(body)
            answer = self._containers.ask(asked.body, headers)
            return self._association.answer(asked, answer.body, answer.headers.get("content-type", ""))
        except Failed as failed:
            failed.where = payload.where
            raise

    def _take(self, failures: dict[InputObject, Failed]) -> None:
        """The next answer, or the end of an object."""
        one, future = self._queue[0]
        if future is None:
            self._queue.popleft()
            self._finish(one, failures)
            return
        try:
            answer = future.result(max(0.0, self._deadline - time.monotonic()))
        except Failed as failed:
            one.failed = one.failed or failed
        except TimeoutError:
            raise self._too_long() from None
        else:
            if not one.failed:
                one.output.write(answer)
        if time.monotonic() > self._deadline:
            raise self._too_long()
        self._go_on()
        self._queue.popleft()

    def _too_long(self) -> JobFailure:
        return JobFailure(
            f"ClientError: The transform job ran longer than the {LONGEST:.0f} seconds that SageMaker allows."
        )

    def _finish(self, one: _UnderWay, failures: dict[InputObject, Failed]) -> None:
        self._go_on()
        if one.failed:
            one.output.discard()
            failures[one.source] = one.failed
            self._report(one.source, one.failed)
        else:
            one.output.commit()
            self.done.append(one.source)

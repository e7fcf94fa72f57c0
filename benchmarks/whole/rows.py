"""The first rows of the table: the whole pipeline ÷ one plain script, and building the definition."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import in_turns
from benchmarks.table import TIMES, Row
from benchmarks.whole.usecase import load, write
from benchmarks.workshop import THREADS, Workshop, command, last_line, run, seconds

USECASE = "roaming"


def whole(workshop: Workshop) -> Iterator[Row]:
    """The pipeline from a cold start and with the local SageMaker up, both ÷ the plain script from a cold start."""
    with workshop.place() as place:
        data, settings = place / "data.csv", place / "usecase.json"
        run(command(f"pipelines.usecases.{USECASE}", "--rows", workshop.rows, "--out", data))
        write(load(USECASE), settings)
        workshop.say("choosing the trials that both are to train")
        up = _Warm(data, workshop)
        trials = place / "trials.json"
        trials.write_text(json.dumps(up.run()["trials"]), encoding="utf-8")
        sides: dict[str, Callable[[], float]] = {
            "the plain script": lambda: _plain((settings, trials, data), workshop),
            "the pipeline from a cold start": lambda: _cold(data, workshop),
            "the pipeline, local SageMaker up": lambda: _succeeded(up.run()),
        }
        found = in_turns(sides, workshop.turns, workshop.say)
    plain, cold, warm = (found[name] for name in sides)
    detail = "{:.2f} s ÷ {:.2f} s, {:,} rows"
    yield Row(
        "whole",
        "whole pipeline ÷ one plain script, both from a cold start, after the SDK's import",
        cold.over(plain),
        TIMES,
        0.9,
        detail.format(cold.median, plain.median, workshop.rows),
    )
    yield Row(
        "whole-warm",
        "the same, the local SageMaker being up",
        warm.over(plain),
        TIMES,
        detail=detail.format(warm.median, plain.median, workshop.rows),
    )


def build(workshop: Workshop) -> Iterator[Row]:
    """Building and checking the definition in a new interpreter, after its imports."""

    def once() -> float:
        return float(last_line(run(command("benchmarks.whole.building", USECASE)))["seconds"])

    series = in_turns({"building the definition": once}, workshop.turns, workshop.say)
    yield Row(
        "build",
        "building and checking the definition, after imports",
        series["building the definition"],
        "s",
        1.0,
    )


def _plain(inputs: Sequence[Path], workshop: Workshop) -> float:
    with workshop.place() as folder:
        return seconds(command("benchmarks.whole.plain", *inputs, folder / "results"), THREADS)


def _cold(data: Path, workshop: Workshop) -> float:
    with workshop.place() as folder:
        return _succeeded(last_line(run(command(*_PIPELINE, data, "--folder", folder / "state"))))


class _Warm:
    """Runs on the workshop's local SageMaker, each time with data at a new address: nothing is cached."""

    def __init__(self, data: Path, workshop: Workshop) -> None:
        self._data, self._local = data, workshop.local
        self._numbers = itertools.count()

    def run(self) -> dict[str, Any]:
        """What ``benchmarks.whole.pipeline`` says about one run."""
        key = f"benchmarks/{next(self._numbers)}/data.csv"
        return last_line(run(command(*_PIPELINE, self._data, "--key", key), self._local.environment))


_PIPELINE = ("benchmarks.whole.pipeline", "--usecase", USECASE, "--data")


def _succeeded(measured: dict[str, Any]) -> float:
    return float(measured["phases"]["succeeded"])

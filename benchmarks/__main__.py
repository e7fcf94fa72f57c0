"""Measure, and print the performance table.

python -m benchmarks                          everything, 5 turns: some five minutes
python -m benchmarks --quick                  everything, 2 turns
python -m benchmarks --only six_steps --runs 9
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.analyzer import analyzer
from benchmarks.explaining import explaining
from benchmarks.job_start import job_start
from benchmarks.local import Local
from benchmarks.serving.rows import serving
from benchmarks.six_steps.rows import six_steps
from benchmarks.table import Row, table
from benchmarks.transfer import transfer
from benchmarks.tuning.rows import tuning
from benchmarks.whole.rows import build, whole
from benchmarks.workshop import Workshop

BENCHMARKS: dict[str, Callable[[Workshop], Iterator[Row]]] = {
    "whole": whole,
    "six_steps": six_steps,
    "job_start": job_start,
    "build": build,
    "transfer": transfer,
    "tuning": tuning,
    "explaining": explaining,
    "analyzer": analyzer,
    "serving": serving,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit status: 0 also where a target is missed, 1 where something could not be measured."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        rows = measure(
            options.only or list(BENCHMARKS),
            options.runs or (2 if options.quick else 5),
            options.rows,
            console,
        )
    except RuntimeError as error:
        console.print(f"error: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    output = Console()
    output.print(table(rows))
    output.print(f"medians of one run; {machine()}", style="dim")
    if options.json:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        document = {"machine": machine(), "time": now, "rows": [row.document() for row in rows]}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(names: Sequence[str], turns: int, rows: int, console: Console) -> list[Row]:
    """The rows of the chosen benchmarks. Raises RuntimeError where something breaks."""
    made: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as name,
        Local(Path(name) / "state") as local,
        console.status("starting a local SageMaker") as status,
    ):
        local.settle()
        for benchmark in names:
            workshop = Workshop(Path(name), turns, rows, lambda what: status.update(what), local)
            for row in BENCHMARKS[benchmark](workshop):
                made.append(row)
                console.print(f"{row.name}: {row.verdict or 'measured'}")
    return made


def machine() -> str:
    """What it was measured on."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{os.cpu_count()} cores, load {load}, Python {platform.python_version()}, {platform.system()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 turns")
    parser.add_argument("--runs", type=_count, metavar="N", help="how many turns (default: 5)")
    parser.add_argument(
        "--rows", type=_count, default=20_000, metavar="N", help="rows of data (default: 20,000)"
    )
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="one of them; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

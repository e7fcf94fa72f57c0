"""Statistics of a gigabyte of CSV as Model Monitor's analyzer writes them: rows a second, and memory at most.

python -m benchmarks.analyzer rows.csv output    one analysis, in a process of its own: what the benchmark starts
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Series
from benchmarks.table import TIMES, Row
from benchmarks.workshop import Workshop, command, run

SIZE = 1_000_000_000  # bytes
PART = 10  # the other file is so many times smaller
HEADER = "age,score,amount,colour,name,label\n"


def analyzer(workshop: Workshop) -> Iterator[Row]:
    """How much more memory ten times the data takes."""
    found = {}
    with workshop.place() as folder:
        for size in (SIZE // PART, SIZE):
            workshop.say(f"statistics of {size // 1_000_000} MB of CSV")
            source = folder / "rows.csv"
            rows = write(source, size)
            told = json.loads(run(command("benchmarks.analyzer", source, folder / "output")).splitlines()[-1])
            found[size] = {**told, "rows": rows}
    whole, part = found[SIZE], found[SIZE // PART]
    yield Row(
        "statistics",
        "Statistics of 1 GB of CSV ÷ of 100 MB: memory of the process at most",
        Series((whole["peak"] / part["peak"],)),
        TIMES,
        1.2,
        f"{whole['peak']:.0f} MB; {whole['rows'] / whole['seconds']:,.0f} rows/s of 6 columns, "
        f"{SIZE / 1e6 / whole['seconds']:.0f} MB/s",
    )


def write(path: Path, size: int) -> int:
    """Write at least ``size`` bytes of CSV, the same every time; how many rows that are."""
    rows = 0
    with path.open("w", encoding="ascii") as file:
        file.write(HEADER)
        while file.tell() < size:
            file.writelines(_row(number) for number in range(rows, rows + 10_000))
            rows += 10_000
    return rows


def _row(number: int) -> str:
    mixed = number * 2_654_435_761 % 4_294_967_296  # Knuth's multiplicative hash: no generator is as fast
    return (
        f"{mixed % 90},{mixed / 1e9:.6f},{mixed % 100_000 / 100},{('red', 'green', 'blue')[mixed % 3]},"
        f"name-{mixed},{mixed >> 7 & 1}\n"
    )


def _peak() -> float:
    """The resident memory of this process at most, in megabytes; getrusage would count what forked it, too."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def _main(source: str, output: str) -> None:
    from containers.analyzer import monitor

    began = time.perf_counter()
    environment = {
        "dataset_source": source,
        "dataset_format": '{"csv": {"header": true}}',
        "output_path": output,
    }
    monitor.main(environment, Path(output))
    print(json.dumps({"seconds": time.perf_counter() - began, "peak": _peak()}))  # noqa: T201 - it is read


if __name__ == "__main__":
    _main(*sys.argv[1:])

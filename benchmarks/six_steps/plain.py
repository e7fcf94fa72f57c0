"""The six steps in one plain script, as somebody without a pipeline writes them; it leaves the same files.

python -m benchmarks.six_steps.plain rows.parquet folder
"""

import sys
from pathlib import Path

import pandas as pd

from benchmarks.six_steps.shapes import DIAMOND
from benchmarks.six_steps.step import FILE, work


def main(source: Path, folder: Path) -> None:
    """Run the steps one after another; what one made is in memory for the next."""
    made = {"": pd.read_parquet(source)}
    for key, before in DIAMOND.items():
        made[key] = work([made[each] for each in before or ("",)], key)
        (folder / key).mkdir(parents=True, exist_ok=True)
        made[key].to_parquet(folder / key / FILE)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""What each check analyses: the programs that stand for AWS's containers, run on the job's own folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from containers import checks
from containers.checks import Check
from containers.contract import DATA, ProcessingPaths

Settings = Mapping[str, Any]


def analyse(
    check: Check, settings: Settings, paths: ProcessingPaths, output: Path, baseline: Path | None
) -> None:
    """Analyse the job's input and write the files of AWS's container into ``output``.

    ``baseline`` is the folder of the baseline's files, where there is something to compare with; violations of it
    are reported in ``constraint_violations.json``, which is not written where there are none.

    Raises:
        DataError: the data, the settings or the baseline are wrong.
    """
    ANALYSES[check.name](settings, paths, output, baseline)


def _data_quality(settings: Settings, paths: ProcessingPaths, output: Path, baseline: Path | None) -> None:
    from containers.analyzer.constraints import domains, suggest
    from containers.analyzer.profile import profile
    from containers.analyzer.reading import tables
    from containers.analyzer.statistics import statistics
    from containers.analyzer.violations import violations

    before = _document(baseline, checks.CONSTRAINTS_FILE)
    profiled = profile(
        tables(paths.input(DATA), settings["dataset_format"]), domains(before) if before else {}
    )
    _write(output / checks.STATISTICS_FILE, statistics(profiled))
    _write(output / checks.CONSTRAINTS_FILE, suggest(profiled))
    if before:
        found = violations(profiled, before, _document(baseline, checks.STATISTICS_FILE))
        if found["violations"]:
            _write(output / checks.VIOLATIONS_FILE, found)


def _document(folder: Path | None, name: str) -> dict[str, Any] | None:
    """A baseline's document, where there is one."""
    if folder is None or not (folder / name).is_file():
        return None
    document: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return document


def _write(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(document, indent=1), encoding="utf-8")


ANALYSES: dict[str, Callable[[Settings, ProcessingPaths, Path, Path | None], None]] = {
    checks.DATA_QUALITY.name: _data_quality,
}

"""What each check analyses: the programs that stand for AWS's containers, run on the job's own folders."""

from __future__ import annotations

import json
import tempfile
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


def _model_monitor(settings: Settings, paths: ProcessingPaths, output: Path, baseline: Path | None) -> None:
    """Data quality or model quality; ``settings`` are environment variables, structured ones not yet as texts."""
    from containers.analyzer import monitor

    environment = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()
    }
    if baseline is not None:
        for name, file in (
            ("baseline_constraints", checks.CONSTRAINTS_FILE),
            ("baseline_statistics", checks.STATISTICS_FILE),
        ):
            if (baseline / file).is_file():
                environment[name] = str(baseline / file)
    with tempfile.TemporaryDirectory() as base:
        monitor.main(
            {**environment, "dataset_source": str(paths.input(DATA)), "output_path": str(output)}, Path(base)
        )


def _clarify(settings: Settings, paths: ProcessingPaths, output: Path, baseline: Path | None) -> None:
    """Bias of data or model; ``settings`` is an analysis configuration."""
    from containers.analyzer import clarify

    environment = {} if baseline is None else {"baseline_constraints": str(baseline / checks.ANALYSIS_FILE)}
    with tempfile.TemporaryDirectory() as base:
        own = ProcessingPaths(Path(base))
        own.input("config").mkdir(parents=True)
        (own.input("config") / checks.CONFIG_FILE).write_text(json.dumps(settings), encoding="utf-8")
        own.input("data").symlink_to(paths.input(DATA))
        (own.base / "processing" / "output").symlink_to(output)
        clarify.main(environment, own.base)


def _explanations(settings: Settings, paths: ProcessingPaths, output: Path, baseline: Path | None) -> None:
    from containers.analyzer import check_explanations

    check_explanations.main(settings, paths, output, baseline)


ANALYSES: dict[str, Callable[[Settings, ProcessingPaths, Path, Path | None], None]] = {
    checks.DATA_QUALITY.name: _model_monitor,
    checks.DATA_BIAS.name: _clarify,
    checks.MODEL_BIAS.name: _clarify,
    checks.EXPLAINABILITY.name: _explanations,
    checks.MODEL_QUALITY.name: _model_monitor,
}

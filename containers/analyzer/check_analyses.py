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
from containers.processing.job import DataError

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


def _bias(settings: Settings, paths: ProcessingPaths, output: Path, baseline: Path | None) -> None:
    from containers.analyzer import analysis_report, bias_drift
    from containers.analyzer.bias import analyze
    from containers.analyzer.bias_config import from_analysis_config
    from containers.analyzer.bias_errors import BiasError
    from containers.analyzer.reading import tables

    def parts() -> Any:
        return (table.to_pandas() for table in tables(paths.input(DATA), {"parquet": {}}))

    try:
        first = next(iter(parts()))
        document = analyze(parts, from_analysis_config(settings, list(first.columns))).document()
    except BiasError as error:
        raise DataError(str(error)) from None
    (output / checks.ANALYSIS_FILE).write_text(analysis_report.text(document))
    if baseline is not None:
        try:
            before = json.loads((baseline / checks.ANALYSIS_FILE).read_text(encoding="utf-8"))
            found = bias_drift.violations(document, before)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"the baseline is no bias analysis: {error}") from None
        bias_drift.write(found, output)


def _explanations(settings: Settings, paths: ProcessingPaths, output: Path, baseline: Path | None) -> None:
    from containers.analyzer import check_explanations

    check_explanations.main(settings, paths, output, baseline)


ANALYSES: dict[str, Callable[[Settings, ProcessingPaths, Path, Path | None], None]] = {
    checks.DATA_QUALITY.name: _model_monitor,
    checks.DATA_BIAS.name: _bias,
    checks.MODEL_BIAS.name: _bias,
    checks.EXPLAINABILITY.name: _explanations,
    checks.MODEL_QUALITY.name: _model_monitor,
}

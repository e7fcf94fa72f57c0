"""Hold the new model, the challenger, against the one in service, the champion: on the same rows, pair by pair.

    python -m containers.processing.champion --group roaming

The champion is the latest approved package of the group. Each model scores the raw test rows with its own fitted flow,
so the two need not have the same features. What counts is the difference, resampled with the rows (Efron, Tibshirani:
An Introduction to the Bootstrap, 1993): what both find hard is no doubt. The resamples know of the chance in which rows
are test rows and nothing of the chance in training, so the interval is widened for that. A model is better if the whole
95 % interval of the difference lies above the margin; on the first run there is nobody to beat.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from containers import aws, contract
from containers.contract import ProcessingPaths
from containers.flow import FittedFlow, apply
from containers.metrics.binary import BinarySample
from containers.metrics.estimate import Array, Estimate, Sample, differences, values
from containers.metrics.multiclass import MulticlassSample
from containers.metrics.regression import RegressionSample
from containers.prepared import Rows
from containers.processing.job import DataError, read_settings, run
from containers.processing.model_archive import TrainedModel, load, load_flow
from containers.registry import latest_approved

# Another seed moves the difference about as much as other test rows do (docs/decisions/0170): variances add.
TRAINING_CHANCE = math.sqrt(2)


@dataclass(frozen=True)
class Champion:
    """The model in service."""

    package: str  # ARN
    model: str  # S3 address of its archive
    threshold: float | None = None  # at which it decides, where its package says so


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger may take the champion's place; ``missed`` is 1 where not, which the gate counts."""

    missed: int
    message: str
    champion: str | None = None
    values: Mapping[str, float] | None = None
    difference: Estimate | None = None

    def document(self, metric: str, margin: float | None) -> dict[str, Any]:
        """As it stands in the report."""
        return {
            "version": 1,
            "champion": self.champion,
            "metric": metric,
            "margin": margin,
            "values": None if self.values is None else dict(self.values),
            "difference": None if self.difference is None else self.difference.document(),
            "missed": self.missed,
            "message": self.message,
            "objection": f"; {self.message}" if self.missed else "",  # what a refusal goes on with
        }


def main(paths: ProcessingPaths, group: str, sagemaker: Any = None, s3: Any = None) -> None:
    """Write the verdict on the model in the input ``model``; ``sagemaker`` and ``s3`` are boto3's clients.

    Raises:
        DataError: rows or models are not what they should be, or the champion's archive is gone.
    """
    settings = read_settings(paths)
    gate = settings["gate"]
    found = in_service(sagemaker or aws.client("sagemaker"), group)
    if found is None:
        verdict = Verdict(
            0, f"No package of the group {group} is approved yet: there is no champion to beat."
        )
    else:
        verdict = _compare(paths, gate, found, s3 or aws.client("s3"))
    output = paths.output(contract.CHAMPION)
    output.mkdir(parents=True, exist_ok=True)
    document = verdict.document(gate["metric"], gate.get("margin"))
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    (output / contract.CHAMPION_FILE).write_text(text + "\n", encoding="utf-8")
    print(verdict.message, flush=True)


def in_service(sagemaker: Any, group: str) -> Champion | None:
    """The champion, as the registry knows it; None where no package of the group is approved."""
    package = latest_approved(sagemaker, group)
    if package is None:
        return None
    container = package["InferenceSpecification"]["Containers"][0]
    threshold = container.get("Environment", {}).get(contract.DECISION_THRESHOLD)
    return Champion(
        package["ModelPackageArn"], container["ModelDataUrl"], float(threshold) if threshold else None
    )


def judge(
    ours: Sample, theirs: Sample, metric: str, *, lower_is_better: bool, margin: float | None, champion: str
) -> Verdict:
    """Hold ``ours`` against ``theirs``. Without a margin the difference is reported, and nothing is asked for."""
    difference = widened(differences(ours, theirs)[metric])
    both = {"challenger": values(ours)[metric], "champion": values(theirs)[metric]}
    if difference.value is None or difference.confidence_interval is None:
        said = f"The difference in {metric} cannot be told: {difference.reason}"
        both = {name: value for name, value in both.items() if np.isfinite(value)}
        return Verdict(int(margin is not None), said, champion, both, difference)
    low, high = difference.confidence_interval
    if low == high == 0:
        said = f"The challenger scores the test rows as the champion does ({metric} {both['champion']:.6g})"
        return Verdict(int(margin is not None), said, champion, both, difference)
    said = (
        f"{metric} on the same test rows: challenger {both['challenger']:.6g}, champion {both['champion']:.6g}, "
        f"difference {difference.value:+.6g} (95 % between {low:+.6g} and {high:+.6g})"
    )
    if margin is None:
        return Verdict(0, f"{said}; no margin is asked for", champion, both, difference)
    certain = -high if lower_is_better else low
    if certain > margin:
        return Verdict(0, f"{said}: better by more than {margin:g}", champion, both, difference)
    return Verdict(1, f"{said}: not surely better by more than {margin:g}", champion, both, difference)


def widened(difference: Estimate) -> Estimate:
    """The difference with the chance in training counted in: both ends of its interval lie farther out."""
    if difference.value is None or difference.confidence_interval is None:
        return difference
    low, high = (
        difference.value + TRAINING_CHANCE * (end - difference.value)
        for end in difference.confidence_interval
    )
    return replace(difference, confidence_interval=(low, high))


def _compare(paths: ProcessingPaths, gate: Mapping[str, Any], found: Champion, s3: Any) -> Verdict:
    rows = _raw_rows(paths)
    challenger, flow = load(paths.input(contract.MODEL)), load_flow(paths.input(contract.MODEL))
    with tempfile.TemporaryDirectory(prefix="champion-") as folder:
        _download(s3, found, Path(folder))
        champion, theirs = load(Path(folder)), load_flow(Path(folder))
    if (champion.problem, theirs.label.classes) != (challenger.problem, flow.label.classes):
        reason = f"{found.package} decides another question (its classes are {list(theirs.label.classes)})"
        return Verdict(0, f"The champion cannot be compared: {reason}.", found.package)
    labels = flow.label.encode(rows[flow.label.column])
    ours_at = _threshold(paths)
    return judge(
        _sample(challenger, flow, rows, labels, ours_at),
        _sample(champion, theirs, rows, labels, found.threshold if found.threshold is not None else ours_at),
        gate["metric"],
        lower_is_better=gate.get("at_most") is not None,
        margin=gate.get("margin"),
        champion=found.package,
    )


def _sample(
    model: TrainedModel, flow: FittedFlow, rows: pd.DataFrame, labels: Array, threshold: float
) -> Sample:
    features = apply(flow, rows)
    table = pa.table({name: features[name].to_numpy() for name in model.features})
    scores = model.score(Rows("test", labels, table))
    if model.problem == "binary":
        return BinarySample(labels, scores, threshold)
    return (MulticlassSample if model.problem == "multiclass" else RegressionSample)(labels, scores)


def _raw_rows(paths: ProcessingPaths) -> pd.DataFrame:
    folder = paths.input(contract.HOLDOUT)
    if not any(folder.rglob("*.parquet")):
        raise DataError(f"{folder}: no Parquet file; the input '{contract.HOLDOUT}' is what prep wrote")
    rows: pd.DataFrame = pq.read_table(folder).to_pandas()
    return rows


def _threshold(paths: ProcessingPaths) -> float:
    """The threshold that evaluation chose for the challenger."""
    report = json.loads(
        (paths.input(contract.EVALUATION) / contract.EVALUATION_FILE).read_text(encoding="utf-8")
    )
    return float(report.get("threshold", {}).get("value", 0.5))


def _download(s3: Any, found: Champion, folder: Path) -> None:
    from botocore.exceptions import ClientError

    bucket, _, key = found.model.removeprefix("s3://").partition("/")
    try:
        s3.download_file(bucket, key, str(folder / contract.MODEL_ARCHIVE))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise DataError(
            f"the champion's model {found.model} ({found.package}) cannot be read: {code}"
        ) from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="champion", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--group", required=True, help="the model package group")
    sys.exit(run(main, ProcessingPaths(), group=parser.parse_args().group))

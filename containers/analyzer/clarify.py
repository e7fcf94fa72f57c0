"""Analyse data and model as SageMaker Clarify's image does: bias before and after training, SHAP, partial dependence.

    python3 -m containers.analyzer.clarify

Reads ``analysis_config.json`` and the data set from the job's inputs; writes ``analysis.json``, ``report.html`` and
``explanations_shap/``. With ``baseline_constraints`` in the environment, the ``analysis.json`` of an earlier run, what
has grown beyond it is reported in ``constraint_violations.json``; where nothing has, that file is not written.

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-parameters.html
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd

from containers import contract
from containers.analyzer import bias_drift, clarify_config, clarify_report, monitor_exit, shap_drift
from containers.analyzer.analysis_report import VERSION, text
from containers.analyzer.bias import analyze
from containers.analyzer.bias_config import from_analysis_config
from containers.analyzer.bias_errors import BiasError
from containers.analyzer.clarify_config import Config
from containers.analyzer.clarify_data import Dataset, open_dataset
from containers.analyzer.clarify_model import Predictor, endpoint
from containers.analyzer.explain import EXPLANATIONS, Explanations, PdpConfig, ShapConfig, explain
from containers.contract import ProcessingPaths
from containers.processing.job import DataError

ANALYSIS = "analysis.json"
DONE = "Completed: SageMaker XAI Analyzer ran successfully"
PREDICTED = "predicted_label"  # the column that predictions become
BIAS = ("pre_training_bias", "post_training_bias")


@dataclass(frozen=True)
class Clients:
    """boto3's clients; a test brings its own."""

    sagemaker: Any
    runtime: Any
    s3: Any


def main(environment: Mapping[str, str], base: Path, clients: Clients | None = None) -> str:
    """Do what the configuration says; the message that the job ends with.

    Raises:
        DataError: configuration, data, model or baseline are wrong, in the container's words where they are known.
    """
    paths = ProcessingPaths(base)
    config = clarify_config.load(paths.input("config"))
    output = base / "processing" / "output"
    output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clarify-")))
        clients = clients or _Lazy()  # type: ignore[assignment]
        assert clients is not None  # noqa: S101 - see the line above
        dataset = _dataset(config, paths.input("data"), scratch, clients)
        model = _model(config, dataset, clients, stack)
        document: dict[str, Any] = {"version": VERSION}
        document |= _bias(config, dataset, model)
        explanations = _explanations(config, dataset, model, clients)
        if explanations is not None:
            document[EXPLANATIONS] = explanations.document()
            explanations.write(output)
        (output / ANALYSIS).write_text(text(document), encoding="utf-8")
        rows = _whole(dataset) if explanations is not None and explanations.shap is not None else None
        clarify_report.write(config, document, explanations, rows, output)
        _compare(document, environment.get("baseline_constraints"), output)
    return DONE


def _dataset(config: Config, folder: Path, scratch: Path, clients: Clients) -> Dataset:
    source = folder
    if not folder.is_dir() and "dataset_uri" in config:
        source = _fetch(config["dataset_uri"], scratch / "data", clients)
    beside = {
        name: _fetch(config[f"{name}_dataset_uri"], scratch / name, clients)
        for name in ("facet", "predicted_label")
        if f"{name}_dataset_uri" in config
    }
    return open_dataset(config, source, beside)


def _fetch(uri: str, folder: Path, clients: Clients) -> Path:
    """A copy of every object at an S3 address."""
    from botocore.exceptions import ClientError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    folder.mkdir(parents=True)
    try:
        pages = clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        keys = [
            each["Key"]
            for page in pages
            for each in page.get("Contents", [])
            if not each["Key"].endswith("/")
        ]
        for number, each in enumerate(keys):
            clients.s3.download_file(bucket, each, str(folder / f"{number:05d}-{each.rpartition('/')[2]}"))
    except ClientError as error:
        raise DataError(f"{uri} cannot be read: {error.response['Error']['Message']}") from None
    if not keys:
        raise DataError(f"{uri}: there is no object.")
    return folder


def _model(config: Config, dataset: Dataset, clients: Clients, stack: ExitStack) -> Predictor | None:
    """The model, where some analysis has to ask it."""
    methods = config["methods"]
    predictions_missing = "post_training_bias" in methods and dataset.predicted_label is None
    if not (predictions_missing or {"shap", "pdp"} & set(methods)):
        return None
    name = stack.enter_context(endpoint(config, clients.sagemaker))
    return Predictor(clients.runtime, name, config)


def _bias(config: Config, dataset: Dataset, model: Predictor | None) -> dict[str, Any]:
    if not set(BIAS) & set(config["methods"]):
        return {}
    told = {**config, **({"label": dataset.label} if dataset.label is not None else {})}
    parts, columns = dataset.parts, list(dataset.columns)
    if dataset.predicted_label is not None:
        told["predicted_label"] = dataset.predicted_label
    elif "post_training_bias" in config["methods"]:
        assert model is not None  # noqa: S101 - see _model
        predicted, threshold = _predicted(config, dataset, model)
        told["predicted_label"], columns = PREDICTED, [*columns, PREDICTED]
        told["probability_threshold"] = threshold
        whole = predicted

        def with_predictions() -> Iterator[pd.DataFrame]:
            start = 0
            for part in dataset.parts():
                yield part.assign(**{PREDICTED: whole[start : start + len(part)]})
                start += len(part)

        parts = with_predictions
    try:
        settings = from_analysis_config(told, columns)
        if not settings.post:
            settings = replace(settings, predicted_label=None)
        found: dict[str, Any] = analyze(parts, settings).document()
    except BiasError as error:
        raise DataError(str(error)) from None
    return {key: value for key, value in found.items() if key != "version"}


def _predicted(config: Config, dataset: Dataset, model: Predictor) -> tuple[Any, float | None]:
    """What the model predicts for every row: labels, or probabilities and the threshold that makes labels of them."""
    found = [model.predict(dataset.features_of(part)) for part in dataset.parts()]
    headers = config["predictor"].get("label_headers")
    if all(each.labels is not None for each in found):
        return np.concatenate([each.labels for each in found if each.labels is not None]), None
    scores = np.concatenate([each.probabilities for each in found if each.probabilities is not None])
    if scores.shape[1] == 1:
        if "probability_threshold" not in config and _holds_amounts(dataset):
            return scores[:, 0], None  # a regression: what it answers is the predicted label
        return scores[:, 0], float(config.get("probability_threshold", 0.5))
    if headers is None or len(headers) != scores.shape[1]:
        count = scores.shape[1]
        raise DataError(
            f"The model answers {count} probabilities a row; predictor.label_headers must name as many labels."
        )
    return np.array(headers)[scores.argmax(axis=1)], None


def _holds_amounts(dataset: Dataset) -> bool:
    """Whether the label is a number of which there are more than two values, so that no probability can be one."""
    values: set[Any] = set()
    for part in dataset.parts():
        if not pd.api.types.is_float_dtype(part[dataset.label]):
            return False
        values.update(part[dataset.label].dropna().unique()[:3])
        if len(values) > 2:
            return True
    return False


def _explanations(
    config: Config, dataset: Dataset, model: Predictor | None, clients: Clients
) -> Explanations | None:
    methods = config["methods"]
    if not {"shap", "pdp"} & set(methods):
        return None
    assert model is not None  # noqa: S101 - see _model
    rows = _whole(dataset)
    shap = None
    if "shap" in methods:
        baseline = methods["shap"].get("baseline")
        fetched = _baseline(baseline, list(dataset.features), clients) if isinstance(baseline, str) else None
        shap = ShapConfig.from_method(methods["shap"], list(dataset.features), fetched)
    pdp = PdpConfig.from_method(methods["pdp"], list(dataset.features)) if "pdp" in methods else None
    headers = [str(each) for each in config["predictor"].get("label_headers", ())]
    return explain(rows, model.scores, shap, pdp, label_headers=headers)


def _whole(dataset: Dataset) -> pd.DataFrame:
    return pd.concat([dataset.features_of(part) for part in dataset.parts()], ignore_index=True)


def _baseline(uri: str, features: list[str], clients: Clients) -> pd.DataFrame:
    """The SHAP baseline at an S3 address: CSV rows, with a header or without one."""
    with tempfile.TemporaryDirectory() as scratch:
        file = next(_fetch(uri, Path(scratch, "baseline"), clients).iterdir())
        content = file.read_text(encoding="utf-8-sig")
    first = content.partition("\n")[0].strip().split(",")
    header = 0 if set(first) == set(features) else None
    try:
        return pd.read_csv(io.StringIO(content), header=header)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"shap.baseline: {uri} cannot be read as CSV: {error}") from None


def _compare(document: Mapping[str, Any], baseline: str | None, output: Path) -> None:
    """Report what has grown beyond the baseline."""
    report = output / bias_drift.REPORT
    report.unlink(missing_ok=True)
    if baseline is None:
        return
    try:
        before = json.loads(Path(baseline).read_text(encoding="utf-8"))
        biases, reasons = bias_drift.violations(document, before), shap_drift.violations(document, before)
    except FileNotFoundError:
        raise DataError(f"baseline_constraints: there is no {baseline}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"baseline_constraints: {baseline} is no analysis of Clarify: {error}") from None
    entries = [*(asdict(each) for each in biases), *(asdict(each) for each in reasons)]
    if entries:
        report.write_text(text({"version": VERSION, "violations": entries}), encoding="utf-8")
        print(f"{len(entries)} violations of the baseline, see {bias_drift.REPORT}", flush=True)


class _Lazy:
    """boto3's clients, each made when it is first asked for: bias of data alone needs none."""

    def __getattr__(self, name: str) -> Any:
        import boto3
        from botocore.config import Config as BotoConfig

        services = {"sagemaker": "sagemaker", "runtime": "sagemaker-runtime", "s3": "s3"}
        client = boto3.client(
            services[name], config=BotoConfig(retries={"mode": "standard", "max_attempts": 5})
        )
        setattr(self, name, client)
        return client


def _stopped(number: int, frame: FrameType | None) -> None:
    """A job that is stopped deletes its shadow endpoint."""
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stopped)
    sys.exit(monitor_exit.run(main, os.environ, Path(contract.BASE)))

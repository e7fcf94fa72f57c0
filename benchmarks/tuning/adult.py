"""UCI Adult, prepared once by the jobs' own functions, as channels of training jobs in the local S3."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.metrics import roc_auc_score

from benchmarks.local import Local
from benchmarks.whole import plain
from benchmarks.workshop import ROOT
from containers import contract, prepared
from pipelines import config
from pipelines.config import Config
from pipelines.publish import Publication, plan
from pipelines.service import Service

DATA = ROOT.parent / "shared" / "data" / "adult" / "adult.data"
KEY = "benchmarks/tuning"


@dataclass(frozen=True)
class Adult:
    """Rows on disk and in S3, and the request of the use case's own tuning job."""

    config: Config
    folder: Path
    s3: Any
    sagemaker: Any
    request: Mapping[str, Any]  # CreateHyperParameterTuningJob, but for its name

    def test_auc(self, artifact: str) -> float:
        """The AUC of the model in a ``model.tar.gz`` of S3 on the test rows."""
        bucket, _, key = artifact.removeprefix("s3://").partition("/")
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=BytesIO(body)) as archive:
            member = next(each for each in archive if each.name.endswith(contract.MODEL_FILE))
            stream = archive.extractfile(member)
            assert stream is not None  # noqa: S101 - it is a file
            booster = xgb.Booster(model_file=bytearray(stream.read()))
        rows = prepared.read(self.folder / contract.TEST, contract.TEST)
        scores = np.asarray(booster.predict(prepared.scoring_matrix(rows)), dtype=np.float64)
        return float(roc_auc_score(rows.labels, scores))


def prepare(local: Local, folder: Path) -> Adult:
    """Prepare the rows, and put them and the training script where jobs find them."""
    os.environ.setdefault("AWS_DEFAULT_REGION", local.settings.region)
    from pipelines.training import definition

    os.environ["AWS_ENDPOINT_URL"] = local.server.url
    settings = config.load("local", "adult")
    usecase = settings.usecase.model_dump(mode="json")
    plain.prep(usecase, plain.ingest(usecase, DATA, folder), folder)
    service = Service(settings)
    publication = plan(settings)
    service.publish(publication)
    bucket = settings.environment.bucket
    for name in (contract.TRAIN, contract.VALIDATION):
        for file in (folder / name).iterdir():
            service.s3.upload_file(str(file), bucket, f"{KEY}/{name}/{file.name}")
    flow = folder / contract.FLOW_FILE
    service.s3.upload_file(str(flow), bucket, f"{KEY}/{contract.FLOW}/{flow.name}")
    steps = json.loads(definition(settings, publication))["Steps"]
    (request,) = (step["Arguments"] for step in steps if step["Type"] == "Tuning")
    return Adult(settings, folder, service.s3, service.sagemaker, _with_rows(request, settings, publication))


def _with_rows(request: dict[str, Any], settings: Config, publication: Publication) -> dict[str, Any]:
    """The step's request with addresses in place of references to other steps."""
    root = f"s3://{settings.environment.bucket}/{KEY}"
    trial = request["TrainingJobDefinition"]
    for channel in trial["InputDataConfig"]:
        channel["DataSource"]["S3DataSource"]["S3Uri"] = f"{root}/{channel['ChannelName']}"
    trial["OutputDataConfig"]["S3OutputPath"] = f"{root}/models"
    trial["StaticHyperParameters"]["sagemaker_submit_directory"] = publication.source_dir
    return request

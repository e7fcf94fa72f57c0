"""ClarifyCheck: bias of data or of a model, or what explains a model, and how it has drifted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from local_sagemaker import json_text
from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.steps.base import Attempt, Document, StepFailure
from local_sagemaker.pipelines.steps.check import CACHE_KEYS, SETTINGS, CheckStep
from local_sagemaker.s3 import names

CONFIG_INPUT, CONFIG_FILE = "analysis_config", "analysis_config.json"


@dataclass(frozen=True, kw_only=True)
class ClarifyCheckStep(CheckStep):
    """A check whose model's name is not known when its analysis config is written, but only when it runs."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """A model where there is nothing to predict."""
        yield from super().mistakes(step)
        if step.settings.get("CheckType") == "DATA_BIAS" and step.settings.get("ModelName") is not None:
            yield "ModelName is for MODEL_BIAS and MODEL_EXPLAINABILITY; a DATA_BIAS check asks no model."

    def request(self, attempt: Attempt) -> Document:
        """The job's request; its analysis config is a copy that names the model, beside the original."""
        request = super().request(attempt)
        model = attempt.arguments.get("ModelName")
        if not model:
            return request
        inputs = [dict(each) for each in request.get("ProcessingInputs", ())]
        for each in inputs:
            if each["InputName"] == CONFIG_INPUT:
                uri = _with_model(attempt, str(each["S3Input"]["S3Uri"]), model)
                each["S3Input"] = {**each["S3Input"], "S3Uri": uri}
                return {**request, "ProcessingInputs": inputs}
        raise StepFailure(
            f"ClientError: ModelName is {model!r}, but there is no input {CONFIG_INPUT!r} to put it into."
        )


def _with_model(attempt: Attempt, uri: str, model: str) -> str:
    """Store the analysis config again, with ``predictor.model_name``; its URI."""
    if not uri.endswith(".json"):
        uri = f"{uri.rstrip('/')}/{CONFIG_FILE}"
    copy = f"{uri.rpartition('/')[0]}/{attempt.job_name}/{CONFIG_FILE}"
    try:
        config = json_text.parse(attempt.store.read(uri))
        named = {**config, "predictor": {**config.get("predictor", {}), "model_name": model}}
        attempt.store.put(*names.split_uri(copy), json.dumps(named).encode())
    except AwsError as error:
        raise StepFailure(f"ClientError: The analysis configuration {uri}: {error.message}") from None
    except (ValueError, TypeError, AttributeError) as error:  # in the container's words
        raise StepFailure(
            f"ClientError: Unable to load analysis configuration as JSON. {uri}: {error}"
        ) from None
    return copy


CLARIFY_CHECK = ClarifyCheckStep(
    name="ClarifyCheck",
    title="Clarify",
    types=("DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY"),
    files={"Constraints": "analysis.json"},
    resource="ProcessingJob",
    shown_as="ClarifyCheck",
    arn_as="CheckJobArn",
    fields=("CacheConfig",),
    settings={**SETTINGS, "ModelName": "string"},
    create="CreateProcessingJob",
    filled_in=("ProcessingJobName",),
    properties=("CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints"),
    cache_keys=(*CACHE_KEYS, "ModelName"),
)

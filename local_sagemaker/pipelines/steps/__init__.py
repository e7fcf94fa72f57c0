"""The types of step that run here. A further one is one module, and one entry in this table."""

from local_sagemaker.pipelines.steps.base import StepType
from local_sagemaker.pipelines.steps.callback import CALLBACK
from local_sagemaker.pipelines.steps.clarify_check import CLARIFY_CHECK
from local_sagemaker.pipelines.steps.cleanup import CLEANUP
from local_sagemaker.pipelines.steps.condition import CONDITION
from local_sagemaker.pipelines.steps.endpoint import ENDPOINT
from local_sagemaker.pipelines.steps.endpoint_config import ENDPOINT_CONFIG
from local_sagemaker.pipelines.steps.fail import FAIL
from local_sagemaker.pipelines.steps.for_each import FOR_EACH
from local_sagemaker.pipelines.steps.lambda_ import LAMBDA
from local_sagemaker.pipelines.steps.model import MODEL
from local_sagemaker.pipelines.steps.processing import PROCESSING
from local_sagemaker.pipelines.steps.quality_check import QUALITY_CHECK
from local_sagemaker.pipelines.steps.register_model import REGISTER_MODEL
from local_sagemaker.pipelines.steps.training import TRAINING
from local_sagemaker.pipelines.steps.transform import TRANSFORM
from local_sagemaker.pipelines.steps.tuning import TUNING

STEP_TYPES: dict[str, StepType] = {
    kind.name: kind
    for kind in (
        PROCESSING,
        TRAINING,
        TUNING,
        TRANSFORM,
        CLARIFY_CHECK,
        QUALITY_CHECK,
        LAMBDA,
        CALLBACK,
        MODEL,
        REGISTER_MODEL,
        ENDPOINT_CONFIG,
        ENDPOINT,
        CONDITION,
        FOR_EACH,
        CLEANUP,
        FAIL,
    )
}

# What AWS has beside them, so that a message can tell "not yet" from "no such thing".
NOT_YET = (
    "AutoML",
    "EMR",
    "EMRServerless",
    "InferenceComponent",
    "Job",
    "Lineage",
)

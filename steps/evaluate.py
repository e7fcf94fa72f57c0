"""Evaluate: score validation and test rows, write the report that the gate reads, and its pictures."""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "Evaluate"
REPORT = PropertyFile(name="EvaluationReport", output_name=contract.EVALUATION, path=contract.EVALUATION_FILE)


def decision_threshold() -> Join:
    """The probability from which on the evaluated model says yes, as a text."""
    found = JsonGet(step_name=NAME, property_file=REPORT, json_path=contract.THRESHOLD_PATH)
    return Join(on="", values=[found])


def evaluate_step(
    context: StepContext,
    image: str,
    machine: Machine,
    code: Code,
    *,
    model: StrPipeVar,
    unmitigated: StrPipeVar | None = None,
    runners_up: Sequence[StrPipeVar] = (),
    validation: StrPipeVar,
    test: StrPipeVar,
    holdout: StrPipeVar,
    bar: ParameterFloat,
    threshold: str,
) -> ProcessingStep:
    """Judge ``model`` on rows it has not seen; ``bar`` goes in so that the report can say by how much it was missed.

    ``holdout`` is ``test`` before the flow, which still has the facets. Measured beside it are the ``unmitigated``
    model, where this one was trained with weights, and the ``runners_up`` of a search, the second best first.
    """
    candidates = {contract.candidate(rank): uri for rank, uri in enumerate(runners_up, start=2)}
    return processing_step(
        context,
        NAME,
        module="evaluate",
        image=image,
        machine=machine,
        code=code,
        inputs={
            contract.MODEL: model,
            **({contract.UNMITIGATED: unmitigated} if unmitigated is not None else {}),
            **candidates,
            contract.VALIDATION: validation,
            contract.TEST: test,
            contract.HOLDOUT: holdout,
        },
        outputs=[contract.EVALUATION, contract.PREDICTIONS],
        arguments=["--bar", bar.to_string(), "--threshold", threshold],
        property_files=[REPORT],
    )

"""Champion: hold the new model against the approved one on the same test rows, pair by pair."""

from __future__ import annotations

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "Champion"
REPORT = PropertyFile(name="ChampionReport", output_name=contract.CHAMPION, path=contract.CHAMPION_FILE)


def champion_step(
    context: StepContext,
    image: str,
    machine: Machine,
    code: Code,
    *,
    group: str,
    model: StrPipeVar,
    holdout: StrPipeVar,
    evaluation: StrPipeVar,
) -> ProcessingStep:
    """Compare ``model`` with the latest approved package of ``group`` on the raw rows of ``holdout``.

    The job asks the registry, so it keeps its network; and it is not cached, for the registry may have changed.
    """
    return processing_step(
        context,
        NAME,
        module="champion",
        image=image,
        machine=machine,
        code=code,
        inputs={contract.MODEL: model, contract.HOLDOUT: holdout, contract.EVALUATION: evaluation},
        outputs=[contract.CHAMPION],
        arguments=["--group", group],
        property_files=[REPORT],
        reaches_out=True,
        cached=False,
    )

"""Manifest: write down what the model was made of, each thing with its hash, before it is registered."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import output_uri, processing_step
from steps.settings import Code, Machine

NAME = "Manifest"
HASH = PropertyFile(name="ManifestHash", output_name=contract.MODEL_MANIFEST, path=contract.HASH_FILE)


def manifest_step(
    context: StepContext,
    image: str,
    machine: Machine,
    code: Code,
    *,
    model: StrPipeVar,
    manifest: StrPipeVar,
    flow: StrPipeVar,
    origin: Mapping[str, StrPipeVar],
) -> ProcessingStep:
    """Hash ``model``, the ingested data's ``manifest`` and ``flow``; ``origin`` are the fields of the job's Origin."""
    known = {"model_uri": model, "manifest_uri": manifest, "flow_uri": flow, **origin}
    given = [(f"--{name.replace('_', '-')}", value) for name, value in known.items()]
    return processing_step(
        context,
        NAME,
        module="manifest",
        image=image,
        machine=machine,
        code=code,
        inputs={contract.MODEL: model, contract.MANIFEST: manifest, contract.FLOW: flow},
        outputs=[contract.MODEL_MANIFEST],
        arguments=[part for pair in given for part in pair],
        property_files=[HASH],
    )


def manifest_properties(step: ProcessingStep) -> dict[str, StrPipeVar]:
    """What a registered package says of its manifest: where it lies, and its hash."""
    uri = Join(on="/", values=[output_uri(step, contract.MODEL_MANIFEST), contract.MANIFEST_FILE])
    own_hash = JsonGet(step_name=NAME, property_file=HASH, json_path=contract.HASH_PATH)
    return {contract.MANIFEST_PROPERTY: uri, contract.MANIFEST_HASH_PROPERTY: own_hash}

"""Write the model card of a registered package: create it, or its next version, and attach it to the package.

    python -m containers.processing.model_card --package arn:aws:sagemaker:…:model-package/roaming/3

Asks SageMaker for the package and writes the card there, so the job needs the API. The card is left in the output
``card`` too. Where the API refuses, the job fails: a card that somebody counts on must not be missing silently.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from containers import aws, checks, contract
from containers.contract import ProcessingPaths
from containers.processing import card
from containers.processing.job import DataError, read_settings, run

STATUS = "Draft"  # people review a card before it is approved
EXISTS = "ConflictException"
ANALYSES = (checks.DATA_BIAS, checks.MODEL_BIAS, checks.EXPLAINABILITY)  # each an input, where it was made


def main(paths: ProcessingPaths, package: str, client: Any = None) -> None:
    """Make the card of ``package``, an ARN; ``client`` is boto3's for SageMaker.

    Raises:
        DataError: the evaluation report is not there, or SageMaker refuses.
    """
    sagemaker = client or aws.client("sagemaker")
    try:
        found = read(paths, sagemaker.describe_model_package(ModelPackageName=package))
        name = f"{found.package['ModelPackageGroupName']}-{found.package['ModelPackageVersion']}"
        whole, attached = _text(card.content(found)), _text(card.package_content(found))
        version = put(sagemaker, name, whole)
        sagemaker.update_model_package(
            ModelPackageArn=package,
            ModelCard={"ModelCardContent": attached, "ModelCardStatus": STATUS},
        )
    except (BotoCoreError, ClientError) as error:
        raise DataError(f"the model card of {package} could not be written: {error}") from None
    output = paths.output(contract.CARD)
    output.mkdir(parents=True, exist_ok=True)
    (output / contract.CARD_FILE).write_text(whole + "\n", encoding="utf-8")
    print(f"model card {name}, version {version}, {STATUS}; attached to {package}", flush=True)


def read(paths: ProcessingPaths, package: dict[str, Any]) -> card.Run:
    """What the run left in the job's inputs; only the evaluation report must be there."""
    report = _json(paths.input(contract.EVALUATION) / contract.EVALUATION_FILE)
    if report is None:
        raise DataError(f"there is no {contract.EVALUATION_FILE} in the input '{contract.EVALUATION}'")
    analyses = [_json(paths.input(check.setting) / checks.ANALYSIS_FILE) for check in ANALYSES]
    return card.Run(
        settings=read_settings(paths),
        package=package,
        evaluation=report,
        manifest=_json(paths.input(contract.MANIFEST) / contract.MANIFEST_FILE) or {},
        analyses=[each for each in analyses if each is not None],
    )


def put(sagemaker: Any, name: str, content: str) -> int:
    """Create the card, or make another version of it where a retried run finds its own; the version's number."""
    try:
        sagemaker.create_model_card(ModelCardName=name, Content=content, ModelCardStatus=STATUS)
    except ClientError as error:
        if error.response["Error"]["Code"] != EXISTS:
            raise
        sagemaker.update_model_card(ModelCardName=name, Content=content)
    version: int = sagemaker.describe_model_card(ModelCardName=name)["ModelCardVersion"]
    return version


def _json(file: Path) -> Any:
    if not file.is_file():
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file.name} is not JSON: {error}") from None


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, allow_nan=False, ensure_ascii=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="model_card", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--package", required=True, help="the ARN of the registered model package")
    sys.exit(run(main, ProcessingPaths(), package=parser.parse_args().package))

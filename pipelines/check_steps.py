"""The check steps of a pipeline, in the form that the environment asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker.core.helper.pipeline_variable import StrPipeVar

from containers import checks, contract
from containers.checks import Check
from pipelines.checks import planned
from pipelines.config import Config
from pipelines.parameters import Parameters
from pipelines.publish import Publication
from steps.check import check_step
from steps.checked import Checked
from steps.clarify_check import clarify_check_step
from steps.context import StepContext
from steps.quality_check import quality_check_step


class Checker:
    """Makes the steps of those checks that are on."""

    def __init__(
        self, config: Config, context: StepContext, publication: Publication, knobs: Parameters
    ) -> None:
        self._config = config
        self._context = context
        self._publication = publication
        self._knobs = knobs
        self._planned = planned(config)

    def data(self, rows: StrPipeVar) -> list[Checked]:
        """Data quality and data bias, of the ingested ``rows``."""
        return self._steps(
            {checks.DATA_QUALITY: {contract.DATA: rows}, checks.DATA_BIAS: {contract.DATA: rows}}
        )

    def model(self, predictions: StrPipeVar, model: StrPipeVar, test: StrPipeVar) -> list[Checked]:
        """Bias and quality of the ``model``'s ``predictions`` for the ``test`` rows, and what explains them."""
        rows = {contract.DATA: predictions}
        explained = {contract.MODEL: model, contract.TEST: test}
        return self._steps(
            {checks.MODEL_BIAS: rows, checks.EXPLAINABILITY: explained, checks.MODEL_QUALITY: rows}
        )

    def _steps(self, inputs: Mapping[Check, Mapping[str, StrPipeVar]]) -> list[Checked]:
        return [self._step(check, given) for check, given in inputs.items() if check in self._planned]

    def _step(self, check: Check, inputs: Mapping[str, StrPipeVar]) -> Checked:
        return (self._native if self._planned[check].form == "native" else self._processing)(check, inputs)

    def _processing(self, check: Check, inputs: Mapping[str, StrPipeVar]) -> Checked:
        environment = self._config.environment
        return check_step(
            self._context,
            check,
            environment.processing_image,
            environment.processing,
            self._publication.code[check.setting],
            group=self._config.usecase.registry.group,
            switches=self._knobs.checks[check],
            inputs=inputs,
        )

    def _native(self, check: Check, inputs: Mapping[str, StrPipeVar]) -> Checked:
        environment, usecase = self._config.environment, self._config.usecase
        common: dict[str, Any] = {
            "group": usecase.registry.group,
            "switches": self._knobs.checks[check],
            "data": inputs[contract.DATA],
        }
        told = self._planned[check].settings
        if check.statistics_file:
            return quality_check_step(self._context, check, environment.processing, told, **common)
        configs = f"{environment.root}/settings"
        return clarify_check_step(
            self._context, check, environment.processing, told, configs=configs, **common
        )

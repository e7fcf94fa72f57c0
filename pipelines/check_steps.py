"""The check steps of a pipeline, in the form that the environment asks for."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.helper.pipeline_variable import StrPipeVar

from containers import checks, contract
from containers.checks import Check
from pipelines.checks import enabled
from pipelines.config import Config
from pipelines.parameters import Parameters
from pipelines.publish import Publication
from steps.check import check_step
from steps.checked import Checked
from steps.context import StepContext


class Checker:
    """Makes the steps of those checks that are on."""

    def __init__(
        self, config: Config, context: StepContext, publication: Publication, knobs: Parameters
    ) -> None:
        self._config = config
        self._context = context
        self._publication = publication
        self._knobs = knobs
        self._enabled = enabled(config)

    def data(self, rows: StrPipeVar) -> list[Checked]:
        """Data quality and data bias, of the ingested ``rows``."""
        return self._steps(
            {checks.DATA_QUALITY: {contract.DATA: rows}, checks.DATA_BIAS: {contract.DATA: rows}}
        )

    def model(self) -> list[Checked]:
        """Bias, quality and explanations of the model."""
        return []

    def _steps(self, inputs: Mapping[Check, Mapping[str, StrPipeVar]]) -> list[Checked]:
        return [self._step(check, given) for check, given in inputs.items() if check in self._enabled]

    def _step(self, check: Check, inputs: Mapping[str, StrPipeVar]) -> Checked:
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

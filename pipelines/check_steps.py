"""The check steps of a pipeline, in the form that the environment asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.steps import Step

from containers import checks, contract
from containers.checks import Check
from pipelines.checks import Planned, planned
from pipelines.config import Config
from pipelines.parameters import Parameters
from pipelines.publish import Publication
from steps.check import check_step
from steps.checked import Checked
from steps.clarify_check import clarify_check_step
from steps.context import StepContext
from steps.model import model_step
from steps.quality_check import quality_check_step


@dataclass(frozen=True)
class Trained:
    """A model, and the rows on which it is checked."""

    archive: StrPipeVar
    predictions: StrPipeVar  # for the test rows
    test: StrPipeVar  # the test rows as the model reads them
    holdout: StrPipeVar  # the test rows as they came
    image: str  # what it is hosted on, and in which environment
    serving: Mapping[str, StrPipeVar]


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
        return [
            self._processing(how, {contract.DATA: rows})
            if how.form == "processing"
            else self._native(how, rows)
            for how in self._of(checks.DATA_QUALITY, checks.DATA_BIAS)
        ]

    def model(self, trained: Trained) -> tuple[list[Step], list[Checked]]:
        """Bias, explanations and quality of the model; and the steps that these need beside themselves."""
        wanted = list(self._of(checks.MODEL_BIAS, checks.EXPLAINABILITY, checks.MODEL_QUALITY))
        asked = any(how.form == "native" and not how.check.statistics_file for how in wanted)
        hosted = (
            model_step(self._context, trained.image, model=trained.archive, environment=trained.serving)
            if asked
            else None
        )
        name = hosted.properties.ModelName if hosted else None
        found = []
        for how in wanted:
            explained = how.check == checks.EXPLAINABILITY
            if how.form == "native":
                rows = trained.holdout if explained else trained.predictions
                found.append(self._native(how, rows, name))
            elif explained:
                inputs = {contract.MODEL: trained.archive, contract.TEST: trained.test}
                found.append(self._processing(how, inputs))
            else:
                found.append(self._processing(how, {contract.DATA: trained.predictions}))
        return [hosted] if hosted else [], found

    def _of(self, *wanted: Check) -> list[Planned]:
        return [self._planned[check] for check in wanted if check in self._planned]

    def _processing(self, how: Planned, inputs: Mapping[str, StrPipeVar]) -> Checked:
        environment = self._config.environment
        return check_step(
            self._context,
            how.check,
            environment.processing_image,
            environment.processing,
            self._publication.code[how.check.setting],
            group=self._config.group,
            switches=self._knobs.checks[how.check],
            inputs=inputs,
        )

    def _native(self, how: Planned, rows: StrPipeVar, model_name: StrPipeVar | None = None) -> Checked:
        environment = self._config.environment
        common: dict[str, Any] = {
            "group": self._config.group,
            "switches": self._knobs.checks[how.check],
            "data": rows,
        }
        if how.check.statistics_file:
            return quality_check_step(
                self._context, how.check, environment.processing, how.settings, **common
            )
        configs = f"{environment.root}/settings"
        return clarify_check_step(
            self._context,
            how.check,
            environment.processing,
            how.settings,
            **common,
            model_name=model_name,
            configs=configs,
        )

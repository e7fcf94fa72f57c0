"""The run-time knobs: the only place where pipeline parameters are created. Each is read by some step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sagemaker.core.workflow.parameters import Parameter, ParameterBoolean, ParameterFloat, ParameterString

from containers.checks import Check
from pipelines.checks import FAIL, REGISTER, SKIP, planned
from pipelines.config import Config
from steps.checked import Switches

APPROVAL_STATUSES = ["PendingManualApproval", "Approved", "Rejected"]


@dataclass(frozen=True)
class Parameters:
    """What an operator may change between two runs of one definition."""

    input_data: ParameterString  # s3 address of the raw rows: an object or a prefix
    quality_bar: ParameterFloat  # what the gate's metric must reach
    approval_status: ParameterString  # of the registered package
    source_commit: ParameterString  # of the code that starts the run; kept on the package
    checks: Mapping[Check, Switches] = field(default_factory=dict)  # three of each check that is on

    def all(self) -> list[Parameter]:
        """Every parameter, in the order in which the definition lists them."""
        switches = [
            each for check in self.checks.values() for each in (check.skip, check.register, check.fail)
        ]
        return [self.input_data, self.quality_bar, self.approval_status, self.source_commit, *switches]


def parameters(config: Config) -> Parameters:
    """The parameters with the defaults that the settings give them."""
    return Parameters(
        input_data=ParameterString("InputData", default_value=default_input(config)),
        quality_bar=ParameterFloat("QualityBar", default_value=config.usecase.gate.bar),
        approval_status=ParameterString(
            "ModelApprovalStatus",
            default_value=config.environment.registry.approval,
            enum_values=APPROVAL_STATUSES,
        ),
        source_commit=ParameterString("SourceCommit", default_value="unknown"),
        checks={check: switches(check, config) for check in planned(config)},
    )


def switches(check: Check, config: Config) -> Switches:
    """The knobs of one check: ``DataBiasSkipCheck`` and so on."""
    return Switches(
        skip=ParameterBoolean(f"{check.name}{SKIP}", default_value=False),
        register=ParameterBoolean(f"{check.name}{REGISTER}", default_value=False),
        fail=ParameterBoolean(
            f"{check.name}{FAIL}", default_value=config.environment.checks.fails(check.setting)
        ),
    )


def default_input(config: Config) -> str:
    """Where a use case's raw rows lie unless a run says otherwise."""
    return f"{config.environment.root}/data/{config.called}/"

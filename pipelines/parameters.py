"""The run-time knobs: the only place where pipeline parameters are created. Each is read by some step."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from sagemaker.core.workflow.parameters import Parameter, ParameterFloat, ParameterString

from pipelines.config import Config

APPROVAL_STATUSES = ["PendingManualApproval", "Approved", "Rejected"]


@dataclass(frozen=True)
class Parameters:
    """What an operator may change between two runs of one definition."""

    input_data: ParameterString  # s3 address of the raw rows: an object or a prefix
    quality_bar: ParameterFloat  # what the gate's metric must reach
    approval_status: ParameterString  # of the registered package
    source_commit: ParameterString  # of the code that starts the run; kept on the package

    def all(self) -> list[Parameter]:
        """Every parameter, in the order in which the definition lists them."""
        return list(astuple(self))


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
    )


def default_input(config: Config) -> str:
    """Where a use case's raw rows lie unless a run says otherwise."""
    return f"{config.environment.root}/data/{config.usecase.name}/"

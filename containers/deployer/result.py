"""What a look came to: the answer of the function, and the outputs of the pipeline's step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal[
    "Creating",
    "Updating",
    "InService",  # already there
    "Busy",  # in the middle of another change, after which this one follows by itself
    "NothingApproved",
    "Superseded",  # a newer package is approved
    "RolledBack",  # an update was taken back, its package is rejected
    "NotApproved",
    "Failed",  # the endpoint could not be created
    "Absent",  # there is no endpoint, and nobody has asked for one
]


@dataclass(frozen=True)
class Result:
    """``message`` is a sentence for people."""

    status: Status
    message: str
    endpoint: str
    configuration: str = ""
    package: str = ""  # ARN
    version: int | None = None

    def document(self) -> dict[str, str]:
        """As the function answers it; every value is a string."""
        return {
            "Status": self.status,
            "EndpointName": self.endpoint,
            "EndpointConfigName": self.configuration,
            "ModelPackageArn": self.package,
            "ModelPackageVersion": "" if self.version is None else str(self.version),
            "Message": self.message,
        }

"""Building leaves the process, and the SDK in it, as they were."""

from __future__ import annotations

import logging
import os

import pytest
from sagemaker.core.config.config_manager import SageMakerConfig
from sagemaker.core.local.local_session import LocalSagemakerClient

from pipelines.session import ROLE_CHECK, building


@pytest.mark.parametrize("value", [None, "true"])
def test_building_restores_what_it_changes(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's code in this process still gets the SDK's checks and its warnings, also after an error."""
    if value is None:
        monkeypatch.delenv(ROLE_CHECK, raising=False)
    else:
        monkeypatch.setenv(ROLE_CHECK, value)

    def state() -> tuple[object, ...]:
        return (
            os.environ.get(ROLE_CHECK),
            logging.root.manager.disable,
            SageMakerConfig.__dict__["validate_sagemaker_config"],
            LocalSagemakerClient.__init__,
        )

    before = state()
    with pytest.raises(ZeroDivisionError), building():
        1 / (os.environ[ROLE_CHECK] != "false")

    assert before == state()

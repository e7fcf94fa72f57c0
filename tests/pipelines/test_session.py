"""Building leaves the process, and the SDK in it, as they were."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from sagemaker.core.config.config_manager import SageMakerConfig
from sagemaker.core.local.local_session import LocalSagemakerClient

from pipelines.session import ROLE_CHECK, BuildSession, building


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


def test_what_would_be_uploaded_is_kept_under_its_content(tmp_path: Path) -> None:
    """The same content has one address, whatever it was to be called; nothing is sent anywhere."""
    session = BuildSession("us-east-1", "bucket")
    file = tmp_path / "config.json"
    file.write_text("{}")
    first = session.upload_data(str(file), "bucket", "settings")
    file.write_text("[]")
    other = session.upload_data(str(file), "bucket", "settings")
    for asked in ("settings/name-1/x1/config.json", "settings/name-2/x2/config.json"):
        session.upload_string_as_file_body("{}", "bucket", asked)

    assert first != other
    assert session.address("s3://bucket/settings/name-1/x1/config.json") == first
    assert session.address("s3://bucket/settings/name-2/x2/config.json") == first
    assert sorted(session.objects.values()) == [b"[]", b"{}"]

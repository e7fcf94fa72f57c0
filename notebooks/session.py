"""Connects a notebook: to AWS, or to a local SageMaker that is started where the settings want one and none answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pipelines.service import Service

ROOT = Path(__file__).resolve().parents[1]
_LOCAL = [sys.executable, "-m", "local_sagemaker"]


def connect(environment: str, usecase: str) -> Service:
    """Go to the folder for data, and set what the commands in the cells need; the service of these settings."""
    folder = Path(os.environ.get("PIPELINE_DATA", ROOT / ".data"))
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    sys.path.insert(0, str(ROOT))
    os.environ.update(PIPELINE_ENV=environment, PIPELINE_USECASE=usecase, COLUMNS="110")
    for name in (
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
    ):  # ipykernel's; commands shall print lines, not redraw a screen
        os.environ.pop(name, None)
    for name, first in (("PATH", Path(sys.executable).parent), ("PYTHONPATH", ROOT)):
        os.environ[name] = os.pathsep.join(filter(None, (str(first), os.environ.get(name))))

    from pipelines import config
    from pipelines.service import Service

    settings = config.load(environment, usecase)
    named = settings.environment.endpoint  # of a local SageMaker; AWS has none
    if named and not _answers(os.environ.get("AWS_ENDPOINT_URL", named)):
        _use(_running() or _started())
    return Service(settings)


def _answers(endpoint: str) -> bool:
    place = urlsplit(endpoint)
    try:
        socket.create_connection((place.hostname, place.port or 80), timeout=5).close()
    except OSError:
        return False
    return True


def _running() -> dict[str, str | None]:
    """The variables of the local SageMaker that serves this folder; none where none does."""
    command = [*_LOCAL, "env", "--shell", "json"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return json.loads(asked.stdout) if asked.returncode == 0 else {}


def _started() -> dict[str, str | None]:
    command = [*_LOCAL, "serve", "--background", "--port", "0"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return _running()


def _use(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

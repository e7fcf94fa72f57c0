"""``[tool.local_sagemaker.images]`` of a project's ``pyproject.toml``: what runs for the project's own images."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from local_sagemaker.state_folder import SettingsError

_TABLE = "tool.local_sagemaker.images"


def project_images(folder: Path) -> dict[str, str]:
    """Image pattern -> runtime, as the project in ``folder`` says; empty where it says nothing.

    Raises SettingsError: the file is not TOML, or the table does not map texts to texts.
    """
    path = folder / "pyproject.toml"
    try:
        document: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    for part in _TABLE.split("."):
        document = document.get(part, {}) if isinstance(document, dict) else document
    if not isinstance(document, dict):
        raise SettingsError(
            f'{path}: {_TABLE} must be a table of "image pattern" = "runtime", not {document!r}'
        )
    for pattern, runtime in document.items():
        if not isinstance(runtime, str):
            raise SettingsError(f"{path}: {_TABLE}: {pattern!r} must name a runtime, not {runtime!r}")
    return document

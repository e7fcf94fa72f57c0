"""What a project's ``pyproject.toml`` says of its own images: ``[tool.local_sagemaker.images]`` and ``….serving``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from local_sagemaker.state_folder import SettingsError

_TABLE = "tool.local_sagemaker"


def project_images(folder: Path) -> dict[str, str]:
    """Image pattern -> runtime, as the project in ``folder`` says; empty where it says nothing.

    Raises SettingsError: the file is not TOML, or the table does not map texts to texts.
    """
    return _table(folder, "images", "runtime")


def project_serving(folder: Path) -> dict[str, str]:
    """Image pattern -> the command that serves in it, likewise."""
    return _table(folder, "serving", "command")


def _table(folder: Path, name: str, value: str) -> dict[str, str]:
    path = folder / "pyproject.toml"
    try:
        document: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    table = f"{_TABLE}.{name}"
    for part in table.split("."):
        document = document.get(part, {}) if isinstance(document, dict) else document
    if not isinstance(document, dict):
        raise SettingsError(
            f'{path}: {table} must be a table of "image pattern" = "{value}", not {document!r}'
        )
    for pattern, said in document.items():
        if not isinstance(said, str):
            raise SettingsError(f"{path}: {table}: {pattern!r} must name a {value}, not {said!r}")
    return document

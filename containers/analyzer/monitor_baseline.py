"""The documents that a data set is held against, as somebody hands them over: files that may hold anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from containers.processing.job import DataError


def read(path: Path | None, variable: str) -> dict[str, Any] | None:
    """The JSON object in a file; None where no file was named.

    Raises:
        DataError: it is no JSON object; the message names the environment variable and the file.
    """
    if path is None:
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise DataError(f"{variable}: {path} cannot be read as JSON: {error}") from None
    if not isinstance(document, dict):
        raise DataError(f"{variable}: {path} must hold an object; it holds {type(document).__name__}")
    return document


def of_features(path: Path | None, variable: str) -> dict[str, Any] | None:
    """A document of data quality, statistics or constraints, by the feature.

    Raises:
        DataError: it is a document of something else.
    """
    document = read(path, variable)
    if document is None:
        return None
    features = document.get("features")
    if not isinstance(features, list) or not all(
        isinstance(feature, dict) and isinstance(feature.get("name"), str) for feature in features
    ):
        raise DataError(
            f"{variable}: {path} must hold a list 'features' of objects with a 'name', as the analysis of data "
            f"quality writes it; it holds {', '.join(document) or 'nothing'}"
        )
    return document

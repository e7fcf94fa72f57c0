"""Which versions a job sees: of Python, and of the libraries that its image has."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("awswrangler", "boto3", "matplotlib", "numpy", "pandas", "pyarrow", "scikit-learn", "xgboost")
ALSO_CALLED = {"xgboost": "xgboost-cpu"}  # the same library, installed without its GPU parts


def versions(names: tuple[str, ...] = LIBRARIES) -> dict[str, str]:
    """Python's version and those of the libraries among ``names`` that are installed here."""
    found = {"python": platform.python_version()}
    for name in names:
        for distribution in (name, ALSO_CALLED.get(name, name)):
            try:
                found[name] = version(distribution)
                break
            except PackageNotFoundError:
                continue
    return found

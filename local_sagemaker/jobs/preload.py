"""What the preforked parent has loaded before any job starts. Every entry is optional.

Loading only: a parent that has *computed* with OpenMP leaves its children a thread pool without threads,
and they hang for ever in their first parallel region.
"""

from __future__ import annotations

import contextlib
import importlib
import warnings
from importlib import metadata

# Before the first job: what nearly every job imports.
FIRST = (
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.compute",
    "pyarrow.csv",
    "pyarrow.dataset",
    "pyarrow.fs",
    "pyarrow.parquet",
    "scipy.sparse",
    "scipy.stats",
    "sklearn.calibration",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "xgboost",
    "joblib",
    "boto3",
    "s3transfer.manager",
    "awswrangler",
)
# One by one while the parent has nothing else to do: what only some jobs import, and takes long.
LATER = ("matplotlib.backends.backend_agg", "matplotlib.pyplot", "numba", "shap")

# The distributions behind them, by the names that a requirements.txt uses.
DISTRIBUTIONS = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "scikit-learn",
    "xgboost",
    "xgboost-cpu",
    "joblib",
    "boto3",
    "botocore",
    "s3transfer",
    "awswrangler",
    "matplotlib",
    "numba",
    "llvmlite",
    "shap",
)

# Read by libraries when they load, so they are the parent's, and a job that asks for others starts cold.
LOADED_WITH = {
    "OPENBLAS_NUM_THREADS": "1",  # OpenBLAS would start threads as it loads; they do not survive a fork
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's allocator likewise
    "GOMP_SPINCOUNT": "3000",  # give a busy core away at a barrier soon instead of spinning for ever
}


def load(module: str) -> None:
    """Import a module if it is there and willing."""
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        importlib.import_module(module)


def preloaded() -> dict[str, str]:
    """Distribution name -> version of what a job finds loaded (or, a moment after the start, will find)."""
    versions = {}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions

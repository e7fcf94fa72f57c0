"""What the preforked parent has loaded before any job starts. Every entry is optional.

Loading only: a parent that has *computed* with OpenMP leaves its children a thread pool without threads,
and they hang for ever in their first parallel region.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.abc import MetaPathFinder

# Before the first job: what reads and writes data, and what gets it.
FIRST = (
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.compute",
    "pyarrow.csv",
    "pyarrow.dataset",
    "pyarrow.fs",
    "pyarrow.parquet",
    "boto3",
    "s3transfer.manager",
    "awswrangler",
)
# One group after the other while the parent has nothing else to do. The first job, which mostly prepares data, need
# not wait for these: they take two thirds of the time.
LATER = (
    (
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
        "xgboost",  # imports scikit-learn
        "joblib",
    ),
    ("matplotlib.backends.backend_agg", "matplotlib.pyplot"),
    ("numba", "shap"),
)

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
    # How long a thread spins at a barrier before it gives its core away. A job of 0.15 s took up to 10 s with the
    # default when something else wanted a core; sleeping at once costs a job that is alone two thirds more time.
    "GOMP_SPINCOUNT": "3000",
    # The same for OpenBLAS: 2 to the power of so many cycles. By default its threads spin for some 20 ms each, from the
    # moment that they are started: 40 ms and more of every job that has two cores, whether it calculates or not.
    "OPENBLAS_THREAD_TIMEOUT": "14",
}


def load(module: str) -> None:
    """Import a module if it is there and willing."""
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        importlib.import_module(module)


@contextlib.contextmanager
def interrupted(act: Callable[[], object]) -> Iterator[None]:
    """While it lasts, ``act`` is called before each module that is loaded: a library may take half a second."""

    class Interruption(MetaPathFinder):
        def find_spec(self, *_: object) -> None:
            act()

    finder = Interruption()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def blas_threads() -> Callable[[int], None]:
    """A function by which a child tells the linear algebra loaded here how many threads it may use.

    OpenMP and pyarrow look at their CPU affinity; OpenBLAS looked at its environment when it was loaded. Finding the
    libraries takes longer than telling them, so it is done once, before any child.
    """
    try:
        import threadpoolctl
    except ImportError:
        return lambda _: None
    pools = threadpoolctl.ThreadpoolController().select(user_api="blas")

    def tell(threads: int) -> None:
        pools.limit(limits=threads)

    return tell


def preloaded() -> dict[str, str]:
    """Distribution name -> version of what a job finds loaded (or, a moment after the start, will find)."""
    versions = {}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions

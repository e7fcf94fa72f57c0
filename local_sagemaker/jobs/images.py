"""Image URI -> what the local SageMaker runs for it. No image is ever pulled: a table says what it would do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec

from local_sagemaker.errors import ValidationException


@dataclass(frozen=True)
class Runtime:
    """What a container does when it is started; the interpreter and the libraries are those of this machine."""

    name: str
    script_mode: tuple[
        str, ...
    ] = ()  # starts the user's program named by sagemaker_program; empty: has no toolkit
    by_module: bool = False  # ``python3 -m train`` rather than ``python3 train.py``
    algorithm: str = ""  # the module that runs when a training job names no program
    entrypoint: tuple[str, ...] = ()  # what runs when a processing job names no entry point
    needs: str = ""  # a library that must be installed here for it to be of any use


PYTHON = Runtime("python")
SCIKIT_LEARN = Runtime("scikit-learn", script_mode=("python3",))
XGBOOST = Runtime(
    "xgboost",
    script_mode=("python3", "-m"),
    by_module=True,
    algorithm="local_sagemaker.jobs.runtimes.xgboost_algorithm",
)
PYTORCH = Runtime("pytorch", script_mode=("python3",), needs="torch")
TENSORFLOW = Runtime("tensorflow", script_mode=("python3",), needs="tensorflow")


def _program(name: str, module: str) -> Runtime:
    """An image that is a program. The one place where something outside of the local SageMaker is named."""
    return Runtime(name, entrypoint=("python3", "-m", module), needs=module)


CLARIFY = _program("clarify", "containers.analyzer.clarify")
MODEL_MONITOR = _program("model-monitor", "containers.analyzer.monitor")
MODEL_MONITOR_MERGER = _program("model-monitor-merger", "containers.analyzer.merge")

RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        PYTHON,
        SCIKIT_LEARN,
        XGBOOST,
        PYTORCH,
        TENSORFLOW,
        CLARIFY,
        MODEL_MONITOR,
        MODEL_MONITOR_MERGER,
    )
}

# A repository's name -> runtime. The registry before it and the tag or digest after it say nothing here.
_KNOWN = {
    "sagemaker-scikit-learn": SCIKIT_LEARN,
    "sagemaker-xgboost": XGBOOST,
    "xgboost": XGBOOST,  # the algorithm's first image, before it became a framework
    "sagemaker-base-python": PYTHON,
    "sagemaker-distribution-prod": PYTHON,
    "pytorch-training": PYTORCH,
    "huggingface-pytorch-training": PYTORCH,
    "tensorflow-training": TENSORFLOW,
    "huggingface-tensorflow-training": TENSORFLOW,
    "sagemaker-clarify-processing": CLARIFY,
    "sagemaker-model-monitor-analyzer": MODEL_MONITOR,
    "sagemaker-model-monitor-groundtruth-merger": MODEL_MONITOR_MERGER,
}

_NOT_YET = {
    "sagemaker-data-wrangler-container": "Data Wrangler",
    "sagemaker-spark-processing": "Spark",
}


class Images:
    """The built-in table and a project's own patterns, which come first."""

    def __init__(self, own: Mapping[str, str]) -> None:
        """``own``: image pattern (``*`` matches anything) -> a name in RUNTIMES. Raises ValueError."""
        for pattern, name in own.items():
            if name not in RUNTIMES:
                near = difflib.get_close_matches(name, RUNTIMES, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ValueError(
                    f"image {pattern!r}: unknown runtime {name!r} (known: {', '.join(RUNTIMES)}).{hint}"
                )
        self._own = dict(own)

    def resolve(self, image: str) -> Runtime:
        """The runtime of an image. Raises ValidationException, naming the known ones and how to add one."""
        for pattern, name in self._own.items():
            if fnmatchcase(image, pattern):
                return _usable(image, RUNTIMES[name])
        repository = _repository(image)
        if repository in _NOT_YET:
            raise ValidationException(
                f"The local SageMaker knows the image {image} ({_NOT_YET[repository]}) but cannot run it yet."
            )
        if repository in _KNOWN:
            return _usable(image, _KNOWN[repository])
        raise ValidationException(
            f"The local SageMaker does not know what to run for the image {image}. "
            f"Known: {', '.join([*self._own, *(f'*/{known}:*' for known in _KNOWN)])}. "
            "Add yours to [tool.local_sagemaker.images] in pyproject.toml: "
            f'"{image.rpartition("/")[2].partition(":")[0] or image}*" = "python".'
        )


def _repository(image: str) -> str:
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def _usable(image: str, runtime: Runtime) -> Runtime:
    if runtime.needs and not _installed(runtime.needs):
        raise ValidationException(
            f"The image {image} needs {runtime.needs}, which is not installed where the local SageMaker runs. "
            f"Install it there to run this job."
        )
    return runtime


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it would be in
        return False

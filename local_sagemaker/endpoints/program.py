"""What a serving container runs, and what it finds in ``/opt/ml``.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html

SageMaker starts a serving container with the argument ``serve``. The framework images then start their model server,
which here is ``jobs.runtimes.model_server``; any other image has its own program for it, which a project names in
``[tool.local_sagemaker.serving]``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from local_sagemaker.errors import AwsError, ValidationException
from local_sagemaker.jobs import archive, container, training_toolkit
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.images import Images, Runtime
from local_sagemaker.jobs.program import CODE
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings

Document = dict[str, Any]

ROLE = "_RoleArn"  # of a container's definition: its model's role
PROGRAM, SUBMIT_DIRECTORY = "SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY"
_FRAMEWORKS = ("xgboost", "scikit-learn")  # runtimes whose images have a model server
_PROJECT = Path(__file__).parents[2]  # what ``-m local_sagemaker…`` is found from


@dataclass(frozen=True)
class Program:
    """A command and what it finds in its environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: str


class Programs:
    """Makes programs out of containers, as CreateModel has them."""

    def __init__(self, settings: Settings, store: ObjectStore) -> None:
        self._settings = settings
        self._store = store
        self._images = Images(settings.images)

    def check(self, definition: Document) -> None:
        """Whether there is anything to run for the container's image. Raises ValidationException."""
        image = definition["Image"]
        if self._own(image) is None:
            _refuse_unservable(image, self._images.resolve(image), definition.get("Environment", {}))

    def prepare(self, definition: Document, folder: Path) -> Program:
        """Fetch model and code into the container's ``folder``, and say what to run. Raises JobFailure, OSError."""
        self.fetch(definition, folder)
        return self.program(definition, folder)

    def fetch(self, definition: Document, folder: Path) -> None:
        """Fetch the model into ``folder/model``. Raises JobFailure, OSError."""
        model = folder / "model"
        model.mkdir(parents=True, exist_ok=True)
        self._fetch_model(definition, folder, model)

    def brings_its_own(self, image: str) -> bool:
        """Whether the project says what serves in an image."""
        return self._own(image) is not None

    def program(self, definition: Document, folder: Path) -> Program:
        """Fetch code into ``folder``, where the model lies, and say what to run. Raises JobFailure, OSError."""
        environment = dict(definition.get("Environment", {}))
        own = self._own(definition["Image"])
        if own is not None:
            project = {"PYTHONPATH": str(self._settings.project)} if self._settings.project else {}
            cwd = "/opt/ml/model" if (folder / "model").is_dir() else "/opt/ml"
            return Program(tuple(shlex.split(own)), container.merged(self._common(definition), project), cwd)
        runtime = self._images.resolve(definition["Image"])
        command: tuple[str, ...] = (
            "python3",
            "-m",
            "local_sagemaker.jobs.runtimes.model_server",
            runtime.name,
        )
        code = folder / "code"
        code.mkdir(exist_ok=True)
        if PROGRAM in environment:
            command = self._with_code(definition, folder, code, command)
        paths = {"PYTHONPATH": f"{CODE}:{_PROJECT}"}
        return Program(command, container.merged(self._common(definition), paths), CODE)

    def _own(self, image: str) -> str | None:
        """The project's own command for an image."""
        patterns = self._settings.serving.items()
        return next((command for pattern, command in patterns if fnmatchcase(image, pattern)), None)

    def _with_code(
        self, definition: Document, folder: Path, code: Path, command: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Unpack the script and have what it requires installed before the server starts."""
        environment = definition["Environment"]
        source = environment.get(SUBMIT_DIRECTORY, CODE).removeprefix("file://")
        training_toolkit.fetch(source, folder, code, self._store_of(definition))
        script = environment[PROGRAM]
        if not (code / f"{script.removesuffix('.py')}.py").is_file():
            there = ", ".join(sorted(path.name for path in code.iterdir())) or "nothing"
            raise JobFailure(f"{SUBMIT_DIRECTORY} ({source}) has no program {script!r}; it holds {there}.")
        return training_toolkit.with_requirements(code / "requirements.txt", command)

    def _store_of(self, definition: Document) -> ObjectStore:
        """The objects as the model's role may see them."""
        return self._store.acting_as(definition.get(ROLE, ""))

    def _common(self, definition: Document) -> dict[str, str]:
        return {
            **container.credentials(self._settings, definition.get(ROLE, "")),
            "SAGEMAKER_BASE_DIR": "/opt/ml",
            "SM_MODEL_DIR": "/opt/ml/model",
            "SAGEMAKER_REGION": self._settings.region,
            **definition.get("Environment", {}),
        }

    def _fetch_model(self, definition: Document, folder: Path, model: Path) -> None:
        store = self._store_of(definition)
        source = definition.get("ModelDataSource", {}).get("S3DataSource")
        if source is None and "ModelDataUrl" in definition:
            kind = {"S3DataType": "S3Object", "CompressionType": "Gzip"}
            source = {"S3Uri": definition["ModelDataUrl"], **kind}
        if source is None:
            return
        if source["CompressionType"] == "Gzip":
            fetched = folder / "model.tar.gz"
            _download(store, source["S3Uri"], fetched)
            try:
                archive.extract(fetched, model)
            except archive.ArchiveError as error:
                raise JobFailure(
                    f"Failed to extract model data archive from {source['S3Uri']}: {error}"
                ) from None
            fetched.unlink()
        elif source["S3DataType"] == "S3Object":
            _download(store, source["S3Uri"], model / source["S3Uri"].rpartition("/")[2])
        elif not store.download(source["S3Uri"], model):
            raise JobFailure(_no_data(source["S3Uri"]))


def _download(store: ObjectStore, uri: str, target: Path) -> None:
    try:
        target.write_bytes(store.read(uri))
    except AwsError as error:
        denied = f" {error.message}" if error.code == "AccessDenied" else ""
        raise JobFailure(_no_data(uri) + denied) from None


def _no_data(uri: str) -> str:
    return (
        f"Could not find model data at {uri}. Please ensure that the role has s3:GetObject permissions and that the "
        "object exists."
    )


def _refuse_unservable(image: str, runtime: Runtime, environment: Mapping[str, str]) -> None:
    if runtime.name in _FRAMEWORKS or PROGRAM in environment:
        return
    raise ValidationException(
        f"The local SageMaker does not know what serves in the image {image}: its runtime {runtime.name!r} has "
        'no model server. Name the program in [tool.local_sagemaker.serving] in pyproject.toml: "*/my-image:*" = '
        '"python3 -m package.server"; it must listen on 127.0.0.1 at $SAGEMAKER_BIND_TO_PORT. Or set '
        f"{PROGRAM} and {SUBMIT_DIRECTORY} in the container's Environment to serve with a script's model_fn, input_fn, "
        "predict_fn and output_fn."
    )

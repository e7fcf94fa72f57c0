"""What every test may use: a local SageMaker of its own for each test process, and the shared data sets."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

# How long an example takes is the machine's affair, not a claim. CI tries the same examples every time: a new
# counterexample is for whoever runs the tests by hand to find, not for a change that has nothing to do with it.
patient = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("patient", **patient)
settings.register_profile("ci", **patient, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "patient")

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[LocalSageMaker]":
    """A running local SageMaker. It is shared: name what you create so that nobody else will."""
    from local_sagemaker import serve
    from local_sagemaker.project_images import project_images, project_serving

    folder = tmp_path_factory.mktemp("local-sagemaker") / "state"
    own = {"images": project_images(ROOT), "serving": project_serving(ROOT), "project": ROOT}
    with serve(folder, **own) as running:
        yield running


@pytest.fixture(scope="session")
def environment(local: "LocalSageMaker") -> dict[str, str]:
    """The whole environment of a process that talks to ``local``, and to nothing else."""
    from local_sagemaker.environment import applied

    return applied(os.environ, local.environment)


@pytest.fixture(scope="session")
def client(local: "LocalSageMaker") -> Callable[[str], Any]:
    """Makes boto3 clients of ``local``: ``client("s3")``. A failure is told at once, never retried."""
    import boto3
    from botocore.config import Config

    session = boto3.Session("local-sagemaker", "not-a-secret", region_name=local.settings.region)
    made: dict[str, Any] = {}

    def make(service: str) -> Any:
        if service not in made:
            config = Config(retries={"total_max_attempts": 1})
            made[service] = session.client(service, endpoint_url=local.url, config=config)
        return made[service]

    return make


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """The path of a shared data set: ``shared_data("adult/adult.data")``. Skips where it is not there."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"the shared data set {name} is not here")
        return path

    return find

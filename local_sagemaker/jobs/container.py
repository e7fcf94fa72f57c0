"""What every container finds around it: its environment, its cluster, and where its paths lie on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from local_sagemaker.authorization.keys import key_of
from local_sagemaker.environment import environment as client_environment
from local_sagemaker.settings import Settings

BASE = PurePosixPath("/opt/ml")
PACKAGES = str(BASE / "packages")  # what a job installs, for itself alone
PRIVATE_PIP = str(Path(__file__).parent / "runtimes" / "private_pip")
HOST = "algo-1"  # SageMaker's name of a job's first, and here only, instance


def outside(folder: Path, path: str) -> Path:
    """Where the container's ``path`` below ``/opt/ml`` lies, given the job's folder. Raises ValueError."""
    relative = PurePosixPath(path).relative_to(BASE)
    if ".." in relative.parts:
        raise ValueError(f"{path} leads outside {BASE}")
    return folder / relative


def is_own(folder: Path, path: Path) -> bool:
    """Whether what a job left at ``path`` lies in its folder: in place of a file or folder it may have put a link."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def environment(settings: Settings, *, network: bool, role: str) -> dict[str, str]:
    """The variables that any job has: AWS clients inside reach this local SageMaker, and nothing else.

    They call as the role, whose ARN is given. A job without a network gets no endpoint and no credentials, as on AWS.
    """
    common = {
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A user's own profile must not reach into a job: SageMaker's containers have none.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONUNBUFFERED": "TRUE",  # AWS's images set these two
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",  # it asks the registry, which takes seconds and may not be there
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    if not network:
        return common
    client = client_environment(settings, f"http://{settings.host}:{settings.port}")
    return common | client | credentials(settings, role)


def credentials(settings: Settings, role: str) -> dict[str, str]:
    """The variables by which a container is its role; nothing where roles mean nothing, or there is none."""
    return {"AWS_ACCESS_KEY_ID": key_of(role)} if settings.enforce_iam and role else {}


def merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """Environments on top of each other, the last one winning; PYTHONPATH keeps what each adds, the last first.

    The end of it is where packages go that the job itself installs; see ``runtimes.private_pip``.
    """
    paths = [layer["PYTHONPATH"] for layer in reversed(layers) if layer.get("PYTHONPATH")]
    together = {name: value for layer in layers for name, value in layer.items()}
    return {**together, "PYTHONPATH": os.pathsep.join([*paths, PRIVATE_PIP, PACKAGES])}


def resource_config(instance_type: str) -> dict[str, Any]:
    """``resourceconfig.json`` of a job with one instance.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
    """
    return {
        "current_host": HOST,
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": [HOST],
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": [HOST]}
        ],
        "network_interface_name": "eth0",
    }


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a configuration file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")

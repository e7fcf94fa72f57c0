"""The seed archive, unpacked in an empty folder: what a user clones is what is tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.test_templates import ROOT

PROGRAMS = Path(sys.executable).parent
# A file of each part, quick and without a server; scripts/test runs all of them.
SELECTION = [
    "tests/containers/test_prepared.py",
    "tests/local_sagemaker/test_arns.py",
    "tests/pipelines/test_config.py",
    "tests/steps/test_settings.py",
]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the archive's files; nothing else is in it."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: the seed is what is committed")
    packed, folder = tmp_path_factory.mktemp("packed"), tmp_path_factory.mktemp("seed")
    subprocess.run(
        [ROOT / "scripts" / "package-template", "s3://bucket/templates/v1"],
        check=True,
        capture_output=True,
        env={**os.environ, "OUT": str(packed / "template")},
    )
    with zipfile.ZipFile(packed / "template" / "seed.zip") as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            path.chmod(entry.external_attr >> 16 & 0o777 or 0o644)
    return folder


@pytest.fixture(scope="module")
def run(seed: Path) -> Run:
    """Runs a command in the folder, with its code and the programs of this environment, and without an account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    environment = {
        **kept,
        "PYTHONPATH": str(seed),
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def start(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=seed, env=environment, capture_output=True, text=True, timeout=600)

    return start


def test_the_seed_is_the_code_that_runs(seed: Path, run: Run) -> None:
    """Not that of this checkout: the claims below are about what was unpacked."""
    packages = "pipelines, steps, containers, local_sagemaker"
    said = run("python", "-c", f"import {packages}\nfor each in {packages}: print(each.__file__)").stdout

    assert [Path(line).is_relative_to(seed) for line in said.splitlines()] == [True] * 4


def test_its_scripts_can_be_run(seed: Path) -> None:
    """An archive keeps who may be executed, or the first command in the README would fail."""
    scripts = [path for path in (seed / "scripts").iterdir() if path.suffix != ".md"]

    assert scripts
    assert [path.name for path in scripts if not os.access(path, os.X_OK) and path.name != "setup"] == []


def test_its_code_is_in_order(run: Run) -> None:
    """Lint and format, by the settings that it carries."""
    for command in (["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"]):
        done = run(*command, ".")
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_gives_the_definition_of_its_pipeline(run: Run) -> None:
    """The console script prints the definition for a laptop, without an account and outside a checkout."""
    done = run("get-pipeline-definition", "--env", "local")

    assert done.returncode == 0, done.stderr
    assert {"Ingest", "Prep", "Tune", "Evaluate", "Gate"} <= {
        step["Name"] for step in json.loads(done.stdout)["Steps"]
    }


def test_its_tests_pass(run: Run) -> None:
    """A file of each part."""
    done = run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *SELECTION)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert " passed" in done.stdout


def test_its_demo_ends_with_a_live_endpoint(seed: Path, run: Run) -> None:
    """The README's first command, with the environment of this checkout in the place of the one that it would make."""
    environment = PROGRAMS.parent
    installed = environment / "installed.lock"
    # With another one, scripts/setup would make it anew, through the link.
    if not installed.exists() or installed.read_bytes() != (seed / "requirements.lock").read_bytes():
        pytest.skip("not the environment that scripts/setup makes of the committed lock")
    (seed / ".venv").symlink_to(environment)
    done = run("scripts/demo")

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "roaming serves version 1" in done.stdout
    assert "  probability  " in done.stdout
    assert "stopped process" in done.stdout

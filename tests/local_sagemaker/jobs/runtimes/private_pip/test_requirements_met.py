"""Packages that a job installs are its own."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_sagemaker.jobs.runtimes.private_pip.requirements_met import all_met

if TYPE_CHECKING:
    from conftest import Workshop


@pytest.mark.parametrize(
    ("requirements", "met"),
    [
        ("numpy", True),
        ("numpy>=1.0\npandas<99  # any\n\n# comment", True),
        ("numpy>=99", False),
        ("no-such-package-at-all", False),
        ("-r other.txt", False),
        ("numpy ; python_version < '3'", True),
        ("no-such-package ; python_version < '3'", True),
        ("pkg @ https://example.com/pkg.zip", False),
    ],
)
def test_when_requirements_are_met(tmp_path: Path, requirements: str, met: bool) -> None:
    """Only what can be told from the installed packages counts as met; pip decides the rest."""
    file = tmp_path / "requirements.txt"
    file.write_text(requirements)

    assert all_met(["-q", "-r", str(file)]) == met


@pytest.mark.parametrize(
    ("arguments", "met"),
    [
        ([], True),
        (["numpy"], True),
        (["--upgrade", "numpy"], False),
        (["-r", "absent.txt"], True),
        (["."], False),
    ],
)
def test_when_arguments_are_met(arguments: list[str], met: bool) -> None:
    """An upgrade, or a path, always may change something."""
    assert all_met(arguments) == met


def wheel() -> bytes:
    """A package with one module, as a wheel."""
    files = {
        "jobs_own_package.py": "NAME = 'installed by the job'\n",
        "jobs_own_package-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: jobs-own-package\nVersion: 1.0\n",
        "jobs_own_package-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(text)}")
    files["jobs_own_package-1.0.dist-info/RECORD"] = "\n".join(
        [*record, "jobs_own_package-1.0.dist-info/RECORD,,"]
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize("pip", ['[sys.executable, "-m", "pip"]', '["pip"]'], ids=["module", "program"])
def test_what_a_job_installs_is_its_own(workshop: Workshop, pip: str) -> None:
    """pip install in a job works, the job can import it, and this environment does not change."""
    uri = workshop.put("wheels/jobs_own_package-1.0-py3-none-any.whl", wheel())
    job = workshop.run(
        workshop.processing(
            f"""
            import subprocess, sys
            file = "/opt/ml/processing/input/wheels/jobs_own_package-1.0-py3-none-any.whl"
            subprocess.run([*{pip}, "install", "--quiet", "--no-index", file], check=True)
            import jobs_own_package
            print(jobs_own_package.NAME, jobs_own_package.__file__)
            """,
            inputs=[workshop.input("wheels", uri)],
        )
    )

    assert workshop.log(job)[-1] == "installed by the job /opt/ml/packages/jobs_own_package.py"
    assert not list(Path(sys.prefix).rglob("jobs_own_package*"))

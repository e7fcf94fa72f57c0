"""Publishing: addresses follow from contents, and nothing else."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from containers.checks import CHECKS
from pipelines import config, publish


@pytest.fixture(scope="module")
def publication() -> publish.Publication:
    return publish.plan(config.load("local", "adult"))


def test_the_same_settings_give_the_same_addresses(publication: publish.Publication) -> None:
    """In another process too, whose hashes of text differ."""
    program = (
        "from pipelines import config, publish; p = publish.plan(config.load('local', 'adult'));"
        "print(sorted(p.objects), p.source_dir)"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=publish.ROOT
    )

    assert f"{sorted(publication.objects)} {publication.source_dir}" == other.stdout.strip()


def test_a_job_gets_its_own_code_and_no_other(publication: publish.Publication) -> None:
    """A change of the training script must not make ingest run again."""
    files = publish.closure("containers/processing/ingest.py")

    assert "containers/contract.py" in files
    assert "containers/__init__.py" in files
    assert not any("train" in name or "evaluate" in name for name in files)


def test_a_setting_that_a_job_does_not_read_leaves_its_address(
    tmp_path: Path, publication: publish.Publication
) -> None:
    """Another bar concerns evaluate, and neither ingest nor prep."""
    text = (config.USECASES / "adult.toml").read_text(encoding="utf-8")
    other = tmp_path / "adult.toml"
    other.write_text(text.replace("at_least = 0.", "at_least = 0.1"), encoding="utf-8")

    moved = publish.plan(config.load("local", str(other)))

    assert publication.code["ingest"] == moved.code["ingest"]
    assert publication.code["prep"] == moved.code["prep"]
    assert publication.code["evaluate"].settings != moved.code["evaluate"].settings


def test_checks_share_their_code(publication: publish.Publication) -> None:
    """Five jobs run one program; what each is told differs, and is named as AWS's containers name it."""
    codes = {check: publication.code[check.setting] for check in CHECKS.values()}

    assert len({code.package for code in codes.values()}) == 1
    assert len({code.settings for code in codes.values()}) == len(CHECKS)
    for check, code in codes.items():
        key = f"{code.settings.split('/', 3)[3]}/{check.settings_file}"
        assert json.loads(publication.objects[key])


def test_the_source_archive_has_the_script_at_its_top(publication: publish.Publication) -> None:
    """Framework containers run a program of the archive's root, beside the package that it imports."""
    key = publication.source_dir.split("/", 3)[3]
    with tarfile.open(fileobj=io.BytesIO(publication.objects[key])) as archive:
        names = archive.getnames()

    assert "train.py" in names
    assert "containers/contract.py" in names


def test_settings_are_readable_json(publication: publish.Publication) -> None:
    """Whoever looks into the bucket can read what a job was told."""
    key = publication.code["prep"].settings.split("/", 3)[3]
    document = json.loads(publication.objects[f"{key}/usecase.json"])

    assert document["label"] == "income"
    assert "drop" in {step["operator"] for step in document["flow"]}


def test_publishing_twice_uploads_once(publication: publish.Publication, client) -> None:
    """What is there is not sent again."""
    s3 = client("s3")
    s3.create_bucket(Bucket="published-twice")

    assert len(publication.objects) == publish.upload(publication, "published-twice", s3)
    assert publish.upload(publication, "published-twice", s3) == 0


def test_every_object_lies_below_a_prefix(publication: publish.Publication) -> None:
    """So that one listing for each says what is there already."""
    assert all(key.startswith(tuple(publication.prefixes)) for key in publication.objects)


def test_only_what_is_missing_is_uploaded(publication: publish.Publication, client) -> None:
    """An upload that was cut short is completed, and what it had done is not done again."""
    s3 = client("s3")
    s3.create_bucket(Bucket="published-in-part")
    publish.upload(publication, "published-in-part", s3)
    lost = sorted(publication.objects)[3]
    s3.delete_object(Bucket="published-in-part", Key=lost)

    assert publish.upload(publication, "published-in-part", s3) == 1
    content = s3.get_object(Bucket="published-in-part", Key=lost)["Body"].read()
    assert publication.objects[lost] == content


SCRIPTS = [
    *(f"containers/processing/{job}.py" for job in publish.SETTINGS_READ),
    publish.TRAINING_SCRIPT,
    publish.SERVING_SCRIPT,
    publish.CHECK_MODULE,
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_published_code_is_complete(script: str, tmp_path: Path) -> None:
    """A job imports nothing of this project that was not published with it, though it could find it here.

    Nor does it later, in the middle of its work.
    """
    closure = publish.closure(script)
    for name, content in closure.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    module = script.removesuffix(".py").replace("/", ".")
    modules = [name.removesuffix(".py").replace("/", ".") for name in closure if "__init__" not in name]
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module}, containers\n"
        f"import importlib; [importlib.import_module(name) for name in {modules!r}]\n"
        "print({m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in "
        "('containers', 'pipelines', 'steps', 'local_sagemaker')})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert f"{tmp_path}/{script}" in done.stdout
    assert str(publish.ROOT) not in done.stdout.replace(str(tmp_path), "")


def test_the_console_scripts_are_installed_with_the_project() -> None:
    """CodeBuild jobs made from AWS's templates call them by name."""
    folder = Path(sys.executable).parent
    if not (folder / "run-pipeline").exists():
        pytest.skip("this project is not installed here; scripts/setup does that")
    shown = subprocess.run([folder / "run-pipeline", "--help"], capture_output=True, text=True, check=True)

    assert "--usecase" in shown.stdout

"""The CodeBuild job, run command by command as CodeBuild runs it, against a local SageMaker; and its twin at GitHub."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SPEC: dict[str, Any] = yaml.safe_load((ROOT / "codebuild-buildspec.yml").read_text(encoding="utf-8"))
ACCOUNT = "123456789012"
PROJECT, ID = "commuting", "p-build0001"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/commuting-processing"
ROLES = ("Pipeline", "Processing", "Training", "Model", "Deployer")
MADE = (
    ".git",
    ".venv*",
    ".*_cache",
    ".hypothesis",
    ".local-sagemaker",
    ".data",
    "dist",
    "build",
    "__pycache__",
)
QUICK_TEST = "tests/steps/test_settings.py"
# What takes minutes: left out where a build is looked at for something else.
SLOW = ("scripts/check", 'if [ "$STAGE" = staging ]; then scripts/test $TESTS; fi')


@dataclass
class Shell:
    """One bash for all commands of a build: what one exports is there for the next (buildspec version 0.2)."""

    folder: Path
    environment: Mapping[str, str]
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        own: dict[str, Any] = {"cwd": self.folder, "env": self.environment, "text": True}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._bash: Any = subprocess.Popen(["bash"], **pipes, **own)

    def run(self, command: str) -> int:
        """The command's exit status; 255 where it has ended the shell itself."""
        mark, script = f"status-{uuid.uuid4()}", self.folder.parent / "command"
        script.write_text(f"{command}\n", encoding="utf-8")
        self._bash.stdin.write(f". {script} </dev/null; echo {mark} $?\n")
        self._bash.stdin.flush()
        self.said.append(f"$ {command}\n")
        for line in self._bash.stdout:
            before, found, status = line.partition(mark)
            self.said.append(before)
            if found:
                return int(status)
        return 255

    def close(self) -> None:
        self._bash.stdin.close()
        self._bash.stdout.close()
        self._bash.wait(60)


@dataclass(frozen=True)
class Build:
    """A build that has ended: each command with its exit status, and all that was printed."""

    done: Sequence[tuple[str, int]]
    log: str

    def status(self, beginning: str) -> int | None:
        """The exit status of the command that begins so; None where it was not reached."""
        return next((status for command, status in self.done if command.startswith(beginning)), None)


def build(folder: Path, environment: Mapping[str, str], *, leave_out: Sequence[str] = ()) -> Build:
    """All phases: where one fails the build ends, except that post_build follows upon build in any case."""
    missing = set(leave_out) - {command for phase in SPEC["phases"].values() for command in phase["commands"]}
    assert not missing, f"codebuild-buildspec.yml has no command {missing}"
    shell = Shell(folder, {**SPEC["env"]["variables"], "CODEBUILD_BUILD_SUCCEEDING": "1", **environment})
    done: list[tuple[str, int]] = []
    try:
        for name in ("install", "pre_build", "build", "post_build"):
            commands = [each for each in SPEC["phases"][name]["commands"] if each not in leave_out]
            for command in commands:
                done.append((command, shell.run(command)))
                if done[-1][1]:
                    break
            if done[-1][1]:
                if name != "build":
                    break
                shell.run("export CODEBUILD_BUILD_SUCCEEDING=0")
    finally:
        shell.close()
    return Build(done, "".join(shell.said))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What CodeBuild fetches: the files of the repository; with the environment that scripts/setup has made."""
    if not filecmp.cmp(ROOT / "requirements.lock", ROOT / ".venv" / "installed.lock", shallow=False):
        pytest.skip(".venv is not what scripts/setup makes of requirements.lock, and would be made anew")
    folder = tmp_path_factory.mktemp("codebuild") / "src"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*MADE), symlinks=True)
    (folder / ".venv").symlink_to((ROOT / ".venv").resolve())
    return folder


@pytest.fixture(scope="module")
def account(client: Callable[[str], Any]) -> Iterator[None]:
    """An account in which the stacks of both stages have run: key, bucket, roles, and the settings of each stage."""
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    client("s3").create_bucket(Bucket="commuting-bucket")
    trust = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},'
        ' "Action": "sts:AssumeRole"}]}'
    )
    roles = {
        f"{name}RoleArn": client("iam").create_role(
            RoleName=f"commuting-{name}", AssumeRolePolicyDocument=trust
        )["Role"]["Arn"]
        for name in ROLES
    }
    client("iam").create_role(RoleName="commuting-production", AssumeRolePolicyDocument=trust)
    template = (ROOT / "infra" / "environment.yaml").read_text(encoding="utf-8")
    for stage in ("staging", "production"):
        values = {
            "ProjectName": PROJECT,
            "ProjectId": ID,
            "Stage": stage,
            "KeyArn": key,
            "BucketName": "commuting-bucket",
            "ProcessingRepository": REPOSITORY,
            **roles,
        }
        client("cloudformation").create_stack(
            StackName=f"commuting-{stage}",
            TemplateBody=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        )
    yield
    for stage in ("staging", "production"):
        client("cloudformation").delete_stack(StackName=f"commuting-{stage}")


@pytest.fixture(scope="module")
def variables(
    environment: dict[str, str], account: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What infra/delivery.yaml and CodeBuild set. Docker does not answer."""
    programs = tmp_path_factory.mktemp("programs")
    (programs / "docker").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (programs / "docker").chmod(0o755)
    unset = ("PYTHONPATH", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER")
    return {
        **{name: value for name, value in environment.items() if name not in unset},
        "PATH": f"{programs}:{environment['PATH']}",
        "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache"),  # the types of the libraries need not be read anew
        "CI": "true",
        "PROJECT_NAME": PROJECT,
        "PROJECT_ID": ID,
        "PROCESSING_REPOSITORY": REPOSITORY,
        "USE_CASE": "roaming",
        "STAGE": "staging",
        "TESTS": QUICK_TEST,
    }


@pytest.fixture(scope="module")
def staging(source: Path, variables: dict[str, str]) -> Build:
    """The build of a push, every command of it."""
    return build(source, variables)


def executions(client: Callable[[str], Any], pipeline: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("sagemaker").list_pipeline_executions(PipelineName=pipeline)[
        "PipelineExecutionSummaries"
    ]
    return found


def test_every_command_of_a_push_succeeds(staging: Build) -> None:
    """Install, check, test, settings, images, lint, upsert, start: all of the file's commands, with status 0."""
    commands = [command for phase in SPEC["phases"].values() for command in phase["commands"]]

    assert staging.done == [(command, 0) for command in commands], staging.log[-6000:]
    assert " passed" in staging.log


def test_the_pipeline_is_there_and_started_and_not_waited_for(
    staging: Build, client: Callable[[str], Any]
) -> None:
    """In the name of project and stage, one execution; the build ends with the line that says which."""
    pipeline = f"{PROJECT}-staging-roaming-training"
    (execution,) = executions(client, pipeline)
    arn = execution["PipelineExecutionArn"]
    if execution["PipelineExecutionStatus"] == "Executing":
        client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="0" * 32)
    role = client("sagemaker").describe_pipeline(PipelineName=pipeline)["RoleArn"]

    assert role == f"arn:aws:iam::{ACCOUNT}:role/commuting-Pipeline"
    assert staging.log.rstrip().endswith(f"started execution {arn.rsplit('/', 1)[-1]}")


def test_without_docker_the_build_says_so_and_goes_on(staging: Build) -> None:
    """An account needs the image, and whoever reads the log learns that it was not built."""
    assert staging.status("scripts/build-images") == 0
    assert f"no Docker here: {REPOSITORY}:1 is not built" in staging.log


def test_where_a_command_of_the_build_fails_nothing_is_started(
    source: Path, variables: dict[str, str], staging: Build, client: Callable[[str], Any]
) -> None:
    """A use case that does not exist: lint says so, upsert is not reached, and post_build starts nothing."""
    before = executions(client, f"{PROJECT}-staging-roaming-training")

    failed = build(source, {**variables, "USE_CASE": "no-such"}, leave_out=SLOW)

    assert failed.status("python -m pipelines lint") == 2
    assert failed.status("python -m pipelines upsert") is None
    assert failed.status("python -m pipelines start") is None
    assert "There is no use case 'no-such'" in failed.log
    assert failed.log.rstrip().endswith("nothing is started, for something has failed")
    assert executions(client, f"{PROJECT}-staging-roaming-training") == before


def test_production_of_another_account_is_reached_by_its_role(
    source: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role is taken on before the settings are read, and all later commands are that role's."""
    role = f"arn:aws:iam::{ACCOUNT}:role/commuting-production"
    asked = ["aws sts get-caller-identity --query Arn --output text", "cat environment.toml"]
    commands = SPEC["phases"]["pre_build"]["commands"]
    phases = {**SPEC["phases"], "pre_build": {"commands": commands[:-1]}, "build": {"commands": asked}}
    monkeypatch.setitem(SPEC, "phases", {**phases, "post_build": {"commands": ["true"]}})

    production = build(
        source, {**variables, "STAGE": "production", "PRODUCTION_ROLE_ARN": role}, leave_out=SLOW[:1]
    )

    assert {status for _, status in production.done} == {0}, production.log
    assert f"assumed-role/commuting-production/{ID}" in production.log
    assert 'name = "commuting-production"' in production.log
    assert " passed" not in production.log  # what was tested in staging is not tested again


def test_a_role_that_may_not_be_taken_on_ends_the_build(source: Path, variables: dict[str, str]) -> None:
    """Otherwise production's commands would run with the rights, and in the account, of staging."""
    wrong = {**variables, "STAGE": "production", "PRODUCTION_ROLE_ARN": "no-role"}

    refused = build(source, wrong, leave_out=SLOW)

    assert refused.status("if [ -n") not in (0, None)
    assert refused.done[-1][0].startswith("if [ -n")


def test_github_runs_the_same_commands() -> None:
    """The workflows parse; what starts a stage there are the commands of this file, in its order; no key is stored."""
    folder = ROOT / ".github" / "workflows"
    files = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.yml")}
    deliver, start = (yaml.safe_load(files[name]) for name in ("deliver", "start"))
    run = [each.get("run", "") for each in start["jobs"]["start"]["steps"]]
    ours = [command for phase in SPEC["phases"].values() for command in phase["commands"]]

    lines = [line for text in run for line in text.splitlines()]
    assert [line for line in lines if line not in ours] == []
    assert lines == sorted(lines, key=ours.index)
    assert [each["run"] for each in deliver["jobs"]["test"]["steps"] if "run" in each] == [
        "scripts/check",
        "scripts/test",
    ]
    assert not any("secrets." in text for text in files.values())


def test_the_build_reads_what_the_stack_sets() -> None:
    """Every variable of infra/delivery.yaml's project is one that the commands use, or that names the project."""
    delivery = (ROOT / "infra" / "delivery.yaml").read_text(encoding="utf-8")
    text = (ROOT / "codebuild-buildspec.yml").read_text(encoding="utf-8")

    for name in ("PROJECT_ID", "PROCESSING_REPOSITORY", "USE_CASE", "STAGE", "PRODUCTION_ROLE_ARN"):
        assert name in delivery
        assert f"${name}" in text or f"${{{name}" in text


def test_python_is_one_that_the_project_runs_on() -> None:
    """CodeBuild's runtime is named, and is one of those that scripts/setup takes."""
    version = SPEC["phases"]["install"]["runtime-versions"]["python"]

    assert f"python{version}" in (ROOT / "scripts" / "setup").read_text(encoding="utf-8")

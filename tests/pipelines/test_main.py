"""The command line, as processes: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local_sagemaker.application import serve
from pipelines.publish import ROOT

COMMANDS = [
    "build",
    "check",
    "lint",
    "plan",
    "cost",
    "upsert",
    "start",
    "run",
    "status",
    "stop",
    "logs",
    "list",
    "packages",
    "approve",
    "reject",
    "report",
    "doctor",
    "iam",
]


def cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pipelines", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=120,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what --env and --usecase may be."""
    from pipelines.__main__ import main

    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])

    assert "local, prod" in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")


def test_the_help_has_examples_and_lists_every_command() -> None:
    """The first thing that a newcomer reads."""
    text = cli("--help").stdout

    assert "examples:" in text
    assert [command for command in COMMANDS if f"    {command} " not in text] == []


def test_check_says_that_a_definition_is_right() -> None:
    """Without a network, and with exit status 0."""
    done = cli("check", "--usecase", "adult", "--env", "prod", AWS_ENDPOINT_URL="http://127.0.0.1:9")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(
        r"The definition is right: \d+ steps \(Ingest, Prep, .*Gate.*\), every request has", done.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "--usecase", "romaing"], "There is no use case 'romaing'. Did you mean 'roaming'?"),
        (["check", "--env", "produktion"], "There is no environment 'produktion'."),
        (["bild"], "invalid choice: 'bild'"),
        (
            ["build", "--output", "/no/such/folder/x.json"],
            "/no/such/folder/x.json: No such file or directory",
        ),
    ],
)
def test_wrong_usage_ends_with_status_2_and_no_traceback(arguments: list[str], message: str) -> None:
    """One clear line on standard error, nothing on standard output."""
    done = cli(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["list", "status", "upsert"])
def test_without_a_service_the_user_is_told_how_to_start_one(command: str) -> None:
    """Status 1: the request was right, nobody answered."""
    done = cli(command, AWS_ENDPOINT_URL="http://127.0.0.1:9")

    assert done.returncode == 1
    assert "nothing answers at http://127.0.0.1:9" in done.stderr
    assert "python -m local_sagemaker serve" in done.stderr


def test_before_the_first_upsert_the_user_is_told_of_it(tmp_path: Path) -> None:
    """A pipeline that does not exist yet is one clear line and status 2, whatever is asked of it."""
    with serve(tmp_path) as local:
        done = [cli(*command, **local.environment) for command in (["list"], ["logs", "Train"], ["start"])]

    line = "error: There is no pipeline 'roaming-training' yet. Create it: python -m pipelines upsert\n"
    assert [(each.returncode, each.stderr) for each in done] == [(2, line)] * 3


def test_a_terminal_that_has_no_check_mark() -> None:
    """With LANG=C signs are replaced; nothing fails because of them."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pipelines.__main__ import main; main(['build', '--output', '/dev/null']); print(chr(0x2714))",
        ],
        capture_output=True,
        cwd=ROOT,
        env={
            **os.environ,
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONIOENCODING": "ascii",
        },
    )

    assert (done.returncode, done.stdout) == (0, b"?\n")


def test_the_console_scripts_of_awss_templates_exist(tmp_path: Path) -> None:
    """get-pipeline-definition writes what build prints."""
    file = tmp_path / "definition.json"
    program = "import sys; from pipelines.__main__ import get_pipeline_definition; sys.exit(get_pipeline_definition())"
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, "--usecase", "adult", "--output", str(file)],
        check=True,
        cwd=ROOT,
    )

    assert json.loads(cli("build", "--usecase", "adult").stdout) == json.loads(
        file.read_text(encoding="utf-8")
    )

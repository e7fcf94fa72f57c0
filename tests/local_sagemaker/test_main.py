"""The command line, as real processes."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_sagemaker.__main__ import main
from local_sagemaker.settings import Settings
from local_sagemaker.state_folder import StateFolder

PYTHON = shlex.quote(sys.executable)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def outside():
    """The environment of a user who has a profile of AWS's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**inherited, "PYTHONPATH": str(ROOT), "AWS_PROFILE": "production"}


@pytest.fixture
def run(tmp_path, outside):
    """Runs a command in a folder of its own, and stops what was left running."""

    def run(*arguments, **more):
        return subprocess.run(
            [sys.executable, "-m", "local_sagemaker", *arguments],
            **{"cwd": tmp_path, "env": outside, "capture_output": True, "text": True, "check": False, **more},
        )

    yield run
    if StateFolder(tmp_path / ".local-sagemaker").is_held():
        run("stop")


def pid(run):
    """The process that serves, as ``status`` says."""
    return int(re.search(r"process (\d+)", run("status").stdout)[1])


def test_a_life_from_serve_to_reset(run, tmp_path, outside):
    """Serve in the background, use it from a shell, stop, reset."""
    served = run("serve", "--background", "--port", "0")
    assert served.returncode == 0, served.stderr
    assert re.match(r"local SageMaker ready at http://127\.0\.0\.1:\d+, state in ", served.stdout)

    again = run("serve", "--port", "0")
    assert again.returncode == 2
    assert re.fullmatch(r".*already running on .* at http://127\.0\.0\.1:\d+ \(process \d+\)\n", again.stderr)

    script = f'eval "$({PYTHON} -m local_sagemaker env)" && {PYTHON} -m awscli sts get-caller-identity --output json'
    shell = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=outside, capture_output=True, text=True, check=False
    )
    assert shell.returncode == 0, shell.stderr
    assert json.loads(shell.stdout)["Arn"].endswith(":assumed-role/local-sagemaker-execution/local")

    refused = run("reset", "--yes")
    assert refused.returncode == 2
    assert "stop it first" in refused.stderr

    assert run("stop").stdout.startswith("stopped process")
    assert run("status").returncode == 1
    assert run("env").returncode == 1
    assert "no local SageMaker is running" in run("env").stderr
    assert run("stop").returncode == 0

    unsure = run("reset", stdin=subprocess.DEVNULL)
    assert unsure.returncode == 2
    assert "--yes" in unsure.stderr
    assert run("reset", "--yes").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_served_again_after_kill_9(run):
    """What the killed process left behind blocks nothing, and nothing of it keeps running."""
    run("serve", "--background", "--port", "0")
    killed = pid(run)
    os.kill(killed, signal.SIGKILL)

    served = run("serve", "--background", "--port", "0")
    assert served.returncode == 0, served.stderr
    assert pid(run) != killed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(tmp_path, outside, number):
    """Ctrl-C and a closed terminal, as stop's SIGTERM: no traceback, status 0."""
    command = [sys.executable, "-m", "local_sagemaker", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=outside, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert "ready at" in process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 0
    assert errors == ""


def test_a_taken_port_is_one_clear_line(run):
    """In the foreground and in the background."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for more in ([], ["--background"]):
            refused = run("serve", "--port", port, *more)

            assert refused.returncode == 2
            assert re.fullmatch(
                r".*cannot serve on .*: Address already in use; choose another with --port\n", refused.stderr
            )


def test_who_does_not_wait_for_it_leaves_nothing_behind(tmp_path, outside):
    """Ctrl-C before the server in the background is ready ends that, too."""
    command = [sys.executable, "-m", "local_sagemaker", "serve", "--background", "--port", "0"]
    log = tmp_path / ".local-sagemaker" / "server.log"
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=outside,
        stdout=subprocess.PIPE,
        preexec_fn=heeding_interrupts,
    ) as process:
        while not log.exists():
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)

    assert process.returncode == 130
    assert StateFolder(log.parent).wait_until_free(30)
    assert StateFolder(log.parent).server() is None


def heeding_interrupts():
    """A shell has what it starts with ``&`` ignore Ctrl-C, and this test may be a child of such a one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("pyproject", "message"),
    [
        ('[tool.local_sagemaker.images]\n"*" = 1\n', "must name a runtime, not 1"),
        ('[tool.local_sagemaker.images]\n"*" = "phyton"\n', "unknown runtime 'phyton'"),
        ("[tool\n", "not TOML"),
    ],
)
def test_a_wrong_image_table_is_one_clear_line(run, tmp_path, pyproject, message):
    """Of the project in the current folder."""
    (tmp_path / "pyproject.toml").write_text(pyproject)
    refused = run("serve", "--port", "0")

    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_folder_with_other_files_is_not_served_and_not_deleted(run, tmp_path):
    """A slip in --folder costs nothing."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("")
    for command in (["serve", "--port", "0"], ["serve", "--port", "0", "--background"], ["reset", "--yes"]):
        refused = run(*command, "--folder", "mine")

        assert refused.returncode == 2
        assert "not a state folder" in refused.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("records.sqlite", b"no database " * 100, "records.sqlite: "),
        ("state.json", b"{", "state.json is damaged"),
    ],
)
def test_a_damaged_folder_is_one_clear_line(run, tmp_path, name, damage, message):
    """It names the file."""
    folder = StateFolder(tmp_path / ".local-sagemaker")
    folder.prepare(Settings(folder.path))
    (folder.path / name).write_bytes(damage)
    refused = run("serve", "--port", "0")

    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_made_is_one_clear_line(run):
    """The file system's own words, and the path."""
    refused = run("serve", "--port", "0", "--folder", "/proc/nothing/here")

    assert refused.returncode == 2
    assert re.fullmatch(r"local_sagemaker: /proc/\S+: No such file or directory\n", refused.stderr)


def test_env_prints_json_too(run):
    """With null for what must be unset."""
    run("serve", "--background", "--port", "0")
    document = json.loads(run("env", "--shell", "json").stdout)

    assert document["AWS_PROFILE"] is None
    assert document["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")


def test_a_terminal_without_the_letters_of_a_folders_name(run, outside):
    """They are escaped; nothing fails because of them."""
    plain = {**outside, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run("reset", "--folder", "ü", env=plain)

    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing to delete" in done.stdout


@pytest.mark.parametrize("command", ["serve", "env", "status", "stop", "reset"])
def test_every_command_has_help(command, capsys):
    """With the default of every option."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert f"usage: python -m local_sagemaker {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["sevre"], "invalid choice: 'sevre'"),
        (["serve", "--port", "many"], "'many' is not a number from 0 to 65535"),
        (["serve", "--port", "65536"], "'65536' is not a number from 0 to 65535"),
        (["serve", "--region", ""], "'' is not a region's name, such as us-east-1"),
        (["serve", "--cores", "0"], "'0' is not a number from 1 to 4096"),
        (["env", "--shell", "csh"], "invalid choice: 'csh'"),
    ],
)
def test_a_usage_error_ends_with_status_2(arguments, message, capsys):
    """And says what would be right."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert message in capsys.readouterr().err

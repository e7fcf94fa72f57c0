"""The state folder: whose it is, and who serves it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from local_sagemaker.settings import Settings
from local_sagemaker.state_folder import Server, SettingsError, StateFolder

HOLD = """
import sys
from pathlib import Path
from local_sagemaker.settings import Settings
from local_sagemaker.state_folder import Server, StateFolder
import os
folder = StateFolder(Path(sys.argv[1]))
folder.claim(Settings(Path(sys.argv[1])))
folder.announce(Server(os.getpid(), "http://127.0.0.1:1", 0.0))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path / "state")


@pytest.fixture
def holder(settings):
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLD, str(settings.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_folder_is_held_by_one_process_at_a_time(settings, holder):
    """The second is told where the first one is."""
    folder = StateFolder(settings.folder)

    assert folder.server() == Server(holder.pid, "http://127.0.0.1:1", 0.0)
    with pytest.raises(
        SettingsError, match=f"already running on .* at http://127.0.0.1:1 .process {holder.pid}"
    ):
        folder.claim(settings)


def test_a_killed_process_leaves_nothing_that_blocks_the_next(settings, holder):
    """After kill -9 the folder is free, and its last announcement is not believed."""
    folder = StateFolder(settings.folder)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()

    assert folder.wait_until_free(5)
    assert folder.server() is None
    folder.claim(settings)
    assert folder.server() is None  # held, but not announced yet
    folder.release()
    assert not folder.is_held()


def test_a_folder_with_other_files_is_left_alone(settings):
    """Neither claimed nor wiped: the marker is missing."""
    settings.folder.mkdir()
    (settings.folder / "thesis.tex").write_text("years of work")
    folder = StateFolder(settings.folder)

    with pytest.raises(SettingsError, match="not a state folder"):
        folder.claim(settings)
    with pytest.raises(SettingsError, match="not a state folder"):
        folder.wipe()
    assert [path.name for path in settings.folder.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(settings):
    """The message says what is wrong with it."""
    settings.folder.write_text("")

    with pytest.raises(SettingsError, match="Not a directory"):
        StateFolder(settings.folder).claim(settings)


def test_the_state_of_another_region_is_not_taken_over(settings):
    """ARNs in it name the region, so it cannot change."""
    folder = StateFolder(settings.folder)
    folder.claim(settings)
    folder.release()

    with pytest.raises(SettingsError, match="us-east-1"):
        folder.claim(replace(settings, region="eu-west-1"))
    assert folder.settings().region == "us-east-1"


def test_wiping_needs_the_folder_to_be_free(settings, holder):
    """Nothing is deleted under a running server."""
    folder = StateFolder(settings.folder)
    with pytest.raises(SettingsError, match="stop it first"):
        folder.wipe()
    holder.kill()
    holder.wait()
    folder.wipe()

    assert not settings.folder.exists()


def test_the_folder_keeps_itself_out_of_git(settings):
    """A state folder inside a repository is never committed by accident."""
    StateFolder(settings.folder).prepare(settings)

    assert (settings.folder / ".gitignore").read_text() == "*\n"
    assert json.loads((settings.folder / "state.json").read_text())["account"] == settings.account

"""The parent loads what is there, and never more than one thread."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest

from local_sagemaker.jobs import launcher, preload

CHECK = """
import itertools
import os
from local_sagemaker.jobs import preload
for module in (*preload.FIRST, *itertools.chain(*preload.LATER)):
    preload.load(module)
preload.blas_threads()
print(len(os.listdir('/proc/self/task')))
"""


def test_loading_starts_no_thread():
    """A thread would not survive the fork, and what it holds would stay locked in every child."""
    environment = {**os.environ, **preload.LOADED_WITH}
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        cwd=launcher.PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "1\n"


def test_a_module_that_is_not_there_is_left_out():
    """Every entry of the list is optional."""
    preload.load("no_such_library.of_this_name")


def test_the_versions_are_those_installed():
    """What a requirements.txt is compared with."""
    versions = preload.preloaded()

    assert versions["pandas"] == metadata.version("pandas")
    assert "no-such-library" not in versions


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of two modules that nobody else has loaded."""
    (tmp_path / "interrupted_library.py").write_text("import interrupted_part\n")
    (tmp_path / "interrupted_part.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield "interrupted_library"
    for name in ("interrupted_library", "interrupted_part"):
        sys.modules.pop(name, None)


def test_loading_is_interrupted_between_modules(library):
    """The parent attends to jobs before each module, and no more once the library is there."""
    seen = []
    with preload.interrupted(lambda: seen.append([name for name in sys.modules if "interrupted_" in name])):
        preload.load(library)
    preload.load("interrupted_nothing")

    assert seen == [[], ["interrupted_library"]]


def test_what_ends_the_parent_ends_loading(library):
    """A module that cannot be loaded is left out, but the end of the server is no such thing."""

    def act():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), preload.interrupted(act):
        preload.load(library)

    assert not [finder for finder in sys.meta_path if type(finder).__name__ == "Interruption"]

"""The parent loads what is there, and never more than one thread."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

from local_sagemaker.jobs import launcher, preload

CHECK = """
import os
from local_sagemaker.jobs import preload
for module in (*preload.FIRST, *preload.LATER):
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

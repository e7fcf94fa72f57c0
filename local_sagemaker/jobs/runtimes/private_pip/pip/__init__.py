"""The installed pip, told where a job may install to.

A container's packages are its own; here all jobs share the environment that the local SageMaker itself runs in. So
``pip install`` inside a job (the SDK's drivers do it, scripts do it) goes to ``/opt/ml/packages``, which is on the
job's module path. What is installed already is left to pip, which finds it and does nothing.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)  # everything else is in the installed pip
__version__ = metadata.version("pip")

if sys.argv[1:2] == ["install"]:
    from requirements_met import all_met  # type: ignore[import-not-found] # beside this package, on the job's path

    if not all_met(sys.argv[2:]):
        os.environ.setdefault("PIP_TARGET", "/opt/ml/packages")

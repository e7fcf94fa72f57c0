"""A script in a process that has its libraries loaded behaves as under a new interpreter."""

from __future__ import annotations

import sys

import pytest

from local_sagemaker.jobs import interpreter

SCRIPTS = {
    "prints": "print('out'); import sys; print('err', file=sys.stderr)",
    "exit code": "raise SystemExit(3)",
    "exit code beyond a byte": "import sys; sys.exit(256 + 7)",
    "exit with a message": "import sys; sys.exit('no such column')",
    "exit with None": "import sys; sys.exit()",
    "os._exit": "import os; print('x'); os._exit(9)",
    "uncaught exception": "def f(x):\n    return 1 / x\n\nf(0)\n",
    "chained exceptions": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e\n",
    "exception group": "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
    "syntax error": "print('never')\nx = = 1\n",
    "import error": "import numpy.nothing_of_this_name",
    "assertion in an imported module": (
        "import pathlib, sys\n"
        "pathlib.Path('/opt/ml/helper.py').write_text('def f():\\n    assert 1 == 2, \"text\"\\n')\n"
        "import helper\nhelper.f()\n"
    ),
    "killed by a signal": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "abort": "import os; os.abort()",
    "excepthook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\n1 / 0\n",
    "excepthook that fails": "import sys\nsys.excepthook = lambda: None\n1 / 0\n",
    "atexit": "import atexit\natexit.register(print, 'one')\natexit.register(print, 'two')\nraise ValueError\n",
    "thread outlives main": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(.05), print('thread'))).start()\nprint('main')\n"
    ),
    "exception in a thread": "import threading\nthreading.Thread(target=lambda: 1 / 0, name='t').start()\n",
    "file left open": "f = open('/opt/ml/o', 'w'); f.write('kept')\nimport os; os.system('true')\n",
    "destructor": "class C:\n    def __del__(self):\n        print('gone')\n\nc = C()\nprint('end')\n",
    "module variables": "print(sorted(globals()), __name__, __file__, __spec__, __package__)",
    "arguments": "import sys; print(sys.argv, sys.orig_argv[1:] and 'python')",
    "path": "import sys; print(sys.path)",
    "flags of main": "import inspect\ndef f(): pass\nprint(inspect.getsource(f), f.__module__)\n",
    "pickle of a class in main": (
        "import pickle\nclass C:\n    x = 1\nprint(type(pickle.loads(pickle.dumps(C()))).__qualname__)\n"
    ),
    "multiprocessing": (
        "import multiprocessing as m\n"
        "def f(x):\n    return x * x\n\n"
        "if __name__ == '__main__':\n"
        "    for kind in ('fork', 'spawn'):\n"
        "        with m.get_context(kind).Pool(2) as pool:\n"
        "            print(kind, pool.map(f, range(4)))\n"
    ),
    "C output": "import ctypes; ctypes.CDLL(None).printf(b'from C\\n'); print('from Python')",
    "standard input is empty": "import sys; print(repr(sys.stdin.read()))",
    "signal dispositions": (
        "import signal\n"
        "for s in sorted(signal.valid_signals()):\n"
        "    if s not in (32, 33):\n        print(int(s), signal.getsignal(s))\n"
    ),
    "future import": "from __future__ import annotations\ndef f(x: nothing): pass\nprint(f.__annotations__)\n",
    "source encoding": "# -*- coding: latin-1 -*-\nprint(len('\u00e9'))\n",
    "unicode": "print('Grüße 日本 \U0001f600')",
    "logging": "import logging; logging.warning('w'); logging.basicConfig(level=10); logging.debug('d')",
    "warning": "import warnings; warnings.warn('careful')",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    print('done')\nasyncio.run(f())\n",
    "environment": "import os; print(sorted(os.environ.items()))",
    "open files": "import os; print(len(os.listdir('/proc/self/fd')))",
    "umask and group": "import os; print(os.umask(0), os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid())",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_as_under_a_new_interpreter(bench, name):
    """Output, traceback and exit code are those of a new interpreter in the same place."""
    script = SCRIPTS[name]
    warm = bench.run(script)
    # -B changes nothing here, since the environment says so too; but it needs an interpreter that starts with it.
    cold = bench.run(script, argv=("python3", "-B", "/opt/ml/script.py"))

    assert (warm.lines, warm.outcome.exit_code) == (cold.lines, cold.outcome.exit_code)


@pytest.mark.parametrize(
    ("argv", "files"),
    [
        (
            ("-m", "package.module", "a", "-b"),
            {"package/__init__.py": "", "package/module.py": "print(__spec__.name)\n1/0"},
        ),
        (
            ("-m", "package"),
            {"package/__init__.py": "", "package/__main__.py": "import sys; print(sys.argv)"},
        ),
        (("-m", "no_such_module"), {}),
        (("-m", "package"), {"package/__init__.py": "print('no main')"}),
        (("-c", "import sys; print(sys.argv, sys.path[0] == ''); 1/0", "x"), {}),
        (("--", "script.py", "-x"), {"script.py": "import sys; print(sys.argv)"}),
        (("script.py", "-m", "x"), {"script.py": "import sys; print(sys.argv, __file__)"}),
        (("../ml/script.py",), {"script.py": "1/0"}),
        (("missing.py",), {}),
        (("-Q",), {}),
        ((), {}),
    ],
)
def test_a_command_line_is_read_as_by_the_interpreter(bench, argv, files):
    """Modules, code, scripts and mistakes give the output and exit code of a new interpreter."""
    finished = []
    for program in (("python3",), ("python3", "-B")):
        task = bench.task(argv=(*program, *argv), cwd="/opt/ml", environment={"PYTHONPATH": "/opt/ml/lib"})
        for name, text in files.items():
            place = task.folder / ("lib" if name.startswith("package") else "") / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        finished.append(bench.finish(task))
    warm, cold = finished

    assert (warm.lines, warm.outcome.exit_code) == (cold.lines, cold.outcome.exit_code)


LOADED = "import sys; print('pandas' in sys.modules)"


@pytest.mark.parametrize(
    ("fields", "loaded"),
    [
        ({}, True),
        ({"argv": ("/miniconda3/bin/python", "/opt/ml/script.py")}, True),
        ({"argv": ("python3", "-u", "/opt/ml/script.py")}, True),
        ({"environment": {"PYTHONUNBUFFERED": "TRUE", "PYTHONPATH": "/opt/ml/code"}}, True),
        ({"environment": {"PYTHONHASHSEED": "0"}}, False),
        ({"environment": {"OMP_NUM_THREADS": "1"}}, False),
        ({"argv": ("python3", "-X", "utf8", "/opt/ml/script.py")}, False),
        ({"argv": ("bash", "-c", "python /opt/ml/script.py")}, False),
    ],
)
def test_a_new_interpreter_starts_where_a_loaded_one_would_differ(bench, fields, loaded):
    """Libraries are there from the start, except where the job asks for what only a new interpreter gives."""
    assert bench.run(LOADED, **fields).lines == [str(loaded)]


def test_a_jobs_own_module_comes_before_a_loaded_one(bench):
    """A module of the job that is named like a loaded library is the one that the job imports."""
    task = bench.task("import joblib; print(joblib.mine)")
    (task.folder / "joblib.py").write_text("mine = 'the job has its own'")

    assert bench.finish(task).lines == ["the job has its own"]


def test_two_jobs_draw_different_random_numbers(bench):
    """The parent's random state is not handed to its children."""
    script = "import random, numpy; print(random.random(), numpy.random.rand())"

    assert len({bench.run(script).lines[0] for _ in range(3)}) == 3


def test_a_job_sees_nothing_of_the_local_sagemaker(bench):
    """Neither as a loaded module nor, unless it is installed, as one to import."""
    assert bench.run("import sys; print([m for m in sys.modules if 'local_sagemaker' in m])").lines == ["[]"]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("python", True),
        ("python3", True),
        (f"python3.{sys.version_info.minor}", True),
        ("/container/only/bin/python3", True),
        (sys.executable, True),
        ("python2", False),
        ("python3.4", False),
        ("/bin/sh", False),
        ("pythonic", False),
    ],
)
def test_which_programs_are_the_containers_python(program, expected):
    """Any Python of this version, except one that this machine has at that very path."""
    assert interpreter.is_python(program) is expected

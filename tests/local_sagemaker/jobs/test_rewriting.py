"""Where a job has no /opt/ml of its own, its code is given the folder's real path."""

from __future__ import annotations

import pytest

from local_sagemaker.jobs.namespace import REWRITTEN
from local_sagemaker.jobs.rewriting import Rewriter


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/opt/ml", "/jobs/1"),
        ("/opt/ml/model", "/jobs/1/model"),
        ("--out=/opt/ml/output", "--out=/jobs/1/output"),
        ("cd /opt/ml && ls /opt/ml/input", "cd /jobs/1 && ls /jobs/1/input"),
        ("a:/opt/ml/code:/usr", "a:/jobs/1/code:/usr"),
        ("file:///opt/ml/x", "file:///jobs/1/x"),
        ("In /opt/ml.", "In /jobs/1."),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/opt/ml-data", "/opt/ml-data"),
        ("/opt/ml.bak", "/opt/ml.bak"),
        ("/data/opt/ml", "/data/opt/ml"),
        ("s3://bucket/opt/ml/x", "s3://bucket/opt/ml/x"),
        ("", ""),
    ],
)
def test_a_text_names_the_folder_instead(text, rewritten):
    """Only where it names /opt/ml itself, and not something that is called similarly."""
    assert Rewriter("/jobs/1").text(text) == rewritten


def test_code_is_rewritten_all_the_way_down():
    """Functions, classes, defaults, tuples, sets, bytes and f-strings."""
    source = """
class C:
    path = '/opt/ml/a'
    def f(self, x='/opt/ml/b'):
        return [self.path, x, *('/opt/ml/c', ('/opt/ml/d',)), b'/opt/ml/e', f'/opt/ml/{x}', (lambda: '/opt/ml/f')(),
                '/opt/ml/g' in {'/opt/ml/g', 'h'}]
result = C().f()
"""
    names: dict[str, object] = {}
    exec(Rewriter("/j").code(compile(source, "x", "exec")), names)  # noqa: S102

    assert names["result"] == ["/j/a", "/j/b", "/j/c", ("/j/d",), b"/j/e", "/j//j/b", "/j/f", True]


@pytest.fixture(scope="module")
def plain(make_bench):
    """A bench on a machine without namespaces."""
    return make_bench(isolation=REWRITTEN)


SCRIPT = """
    import os, pathlib, sys
    import helper
    pathlib.Path('/opt/ml/model').mkdir(exist_ok=True)
    pathlib.Path('/opt/ml/model', 'by-script').write_text('1')
    helper.save()
    print(os.environ['CHANNEL'] == sys.argv[1], os.getcwd() == os.path.dirname(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("argv", "further"),
    [
        (("python3", "/opt/ml/code/script.py", "/opt/ml/input"), {}),
        (("python3", "-m", "script", "/opt/ml/input"), {}),
        (("python3", "/opt/ml/code/script.py", "/opt/ml/input"), {"OMP_NUM_THREADS": "1"}),  # starts anew
        (("bash", "-c", "python /opt/ml/code/script.py /opt/ml/input"), {}),
        (("bash", "/opt/ml/code/run.sh"), {}),
        (("/opt/ml/code/run.sh",), {}),
    ],
)
def test_a_job_works_with_its_own_folder(plain, argv, further):
    """As script, module, new interpreter, or from a shell; with its modules, arguments and environment."""
    environment = {"CHANNEL": "/opt/ml/input", "PYTHONPATH": "/opt/ml/code", **further}
    task = plain.task(SCRIPT, argv=argv, environment=environment, cwd="/opt/ml")
    code = task.folder / "code"
    code.mkdir()
    (task.folder / "script.py").rename(code / "script.py")
    (code / "helper.py").write_text(
        "def save(path='/opt/ml/model/by-module'):\n    open(path, 'w').close()\n"
    )
    (code / "run.sh").write_text("#!/bin/sh\ncd /opt/ml && python3 -m script /opt/ml/input\n")
    (code / "run.sh").chmod(0o755)
    finished = plain.finish(task)

    assert finished.lines[0].startswith("local_sagemaker: this machine gives a job no /opt/ml of its own")
    assert finished.lines[1:] == ["True True"]
    assert finished.outcome.isolation == REWRITTEN
    assert sorted(path.name for path in (task.folder / "model").iterdir()) == ["by-module", "by-script"]
    assert "/opt/ml" in (code / "run.sh").read_text()


def test_a_job_that_wants_no_network_is_told(plain):
    """What this machine cannot do is said, not pretended."""
    finished = plain.run("print('ran')", network=False)

    assert "cannot isolate a job from the network" in finished.lines[1]
    assert finished.lines[2:] == ["ran"]


def test_tracebacks_show_the_jobs_own_lines(plain):
    """The code is another, its lines are the same."""
    finished = plain.run("x = '/opt/ml'\nraise ValueError(x)\n")

    assert finished.outcome.exit_code == 1
    assert "    raise ValueError(x)" in finished.lines
    assert finished.lines[-1] == f"ValueError: {finished.folder}"


def test_what_stays_in_the_jobs_group_ends_with_it(plain):
    """Without namespaces, that is what a job's processes are known by."""
    finished = plain.run("import subprocess; subprocess.Popen(['sleep', '60'])")

    assert finished.outcome.exit_code == 0

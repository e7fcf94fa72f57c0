"""A task runs as in its container: its own /opt/ml, its limits, its cores, and nothing left of it afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_sagemaker.jobs import namespace, preload
from local_sagemaker.jobs.process import Outcome, ProcessRunner, Task
from local_sagemaker.settings import Settings

SLEEP = "import time; print('up', flush=True); time.sleep(60)"


def wait_for(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.005)


def is_up(task: Task) -> bool:
    """The task's script has printed its first line."""
    return task.log.exists() and b" up\n" in task.log.read_bytes()


def processes_with(text: str) -> list[int]:
    """Processes with this text in their command line or environment, zombies included."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                read = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in read:
                found.append(int(folder.name))
    return found


def open_files(process: object) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def is_at_rest(parent: int) -> bool:
    """The parent's one child waits for a job; one that has announced its end is a child too, until it is reaped."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return len(children) == 1 and state_of(int(children[0])) == "S (sleeping)"


def state_of(process: int) -> str:
    """As the kernel gives it; empty for a process that is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return ""
    return next(line for line in status.splitlines() if line.startswith("State:")).partition("\t")[2]


# --- What a job sees and leaves ---------------------------------------------------------------------------------


def test_a_job_reads_and_writes_its_folder_as_opt_ml(bench):
    """What the job finds below /opt/ml is its folder; what it writes there stays."""
    finished = bench.run(
        "import os; print(os.listdir('/opt/ml')); os.makedirs('/opt/ml/model'); open('/opt/ml/model/m', 'w').write('1')"
    )

    assert finished.lines == ["['script.py']"]
    assert (finished.folder / "model" / "m").read_text() == "1"
    assert finished.outcome.exit_code == 0
    assert finished.outcome.ended_by == "itself"
    assert finished.outcome.started <= finished.outcome.ended


def test_two_jobs_at_once_have_each_their_own_places(bench):
    """/opt/ml, /tmp and the host's name are private; each job meets only its own."""
    script = """
        import os, pathlib, socket, sys, time
        me = sys.argv[1]
        for place in ('/opt/ml', '/tmp'):
            pathlib.Path(place, 'mine').write_text(me)
        deadline = time.monotonic() + 10
        pathlib.Path('/opt/ml/shared', me).touch()
        while len(os.listdir('/opt/ml/shared')) < 2 and time.monotonic() < deadline:
            time.sleep(.005)
        print(len(os.listdir('/opt/ml/shared')), socket.gethostname(), socket.gethostbyname('algo-2'),
              *(pathlib.Path(place, 'mine').read_text() == me for place in ('/opt/ml', '/tmp')))
    """
    meeting = bench.folder / "meeting"
    meeting.mkdir()
    tasks = []
    for host, other in (("algo-1", "algo-2"), ("algo-2", "algo-1")):
        task = bench.task(script, argv=("python3", "/opt/ml/script.py", host), hosts=(host, other))
        (task.folder / "shared").symlink_to(meeting)  # by its path outside, which is visible inside
        bench.runner.announce(task.job)
        tasks.append(task)
    with ThreadPoolExecutor() as pool:
        finished = list(pool.map(bench.finish, tasks))

    assert [job.lines for job in finished] == [
        ["2 algo-1 127.0.0.3 True True"],
        ["2 algo-2 127.0.0.3 True True"],
    ]
    wait_for(lambda: not list((bench.folder / "scratch").iterdir()))


def test_the_machine_sees_nothing_of_a_jobs_places(bench):
    """/opt and /tmp outside are what they were."""
    before = set(Path("/opt").iterdir())
    bench.run("open('/tmp/left-by-a-job', 'w'); open('/opt/ml/x', 'w')")

    assert set(Path("/opt").iterdir()) == before
    assert not Path("/tmp/left-by-a-job").exists()


def test_a_job_without_network_has_only_loopback(bench):
    """EnableNetworkIsolation: the outside cannot be reached, and itself can."""
    finished = bench.run(
        """
        import socket, threading
        print([name for _, name in socket.if_nameindex()])
        with socket.create_server(('127.0.0.1', 8080)) as server:
            socket.create_connection(server.getsockname()).close()
        try:
            socket.create_connection(('192.0.2.1', 80), timeout=2)
        except OSError as error:
            print(error.strerror)
        """,
        network=False,
    )

    assert finished.lines == ["['lo']", "Network is unreachable"]


def test_the_environment_is_the_containers(bench, monkeypatch):
    """A minimal base and what the task says; nothing of the server's."""
    monkeypatch.setenv("SERVER_SECRET", "x")
    finished = bench.run(
        "import os; print(sorted(os.environ)); print(os.environ['A'])", environment={"A": "ä=\n1"}
    )

    assert finished.lines[0] == str(
        [
            "A",
            "GOMP_SPINCOUNT",
            "HOME",
            "HOSTNAME",
            "LANG",
            "OPENBLAS_THREAD_TIMEOUT",
            "PATH",
            "PYTHONDONTWRITEBYTECODE",
            "PYTHONUNBUFFERED",
        ]
    )
    assert finished.lines[1:] == ["ä=", "1"]


def test_an_environment_may_be_large(bench):
    """Hyperparameters and input configuration travel in it."""
    environment = {f"V{number}": "x" * 100_000 for number in range(10)}

    assert bench.run("import os; print(len(os.environ['V9']))", environment=environment).lines == ["100000"]


@pytest.mark.parametrize(
    ("argv", "lines", "exit_code"),
    [
        (("/bin/sh", "-c", "echo out; echo err >&2; exit 4"), ["out", "err"], 4),
        (("bash", "/opt/ml/run.sh"), ["/opt/ml", "python"], 0),
        (("/opt/ml/run.sh",), ["/opt/ml", "python"], 0),
        (("no-such-program",), ["local_sagemaker: the program 'no-such-program' is not in PATH"], 127),
        (("/no/such/program",), ["local_sagemaker: the program '/no/such/program' does not exist"], 127),
        (("/opt/ml",), ["local_sagemaker: the program '/opt/ml' cannot be executed: Permission denied"], 126),
    ],
)
def test_any_program_may_be_the_entry_point(bench, argv, lines, exit_code):
    """A shell or script runs in the same place; one that is not there is said in the log, with Docker's exit code."""
    task = bench.task(argv=argv)
    script = task.folder / "run.sh"
    script.write_text("#!/bin/bash\ncd /opt/ml && pwd && python -c 'import pandas; print(\"python\")'\n")
    script.chmod(0o755)
    finished = bench.finish(task)

    assert [line.partition(" (")[0] for line in finished.lines] == lines
    assert finished.outcome.exit_code == exit_code


def test_a_working_directory_that_is_not_there_is_said(bench):
    """With Docker's exit code for a container that cannot start."""
    finished = bench.run(cwd="/opt/ml/code")

    assert finished.outcome.exit_code == 125
    assert finished.lines == [
        "local_sagemaker: the working directory /opt/ml/code cannot be entered: No such file or directory"
    ]


def test_a_folder_that_is_not_there_is_said(bench, tmp_path):
    """The job does not start, and its log says why."""
    task = bench.task(folder=tmp_path / "nothing")
    finished = bench.finish(task)

    assert finished.outcome.exit_code == 125
    assert "No such file or directory" in finished.lines[0]


@pytest.fixture(scope="module")
def works_here(bench):
    """The rung of this machine."""
    return bench.run().outcome.isolation


@pytest.mark.parametrize("rung", [namespace.ROOT, namespace.USER, namespace.REWRITTEN])
def test_what_is_shared_cannot_be_changed_by_a_job(make_bench, works_here, rung, tmp_path):
    """On every rung, and without a network: one file that cannot be written, or else a copy."""
    if works_here == namespace.REWRITTEN != rung or (works_here, rung) == (namespace.USER, namespace.ROOT):
        pytest.skip(f"this machine offers {works_here}")
    bench = make_bench(isolation=rung)
    rows = tmp_path / "rows"
    rows.write_text("rows")
    script = """
        print(open('/opt/ml/input/rows').read())
        try:
            open('/opt/ml/input/rows', 'w').write('changed')
        except OSError as error:
            print(error.strerror)
    """
    task = bench.task(script, network=False, shared={"input": tmp_path})
    (task.folder / "input").mkdir()
    finished = bench.finish(task)

    warnings = 2 if rung == namespace.REWRITTEN else 0
    assert finished.lines[warnings:] == ["rows", "Read-only file system"][: 1 if warnings else 2]
    assert finished.outcome.isolation == rung
    assert rows.read_text() == "rows"


def test_a_shared_folder_that_is_not_there_is_said(bench, tmp_path):
    """The job does not start, and its log says why."""
    finished = bench.run(shared={"input": tmp_path / "nothing"})

    assert finished.outcome.exit_code == 125
    assert "No such file or directory" in finished.lines[0]


# --- Output -----------------------------------------------------------------------------------------------------


def test_output_arrives_while_the_job_runs(bench):
    """The log can be followed."""
    task = bench.task(SLEEP)
    with ThreadPoolExecutor() as pool:
        future = pool.submit(bench.runner.run, task)
        wait_for(lambda: is_up(task))
        bench.runner.stop(task.job)

        assert future.result().ended_by == "stop"


def test_output_of_any_kind_survives(bench):
    """No newline at the end, bytes that are no text, one enormous line, empty lines."""
    finished = bench.run(
        r"""
        import sys
        write = sys.stdout.buffer.write
        write(b'\xff\x00\n\n'); write(b'x' * 700_000 + b'\n'); write('日本\n'.encode()); write(b'no end')
        """
    )

    assert finished.lines[:2] == ["\ufffd\0", ""]
    assert "".join(finished.lines[2:5]) == "x" * 700_000
    assert finished.lines[5:] == ["日本", "no end"]


def test_a_flood_of_output_is_complete_and_in_order(bench):
    """Both streams share one log; nothing is dropped."""
    finished = bench.run(
        "import os\nfor n in range(200): os.write(1 + n % 2, b''.join(b'%d.%d\\n' % (n, i) for i in range(500)))"
    )

    assert finished.lines == [f"{n}.{i}" for n in range(200) for i in range(500)]


# --- Limits -----------------------------------------------------------------------------------------------------


def test_a_job_past_its_limit_may_save_what_it_has(bench):
    """SIGTERM first; a handler that saves and exits decides the exit code."""
    finished = bench.run(
        """
        import signal, sys, time
        def save(*_):
            open('/opt/ml/model', 'w').write('saved')
            sys.exit(0)
        signal.signal(signal.SIGTERM, save)
        time.sleep(60)
        """,
        max_seconds=0.1,
    )

    assert (finished.outcome.exit_code, finished.outcome.ended_by) == (0, "time limit")
    assert (finished.folder / "model").read_text() == "saved"


@pytest.mark.parametrize(
    ("handler", "exit_code"), [("SIG_DFL", 128 + signal.SIGTERM), ("SIG_IGN", 128 + signal.SIGKILL)]
)
def test_a_job_past_its_limit_ends(bench, handler, exit_code):
    """SIGKILL follows where SIGTERM is ignored."""
    finished = bench.run(
        f"import signal, time; signal.signal(signal.SIGTERM, signal.{handler}); time.sleep(60)",
        max_seconds=0.1,
    )

    assert (finished.outcome.exit_code, finished.outcome.ended_by) == (exit_code, "time limit")


@pytest.mark.parametrize("program", ["python3", "bash"])
def test_whatever_a_job_started_ends_with_it(bench, program):
    """Also a process that has left the job's session and ignores signals."""
    marker = f"marker-{time.monotonic_ns()}"
    script = f"""
        import subprocess
        subprocess.Popen(['setsid', 'sh', '-c', 'trap "" TERM; echo up; sleep 60; : {marker}'])
        import time; time.sleep(.2)
    """
    argv = {
        "python3": ("python3", "/opt/ml/script.py"),
        "bash": ("bash", "-c", f"setsid sh -c 'sleep 60; : {marker}' & sleep .2"),
    }
    finished = bench.run(script, argv=argv[program])

    assert finished.outcome.exit_code == 0
    wait_for(lambda: not processes_with(marker))


def test_a_stopped_job_ends(bench):
    """In the middle of its work; its exit code is SIGTERM's."""
    task = bench.task(SLEEP)
    with ThreadPoolExecutor() as pool:
        future = pool.submit(bench.runner.run, task)
        wait_for(lambda: is_up(task))
        bench.runner.stop(task.job)
        outcome = future.result()

    assert (outcome.exit_code, outcome.ended_by) == (128 + signal.SIGTERM, "stop")


def test_a_job_that_is_stopped_before_it_starts_never_does(make_bench):
    """Whether it waits for cores, or has only been announced."""
    bench = make_bench(cores=1)
    first, second, third = bench.task(SLEEP), bench.task(SLEEP), bench.task(SLEEP)
    bench.runner.announce(third.job)
    bench.runner.stop(third.job)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(bench.runner.run, first)
        wait_for(lambda: is_up(first))
        waiting = pool.submit(bench.runner.run, second)
        wait_for(lambda: second.job in bench.runner._runs)
        bench.runner.stop(second.job)
        outcomes = [waiting.result(), bench.runner.run(third)]
        bench.runner.stop(first.job)
        running.result()

    for outcome in outcomes:
        assert (outcome.ended_by, outcome.exit_code, outcome.cores) == ("stop", 128 + signal.SIGTERM, 0)
    assert not second.log.exists()


def test_stopping_an_unknown_job_does_nothing(bench):
    """It may have ended a moment ago; and a later job of that name runs."""
    task = bench.task("print('ran')")
    bench.runner.stop(task.job)

    assert bench.finish(task).lines == ["ran"]


def test_a_job_cannot_run_twice_at_once(bench):
    """Its name is what it is stopped by."""
    task = bench.task(SLEEP)
    with ThreadPoolExecutor() as pool:
        future = pool.submit(bench.runner.run, task)
        wait_for(lambda: is_up(task))
        with pytest.raises(ValueError, match="is running already"):
            bench.runner.run(task)
        bench.runner.stop(task.job)
        future.result()


# --- Cores and threads ------------------------------------------------------------------------------------------


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_jobs_side_by_side_have_one_core_each_and_one_alone_has_all(bench):
    """Measured by what the job may use, and by what its libraries would use."""
    script = """
        import os, pyarrow, joblib, numpy, threadpoolctl
        from sklearn.utils._openmp_helpers import _openmp_effective_n_threads as openmp
        blas = {pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'}
        print(sorted(os.sched_getaffinity(0)), pyarrow.cpu_count(), joblib.cpu_count(), openmp(), *blas)
    """
    alone = bench.run(script)
    tasks = [bench.task(script) for _ in range(4)]
    for task in tasks:
        bench.runner.announce(task.job)
    with ThreadPoolExecutor() as pool:
        jobs = list(pool.map(bench.finish, tasks))

    assert (alone.outcome.cores, alone.lines) == (2, ["[0, 1] 2 2 2 2"])
    first = [job for job in jobs if job.outcome.cores == 1]
    assert len(first) >= 3  # the last may be alone again when its turn comes
    assert {job.lines[0] for job in first} <= {"[0] 1 1 1 1", "[1] 1 1 1 1"}


HEAVY = """
    import hashlib, json, sys
    import numpy, pandas, pyarrow.parquet as pq, pyarrow, xgboost
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    rng = numpy.random.default_rng(7)
    x = pandas.DataFrame(rng.normal(size=(500, 8)), columns=list('abcdefgh'))
    y = (x['a'] + x['b'] ** 2 > 1).astype(int)
    x.to_parquet('/opt/ml/x.parquet'); x = pq.read_table('/opt/ml/x.parquet', use_threads=True).to_pandas()
    results = [float((x.to_numpy().T @ x.to_numpy()).sum())]
    for model in (RandomForestClassifier(8, n_jobs=2, random_state=1), HistGradientBoostingClassifier(max_iter=10),
                  xgboost.XGBClassifier(n_estimators=10, nthread=2)):
        results.append(float(model.fit(x, y).predict_proba(x).sum()))
    print(json.dumps(results))
"""


def test_threaded_libraries_work_and_agree_in_forked_jobs(bench):
    """Twenty jobs of thread pools, two at a time: none hangs, and all give what a new interpreter gives."""
    cold = bench.run(HEAVY, argv=("python3", "-B", "/opt/ml/script.py"))
    with ThreadPoolExecutor(2) as pool:
        jobs = list(pool.map(bench.finish, [bench.task(HEAVY, max_seconds=60) for _ in range(20)]))

    assert cold.outcome.exit_code == 0, cold.lines
    assert {tuple(job.lines) for job in jobs} == {tuple(cold.lines)}


# --- When processes die that should not -------------------------------------------------------------------------


def test_when_the_parent_is_killed_its_jobs_are_lost_and_the_next_runs(make_bench):
    """Nothing hangs, nothing is left, and a new parent takes over."""
    bench = make_bench()
    marker = f"marker-{time.monotonic_ns()}"
    task = bench.task(
        f"import subprocess; subprocess.Popen(['setsid', 'sh', '-c', 'sleep 60; : {marker}'])\n" + SLEEP
    )
    with ThreadPoolExecutor() as pool:
        future = pool.submit(bench.finish, task)
        wait_for(lambda: is_up(task))
        os.kill(bench.runner._launcher.pid, signal.SIGKILL)
        lost = future.result()

    assert (lost.outcome.ended_by, lost.outcome.exit_code) == ("lost", 128 + signal.SIGKILL)
    assert "the job is lost" in lost.lines[-1]
    assert bench.run("print('next')").lines == ["next"]
    wait_for(lambda: not processes_with(marker))


def test_closing_ends_everything_soon(make_bench):
    """Running jobs and waiting ones return as lost; a closed runner runs nothing."""
    bench = make_bench(cores=1)
    running, waiting = (
        bench.task("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP),
        bench.task(),
    )
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(bench.runner.run, running)]
        wait_for(lambda: is_up(running))
        futures.append(pool.submit(bench.runner.run, waiting))
        bench.runner.close()
        outcomes = [future.result(timeout=10) for future in futures]

    assert [outcome.ended_by for outcome in outcomes] == ["lost", "lost"]
    assert bench.runner.run(bench.task()).ended_by == "lost"


SERVER = """
    import sys, threading, time
    from pathlib import Path
    from local_sagemaker.jobs.process import ProcessRunner, Task
    from local_sagemaker.settings import Settings
    root, marker = Path(sys.argv[1]), sys.argv[2]
    runner = ProcessRunner(Settings(root, cores=2))
    escape = "(setsid sh -c 'trap \\"\\" TERM; sleep 60; : %s' &)" % marker
    script = escape + "; trap '' TERM; echo up; sleep 60; : " + marker
    for job in ("a", "b"):
        runner.announce(job)
    for job in ("a", "b"):
        (root / job).mkdir()
        task = Task(job, root / job, ("sh", "-c", script), {}, root / f"{job}.log")
        threading.Thread(target=runner.run, args=(task,)).start()
    time.sleep(60)
"""


def test_when_the_server_is_killed_nothing_of_it_is_left(tmp_path):
    """The parent and every process of every job end, also those that left their session and ignore signals."""
    marker = f"marker-{time.monotonic_ns()}"
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(SERVER), str(tmp_path), marker]) as server:
        try:
            for job in ("a", "b"):
                task = Task(job, tmp_path / job, (), {}, tmp_path / f"{job}.log")
                wait_for(lambda task=task: is_up(task))
            assert len(processes_with(marker)) >= 5
        finally:
            server.kill()

    wait_for(lambda: not processes_with(marker))


def test_what_a_killed_server_left_of_a_jobs_tmp_goes(tmp_path):
    """A server that starts has no jobs yet, so it clears away what those of an earlier one had in /tmp."""
    left = tmp_path / "scratch" / "tmp-of-a-job"
    left.mkdir(parents=True)
    (left / "large").write_text("x")
    runner = ProcessRunner(Settings(tmp_path))

    runner.start()
    runner.close()

    assert not left.exists()


def test_a_job_that_uses_up_its_processes_fails_alone(bench):
    """A job without room for another process says so; the next job runs."""
    finished = bench.run(
        """
        import resource, subprocess
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
        files = []
        while True:
            files.append(open('/dev/null'))
        """
    )

    assert finished.outcome.exit_code == 1
    assert "Too many open files" in finished.lines[-1]
    assert bench.run("print('next')").lines == ["next"]


def test_no_zombie_and_no_open_file_is_left(bench):
    """After many jobs, no file of theirs is open here or in the parent, whose one child is that which stands by."""
    last = preload.LATER[-1][-1]
    wait_for(lambda: bench.run(f"import sys; print('{last}' in sys.modules)").lines == ["True"], 60)
    parent = bench.runner._launcher.pid
    wait_for(lambda: is_at_rest(parent))
    ours, the_parents = open_files("self"), open_files(parent)
    for _ in range(10):
        bench.run("import subprocess; subprocess.Popen(['setsid', 'sleep', '60'])")

    wait_for(lambda: is_at_rest(parent))
    assert open_files(parent) == the_parents
    wait_for(lambda: open_files("self") <= ours)


def test_the_outcome_names_the_rung(bench):
    """Which of the ways to a private /opt/ml was taken."""
    outcome = bench.run().outcome

    assert isinstance(outcome, Outcome)
    assert outcome.isolation in ("root namespaces", "user namespaces", "rewritten paths")

"""A process gets its own /opt/ml, /tmp, host names and network, and the machine keeps its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from local_sagemaker.jobs import namespace

PROJECT = Path(namespace.__file__).parents[2]
NOBODY = 65534


def python(code: str, *arguments: object) -> str:
    """Run code in a process that has one thread, as a preforked parent's child has."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def works_here() -> str:
    """The rung of this machine."""
    return python("from local_sagemaker.jobs.namespace import probe; print(probe())").strip()


ENTER = """
    import ctypes, os, sys
    from pathlib import Path
    from local_sagemaker.jobs.namespace import *
    folder, scratch, rung, user = sys.argv[1:]
    if int(user):
        os.setgroups([]); os.setgid(int(user)); os.setuid(int(user))
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, as after an exec: /proc/self is its own again
    before = os.listdir('/opt'), os.getuid(), os.getgid()
    enter(rung, Room(folder, scratch, hosts=('algo-2', 'algo-1'), keep=(folder,)))
    Path('/opt/ml/out').write_text('x')
    Path('/tmp/scratch').write_text('y')
    assert {*before[0], 'ml'} == set(os.listdir('/opt')), os.listdir('/opt')
    assert (os.getuid(), os.getgid()) == before[1:], (os.getuid(), before)
    assert Path(folder, 'out').exists(), 'still visible by its own name'
    print(os.uname().nodename, [line for line in Path('/etc/hosts').read_text().splitlines() if 'algo' in line])
"""


@pytest.mark.parametrize(
    ("rung", "user"), [(namespace.ROOT, 0), (namespace.USER, 0), (namespace.USER, NOBODY)]
)
def test_entering_gives_private_places(works_here, tmp_path, rung, user):
    """As root, and as somebody without any right; what is written in them lies in the job's folders."""
    if works_here == namespace.REWRITTEN or (os.getuid() != 0 and (rung == namespace.ROOT or user)):
        pytest.skip(f"this machine offers {works_here}")
    root = tmp_path
    folder, scratch = root / "folder", root / "scratch"
    for path in (folder, scratch):
        path.mkdir()
        path.chmod(0o777)
    for parent in (
        root,
        *root.parents,
    ):  # pytest's folders are its user's own; how many there are depends on xdist
        if "pytest-" in str(parent):
            parent.chmod(0o755)
    opt = set(Path("/opt").iterdir())
    out = python(ENTER, folder, scratch, rung, user)

    assert out == "algo-2 ['127.0.0.2 algo-1', '127.0.0.3 algo-2']\n"
    assert (folder / "out").read_text() == "x"
    assert (folder / "out").stat().st_uid == user
    assert (scratch / "scratch").read_text() == "y"
    assert set(Path("/opt").iterdir()) == opt


def test_the_probe_leaves_nothing(works_here, tmp_path):
    """It climbs the ladder in a child, and cleans up."""
    out = python(
        """
        import os, sys, tempfile
        tempfile.tempdir = sys.argv[1]
        from local_sagemaker.jobs.namespace import probe
        rung = probe()
        print(rung, os.listdir(sys.argv[1]), os.path.exists('/opt/ml/probe'))
        """,
        tmp_path,
    )

    assert out == f"{works_here} [] False\n"


def test_the_probe_falls_to_the_last_rung_where_the_kernel_refuses(tmp_path):
    """Without namespaces there is still the rewriting; here, a limit of zero takes them away."""
    if os.getuid() != 0:
        pytest.skip("only root can drop to a user to whom namespaces are refused")
    out = python(
        """
        import os
        from local_sagemaker.jobs import namespace
        def refused(rung, room):
            raise PermissionError(1, 'mount: Operation not permitted')
        namespace.enter = refused
        print(namespace.probe())
        """
    )

    assert out == "rewritten paths\n"


def test_a_refusal_names_the_call(tmp_path):
    """What failed, and why."""
    with pytest.raises(OSError, match="mount: "):
        namespace._mount("/no/such/source", str(tmp_path / "nothing"), flags=namespace.MS_BIND)


SHARED = """
    import ctypes, errno, os, sys
    from pathlib import Path
    from local_sagemaker.jobs.namespace import *
    folder, scratch, outside, rung, user = sys.argv[1:]
    if os.getuid() == 0:  # flags that a user namespace may not take away again
        from local_sagemaker.jobs import namespace as n
        n._call('unshare', n.CLONE_NEWNS)
        n._mount('none', '/', flags=n.MS_REC | n.MS_SLAVE)
        n._mount(outside, outside, flags=n.MS_BIND)
        n._mount('none', outside, flags=n.MS_REMOUNT | n.MS_BIND | 2 | 4 | 8 | 1024)  # nosuid nodev noexec noatime
    if int(user):
        os.setgroups([]); os.setgid(int(user)); os.setuid(int(user))
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, as after an exec: /proc/self is its own again
    keep = (folder,) if folder.startswith('/tmp/') else ()
    enter(rung, Room(folder, scratch, keep=keep, shared=(('input/data/a b', outside),)))
    seen = Path('/opt/ml/input/data/a b')
    print((seen / 'deep' / 'rows').read_text(), (seen / 'deep' / 'rows').stat().st_ino)
    rows = seen / 'deep' / 'rows'
    for change in ((seen / 'new').touch, lambda: rows.write_text('x'), rows.unlink):
        try:
            change()
        except OSError as error:
            print(errno.errorcode[error.errno])
    Path('/opt/ml/input/data/beside').write_text('x')
"""


@pytest.mark.parametrize(
    ("rung", "user"), [(namespace.ROOT, 0), (namespace.USER, 0), (namespace.USER, NOBODY)]
)
@pytest.mark.parametrize("where", ["/tmp", "/dev/shm"])
def test_what_is_shared_is_seen_and_cannot_be_written(works_here, rung, user, where):
    """The very files of another folder, at any depth; also below /tmp, which is hidden, and where flags are locked."""
    if works_here == namespace.REWRITTEN or (os.getuid() != 0 and (rung == namespace.ROOT or user)):
        pytest.skip(f"this machine offers {works_here}")
    if not Path(where).is_dir():
        pytest.skip(f"there is no {where}")
    with tempfile.TemporaryDirectory(dir=where) as name:
        folder, scratch, outside = (Path(name, each) for each in ("folder", "scratch", "outside"))
        for path in (scratch, folder / "input" / "data" / "a b", outside / "deep"):
            path.mkdir(parents=True)
        (outside / "deep" / "rows").write_text("rows")
        for path in (Path(name), *Path(name).rglob("*")):
            path.chmod(0o777)
        lines = python(SHARED, folder, scratch, outside, rung, user).splitlines()

        assert lines[0] == f"rows {(outside / 'deep' / 'rows').stat().st_ino}"
        assert lines[1:] == ["EROFS"] * 3
        assert [path.name for path in outside.rglob("*")] == ["deep", "rows"]
        assert not any((folder / "input" / "data" / "a b").iterdir())
        assert (folder / "input" / "data" / "beside").exists()

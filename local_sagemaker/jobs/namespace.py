"""A private ``/opt/ml`` (and ``/tmp``, host names, network) for a process, without a container.

The kernel gives every process its own view of the file system (mount namespaces). Root may just take one;
anybody else takes a user namespace with it. ``enter`` moves the calling process, which must have one
thread, into such a view; the machine outside sees nothing of it. Takes less than a millisecond, needs no
program and no dependency.

Sources: mount_namespaces(7), user_namespaces(7), network_namespaces(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BASE = "/opt/ml"

# The ladder, best first. The last rung needs nothing of the machine, and is done by ``rewriting``.
ROOT = "root namespaces"
USER = "user namespaces"
REWRITTEN = "rewritten paths"

CLONE_NEWNS = 0x00020000  # linux/sched.h
CLONE_NEWUTS = 0x04000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_RDONLY = 0x1  # linux/mount.h
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000
MS_RELATIME = 0x200000
SIOCSIFFLAGS = 0x8914  # linux/sockios.h
IFF_UP = 1
PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Room:
    """What a job sees where."""

    folder: str  # becomes /opt/ml
    scratch: str  # an existing folder of the job's own; becomes /tmp
    hosts: tuple[str, ...] = ("algo-1",)  # its own name first
    network: bool = True  # False: only its own loopback interface, as EnableNetworkIsolation
    keep: tuple[str, ...] = ()  # paths below /tmp that must stay visible, such as the interpreter's
    # (a folder below ``folder``, relative to it; what is seen there instead, and cannot be written)
    shared: tuple[tuple[str, str], ...] = ()


def enter(rung: str, room: Room) -> None:
    """Move this process into a file system where ``room.folder`` is ``/opt/ml``: ``leave``, and ``move_in``."""
    leave(rung)
    move_in(room)


def leave(rung: str) -> None:
    """Give this process a view of its own, in which everything is still as it was. Raises OSError."""
    flags = CLONE_NEWNS | CLONE_NEWUTS
    if rung == USER:
        _unshare_as_user(flags)
    else:
        _call("unshare", flags)
    _mount("none", "/", flags=MS_REC | MS_SLAVE)  # what happens here stays here


def move_in(room: Room) -> None:
    """Make ``room.folder`` ``/opt/ml``, and so on, in a view that is this process's own.

    Raises:
        OSError: the kernel refused; the process may be half way and should end.
    """
    if not room.network:
        _call("unshare", CLONE_NEWNET)
    with (
        _held(room.folder) as folder,
        _held(room.scratch) as scratch,
        _held(*room.keep) as kept,
        _held(*(outside for _, outside in room.shared)) as shared,
    ):
        if not Path(BASE).is_dir():
            _cover_opt()
        _mount(f"/proc/self/fd/{folder[0]}", BASE, flags=MS_BIND | MS_REC)
        for (place, _), handle in zip(room.shared, shared, strict=True):
            _show_read_only(handle, f"{BASE}/{place}")
        _name_hosts(room)
        _private_tmp(scratch[0], dict(zip(room.keep, kept, strict=True)))
    if not room.network:
        _loopback_up()


def probe() -> str:
    """The best rung of the ladder that works on this machine, found by climbing it in a forked child.

    Only a whole ``enter`` tells: on Ubuntu, unshare succeeds and the first mount fails. Call with one thread.
    """
    if sys.platform != "linux":
        return REWRITTEN
    folder = Path(tempfile.mkdtemp(prefix="local-sagemaker-probe-"))
    try:
        for rung in (ROOT, USER):
            if _works(rung, folder):
                return rung
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return REWRITTEN


def _works(rung: str, folder: Path) -> bool:
    (folder / "ml").mkdir(exist_ok=True)
    (folder / "scratch").mkdir(exist_ok=True)
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        enter(rung, Room(str(folder / "ml"), str(folder / "scratch")))
        Path(BASE, "probe").write_text(rung)
        os._exit(0)
    finally:  # whatever went wrong, this child must not return into its parent's code
        os._exit(1)


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent dies; ``parent`` is who that should be."""
    if sys.platform == "linux":
        _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none is out of reach."""
    if sys.platform == "linux":
        _call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def sweep(namespace: int, leaving: int | None) -> None:
    """Kill every process in the mount namespace that the open file ``namespace`` refers to, but for ``leaving``.

    The file keeps the namespace, and so its number, alive: a number alone may already be another job's.
    """
    identity = os.fstat(namespace)
    for _ in range(100):  # a process may fork while we look
        members = [
            pid
            for pid in _processes()
            if pid != leaving and _namespace_of(pid) == (identity.st_dev, identity.st_ino)
        ]
        if not members:
            return
        for pid in members:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())


def _namespace_of(pid: int) -> tuple[int, int] | None:
    try:
        status = os.stat(f"/proc/{pid}/ns/mnt")  # noqa: PTH116 - hundreds of calls
    except OSError:  # gone, a zombie, or somebody else's
        return None
    return status.st_dev, status.st_ino


def _unshare_as_user(flags: int) -> None:
    uid, gid = os.geteuid(), os.getegid()  # afterwards they read as 65534 until the maps are written
    _call("unshare", flags | CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


@contextlib.contextmanager
def _held(*paths: str) -> Iterator[list[int]]:
    """Handles on folders that stay good when something is mounted over the way to them."""
    handles: list[int] = []
    try:
        handles.extend(os.open(path, os.O_PATH | os.O_CLOEXEC) for path in paths)
        yield handles
    finally:
        for handle in handles:
            os.close(handle)


def _cover_opt() -> None:
    """Make room for /opt/ml where the machine has none: an empty /opt, with what it held put back."""
    with _held("/opt") as (old,):
        entries = list(os.scandir("/opt"))
        _mount("tmpfs", "/opt", kind="tmpfs", data="mode=755")
        for entry in entries:
            new, source = Path("/opt", entry.name), f"/proc/self/fd/{old}/{entry.name}"
            if entry.is_symlink():
                new.symlink_to(Path(source).readlink())
                continue
            if entry.is_dir():
                new.mkdir()
            else:
                new.touch()
            _mount(source, str(new), flags=MS_BIND | MS_REC)
    Path(BASE).mkdir()


def _show_read_only(handle: int, place: str) -> None:
    """Let a folder be seen at ``place`` too, where writing to it fails as on a read-only disk (EROFS)."""
    _mount(f"/proc/self/fd/{handle}", place, flags=MS_BIND | MS_REC)
    # A bind mount takes its flags from where it comes from; only a second call can add to them, and in a user
    # namespace it may take none of them away.
    has = os.statvfs(place).f_flag
    same = has & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME)
    relative = MS_RELATIME if has & os.ST_RELATIME else 0
    _mount("none", place, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | same | relative)


def _name_hosts(room: Room) -> None:
    """Give the machine the job's name, and every host of the job an address on loopback."""
    name = room.hosts[0].encode()
    _call("sethostname", name, len(name))
    if not Path("/etc/hosts").is_file():
        return
    known = Path("/etc/hosts").read_text(errors="replace").rstrip("\n")
    # Sorted, so that all hosts of a job agree; from .2 on, because .1 is localhost.
    lines = [f"127.0.0.{place} {host}" for place, host in enumerate(sorted(room.hosts), start=2)]
    hosts = Path(room.scratch, ".hosts")
    hosts.write_text("\n".join([known, *lines, ""]))
    _mount(str(hosts), "/etc/hosts", flags=MS_BIND)


def _private_tmp(scratch: int, kept: dict[str, int]) -> None:
    """Put the job's scratch folder on /tmp; what must stay visible below /tmp is put back into it."""
    inside = f"/proc/self/fd/{scratch}"
    for path, handle in kept.items():
        place = Path(inside, Path(path).relative_to("/tmp"))  # noqa: S108 - the container's
        if Path(f"/proc/self/fd/{handle}").is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        _mount(f"/proc/self/fd/{handle}", str(place), flags=MS_BIND | MS_REC)
    _mount(inside, "/tmp", flags=MS_BIND | MS_REC)  # noqa: S108


def _loopback_up() -> None:
    """A new network namespace has a loopback interface, switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def _mount(
    source: str, target: str, *, kind: str | None = None, flags: int = 0, data: str | None = None
) -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind, data)]
    _call("mount", texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(function: str, *arguments: object) -> None:
    """Call the C library; a result of -1 is an OSError that names the call."""
    if getattr(_library(), function)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")

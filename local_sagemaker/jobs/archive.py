"""Archives that come from outside: written the same way every time, read without trusting a byte.

``pack`` writes what SageMaker writes as ``model.tar.gz`` and ``output.tar.gz``. The same files give the same
bytes: sorted names, no times, no owners. ``extract`` never writes outside its destination: files are created
new in real folders, links come last and only when they end inside.
"""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_LEVEL = 1  # a model compresses to nearly the same size as at 9, several times faster


# A file where a folder is wanted, or the other way round; a name that is too long for the disk.
_CLASHES = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG)


class ArchiveError(Exception):
    """The archive is damaged, or would write outside its destination. The message is a whole sentence."""


def pack(folder: Path, target: Path) -> int:
    """Write every file below ``folder`` to the gzip-compressed tar archive ``target``; the number of files.

    Symbolic links become what they point at, where that lies inside ``folder``; others are left out. An
    absent folder gives an empty archive, as SageMaker's does.
    """
    root = folder.resolve()
    number = 0
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, name in _files(root):
            with path.open("rb") as file:
                archive.addfile(_header(path, name), file)
            number += 1
    return number


def extract(archive: Path, destination: Path) -> int:
    """Unpack a tar archive, compressed or not, below ``destination``; the number of files.

    Raises ArchiveError for an archive that is damaged or names anything outside its destination: an absolute
    path, ``..``, a link that leads out, a device. Nothing outside is ever written, nor anything below a link.
    """
    destination.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            return _extract(tar, destination.resolve(), archive.name)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(f"{archive.name} is not a whole tar archive: {error}") from None
    except OSError as error:
        if error.errno not in _CLASHES:
            raise
        raise ArchiveError(f"{archive.name} names what cannot be a file: {error}") from None


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            real = Path(os.path.realpath(path))  # unlike resolve(), not upset by links in a circle
            if real.is_relative_to(root) and real.is_file():
                yield real, path.relative_to(root).as_posix()


def _header(path: Path, name: str) -> tarfile.TarInfo:
    about = path.stat()
    header = tarfile.TarInfo(name)
    header.size = about.st_size
    header.mode = 0o755 if about.st_mode & stat.S_IXUSR else 0o644
    return header


@dataclass(frozen=True)
class _Link:
    path: Path  # where it will be
    name: str  # as the archive names it
    target: str  # relative to the folder of ``path``


def _extract(tar: tarfile.TarFile, root: Path, archive: str) -> int:
    links: dict[Path, _Link] = {}
    number = 0
    for member in tar:
        parts = _parts(member.name, archive)
        if not parts:
            continue
        path = root.joinpath(*parts)
        _refuse_below_link(path, root, links, member.name, archive)
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
        elif member.isfile():
            links.pop(path, None)
            _write(tar, member, path)
            number += 1
        elif member.issym() or member.islnk():
            links[path] = _link(member, path, root, archive)
        else:
            raise ArchiveError(f"{archive}: {member.name} is a device or a pipe; only files are allowed")
    for link in links.values():
        _make(link, root, archive)
    while tar.fileobj and tar.fileobj.read(1 << 20):  # to the end, where gzip's checksum is
        pass
    return number


def _parts(name: str, archive: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ArchiveError(f"{archive}: {name} leads outside the folder it is unpacked in")
    return path.parts


def _refuse_below_link(path: Path, root: Path, links: dict[Path, _Link], name: str, archive: str) -> None:
    """Refuse to write through a link, whether the archive brings it or it was there before."""
    for parent in path.parents:
        if parent == root:
            return
        if parent in links or parent.is_symlink():
            raise ArchiveError(f"{archive}: {name} lies below a link")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a second member of that name wins, as with tar; never written in place
    source = tar.extractfile(member)
    assert source is not None  # noqa: S101 - it is a regular file
    mode = 0o755 if member.mode & stat.S_IXUSR else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with source, open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        shutil.copyfileobj(source, file, 1 << 20)


def _link(member: tarfile.TarInfo, path: Path, root: Path, archive: str) -> _Link:
    """A hard link names a member from the root of the archive, a symbolic link from its own folder."""
    if PurePosixPath(member.linkname).is_absolute():
        raise ArchiveError(f"{archive}: {member.name} links to {member.linkname}, which leads outside")
    start = path.parent if member.issym() else root
    target = os.path.relpath(os.path.normpath(start / member.linkname), path.parent)
    return _Link(path, member.name, member.linkname if member.issym() else target)


def _make(link: _Link, root: Path, archive: str) -> None:
    link.path.parent.mkdir(parents=True, exist_ok=True)
    link.path.unlink(missing_ok=True)
    link.path.symlink_to(link.target)
    # Resolved only now, through all the links that are there: their sum is what may lead outside.
    if not Path(os.path.realpath(link.path)).is_relative_to(root):
        link.path.unlink()
        raise ArchiveError(f"{archive}: {link.name} links to {link.target}, which leads outside")

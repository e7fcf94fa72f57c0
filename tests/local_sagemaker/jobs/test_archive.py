"""Archives: the same bytes every time, and nothing that leaves its folder."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_sagemaker.jobs.archive import ArchiveError, extract, pack


def write(path: Path, *members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]) -> Path:
    """An archive with exactly these members."""
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            header, body = member if isinstance(member, tuple) else (member, b"")
            header.size = len(body)
            tar.addfile(header, io.BytesIO(body))
    return path


def header(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


names = st.text("abc.é -", min_size=1, max_size=8).filter(lambda name: name.strip(". ") != "")
files = st.dictionaries(st.tuples(names, names), st.binary(max_size=300), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files)
def test_what_is_packed_comes_out_again(tmp_path: Path, content: dict[tuple[str, str], bytes]) -> None:
    """Packing and extracting gives the same files, and packing twice the same bytes."""
    place = tmp_path / os.urandom(6).hex()
    source, target, archive = place / "in", place / "out", place / "x.tar.gz"
    source.mkdir(parents=True)
    for (folder, name), body in content.items():
        path = source / f"{folder}_" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    number = pack(source, archive)
    first = archive.read_bytes()
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
    pack(source, archive)

    assert number == len(content)
    assert archive.read_bytes() == first
    assert extract(archive, target) == len(content)
    assert tree(target) == tree(source)


def test_an_absent_folder_gives_an_empty_archive(tmp_path: Path) -> None:
    """A training job that writes no model leaves an archive with nothing in it, as on SageMaker."""
    assert pack(tmp_path / "model", tmp_path / "model.tar.gz") == 0

    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        assert tar.getnames() == []


def test_links_are_packed_as_files_unless_they_lead_out(tmp_path: Path) -> None:
    """What a link inside points at is packed; what one outside points at is nobody's business."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    source = tmp_path / "model"
    source.mkdir()
    (source / "a").write_text("a")
    (source / "b").symlink_to("a")
    (source / "c").symlink_to(secret)
    pack(source, tmp_path / "x.tar.gz")

    with tarfile.open(tmp_path / "x.tar.gz") as tar:
        assert {member.name: member.isreg() for member in tar} == {"a": True, "b": True}


HOSTILE = {
    "an absolute path": [header("/etc/passwd2")],
    "a path that goes up": [header("../up")],
    "a path that goes up later": [header("a/../../up")],
    "a link to an absolute path": [header("a", tarfile.SYMTYPE, "/etc/passwd")],
    "a link that goes up": [header("a", tarfile.SYMTYPE, "../up")],
    "a hard link that goes up": [header("a", tarfile.LNKTYPE, "../up")],
    "a hard link to an absolute path": [header("a", tarfile.LNKTYPE, "/etc/passwd")],
    "a file below a link": [header("a", tarfile.SYMTYPE, "b"), header("a/c")],
    "a folder below a link": [header("a", tarfile.SYMTYPE, "b"), header("a/c", tarfile.DIRTYPE)],
    "links that lead out together": [
        header("r/s/", tarfile.DIRTYPE),
        header("p/q/b", tarfile.SYMTYPE, "../../r"),
        header("p/q/a", tarfile.SYMTYPE, "b/../../up"),
    ],
    "a file that is a folder too": [header("a"), header("a/b")],
    "a folder that is a file too": [header("a/b"), header("a")],
    "a name that no disk holds": [header("a" * 5000)],
    "a device": [header("null", tarfile.CHRTYPE)],
    "a pipe": [header("pipe", tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_nothing_leaves_the_folder(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    """An archive that names anything outside is refused, and nothing was written there."""
    (tmp_path / "up").write_text("untouched")
    archive = write(tmp_path / "evil.tar.gz", *members)

    with pytest.raises(ArchiveError, match=r"evil\.tar\.gz"):
        extract(archive, tmp_path / "out")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar.gz", "out", "up"]
    assert (tmp_path / "up").read_text() == "untouched"
    assert not any(
        path.is_symlink() and not path.resolve().is_relative_to(tmp_path / "out")
        for path in tmp_path.rglob("*")
    )


def test_an_existing_link_is_not_written_through(tmp_path: Path) -> None:
    """A destination that already holds a link out of it does not let an archive write there."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ArchiveError, match="below a link"):
        extract(write(tmp_path / "x.tar.gz", (header("a/b"), b"x")), tmp_path / "out")

    assert not list((tmp_path / "elsewhere").iterdir())


def test_links_in_a_circle_harm_nobody(tmp_path: Path) -> None:
    """They lead nowhere, and are neither followed nor packed again."""
    archive = write(
        tmp_path / "x.tar.gz", header("a", tarfile.SYMTYPE, "b"), header("b", tarfile.SYMTYPE, "a")
    )

    extract(archive, tmp_path / "out")

    assert pack(tmp_path / "out", tmp_path / "y.tar.gz") == 0


def test_links_inside_work(tmp_path: Path) -> None:
    """Links that stay inside are made, whichever comes first."""
    archive = write(
        tmp_path / "x.tar.gz",
        header("link", tarfile.SYMTYPE, "folder/file"),
        (header("folder/file"), b"content"),
        header("folder/hard", tarfile.LNKTYPE, "folder/file"),
    )

    extract(archive, tmp_path / "out")

    assert (tmp_path / "out/link").read_bytes() == b"content"
    assert (tmp_path / "out/folder/hard").read_bytes() == b"content"


def test_the_last_of_two_members_with_one_name_wins(tmp_path: Path) -> None:
    """As tar does; and a link that a file replaces is not followed."""
    (tmp_path / "up").write_text("untouched")
    archive = write(
        tmp_path / "x.tar.gz", header("a", tarfile.SYMTYPE, "b"), (header("a"), b"1"), (header("a"), b"2")
    )

    extract(archive, tmp_path / "out")

    assert tree(tmp_path / "out") == {"a": b"2"}


@pytest.mark.parametrize("damage", [b"", b"not an archive", "half", "bits"])
def test_a_damaged_archive_is_named(tmp_path: Path, damage: bytes | str) -> None:
    """What is not a whole archive is an ArchiveError that says which file it was, never a traceback."""
    source = tmp_path / "in"
    source.mkdir()
    (source / "a").write_bytes(os.urandom(50_000))
    pack(source, tmp_path / "x.tar.gz")
    whole = (tmp_path / "x.tar.gz").read_bytes()
    if damage == "half":
        damage = whole[: len(whole) // 2]
    elif damage == "bits":
        damage = whole[:2000] + bytes(1000) + whole[3000:]
    (tmp_path / "x.tar.gz").write_bytes(damage)

    with pytest.raises(ArchiveError, match=r"x\.tar\.gz is not a whole tar archive"):
        extract(tmp_path / "x.tar.gz", tmp_path / "out")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["a", "b", "..", ".", "", "c"]), min_size=1, max_size=4).map("/".join),
            st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE]),
            st.lists(st.sampled_from(["a", "b", "..", "c", ""]), min_size=1, max_size=5).map("/".join),
        ),
        max_size=6,
    )
)
def test_no_archive_writes_outside(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    """Whatever the members are: afterwards, nothing outside the destination is new, and no link leads there."""
    place = tmp_path / os.urandom(6).hex()
    out = place / "deep" / "out"
    out.mkdir(parents=True)
    archive = write(place / "x.tar.gz", *(header(*member) for member in members if member[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        with contextlib.suppress(ArchiveError):
            extract(archive, out)

    assert {path.name for path in place.iterdir()} == {"deep", "x.tar.gz"}
    assert [path.name for path in (place / "deep").iterdir()] == ["out"]
    assert all(Path(os.path.realpath(path)).is_relative_to(out) for path in out.rglob("*"))

"""Tells from the installed packages alone whether there is anything to install."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

_HARMLESS = ("-q", "--quiet", "--no-cache-dir", "--no-input", "--disable-pip-version-check")


def is_met(line: str) -> bool:
    """Whether one line of a requirements file is met. An option or a URL never is: that is for pip to judge."""
    text = line.partition(" #")[0].strip()
    if not text or text.startswith("#"):
        return True
    try:
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate():
            return True
        return not wanted.url and wanted.specifier.contains(metadata.version(wanted.name), prereleases=True)
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False


def all_met(arguments: Sequence[str]) -> bool:
    """Whether ``pip install`` with these arguments has nothing to do."""
    return all(map(is_met, _wanted(arguments)))


def _wanted(arguments: Sequence[str]) -> Iterator[str]:
    left = iter(arguments)
    for argument in left:
        if argument in ("-r", "--requirement"):
            file = Path(next(left, ""))
            if file.is_file():  # else pip says so
                yield from file.read_text(encoding="utf-8").splitlines()
        elif argument not in _HARMLESS:
            yield argument

"""Rules about images and model files: what is no longer repaired, what is not pinned, what runs code when read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from pipelines.lint.finding import Found
from pipelines.lint.subject import Subject, literals

TABLE = Path(__file__).parent / "retired_images.toml"

_IMAGE_KEYS = ("ImageUri", "TrainingImage", "Image", "image_uri")
_IMAGE = re.compile(
    r"(?P<registry>[^/\s]+)/(?P<repository>[^:@\s]+)(:(?P<tag>[^@\s]+))?(?P<digest>@sha256:\w+)?"
)
_UNTAGGED = ("sagemaker-model-monitor-analyzer",)  # AWS publishes it so
_PICKLE = re.compile(r"\.(pkl|pickle|joblib|dill|cloudpickle)$", re.IGNORECASE)


@dataclass(frozen=True)
class Retired:
    """Versions of an image that AWS no longer patches."""

    repository: str
    versions: tuple[str, ...]  # a tag is one of these, or goes on with "-" or "."
    ended: date  # the day of the last patch, or on which it was found to be listed no more
    why: str
    source: str
    instead: str

    def covers(self, repository: str, tag: str) -> bool:
        """Whether an image of that name and tag is one of these."""
        begins = tuple(f"{version}{end}" for version in self.versions for end in ("-", "."))
        return repository == self.repository and (tag in self.versions or tag.startswith(begins))


@cache
def retired() -> tuple[Retired, ...]:
    """The table, as it is written in ``retired_images.toml``."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["image"]
    return tuple(Retired(**{**row, "versions": tuple(row["versions"])}) for row in rows)


def retired_image(subject: Subject) -> Iterator[Found]:
    """An image whose patches have ended by the day of the lint."""
    for step, path, image in _images(subject):
        for row in retired():
            if row.ended <= subject.today and row.covers(image["repository"], image["tag"] or ""):
                what = f"{image['repository']}:{image['tag']} {row.why} ({row.ended}, {row.source})"
                yield Found(
                    step, path, what, f"use {row.instead}, and train again: models do not move unchanged"
                )


def floating_image(subject: Subject) -> Iterator[Found]:
    """An image whose content may be another tomorrow."""
    for step, path, image in _images(subject):
        name = image["repository"].rpartition("/")[2]
        if not image["digest"] and image["tag"] in (None, "latest") and name not in _UNTAGGED:
            said = "has the tag 'latest'" if image["tag"] else "has no tag, which means 'latest'"
            yield Found(
                step, path, f"{image['repository']} {said}: what it is changes without a change of yours"
            )


def pickled_model(subject: Subject) -> Iterator[Found]:
    """A file that runs code when it is loaded."""
    for step in subject.steps:
        for literal in literals(step.arguments):
            if isinstance(literal.value, str) and _PICKLE.search(literal.value):
                yield Found(
                    step.name,
                    literal.path,
                    f"{literal.value} is a pickle: whoever wrote it runs code on loading",
                )


def _images(subject: Subject) -> Iterator[tuple[str, str, re.Match[str]]]:
    for step in subject.steps:
        for literal in literals(step.arguments):
            if literal.key in _IMAGE_KEYS and isinstance(literal.value, str):
                image = _IMAGE.fullmatch(literal.value)
                if image:
                    yield step.name, literal.path, image

"""Rules about S3 addresses: what runs overwrite of each other, and what changes though nothing has changed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from local_sagemaker.pipelines.expressions import references
from pipelines.lint.finding import Found
from pipelines.lint.subject import Literal, Subject, literals, walked

# What differs from execution to execution.
_RUNS = (
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "StartDateTime",
    "CurrentDateTime",
    "ProcessingJobName",
    "TrainingJobName",
)
_HASH = re.compile(
    r"(?<![0-9a-fA-F])[0-9a-fA-F]{32,}(?![0-9a-fA-F])"
)  # of contents: the same for the same code
_PER_BUILD = re.compile(
    r"""(?<![0-9A-Za-z]) (?:
        20\d\d-?\d\d-?\d\d [-T_]? \d\d[-:]?\d\d[-:]?\d\d (?:-\d{1,3})?   # 2024-05-01-12-30-59-123, 20240501123059
      | 1[5-9]\d{8}(?:\d{3})?                                            # seconds or milliseconds since 1970
      | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}     # a UUID
    ) (?![0-9A-Za-z])""",
    re.VERBOSE,
)
_CODE_NAMES = ("code", "entrypoint", "source", "sm_drivers", "analysis_config")  # of inputs and channels
_CODE_FILE = re.compile(r"(\.py|\.sh|/sourcedir\.tar\.gz|/source\.tar\.gz)$")


def shared_output(subject: Subject) -> Iterator[Found]:
    """An output address that is the same in every execution."""
    for output in subject.outputs:
        if not _scoped(subject, output.value):
            what = f"every execution writes to {subject.text(output.value)}"
            yield Found(output.step, output.path, what)


def shared_checkpoint(subject: Subject) -> Iterator[Found]:
    """Checkpoints that the next execution would resume from, whatever it trains."""
    for step in subject.steps:
        for path in ("CheckpointConfig.S3Uri", "TrainingJobDefinition.CheckpointConfig.S3Uri"):
            uri = walked(step.arguments, path)
            if uri is not None and not _scoped(subject, uri):
                yield Found(step.name, path, f"every execution resumes from {subject.text(uri)}")


def colliding_outputs(subject: Subject) -> Iterator[Found]:
    """Two outputs of one execution at one address; of a ForEach's body, those of all items."""
    at = defaultdict(list)
    for output in subject.outputs:
        at[subject.text(output.value).rstrip("/")].append(output)
        loop = subject.definition.steps[output.step].loop
        if loop and not any(named.space == "ForEach" for named in references(output.value)):
            what = f"what ForEach {loop!r} makes of the step for each item writes to {subject.text(output.value)}"
            yield Found(
                output.step, output.path, what, 'add {"Get": "ForEach.CurrentItem"} to the address, by Join'
            )
    for text, found in at.items():
        for output in found[1:]:
            what = f"it writes to {text}, and so does {found[0].step}.{found[0].path}"
            yield Found(output.step, output.path, what)


def changing_code(subject: Subject) -> Iterator[Found]:
    """A code address with a time or a random part in it."""
    for step in subject.steps:
        for literal in literals(step.arguments):
            if isinstance(literal.value, str) and _is_code(literal):
                found = _PER_BUILD.search(_HASH.sub("", literal.value))
                if found:
                    what = f"{found[0]!r} in {literal.value} is new in every build, and so is the definition"
                    yield Found(step.name, literal.path, what)


def _scoped(subject: Subject, value: object) -> bool:
    if any(named.space == "Execution" and named.name in _RUNS for named in references(value)):
        return True
    # Through another step's arguments; what only that step's job will know may well be scoped.
    text = subject.text(value)
    return "${Steps." in text or any("${Execution." + name + "}" in text for name in _RUNS)


def _is_code(literal: Literal) -> bool:
    text = str(literal.value).strip('"')
    if "submit_directory" in literal.key.lower():
        return True
    if "s3://" not in text:
        return False
    named = [f"['{name}']" in literal.path for name in _CODE_NAMES]
    return any(named) or bool(_CODE_FILE.search(text))

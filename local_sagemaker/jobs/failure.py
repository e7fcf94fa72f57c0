"""Why a job failed, in SageMaker's words first and with the last lines of its log after them."""

from __future__ import annotations

import errno
from http import HTTPStatus
from pathlib import Path

from local_sagemaker.errors import AwsError
from local_sagemaker.logs import tail

LIMIT = 1024  # characters of FailureReason and ExitMessage that SageMaker keeps
_HEADLINE = 640  # what the first part may take of it, so that some of the log is always seen
_LINES = 20


class JobFailure(Exception):
    """The job ends as Failed; the message is its FailureReason.

    Begins as SageMaker's do: ``ClientError:`` the request or the data, ``AlgorithmError:`` the program,
    ``InternalServerError:`` the service, which is what a pipeline's retry policy looks at.
    """


def reason(headline: str, log: Path) -> str:
    """``headline``, then as many of the log's last lines as fit into FailureReason."""
    headline = shorten(headline, _HEADLINE)
    lines = "\n".join(tail(log, _LINES)).strip()
    if lines in headline:  # none, or those in which the program has said the same
        return headline
    between = "\nLast lines of the log:\n"
    left = LIMIT - len(headline) - len(between)
    return headline + between + (lines if len(lines) <= left else "…" + lines[1 - left :])


def read(path: Path) -> str:
    """What a container left as its message or failure file; empty where it left none.

    Only the first 1,024 characters count on SageMaker. The file is the job's, so it may be anything: a pipe, which
    nobody writes to any more, or a link to somebody else's secrets.
    """
    if path.is_symlink() or not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            return file.read(4 * LIMIT).decode("utf-8", "replace").strip()[:LIMIT]
    except OSError:
        return ""


def shorten(text: str, limit: int) -> str:
    """The text, cut to ``limit`` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def explain(error: Exception, doing: str) -> str:
    """The FailureReason for an error that this side of the container met while ``doing`` something."""
    if isinstance(error, JobFailure):
        return str(error)
    if isinstance(error, AwsError):
        kind = "InternalServerError" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "ClientError"
        return f"{kind}: {doing} failed: {error.message}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"ClientError: No space left on this machine's disk: {doing} failed. Free some and start again."
        )
    return f"InternalServerError: {doing} failed: {type(error).__name__}: {error}"

"""Why a request, or a row of it, gets no prediction; and how a framework container is made to say so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

BAD_REQUEST, NOT_ACCEPTABLE, UNSUPPORTED = 400, 406, 415
JSON = "application/json"


class Refused(Exception):
    """The whole request is refused, with this HTTP status: what is wrong, and what would be right."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row: row numbers count from 1, in the order of the request."""

    row: int
    message: str
    column: str = ""

    def document(self) -> dict[str, Any]:
        """As it stands in an answer."""
        named = {"column": self.column} if self.column else {}
        return {"status": BAD_REQUEST, "row": self.row, **named, "message": self.message}


def document(content: dict[str, Any]) -> str:
    """The body of a refusal."""
    return json.dumps(content, ensure_ascii=False)


def response(status: int, content: dict[str, Any]) -> Any:
    """An HTTP response, which the framework containers hand on as it is; an exception would make it a 500."""
    from werkzeug.wrappers import Response

    return Response(document(content), status=status, mimetype=JSON)

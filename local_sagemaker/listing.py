"""Every List operation: filter, sort and page documents as the request asks.

A page token names the last item that was answered, not a position. So each item is answered exactly once, in
order, whatever is added or deleted between two pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_sagemaker.errors import ValidationException
from local_sagemaker.service_model import input_shape, output_shape

Document = dict[str, Any]
Filter = Callable[[Document, Any], bool]  # a document, and what the request asks for

_NOT_FILTERS = {"SortBy", "SortOrder", "MaxResults", "NextToken", "CrossAccountFilterOption"}
# How the end of a filter's name compares. "After" includes the moment itself, as AWS documents for most.
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Contains": operator.contains,
    "Prefix": str.startswith,
    "After": operator.ge,
    "Before": operator.lt,
    "Equals": operator.eq,
    "": operator.eq,
}
_PAGE = 10  # AWS's default where it documents none


def page(
    operation: str,
    documents: Iterable[Document],
    request: Mapping[str, Any],
    *,
    kind: str,
    filters: Mapping[str, Filter] | None = None,
    size: int = _PAGE,
) -> dict[str, Any]:
    """The answer of a List operation: one page of summaries and, if there is more, its ``NextToken``.

    ``documents`` are Describe-shaped; the control plane cuts them down to the summary's shape. A filter is
    read off its name (``NameContains``, ``CreationTimeAfter``, ``StatusEquals``, ``ExperimentName``), where
    ``Name`` and ``Status`` mean the kind's own; ``filters`` says what names that do not follow the rule mean.
    The newest come first unless ``SortOrder`` says otherwise; ``size`` is the page's where neither the request
    nor AWS's documentation says one. Raises ValidationException on a token that did not come from the same
    request.
    """
    own = filters or {}
    matches = [(own.get(name) or _filter(name, kind), value) for name, value in _given(request)]
    found = [document for document in documents if all(test(document, value) for test, value in matches)]
    member = _member(_words(request.get("SortBy", "CreationTime")), kind)
    # Newest first, whatever the reference says: AWS's own templates rely on it where it documents Ascending.
    order = request.get("SortOrder", "Descending")
    rows, token = cut(
        found,
        key=lambda document: sort_key(document.get(member), _identity(document, kind)),
        descending=order.title() == "Descending",
        size=request.get("MaxResults") or _documented_size(operation) or size,
        token=request.get("NextToken"),
        query={**request, "Operation": operation},
    )
    answer: dict[str, Any] = {_items(operation): rows}
    return {**answer, "NextToken": token} if token else answer


def sort_key(value: Any, identity: str) -> list[Any]:
    """Where a document comes in the order: those without the value first, equal ones by identity."""
    return [value is not None, value, identity]


def cut(
    documents: Iterable[Document],
    *,
    key: Callable[[Document], list[Any]],
    descending: bool,
    size: int,
    token: str | None,
    query: Mapping[str, Any],
) -> tuple[list[Document], str | None]:
    """One page of ``documents`` in the order of ``key``, and the token of the next page.

    ``key`` is JSON and different for every document; ``query`` is what must be the same on each page.
    """
    fingerprint = _fingerprint(query)
    rows = sorted(((key(document), document) for document in documents), key=operator.itemgetter(0))
    if descending:
        rows.reverse()
    if token:
        last = _last(token, fingerprint)
        rows = [row for row in rows if (row[0] < last if descending else row[0] > last)]
    selected = rows[:size]
    more = _token(fingerprint, selected[-1][0]) if len(rows) > size else None
    return [document for _, document in selected], more


def _given(request: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in request.items() if name not in _NOT_FILTERS]


def _filter(name: str, kind: str) -> Filter:
    suffix = next(suffix for suffix in _COMPARISONS if name.endswith(suffix) and name != suffix)
    member, compare = _member(name.removesuffix(suffix), kind), _COMPARISONS[suffix]
    return lambda document, value: document.get(member) is not None and compare(document[member], value)


def _member(word: str, kind: str) -> str:
    """The member of the document that a filter or ``SortBy`` means by ``word``."""
    return {
        "Name": f"{kind}Name",
        "Status": f"{kind}Status",
        "Created": "CreationTime",
        "Modified": "LastModifiedTime",
    }.get(word, word)


def _words(name: str) -> str:
    return name.title().replace("_", "") if name.isupper() else name  # LAST_MODIFIED_TIME in newer operations


def _identity(document: Document, kind: str) -> str:
    return str(document.get(f"{kind}Arn") or document.get(f"{kind}Name"))


def _items(operation: str) -> str:
    members: Mapping[str, Any] = output_shape(operation).members  # type: ignore[union-attr]
    return next(name for name, shape in members.items() if shape.type_name == "list")


def _documented_size(operation: str) -> int | None:
    """The default size of a page, which botocore's model states only in prose: "The default value is 10."."""
    shape = input_shape(operation)
    prose = shape.members["MaxResults"].documentation if shape and "MaxResults" in shape.members else ""
    stated = re.search(r"default[^.]*?\b(\d+)\b", re.sub("<[^>]*>", "", prose))
    return int(stated[1]) if stated else None


def _fingerprint(query: Mapping[str, Any]) -> str:
    fixed = {name: value for name, value in query.items() if name not in ("MaxResults", "NextToken")}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]


def _token(fingerprint: str, last: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([fingerprint, last]).encode()).decode()


def _last(token: str, fingerprint: str) -> list[Any]:
    try:
        made_for, last = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):
        made_for, last = None, []
    if made_for != fingerprint or not isinstance(last, list):
        raise ValidationException(
            "NextToken is not valid: pass the token of the previous page, with the same filters and order."
        )
    return last

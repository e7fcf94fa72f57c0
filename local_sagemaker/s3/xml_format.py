"""S3's documents: plain dicts to XML and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from local_sagemaker.s3.errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

# Beside the markup characters, those that a parser would change or refuse; S3 writes the latter all the same.
_special = re.compile('[&<>"\\r\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\\ufffe\\uffff]')
_entities = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def document(root: str, content: Mapping[str, object] | str, *, namespace: str | None = NAMESPACE) -> bytes:
    """An XML document: a key is an element, a list repeats it, None leaves it out."""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    inside = _escaped(content) if isinstance(content, str) else _elements(content)
    return f"{DECLARATION}<{root}{attribute}>{inside}</{root}>".encode()


def parse(body: bytes, root: str) -> ET.Element:
    """The root element of a document, without namespaces.

    Raises:
        S3Error: MalformedXML, where it is not XML or not a ``root``.
    """
    try:
        element = ET.fromstring(body)  # noqa: S314 - expat bounds the growth of entities by itself
    except ET.ParseError as error:
        raise _malformed(str(error)) from None
    for each in element.iter():
        each.tag = each.tag.rpartition("}")[2]
    if element.tag != root:
        raise _malformed(f"expected <{root}>, got <{element.tag}>")
    return element


def text(element: ET.Element, path: str) -> str:
    """The text of a descendant.

    Raises:
        S3Error: MalformedXML, where there is none.
    """
    found = element.findtext(path)
    if found is None:
        raise _malformed(f"<{element.tag}> needs <{path}>")
    return found


def _malformed(reason: str) -> S3Error:
    return S3Error(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema: "
        + reason,
    )


def _elements(content: Mapping[str, object]) -> str:
    return "".join(_element(name, value) for name, value in content.items())


def _element(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return f"<{name}>{_elements(value)}</{name}>"
    if isinstance(value, (list, tuple)):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, bool):
        value = str(value).lower()
    return f"<{name}>{_escaped(str(value))}</{name}>"


def _escaped(text: str) -> str:
    return _special.sub(_entity, text)


def _entity(match: re.Match[str]) -> str:
    return _entities.get(match[0]) or f"&#x{ord(match[0]):X};"

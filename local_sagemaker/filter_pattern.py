"""CloudWatch Logs' filter patterns, as far as they speak of text.

``a "b c"`` all of them, ``?a ?b`` any of them, ``-a`` none of them, ``%a|b%`` a regular expression. Patterns over
JSON (``{ … }``) and over columns (``[ … ]``) are refused by name.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from local_sagemaker.errors import AwsError

Test = Callable[[str], bool]
_TERM = re.compile(
    r'(?P<sign>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<word>[^\s"%]+))(?=\s|$)'
)


def matcher(pattern: str) -> Test:
    """What tells whether a message matches. Raises AwsError(InvalidParameterException) for what it cannot read."""
    pattern = pattern.strip()
    if pattern[:1] in ("{", "["):
        kind = "JSON" if pattern[0] == "{" else "space-delimited"
        raise _refused(
            pattern, f"{kind} patterns are not supported here, only words, phrases and regular expressions"
        )
    terms = _terms(pattern)
    needed = [test for sign, test in terms if sign == ""]
    unwanted = [test for sign, test in terms if sign == "-"]
    # AWS leaves optional terms out of account where others are present.
    either = [test for sign, test in terms if sign == "?"] if not needed and not unwanted else []

    def matches(message: str) -> bool:
        return (
            all(test(message) for test in needed)
            and not any(test(message) for test in unwanted)
            and (not either or any(test(message) for test in either))
        )

    return matches


def _terms(pattern: str) -> list[tuple[str, Test]]:
    terms = []
    position = 0
    while position < len(pattern):
        found = _TERM.match(pattern, position)
        if found is None:
            raise _refused(pattern, f"cannot read it from {pattern[position:]!r} on")
        terms.append((found["sign"], _test(pattern, found)))
        position = found.end()
        position += len(pattern[position:]) - len(pattern[position:].lstrip())
    return terms


def _test(pattern: str, found: re.Match[str]) -> Test:
    if found["regex"] is not None:
        try:
            regex = re.compile(found["regex"])
        except re.error as error:
            raise _refused(pattern, str(error)) from None
        return lambda message: regex.search(message) is not None
    phrase = found["phrase"]
    text = found["word"] if phrase is None else re.sub(r"\\(.)", r"\1", phrase)
    return lambda message: text in message


def _refused(pattern: str, why: str) -> AwsError:
    return AwsError(f"Invalid filter pattern {pattern!r}: {why}.", code="InvalidParameterException")

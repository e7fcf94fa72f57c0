"""CloudWatch Logs' filter patterns."""

import pytest

from local_sagemaker.errors import AwsError
from local_sagemaker.filter_pattern import matcher

TABLE = [
    ("", "anything", True),
    ("ERROR", "an ERROR here", True),
    ("ERROR", "an error here", False),
    ("ERROR disk", "disk: ERROR", True),
    ("ERROR disk", "ERROR", False),
    ('"disk full"', "the disk full of logs", True),
    ('"disk full"', "full disk", False),
    (r'"say \"no\""', 'they say "no"', True),
    ("?ERROR ?WARN", "WARN: low", True),
    ("?ERROR ?WARN", "INFO", False),
    ("ERROR -disk", "ERROR in net", True),
    ("ERROR -disk", "ERROR in disk", False),
    ('-"all well"', "all well", False),
    ("?INFO ERROR", "INFO", False),
    ("?INFO ERROR", "ERROR", True),
    ("%auc=0\\.9[0-9]%", "auc=0.93", True),
    ("%auc=0\\.9[0-9]%", "auc=0.83", False),
    ("validation-auc:0.9", "validation-auc:0.91", True),
]


@pytest.mark.parametrize(("pattern", "message", "expected"), TABLE)
def test_text_patterns_match_as_aws_documents(pattern, message, expected):
    """Words are needed, ?words optional, -words unwanted; case counts."""
    assert matcher(pattern)(message) is expected


@pytest.mark.parametrize("pattern", ['{ $.level = "ERROR" }', "[ip, user]", '"open', "%(%"])
def test_what_cannot_be_read_is_refused_with_the_pattern_in_the_message(pattern):
    """No pattern silently matches everything or nothing."""
    with pytest.raises(AwsError, match="Invalid filter pattern") as error:
        matcher(pattern)

    assert error.value.code == "InvalidParameterException"

"""The catalogue of causes explains what it says it explains, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.causes import Entry, catalogue, explain

EXAMPLES = [(entry, example) for entry in catalogue() for example in entry.examples]


@pytest.mark.parametrize(("entry", "example"), EXAMPLES, ids=[example[:40] for _, example in EXAMPLES])
def test_each_entry_explains_its_own_examples(entry: Entry, example: str) -> None:
    """No earlier entry takes them away."""
    found = explain([example])

    assert found is not None
    assert found.cause.split("{")[0].startswith(entry.cause.split("{")[0])
    assert "{" not in found.cause + found.fix


def test_an_explanation_names_what_the_failure_names() -> None:
    """Role, action and resource; so that nobody has to search a long line for them."""
    found = explain(
        [
            "An error occurred (AccessDeniedException): User: arn:aws:sts::1:assumed-role/ml/x is not authorized to"
            " perform: sagemaker:CreateModel on resource: arn:aws:sagemaker:eu-west-1:1:model/m because no policy does"
        ]
    )

    assert found is not None
    assert found.cause == (
        "arn:aws:sts::1:assumed-role/ml/x may not do sagemaker:CreateModel on arn:aws:sagemaker:eu-west-1:1:model/m."
    )


def test_the_failure_reason_counts_before_the_log() -> None:
    """A warning in the log does not explain a failure that explains itself."""
    found = explain(["CapacityError: none", "OSError: [Errno 28] No space left on device"])

    assert found is not None
    assert "instance type" in found.cause


def test_what_nobody_knows_is_not_explained() -> None:
    """Better no cause than a wrong one."""
    assert explain(["The weather was bad.", ""]) is None


@given(st.text())
def test_any_text_can_be_looked_up(text: str) -> None:
    """Whatever a log holds, braces and all; one that ends with an error is explained, if only by that."""
    found = explain([f"{text}\nValueError: {{x}} {text}"])

    assert found is not None
    assert found.cause
    assert found.fix

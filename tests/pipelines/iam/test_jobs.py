"""What the table says that our own jobs ask of SageMaker is what their code asks."""

from __future__ import annotations

import ast

import pytest
from botocore import xform_name
from botocore.session import get_session

from pipelines.iam.jobs import CALLS
from pipelines.publish import BATCH_SETTINGS_READ, CHECK_MODULE, SETTINGS_READ, closure

FILES = {name: f"containers/processing/{name}.py" for name in (*SETTINGS_READ, *BATCH_SETTINGS_READ)}
FILES["check"] = CHECK_MODULE
# In the code of a job, and never reached by it: the shadow endpoint is for Clarify's configurations that name a model,
# and those of our checks bring the archive instead.
NOT_REACHED = {"check": {"CreateEndpoint", "CreateEndpointConfig", "InvokeEndpoint"}}


def operations() -> dict[str, str]:
    """Every method of the clients of SageMaker and its runtime, with its operation."""
    models = [get_session().get_service_model(name) for name in ("sagemaker", "sagemaker-runtime")]
    named = {xform_name(name): name for model in models for name in model.operation_names}
    del named["search"]  # of regular expressions, everywhere
    return named


def asked(file: str) -> set[str]:
    """The operations that the code of a job calls, itself or through what it imports of ours."""
    known, found = operations(), set()
    for source in closure(file).values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                names = [node.func.attr]
                if node.func.attr == "get_paginator" and isinstance(node.args[0], ast.Constant):
                    names.append(str(node.args[0].value))
                found |= {known[name] for name in names if name in known}
    return found


@pytest.mark.parametrize("module", FILES)
def test_the_table_says_what_a_job_asks(module: str) -> None:
    """No call is missing, which a role would be refused; none is too much, which a role should not have."""
    assert set(CALLS.get(module, ())) == asked(FILES[module]) - NOT_REACHED.get(module, set())


def test_the_table_knows_no_job_that_there_is_not() -> None:
    """A name that nobody runs grants nothing and hides what is missing."""
    assert CALLS.keys() <= FILES.keys()

"""CloudFormation stacks that really create what they say, or say that they cannot.

moto keeps the stacks and creates what it has models for. Two things are ours: a resource that lives behind our own
front, or that moto has an API for but no model, is created through its own service, as any client would; and a type
that nobody creates is refused before anything is made.

kinds      the resource types that are created through their services: a table
bridge     … as models of moto's
check      the refusal
templates  templates and nested stacks from our S3
"""

from __future__ import annotations

from local_sagemaker.stacks import bridge, check, templates


def prepare(*, through_services: bool) -> None:
    """Before moto's CloudFormation is first used; where nobody is ``asked``, nothing is created through services."""
    if through_services:
        bridge.install()
        templates.install()
    check.install()

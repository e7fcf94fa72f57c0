"""What a forked child does before there is a job for it."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from local_sagemaker.jobs import child, namespace
from local_sagemaker.jobs.child import Inheritance, Order
from local_sagemaker.jobs.interpreter import Fresh
from local_sagemaker.jobs.namespace import Room

INHERITANCE = Inheritance(
    pid=os.getppid(),
    rung=namespace.ROOT,
    library_path=(),
    fresh=Fresh.now(),
    environment={},
    blas_threads=lambda _: None,
)


def test_an_order_travels_as_json():
    """With folders that are shared, hosts, and what must stay visible."""
    room = Room(
        "/f", "/s", ("algo-1", "algo-2"), network=False, keep=("/tmp/x",), shared=(("input/data/a", "/y"),)
    )
    order = Order(room, ["python3", "x.py"], {"A": "ä\n"}, "/", [0, 1])

    assert Order.parse(json.loads(json.dumps(order, default=vars))) == order


@pytest.mark.parametrize("rung", [namespace.ROOT, namespace.USER])
def test_a_kernel_that_refuses_is_asked_again_when_there_is_a_job(monkeypatch, rung):
    """A child that ended because of it would be followed by another at once, and so on, and no job would hear of it."""

    def refused(_: str) -> None:
        raise OSError(28, "unshare: No space left on device")

    monkeypatch.setattr(namespace, "leave", refused)

    assert not child._leave(replace(INHERITANCE, rung=rung))


def test_without_namespaces_there_is_nothing_to_leave(monkeypatch):
    """And nothing is tried."""
    monkeypatch.setattr(namespace, "leave", None)

    assert child._leave(replace(INHERITANCE, rung=namespace.REWRITTEN))


def test_a_rehearsal_leaves_no_trace():
    """Neither in the environment, nor among the modules."""
    before = dict(os.environ), set(Fresh.now().modules)
    child._rehearse(INHERITANCE)

    assert (dict(os.environ), set(Fresh.now().modules)) == before

"""The endpoint serves the newest approved package of its group, whatever happens on the way."""

from __future__ import annotations

from tests.containers.deployer.conftest import Stage


def test_the_first_approved_package_makes_the_endpoint(stage: Stage) -> None:
    """Model, configuration and endpoint are created and tagged; asked again, nothing changes."""
    arn = stage.package("one")

    begun = stage.ask(arn)
    done = stage.settled()

    assert (begun.status, begun.version, begun.package) == ("Creating", 1, arn)
    assert done.status == "InService"
    assert stage.answer() == "one"
    before = stage.idle()["LastModifiedTime"]
    assert stage.ask(arn).status == "InService"
    assert stage.idle()["LastModifiedTime"] == before
    assert stage.configurations() == [done.configuration]

"""The endpoint serves the newest approved package of its group, whatever happens on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import pytest

from containers.deployer.ask import Ask
from containers.deployer.reconcile import NotOurs, reconcile
from containers.deployer.remove import remove
from containers.deployer.result import Result
from tests.containers.deployer.conftest import ANSWERS_500, DIES, ERRORS, Load, Stage, canary, refused


def test_the_first_approved_package_makes_the_endpoint(stage: Stage) -> None:
    """Model, configuration and endpoint are created; asked again, nothing changes."""
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


def test_nothing_approved_is_said(stage: Stage) -> None:
    """Neither an empty group nor a pending version makes an endpoint."""
    assert stage.ask().status == "NothingApproved"
    pending = stage.package("one", approval="PendingManualApproval")
    assert stage.ask().status == "NothingApproved"
    asked = stage.ask(pending)
    assert asked.status == "NotApproved"
    assert "version 1 is PendingManualApproval" in asked.message
    assert stage.models() == []


def test_a_better_model_takes_over_by_a_canary(stage: Stage) -> None:
    """Under a constant load: both answer while the canary bakes, then only the new one, and no request is lost."""
    stage.settings(traffic=canary(seconds=2), alarms=[ERRORS])
    stage.package("one")
    stage.deployed()
    second = stage.package("two")

    with Load(stage) as load:
        begun = stage.ask(second)
        load.until("two")
        load.until("one")  # which still has its share
        done = stage.settled()
        load.until("two")

    assert (begun.status, done.status, done.version) == ("Updating", "InService", 2)
    assert load.failures == []
    assert {stage.answer() for _ in range(10)} == {"two"}
    assert stage.idle()["LastDeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"] == [
        {"AlarmName": f"{stage.name}-Invocation5XXErrors"}
    ]


def test_a_model_that_dies_is_taken_back(stage: Stage) -> None:
    """It never answers; no client notices, and the registry says why it is rejected."""
    stage.settings(traffic=canary(seconds=2), alarms=[ERRORS])
    stage.package("one")
    stage.deployed()
    broken = stage.package("two", **DIES)

    with Load(stage) as load:
        assert stage.ask(broken).status == "Updating"
        done = stage.settled()
        load.until("one")

    assert done.status == "RolledBack"
    assert done.version == 1
    assert "version 2 was taken back and is rejected" in done.message
    status, reason = stage.approval(broken)
    assert status == "Rejected"
    assert f"The endpoint {stage.name} took this version back" in reason
    assert (load.failures, set(load.answers)) == ([], {"one"})
    assert stage.configurations() == [done.configuration]  # what was made for it is gone


def test_a_model_that_answers_500_is_taken_back_by_its_alarm(stage: Stage) -> None:
    """Clients of the canary get its error, nobody gets none at all, and all are answered well afterwards."""
    stage.settings(traffic=canary(seconds=60), alarms=[ERRORS])
    stage.package("one")
    stage.deployed()
    broken = stage.package("two", **ANSWERS_500)

    with Load(stage) as load:
        stage.ask(broken)
        stage.idle()
        seen = len(load.failures)
        done = stage.settled()
        load.until("one", 20)

    assert done.status == "RolledBack"
    assert stage.approval(broken)[0] == "Rejected"
    assert f"{stage.name}-Invocation5XXErrors" in stage.approval(broken)[1]
    assert seen > 0
    assert {failure.partition(" when")[0] for failure in load.failures} == {
        "ModelError('An error occurred (ModelError)"
    }
    assert len(load.failures) <= seen + 2  # those that were on their way
    assert stage.ask(insist=False).status == "InService"  # another event does not try it again


def test_what_is_approved_again_is_tried_again(stage: Stage) -> None:
    """Somebody who approves a rejected version means it."""
    stage.package("one")
    stage.deployed()
    broken = stage.package("two", **DIES)
    assert stage.deployed(broken).status == "RolledBack"

    stage.decide(broken, "Approved")

    assert stage.ask(broken).status == "Updating"
    assert stage.settled().status == "RolledBack"


def test_a_rejected_version_makes_room_for_the_one_before(stage: Stage) -> None:
    """That is the rollback: the registry's fact, and its configuration is still there."""
    stage.package("one")
    first = stage.deployed()
    second = stage.package("two")
    stage.deployed(second)
    stage.decide(second, "Rejected")
    stage.said.clear()

    assert stage.ask(insist=False).status == "Updating"
    done = stage.settled()

    assert (done.status, done.version, done.configuration) == ("InService", 1, first.configuration)
    assert not [line for line in stage.said if line.startswith("created")]
    assert stage.answer() == "one"


def test_an_older_package_is_superseded(stage: Stage) -> None:
    """Who asks for it hears of the newer one, which is deployed."""
    first, _ = stage.package("one"), stage.package("two")
    done = stage.ask(first)
    assert done.status == "Superseded"
    assert "version 2 is approved too, and newer than 1" in done.message
    assert stage.settled().version == 2


def test_what_is_asked_for_during_a_change_follows_it(stage: Stage) -> None:
    """In the middle of an update the answer is Busy; the event of its end deploys."""
    stage.settings(traffic=canary(seconds=2))
    stage.package("one")
    stage.deployed()
    stage.ask(stage.package("two"))
    third = stage.package("three")

    busy = stage.ask(third)

    assert (busy.status, busy.version) == ("Busy", 3)
    assert stage.settled().status == "Updating"
    assert stage.settled().version == 3
    assert stage.answer() == "three"


def test_two_at_once_make_one_deployment(stage: Stage) -> None:
    """An approval and the pipeline's step ask at the same moment, for a new endpoint and for an update."""

    def together(package: str) -> list[Result]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(stage.ask, [package] * 4))

    for answer, status in (("one", "Creating"), ("two", "Updating")):
        done = together(stage.package(answer))
        assert {each.status for each in done} <= {status, "InService"}
        assert stage.settled().status == "InService"
        assert stage.answer() == answer
    assert len(stage.configurations()) == 2


def test_a_change_that_slips_in_between_is_looked_at(stage: Stage) -> None:
    """Another update begins and ends between our look and our request, which is refused: we look and decide again."""
    stage.package("one")
    stage.deployed()
    stage.package("two")
    ours = replace(stage.clients)
    update = stage.sagemaker.update_endpoint
    refusals = []

    def late(**request: Any) -> Any:
        if not refusals:
            refusals.append(request)
            stage.ask()  # the other one, whose update is under way when we come
            try:
                return update(**request)
            finally:
                stage.idle()
        return update(**request)

    ours.__dict__["sagemaker"] = Late(stage.sagemaker, late)

    done = reconcile(stage.deployment, Ask("a test asks", insist=True), ours)

    assert len(refusals) == 1
    assert (done.status, done.version) == ("InService", 2)


class Late:
    """boto3's client, but for one request."""

    def __init__(self, client: Any, update_endpoint: Any) -> None:
        self._client = client
        self.update_endpoint = update_endpoint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


KILLED = """
import boto3, json, os, signal, sys
from containers.deployer.ask import Ask
from containers.deployer.clients import Clients
from containers.deployer.reconcile import reconcile
from containers.deployer.settings import read

def make(service):
    client = boto3.client(service)
    if service == "sagemaker":
        client.meta.events.register(
            f"before-call.sagemaker.{sys.argv[1]}", lambda **_: os.kill(os.getpid(), signal.SIGKILL)
        )
    return client

reconcile(read(json.load(sys.stdin)), Ask("a test", insist=True), Clients(make, print))
"""


KILLS = [
    ("CreateModel", "Updating", 2),
    ("CreateEndpointConfig", "Updating", 1),
    ("UpdateEndpoint", "Updating", 0),
    ("AddTags", "InService", 0),  # after UpdateEndpoint: there is nothing more to do
]


@pytest.mark.parametrize(("before", "then", "created"), KILLS)
def test_a_run_that_is_killed_is_gone_on_with(
    stage: Stage, environment: dict[str, str], before: str, then: str, created: int
) -> None:
    """Killed before one of its requests: what it had made is used, and nothing is rejected."""
    stage.package("one")
    stage.deployed()
    second = stage.package("two")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, before],
        input=json.dumps(asdict(stage.deployment)),
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr
    stage.idle()
    stage.said.clear()

    begun = stage.ask(insist=False)

    assert begun.status == then
    assert len([line for line in stage.said if line.startswith("created")]) == created
    done = stage.settled()
    assert (done.status, done.version) == ("InService", 2)
    assert stage.approval(second)[0] == "Approved"


def test_an_endpoint_that_could_not_be_created_waits_for_somebody(stage: Stage) -> None:
    """An event leaves it; an explicit ask tries again; another version takes its place."""
    broken = stage.package("one", **DIES)
    failed = stage.deployed(broken)
    assert failed.status == "Failed"
    assert "could not be created with version 1" in failed.message
    assert stage.approval(broken)[0] == "Approved"  # nothing was taken back: it never served

    assert stage.deployed(broken).status == "Failed"
    stage.package("two")
    assert stage.ask(insist=False).status == "Creating"
    assert stage.settled().status == "InService"
    assert stage.answer() == "two"


def test_what_was_superseded_is_swept_away(stage: Stage) -> None:
    """This version and the one before it stay; models and configurations of older ones go."""
    stage.package("one")
    first = stage.deployed()
    for answer in ("two", "three"):
        stage.package(answer)
        last = stage.deployed()

    kept = stage.configurations()
    assert (len(kept), last.configuration in kept, first.configuration in kept) == (2, True, False)
    assert len(stage.models()) == 2


def test_changed_settings_are_an_update(stage: Stage) -> None:
    """The same version on other instances: another configuration, and the old one goes."""
    stage.package("one")
    before = stage.deployed()
    stage.settings(instance_type="ml.m5.xlarge")

    assert stage.ask().status == "Updating"
    after = stage.settled()

    assert (after.status, after.version) == ("InService", 1)
    assert stage.configurations() == [after.configuration] != [before.configuration]
    assert stage.answer() == "one"


@pytest.mark.parametrize("kind", ["ab", "shadow"])
def test_two_versions_are_compared(stage: Stage, kind: str) -> None:
    """A/B: each answers its share. Shadow: the new one gets a copy, and only the old one answers."""
    stage.settings(compare={"kind": kind, "share": 0.5})
    stage.package("one")
    stage.deployed()
    assert stage.answer() == "one"
    stage.package("two")

    done = stage.deployed()

    assert (done.status, done.version) == ("InService", 2)
    answers = {stage.answer() for _ in range(40)}
    assert answers == ({"one", "two"} if kind == "ab" else {"one"})
    if kind == "ab":
        assert stage.answer(TargetVariant="Challenger") == "two"
    else:
        (shadow,) = stage.idle()["ShadowProductionVariants"]
        assert shadow["VariantName"] == "Challenger"


def test_a_challenger_that_fails_leaves_the_champion_alone(stage: Stage) -> None:
    """The newer of the two is rejected; the older has all the traffic, as before."""
    stage.settings(compare={"kind": "ab", "share": 0.5})
    stage.package("one")
    stage.deployed()
    broken = stage.package("two", **DIES)

    done = stage.deployed()

    assert (done.status, done.version) == ("RolledBack", 1)
    assert stage.approval(broken)[0] == "Rejected"
    assert stage.answer(TargetVariant="AllTraffic") == "one"


def test_what_surrounds_the_endpoint_follows_the_settings(stage: Stage) -> None:
    """Alarms and autoscaling come with their settings and go with them; those of others stay."""
    cloudwatch, autoscaling = stage.client("cloudwatch"), stage.client("application-autoscaling")

    def alarms() -> set[str]:
        found = cloudwatch.describe_alarms(AlarmNamePrefix=stage.name)["MetricAlarms"]
        return {each["AlarmName"].removeprefix(stage.name) for each in found}

    def scaled() -> set[str]:
        found = autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return {each["ResourceId"] for each in found if f"/{stage.name}/" in each["ResourceId"]}

    theirs = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1.0}
    cloudwatch.put_metric_alarm(
        AlarmName=f"{stage.name}-theirs", MetricName="m", Namespace="n", Period=60, Statistic="Sum", **theirs
    )
    autoscaling_setting = {"minimum": 1, "maximum": 3, "invocations_per_instance": 100}
    stage.settings(alarms=[ERRORS], autoscaling=autoscaling_setting)
    stage.package("one")
    stage.deployed()
    assert alarms() == {"-Invocation5XXErrors", "-theirs"}
    assert scaled() == {f"endpoint/{stage.name}/variant/AllTraffic"}

    stage.settings(alarms=[ERRORS], autoscaling=autoscaling_setting, compare={"kind": "ab", "share": 0.5})
    stage.package("two")
    stage.deployed()
    assert scaled() == {
        f"endpoint/{stage.name}/variant/Champion",
        f"endpoint/{stage.name}/variant/Challenger",
    }

    stage.settings(compare={"kind": "ab", "share": 0.5})
    with ThreadPoolExecutor(4) as pool:  # several events at once
        assert {each.status for each in pool.map(stage.ask, [""] * 4)} == {"InService"}
    assert (alarms(), scaled()) == ({"-theirs"}, set())


def test_taking_it_down_leaves_the_packages(stage: Stage) -> None:
    """Endpoint, models, configurations, alarms and scaling go; twice is as good as once; no event brings it back."""
    stage.settings(alarms=[ERRORS], autoscaling={"minimum": 1, "maximum": 3, "invocations_per_instance": 100})
    arn = stage.package("one")
    stage.deployed()

    assert remove(stage.deployment, stage.clients) is True
    assert remove(stage.deployment, stage.clients) is False

    assert (stage.configurations(), stage.models()) == ([], [])
    assert stage.ask(insist=False).status == "Absent"
    assert stage.approval(arn)[0] == "Approved"
    assert stage.ask(arn).status == "Creating"


def test_an_unknown_package_is_sagemakers_error(stage: Stage) -> None:
    """Its code and words; nothing is made."""
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{stage.name}/9"
    assert refused(lambda: stage.ask(arn)) == "ValidationException"
    assert stage.models() == []


def test_another_groups_package_is_refused(stage: Stage) -> None:
    """An endpoint serves one group."""
    other = f"{stage.name}-other"
    stage.sagemaker.create_model_package_group(ModelPackageGroupName=other)
    mine, stage.name = stage.name, other
    arn = stage.package("one")
    stage.name = mine
    with pytest.raises(NotOurs, match=f"is not of the group {mine}"):
        stage.ask(arn)


BAD_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"role": "a role, and not the ARN of one"}, "ValidationException"),
    ({"instance_type": "ml.m5.huge"}, "ValidationException"),
    ({"compare": {"kind": "ab", "share": 7}}, "ParamValidationError"),
    ({"instance_count": 0}, "ParamValidationError"),
    ({"traffic": {**canary(1), "max_minutes": 1}}, "ParamValidationError"),
    ({"traffic": canary(4000)}, "ValidationException"),
]


@pytest.mark.parametrize(("settings", "code"), BAD_REQUESTS)
def test_nothing_half_deployed_stays_of_what_is_refused(
    stage: Stage, settings: dict[str, Any], code: str
) -> None:
    """The error comes out with AWS's code, or botocore's; what was made for the update is gone, what serves goes on."""
    stage.package("one")
    stage.deployed()
    before = stage.configurations(), stage.models()
    stage.package("two")
    stage.settings(**settings)
    if "role" in settings:
        stage.deployment = replace(stage.deployment, role=settings["role"])

    assert refused(stage.ask) == code

    assert (stage.configurations(), stage.models()) == before
    assert stage.answer() == "one"
    assert stage.approval(f"{stage.group_arn}/2")[0] == "Approved"


def test_a_package_that_cannot_be_hosted_is_refused(stage: Stage) -> None:
    """CreateEndpoint does not know its image; model and configuration are gone again."""
    stage.image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/unheard-of:1"
    stage.package("one")
    assert refused(stage.ask) == "ValidationException"
    assert (stage.configurations(), stage.models()) == ([], [])

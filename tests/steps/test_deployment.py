"""What a deployment asks for: what AWS refuses is refused before anything is built; what is left out is filled in."""

from __future__ import annotations

from typing import Any

import pytest

from steps.deployment import Alarm, Autoscaling, Capture, Compare, Deployment, Serverless, Traffic
from steps.settings import Keys, Network, Tags

ALARM = Alarm("Invocation5XXErrors")


@pytest.mark.parametrize(
    ("record", "values", "message"),
    [
        (Serverless, {"memory_mb": 2000}, "memory_mb must be 1024, 2048"),
        (Serverless, {"max_concurrency": 0}, "max_concurrency must be between 1 and 200, got 0"),
        (Traffic, {"shift": "canary", "size_percent": 51}, "size_percent must be between 1 and 50, got 51"),
        (Traffic, {"shift": "linear", "size_percent": 9}, "size_percent must be between 10 and 50, got 9"),
        (Traffic, {"wait_seconds": 3601}, "wait_seconds must be between 0 and 3600"),
        (Traffic, {"bake_seconds": -1}, "bake_seconds must be between 0 and 3600"),
        (Traffic, {"max_minutes": 5}, "max_minutes must be between 10 and 480, got 5"),
        (
            Traffic,
            {"shift": "linear", "wait_seconds": 600, "max_minutes": 60},
            "come to 6060 seconds, which max_minutes",
        ),
        (Alarm, {"metric": "Invocation5XXErrors", "period_seconds": 30}, "a multiple of 60"),
        (Alarm, {"metric": "ModelLatency"}, "choose Average or p99"),
        (Capture, {"percent": 0}, "percent must be between 1 and 100"),
        (Capture, {"uri": "/tmp"}, "must be an address in S3"),
        (Autoscaling, {"minimum": 0}, "minimum \\(0\\) must be at least 1"),
        (Autoscaling, {"minimum": 5}, "not above maximum \\(4\\)"),
        (Autoscaling, {"invocations_per_instance": 0}, "must be above 0"),
        (Compare, {"share": 0}, "between 0 and 1"),
        (Compare, {"kind": "ab", "share": 1.0}, "between 0 and 1"),
        (Deployment, {"instance_type": "m5.large"}, "must start with 'ml.'"),
        (Deployment, {"instance_count": 0}, "instance_count must be at least 1"),
    ],
)
def test_a_value_that_aws_refuses_is_refused(record: type, values: dict[str, Any], message: str) -> None:
    """With the setting's name and what would be right."""
    with pytest.raises(ValueError, match=message):
        record(**values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"form": "native", "traffic": Traffic()}, ["traffic: belongs to form 'guarded'"]),
        (
            {
                "form": "native",
                "alarms": (ALARM,),
                "existing_alarms": ("a",),
                "capture": Capture(),
                "autoscaling": Autoscaling(),
                "compare": Compare(),
            },
            ["alarms:", "existing_alarms:", "capture: belongs", "autoscaling:", "compare:"],
        ),
        ({"form": "native", "serverless": Serverless()}, []),
        (
            {
                "form": "guarded",
                "serverless": Serverless(),
                "traffic": Traffic(),
                "alarms": (ALARM,),
                "existing_alarms": ("a",),
                "capture": Capture(),
                "autoscaling": Autoscaling(),
                "compare": Compare("shadow"),
                "isolated": True,
            },
            [
                "traffic: a serverless",
                "alarms:",
                "existing_alarms:",
                "capture:",
                "autoscaling:",
                "compare:",
                "isolated:",
            ],
        ),
        (
            {"form": "guarded", "traffic": Traffic("canary")},
            ["traffic.shift: 'canary' moves whole instances"],
        ),
        ({"form": "guarded", "traffic": Traffic("canary"), "instance_count": 2}, []),
        (
            {"form": "guarded", "instance_count": 9, "autoscaling": Autoscaling()},
            ["instance_count: 9 does not lie between"],
        ),
        ({"form": "guarded", "alarms": (ALARM, ALARM)}, ["alarms: Invocation5XXErrors stands there twice"]),
        (
            {"form": "guarded", "existing_alarms": tuple("abcdefghijk")},
            ["alarms: an update is guarded by at most 10"],
        ),
        (
            {"form": "guarded", "endpoint": "{usecase}_x"},
            ["endpoint: 'roaming_x' must be letters and digits"],
        ),
        ({"form": "guarded", "endpoint": "x" * 46}, [f"endpoint: '{'x' * 46}' has 46 characters"]),
        ({"form": "off", "endpoint": "_", "traffic": Traffic("canary")}, []),
    ],
)
def test_what_does_not_go_together_is_named(values: dict[str, Any], said: list[str]) -> None:
    """All of it, in lines that begin with the setting; nothing is said of what a form can do."""
    found = list(Deployment(**values).problems("roaming", Network()))

    assert len(found) == len(said), found
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True)), found


def test_a_serverless_endpoint_cannot_be_in_a_vpc() -> None:
    """Nor is it left outside of one silently."""
    network = Network(subnets=("subnet-1",), security_groups=("sg-1",))
    (line,) = Deployment("guarded", serverless=Serverless()).problems("roaming", network)

    assert line == "serverless: a serverless endpoint cannot be in the VPC that [network] asks for"


def test_the_function_is_told_everything() -> None:
    """What the settings leave out comes from the environment and the use case."""
    deployment = Deployment("guarded", endpoint="{usecase}-eu", capture=Capture(50), alarms=(ALARM,))
    network = Network(("subnet-1",), ("sg-1",), isolated=True)

    document = deployment.document(
        "roaming", "group", "arn:aws:iam::1:role/r", Keys("k"), network, Tags({"a": "b"}), "s3://b/p"
    )

    assert document == {
        "group": "group",
        "endpoint": "roaming-eu",
        "role": "arn:aws:iam::1:role/r",
        "instance_type": "ml.m5.large",
        "instance_count": 1,
        "serverless": None,
        "traffic": {
            "shift": "all_at_once",
            "size_percent": 10,
            "wait_seconds": 60,
            "bake_seconds": 60,
            "max_minutes": 60,
        },
        "alarms": [{"metric": "Invocation5XXErrors", "statistic": "Sum", "above": 0.0, "period_seconds": 60}],
        "existing_alarms": [],
        "capture": {"percent": 50, "uri": "s3://b/p/capture"},
        "autoscaling": None,
        "keys": {"volume": "k", "output": None},
        "network": {"subnets": ["subnet-1"], "security_groups": ["sg-1"], "isolated": False},
        "tags": {"a": "b"},
        "compare": None,
    }

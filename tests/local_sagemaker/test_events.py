"""SageMaker's own events reach the targets of EventBridge rules."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

KEEP = """
import boto3, json
def handler(event, context):
    boto3.client('s3').put_object(Bucket='{bucket}', Key='{prefix}/' + context.aws_request_id, Body=json.dumps(event))
"""


def eventually(what: Callable[[], Any]) -> Any:
    """What ``what`` comes to say, within a minute."""
    for _ in range(1200):
        if found := what():
            return found
        time.sleep(0.05)
    return what()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"events-{abs(hash(request.node.nodeid))}"


@pytest.fixture
def received(client: Callable[[str], Any], local: LocalSageMaker, name: str) -> Callable[[], list[Any]]:
    """What the function of this test has been sent."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", KEEP.format(bucket=local.settings.bucket, prefix=name))
    client("lambda").create_function(
        FunctionName=name,
        Role=local.settings.role_arn,
        Runtime="python3.11",
        Handler="index.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=60,
        MemorySize=512,
    )

    def read() -> list[Any]:
        s3, bucket = client("s3"), local.settings.bucket
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{name}/").get("Contents", [])
        return [json.loads(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()) for each in listed]

    return read


@pytest.fixture
def rule(client: Callable[[str], Any], name: str) -> Iterator[Callable[..., None]]:
    """``rule(pattern, target)``: a rule of this test's own."""
    events = client("events")

    def make(pattern: dict[str, Any], **target: Any) -> None:
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.sagemaker"], **pattern}))
        events.put_targets(Rule=name, Targets=[{"Id": "it", **target}])

    yield make
    events.remove_targets(Rule=name, Ids=["it"])
    events.delete_rule(Name=name)


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"


def package(client: Callable[[str], Any], group: str) -> str:
    sagemaker = client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    return str(
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            InferenceSpecification={
                "Containers": [{"Image": "an/image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
    )


def test_an_approval_reaches_a_function(
    client: Callable[[str], Any], rule: Callable[..., None], received: Callable[[], list[Any]], name: str
) -> None:
    """Approving a pending package invokes the rule's function, once, with the event as SageMaker sends it."""
    pattern = {
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [name], "ModelApprovalStatus": ["Approved"]},
    }
    rule(pattern, Arn=function_arn(name))
    arn = package(client, name)
    client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    (event,) = eventually(received)
    assert event["source"] == "aws.sagemaker"
    assert event["resources"] == [arn]
    assert event["detail"]["ModelPackageArn"] == arn
    assert event["detail"]["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    client("sagemaker").update_model_package(ModelPackageArn=arn, ApprovalDescription="said again")
    assert len(received()) == 1


def test_the_end_of_a_pipeline_starts_another(
    client: Callable[[str], Any], rule: Callable[..., None], local: LocalSageMaker, name: str
) -> None:
    """A rule on the status of an execution starts the pipeline that is its target, with the target's parameters."""
    sagemaker = client("sagemaker")

    def create(pipeline: str) -> str:
        fail = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Why"}}}
        why = {"Name": "Why", "Type": "String", "DefaultValue": "by itself"}
        definition = {"Version": "2020-12-01", "Parameters": [why], "Steps": [fail]}
        told = {"PipelineDefinition": json.dumps(definition), "RoleArn": local.settings.role_arn}
        return str(
            sagemaker.create_pipeline(PipelineName=pipeline, ClientRequestToken="x" * 40, **told)[
                "PipelineArn"
            ]
        )

    first, second = create(f"{name}-first"), create(f"{name}-second")
    client("events").list_rules()  # moto, who keeps the rules, is there from now on
    pattern = {
        "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
        "detail": {"pipelineArn": [first], "currentPipelineExecutionStatus": ["Failed"]},
    }
    given = {"PipelineParameterList": [{"Name": "Why", "Value": "because of the other"}]}
    rule(pattern, Arn=second, RoleArn=local.settings.role_arn, SageMakerPipelineParameters=given)
    sagemaker.start_pipeline_execution(PipelineName=f"{name}-first")

    def ended() -> Any:
        listed = sagemaker.list_pipeline_executions(PipelineName=f"{name}-second")[
            "PipelineExecutionSummaries"
        ]
        return [each for each in listed if each["PipelineExecutionStatus"] == "Failed"]

    (execution,) = eventually(ended)
    arn = execution["PipelineExecutionArn"]
    (step,) = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert step["FailureReason"] == "because of the other"


INPUTS = [
    ({"Input": '{"always": 1}'}, {"always": 1}),
    ({"InputPath": "$.detail.ModelPackageGroupName"}, None),  # None: the group's name
    (
        {
            "InputTransformer": {
                "InputPathsMap": {
                    "group": "$.detail.ModelPackageGroupName",
                    "version": "$.detail.ModelPackageVersion",
                },
                "InputTemplate": '{"said": "<group> has version <version>"}',
            }
        },
        {"said": "{} has version 1"},
    ),
]


@pytest.mark.parametrize(("target", "expected"), INPUTS)
def test_a_target_gets_what_it_asked_for(
    client: Callable[[str], Any],
    rule: Callable[..., None],
    received: Callable[[], list[Any]],
    name: str,
    target: dict[str, Any],
    expected: Any,
) -> None:
    """Input, InputPath and InputTransformer make the function's event."""
    rule({"detail": {"ModelPackageGroupName": [name]}}, Arn=function_arn(name), **target)
    package(client, name)
    wanted = name if expected is None else json.loads(json.dumps(expected).replace("{}", name))
    assert eventually(received) == [wanted]


def test_a_queue_is_reached_through_moto(
    client: Callable[[str], Any], rule: Callable[..., None], name: str
) -> None:
    """Targets that are neither functions nor pipelines are moto's; one that is not there costs the others nothing."""
    queue = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    rule({"detail": {"ModelPackageGroupName": [name]}}, Arn=f"arn:aws:sqs:us-east-1:123456789012:{name}")
    client("events").put_targets(Rule=name, Targets=[{"Id": "gone", "Arn": function_arn("nobody")}])
    package(client, name)
    (message,) = eventually(lambda: client("sqs").receive_message(QueueUrl=queue).get("Messages", []))
    assert json.loads(message["Body"])["detail"]["ModelPackageGroupName"] == name
    client("events").remove_targets(Rule=name, Ids=["gone"])


def test_a_disabled_rule_does_nothing(
    client: Callable[[str], Any], rule: Callable[..., None], received: Callable[[], list[Any]], name: str
) -> None:
    """What a disabled rule would match is not delivered; once it is enabled, the next event is."""
    events = client("events")
    rule({"detail": {"ModelPackageGroupName": [name]}}, Arn=function_arn(name))
    events.disable_rule(Name=name)
    queue = client("sqs").create_queue(QueueName=name)["QueueUrl"]  # tells when the event has been delivered
    pattern = {"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": [name]}}
    events.put_rule(Name=f"{name}-z", EventPattern=json.dumps(pattern))  # rules are looked at in order
    events.put_targets(
        Rule=f"{name}-z", Targets=[{"Id": "it", "Arn": f"arn:aws:sqs:us-east-1:123456789012:{name}"}]
    )
    arn = package(client, name)
    assert eventually(lambda: client("sqs").receive_message(QueueUrl=queue).get("Messages", []))
    events.enable_rule(Name=name)
    client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    (event,) = eventually(received)
    assert event["detail"]["ModelApprovalStatus"] == "Rejected"


def test_a_package_is_told_at_its_birth_and_at_every_change_of_its_status(
    client: Callable[[str], Any], rule: Callable[..., None], received: Callable[[], list[Any]], name: str
) -> None:
    """Created, approved, rejected: three events, with times as SageMaker writes a package's."""
    rule(
        {
            "detail-type": ["SageMaker Model Package State Change"],
            "detail": {"ModelPackageGroupName": [name]},
        },
        Arn=function_arn(name),
    )
    arn = package(client, name)
    for status in ("Approved", "Rejected"):
        client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)

    eventually(lambda: len(received()) == 3)
    details = sorted((event["detail"] for event in received()), key=lambda each: len(each))
    assert {each["ModelApprovalStatus"] for each in details} == {
        "PendingManualApproval",
        "Approved",
        "Rejected",
    }
    for detail in details:
        assert detail["ModelPackageStatus"] == "Completed"
        assert detail["ModelPackageVersion"] == 1
        assert detail["CreationTime"].endswith("Z")


def test_an_alarm_reaches_a_function(
    client: Callable[[str], Any], rule: Callable[..., None], received: Callable[[], list[Any]], name: str
) -> None:
    """A change of an alarm's state, by hand here, is an event of CloudWatch's."""
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [name], "state": {"value": ["ALARM"]}},
    }
    rule(pattern, Arn=function_arn(name))
    cloudwatch = client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="Drift",
        Namespace="Mine",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    (event,) = eventually(received)
    assert event["source"] == "aws.cloudwatch"
    assert event["resources"] == [f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"]
    assert event["detail"]["state"]["reason"] == "by hand"
    cloudwatch.delete_alarms(AlarmNames=[name])

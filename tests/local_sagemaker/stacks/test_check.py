"""CloudFormation says no to what nothing would create."""

import json

import pytest
from botocore.exceptions import ClientError

from local_sagemaker.stacks.check import creatable
from local_sagemaker.stacks.kinds import KINDS


def template(**kinds):
    return json.dumps(
        {"Resources": {name: {"Type": kind.replace("_", "::")} for name, kind in kinds.items()}}
    )


def test_a_stack_of_known_types_really_creates_them(front):
    """The resource is there through its own service."""
    front.client("cloudformation").create_stack(
        StackName="stacks-good", TemplateBody=template(Queue="AWS_SQS_Queue")
    )
    urls = front.client("sqs").list_queues(QueueNamePrefix="stacks-good")["QueueUrls"]

    assert len(urls) == 1


@pytest.mark.parametrize(
    "kind",
    [
        "AWS_Glue_Job",
        "AWS_SageMaker_Project",
        "AWS_SageMaker_Model",
        "AWS_S3_AccessPoint",
        "AWS_Nothing_Here",
    ],
)
def test_a_stack_with_a_type_that_nothing_creates_fails_and_names_it(front, kind):
    """Nothing of the stack is made, so nothing only looks complete."""
    stacks = front.client("cloudformation")
    name = kind.replace("_", "-")
    with pytest.raises(ClientError, match=kind.replace("_", "::")) as error:
        stacks.create_stack(StackName=name, TemplateBody=template(Queue="AWS_SQS_Queue", Other=kind))

    assert error.value.response["Error"]["Code"] == "ValidationError"
    assert name not in [stack["StackName"] for stack in stacks.list_stacks()["StackSummaries"]]
    assert "QueueUrls" not in front.client("sqs").list_queues(QueueNamePrefix=name)


def test_an_update_or_change_set_is_held_to_the_same(front):
    """A stack cannot get by the check once it exists."""
    stacks = front.client("cloudformation")
    stacks.create_stack(StackName="stacks-update", TemplateBody=template(Queue="AWS_SQS_Queue"))
    wrong = template(Queue="AWS_SQS_Queue", Other="AWS_Glue_Job")

    with pytest.raises(ClientError, match="AWS::Glue::Job"):
        stacks.update_stack(StackName="stacks-update", TemplateBody=wrong)
    with pytest.raises(ClientError, match="AWS::Glue::Job"):
        stacks.create_change_set(StackName="stacks-update", ChangeSetName="c", TemplateBody=wrong)


def test_the_list_is_derived_from_what_has_an_implementation():
    """Types that moto implements are in it; of SageMaker's and S3's only those that are created here."""
    kinds = creatable()
    ours = {kind for kind in kinds if kind.startswith(("AWS::SageMaker::", "AWS::S3::"))}

    assert {"AWS::IAM::Role", "AWS::EC2::VPC"} <= kinds
    assert ours <= {kind.type for kind in KINDS}

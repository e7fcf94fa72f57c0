"""The execution role through IAM and STS."""

import json

import pytest
from botocore.exceptions import ClientError


def simulate(front, actions, arn=None, **more):
    answer = front.client("iam").simulate_principal_policy(
        PolicySourceArn=arn or front.settings.role_arn, ActionNames=actions, **more
    )
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


def test_the_execution_role_is_there_before_anything_is_loaded(front):
    """The SDK asks for role and permissions all the time; that needs no moto."""
    role = front.client("iam").get_role(RoleName="local-sagemaker-execution")["Role"]
    services = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]

    assert role["Arn"] == front.settings.role_arn
    assert {"sagemaker.amazonaws.com", "lambda.amazonaws.com"} <= set(services)
    assert simulate(front, ["s3:PutObject", "sagemaker:CreateTrainingJob"]) == ["allowed", "allowed"]
    assert not front.others.loaded


def test_the_role_is_the_same_once_moto_answers_for_it(front):
    """Loading moto changes nothing that a client can see."""
    iam = front.client("iam")
    before = iam.get_role(RoleName="local-sagemaker-execution")["Role"]
    front.others.load()
    after = iam.get_role(RoleName="local-sagemaker-execution")["Role"]

    assert {key: after[key] for key in before} == before
    assert simulate(front, ["s3:PutObject"]) == ["allowed"]
    assert before["RoleName"] in [role["RoleName"] for role in iam.list_roles()["Roles"]]


def test_permissions_are_those_of_the_roles_policies(front):
    """Inline and attached policies, explicit denials, resources."""
    iam = front.client("iam")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = iam.create_role(RoleName="iam-narrow", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    reading = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::mine/*"}
    deny = {"Effect": "Deny", "Action": "s3:GetObjectAcl", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [reading, deny]}
    iam.put_role_policy(RoleName="iam-narrow", PolicyName="p", PolicyDocument=json.dumps(document))
    actions = ["s3:GetObject", "s3:GetObjectAcl", "s3:PutObject"]

    mine = simulate(front, actions, role, ResourceArns=["arn:aws:s3:::mine/key"])
    theirs = simulate(front, actions, role, ResourceArns=["arn:aws:s3:::theirs/key"])
    iam.attach_role_policy(RoleName="iam-narrow", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")

    assert mine == ["allowed", "explicitDeny", "implicitDeny"]
    assert theirs == ["implicitDeny", "explicitDeny", "implicitDeny"]
    assert simulate(front, ["s3:PutObject"], role) == ["allowed"]


def test_conditions_are_met_by_the_contexts_entries(front):
    """A caller tells the values of condition keys."""
    condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition}
    iam = front.client("iam")
    role = iam.create_role(
        RoleName="iam-passing", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}'
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="iam-passing", PolicyName="p", PolicyDocument=document)

    def passing_to(service):
        entry = {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyValues": [service],
            "ContextKeyType": "string",
        }
        return simulate(front, ["iam:PassRole"], role["Role"]["Arn"], ContextEntries=[entry])

    assert passing_to("sagemaker.amazonaws.com") == ["allowed"]
    assert passing_to("lambda.amazonaws.com") == ["implicitDeny"]


def test_a_role_that_does_not_exist_has_no_permissions_to_ask_for(front):
    """NoSuchEntity, as on AWS."""
    with pytest.raises(ClientError) as error:
        simulate(front, ["s3:PutObject"], "arn:aws:iam::123456789012:role/nobody")

    assert error.value.response["Error"]["Code"] == "NoSuchEntity"


def test_whoever_calls_is_the_execution_role(front):
    """The SDK maps the assumed role's ARN back to the role."""
    sts = front.client("sts")
    expected = "arn:aws:sts::123456789012:assumed-role/local-sagemaker-execution/local"

    assert sts.get_caller_identity()["Arn"] == expected
    front.others.load()
    assert sts.get_caller_identity()["Arn"] == expected


def test_credentials_that_iam_gave_out_are_their_holders(front):
    """An assumed role and a user's key name their own identity."""
    taken = front.client("sts").assume_role(RoleArn=front.settings.role_arn, RoleSessionName="somebody")[
        "Credentials"
    ]
    iam = front.client("iam")
    iam.create_user(UserName="iam-user")
    key = iam.create_access_key(UserName="iam-user")["AccessKey"]["AccessKeyId"]
    session = {"aws_session_token": taken["SessionToken"]}
    as_role = front.client("sts", taken["AccessKeyId"], **session).get_caller_identity()["Arn"]
    as_user = front.client("sts", key).get_caller_identity()["Arn"]

    assert as_role.endswith(":assumed-role/local-sagemaker-execution/somebody")
    assert as_user.endswith(":user/iam-user")

"""Requests through HTTP: who may ask S3 and SageMaker for what."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_sagemaker import LocalSageMaker
from tests.local_sagemaker.authorization.enforced import Client, Enforced, policy

ARN = "arn:aws:sagemaker:us-east-1:123456789012"
BUCKET = "sagemaker-us-east-1-123456789012"
OBJECTS = f"arn:aws:s3:::{BUCKET}"
EXECUTION = "arn:aws:iam::123456789012:role/local-sagemaker-execution"
Ask = Callable[[Client, str], Any]  # a caller's clients, a name that nobody has


def allow(action: str | list[str], resource: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Action": action, "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


def deny(action: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    return {**allow(action, resource, **condition), "Effect": "Deny"}


def s3(operation: str, **request: Any) -> Ask:
    return lambda client, _: getattr(client("s3"), operation)(Bucket=BUCKET, **request)


def sagemaker(operation: str, **request: Any) -> Ask:
    """``NAME`` in a request is a name that nobody has."""

    def ask(client: Client, name: str) -> Any:
        named = json.loads(json.dumps(request).replace("NAME", name))
        return getattr(client("sagemaker"), operation)(**named)

    return ask


GROUP = "create_model_package_group"
MINE = {"Key": "team", "Value": "mine"}
GET, PUT, LIST = (
    s3("get_object", Key="mine/x"),
    s3("put_object", Key="mine/new", Body=b"y"),
    s3("list_objects_v2"),
)
KEY = "sagemaker:InstanceTypes"
CONFIG = sagemaker(
    "create_endpoint_config",
    EndpointConfigName="NAME",
    ProductionVariants=[
        {
            "VariantName": "v",
            "ModelName": "enforced-model",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
    ],
)
MODEL = sagemaker(
    "create_model",
    ModelName="NAME",
    ExecutionRoleArn=EXECUTION,
    PrimaryContainer={"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"},
    VpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
)
PASS = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
PASS_TO_OTHERS = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}

# What the user may; what he asks; the action and resource that is refused, or None.
TABLE: dict[str, tuple[list[Any], Ask, tuple[str, str] | None]] = {
    "nothing is allowed": ([], GET, ("s3:GetObject", f"{OBJECTS}/mine/x")),
    "an object": ([allow("s3:GetObject", f"{OBJECTS}/mine/*")], GET, None),
    "another's object": (
        [allow("s3:GetObject", f"{OBJECTS}/mine/*")],
        s3("get_object", Key="theirs/x"),
        ("s3:GetObject", f"{OBJECTS}/theirs/x"),
    ),
    "to read is not to write": ([allow("s3:Get*")], PUT, ("s3:PutObject", f"{OBJECTS}/mine/new")),
    "to write": ([allow("s3:PutObject", f"{OBJECTS}/*")], PUT, None),
    "a bucket is no object": ([allow("s3:*", f"{OBJECTS}/*")], LIST, ("s3:ListBucket", OBJECTS)),
    "to list": ([allow("s3:ListBucket", OBJECTS)], LIST, None),
    "to list below a prefix": (
        [allow("s3:ListBucket", StringLike={"s3:prefix": "mine/*"})],
        s3("list_objects_v2", Prefix="mine/"),
        None,
    ),
    "to list beside the prefix": (
        [allow("s3:ListBucket", StringLike={"s3:prefix": "mine/*"})],
        s3("list_objects_v2", Prefix="theirs/"),
        ("s3:ListBucket", OBJECTS),
    ),
    "a copy reads": (
        [allow("s3:PutObject")],
        s3("copy_object", Key="mine/copy", CopySource=f"{BUCKET}/theirs/x"),
        ("s3:GetObject", f"{OBJECTS}/theirs/x"),
    ),
    "a copy writes": (
        [allow("s3:GetObject")],
        s3("copy_object", Key="mine/copy", CopySource=f"{BUCKET}/mine/x"),
        ("s3:PutObject", f"{OBJECTS}/mine/copy"),
    ),
    "an upload in parts writes": (
        [allow("s3:AbortMultipartUpload")],
        s3("create_multipart_upload", Key="mine/parts"),
        ("s3:PutObject", f"{OBJECTS}/mine/parts"),
    ),
    "encryption has a name of its own": (
        [allow("s3:GetEncryptionConfiguration", OBJECTS)],
        s3("get_bucket_encryption"),
        None,
    ),
    "a list of everything": ([allow("sagemaker:ListModels", "*")], sagemaker("list_models"), None),
    "a list of one kind has no resource": (
        [allow("sagemaker:ListModels", f"{ARN}:model/*")],
        sagemaker("list_models"),
        ("sagemaker:ListModels", "*"),
    ),
    "one resource": (
        [allow("sagemaker:CreateModelPackageGroup", f"{ARN}:model-package-group/enforced-*")],
        sagemaker(GROUP, ModelPackageGroupName="NAME"),
        None,
    ),
    "another resource": (
        [allow("sagemaker:CreateModelPackageGroup", f"{ARN}:model-package-group/mine-*")],
        sagemaker(GROUP, ModelPackageGroupName="NAME"),
        ("sagemaker:CreateModelPackageGroup", f"{ARN}:model-package-group/NAME"),
    ),
    "tags are another permission": (
        [allow("sagemaker:CreateModelPackageGroup")],
        sagemaker(GROUP, ModelPackageGroupName="NAME", Tags=[MINE]),
        ("sagemaker:AddTags", f"{ARN}:model-package-group/NAME"),
    ),
    "a tag that must be there": (
        [allow("sagemaker:*", StringEquals={"aws:RequestTag/team": "mine"})],
        sagemaker(GROUP, ModelPackageGroupName="NAME", Tags=[MINE]),
        None,
    ),
    "a tag that is not": (
        [allow("sagemaker:*", StringEquals={"aws:RequestTag/team": "mine"})],
        sagemaker(GROUP, ModelPackageGroupName="NAME"),
        ("sagemaker:CreateModelPackageGroup", f"{ARN}:model-package-group/NAME"),
    ),
    "no other tags": (
        [allow("sagemaker:*", **{"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}})],
        sagemaker(GROUP, ModelPackageGroupName="NAME", Tags=[MINE]),
        ("sagemaker:CreateModelPackageGroup", f"{ARN}:model-package-group/NAME"),
    ),
    "an instance type": ([allow("sagemaker:*", StringLike={KEY: "ml.m5.*"})], CONFIG, None),
    "a larger instance type": (
        [allow("sagemaker:*", StringLike={KEY: "ml.t3.*"})],
        CONFIG,
        ("sagemaker:CreateEndpointConfig", f"{ARN}:endpoint-config/NAME"),
    ),
    "a role to hand on": (
        [allow("sagemaker:CreateModel"), allow("iam:PassRole", EXECUTION, **PASS)],
        MODEL,
        None,
    ),
    "a role that is not his to hand on": ([allow("sagemaker:*")], MODEL, ("iam:PassRole", EXECUTION)),
    "a role to hand to others": (
        [allow("sagemaker:*"), allow("iam:PassRole", EXECUTION, **PASS_TO_OTHERS)],
        MODEL,
        ("iam:PassRole", EXECUTION),
    ),
    "in the network": (
        [allow("*"), deny("sagemaker:*", Null={"sagemaker:VpcSubnets": "true"})],
        MODEL,
        None,
    ),
    "an endpoint": (
        [allow("sagemaker:InvokeEndpoint", f"{ARN}:endpoint/mine")],
        lambda client, name: client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=b"1"),
        ("sagemaker:InvokeEndpoint", f"{ARN}:endpoint/NAME"),
    ),
}


def refused(ask: Callable[[], Any]) -> dict[str, Any] | None:
    """The error that AWS answers, or None where it answers."""
    try:
        ask()
    except ClientError as error:
        return {**error.response["Error"], "Status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
    return None


@pytest.mark.parametrize("case", TABLE)
def test_a_request_needs_its_permissions(case: str, enforced: Enforced) -> None:
    """What the policies allow is done; what they do not is refused by the name of action and resource."""
    statements, ask, missing = TABLE[case]
    arn, client = enforced.user(*statements)
    name = enforced.name()
    error = refused(lambda: ask(client, name))

    if missing is None:
        assert error is None
        return
    action, resource = missing[0], missing[1].replace("NAME", name)
    of_s3 = action.startswith("s3:")
    assert error == {
        "Code": "AccessDenied" if of_s3 else "AccessDeniedException",
        "Message": f"User: {arn} is not authorized to perform: {action} on resource: {resource} because no "
        f"identity-based policy allows the {action} action",
        "Status": 403 if of_s3 else 400,
    } | (
        {key: error[key] for key in error if of_s3 and key not in ("Code", "Message", "Status")}
        if error
        else {}
    )


def test_the_key_of_the_environment_is_the_execution_role(enforced: Enforced) -> None:
    """It may do what its policy says, also after somebody has changed that."""
    iam, role = enforced.owner("iam"), EXECUTION.rpartition("/")[2]
    s3_client = enforced.owner("s3")
    assert refused(lambda: GET(enforced.owner, "")) is None
    iam.put_role_policy(RoleName=role, PolicyName="no-lists", PolicyDocument=policy(deny("s3:ListBucket")))
    try:
        error = refused(lambda: s3_client.list_objects_v2(Bucket=BUCKET))
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="no-lists")

    assert error is not None
    assert f"User: arn:aws:sts::123456789012:assumed-role/{role}/local is not" in error["Message"]
    assert error["Message"].endswith("with an explicit deny in an identity-based policy")


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "local-role-zz", "local-role-ff"])
def test_a_key_that_nobody_has_opens_nothing(key: str, enforced: Enforced) -> None:
    """There is no one to be allowed anything."""
    client = enforced.client(key)

    of_s3, of_sagemaker = refused(lambda: GET(client, "")), refused(client("sagemaker").list_models)
    assert (of_s3 or {})["Code"] == "InvalidAccessKeyId"
    assert (of_sagemaker or {})["Code"] == "UnrecognizedClientException"


def test_a_session_may_do_what_role_and_session_policy_both_allow(enforced: Enforced) -> None:
    """The policy that is given to AssumeRole takes away and never adds."""
    role = enforced.role(allow("s3:GetObject"))
    whole, narrow = enforced.assume(role), enforced.assume(role, allow("s3:*", f"{OBJECTS}/theirs/*"))

    assert refused(lambda: GET(whole, "")) is None
    assert refused(lambda: s3("get_object", Key="theirs/x")(narrow, "")) is None
    first, second = (
        refused(lambda: GET(narrow, "")),
        refused(lambda: s3("put_object", Key="theirs/y")(narrow, "")),
    )
    assert (first or {})["Message"] == (
        f"User: arn:aws:sts::123456789012:assumed-role/{role.rpartition('/')[2]}/me is not authorized to perform: "
        f"s3:GetObject on resource: {OBJECTS}/mine/x because no session policy allows the s3:GetObject action"
    )
    assert "no identity-based policy allows the s3:PutObject" in (second or {})["Message"]


def test_a_boundary_takes_away(enforced: Enforced) -> None:
    """What lies beyond it is refused, whatever the role's own policies say."""
    client = enforced.assume(enforced.role(allow("*"), boundary=[allow("sagemaker:*")]))

    assert refused(client("sagemaker").list_models) is None
    assert (
        "because no permissions boundary allows the s3:GetObject"
        in (refused(lambda: GET(client, "")) or {})["Message"]
    )


def test_tags_of_a_resource_decide(enforced: Enforced) -> None:
    """aws:ResourceTag is what the resource carries now."""
    _, client = enforced.user(allow("sagemaker:Describe*", StringEquals={"aws:ResourceTag/team": "mine"}))
    name = enforced.name()
    created = enforced.owner("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    look = lambda: client("sagemaker").describe_model_package_group(ModelPackageGroupName=name)  # noqa: E731
    before = refused(look)
    enforced.owner("sagemaker").add_tags(ResourceArn=created["ModelPackageGroupArn"], Tags=[MINE])

    assert "sagemaker:DescribeModelPackageGroup" in (before or {})["Message"]
    assert refused(look) is None


def test_the_buckets_policy_counts(enforced: Enforced) -> None:
    """It lets in whom it names, and keeps out those who could."""
    bucket, owner = "enforced-bucket", enforced.owner("s3")
    owner.create_bucket(Bucket=bucket)
    owner.put_object(Bucket=bucket, Key="k", Body=b"x")
    named, by_name = enforced.user()
    _, other = enforced.user(allow("s3:*"))
    statements = [
        {**allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), "Principal": {"AWS": named}},
        {
            **deny(
                "s3:PutObject",
                f"arn:aws:s3:::{bucket}/*",
                Null={"s3:x-amz-server-side-encryption": "true"},
            ),
            "Principal": "*",
        },
        {**deny("s3:*", f"arn:aws:s3:::{bucket}/*", Bool={"aws:SecureTransport": "false"}), "Principal": "*"},
    ]
    owner.put_bucket_policy(Bucket=bucket, Policy=policy(*statements))

    assert refused(lambda: by_name("s3").get_object(Bucket=bucket, Key="k")) is None
    assert refused(lambda: by_name("s3").head_bucket(Bucket=bucket)) is not None
    plain = refused(lambda: other("s3").put_object(Bucket=bucket, Key="k"))
    assert (plain or {})["Message"].endswith("with an explicit deny in a resource-based policy")
    encrypted = {"ServerSideEncryption": "aws:kms"}
    assert refused(lambda: other("s3").put_object(Bucket=bucket, Key="k", **encrypted)) is None


def test_of_many_objects_those_are_deleted_that_may_be(enforced: Enforced) -> None:
    """DeleteObjects tells key by key."""
    _, client = enforced.user(allow("s3:DeleteObject", f"{OBJECTS}/many/mine/*"))
    keys = ["many/mine/a", "many/theirs/a"]
    for key in keys:
        enforced.owner("s3").put_object(Bucket=BUCKET, Key=key)
    answer = client("s3").delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    left = enforced.owner("s3").list_objects_v2(Bucket=BUCKET, Prefix="many/")["Contents"]

    assert [each["Key"] for each in answer["Deleted"]] == keys[:1]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [(keys[1], "AccessDenied")]
    assert [each["Key"] for each in left] == keys[1:]


def test_a_role_must_trust_sagemaker(enforced: Enforced) -> None:
    """One that lets in others only, or is not there, cannot be handed on by anybody."""
    others = enforced.role(allow("*"), Principal={"Service": "ec2.amazonaws.com"})
    of_another = enforced.role(allow("*"), Condition={"StringEquals": {"aws:SourceAccount": "000000000000"}})
    create = enforced.owner("sagemaker").create_model
    for role in (others, of_another, f"{EXECUTION}-not"):
        error = refused(lambda role=role: create(ModelName=enforced.name(), ExecutionRoleArn=role))  # type: ignore[misc]
        assert (error or {})["Code"] == "ValidationException"
        assert f"Could not assume role {role}." in (error or {})["Message"]


def test_nobody_is_asked_unless_it_is_enforced(
    local: LocalSageMaker, client: Client, enforced: Enforced
) -> None:
    """Any key opens everything by default."""
    import boto3

    arn, _ = enforced.user()
    key = client("iam").create_access_key(UserName=arn.rpartition("/")[2])["AccessKey"]["AccessKeyId"]
    anybody = boto3.Session(key, "not-a-secret", region_name="us-east-1").client("s3", endpoint_url=local.url)

    assert not local.settings.enforce_iam
    assert anybody.list_objects_v2(Bucket=local.settings.bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200

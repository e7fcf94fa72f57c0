"""IAM's policy evaluation."""

import pytest

from local_sagemaker.policies import decide


def allow(**parts: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": "*", "Resource": "*"} | parts


def deny(**parts: object) -> dict[str, object]:
    return {"Effect": "Deny", "Action": "*", "Resource": "*"} | parts


IN_VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}

TABLE = [
    # statements, action, resource, context, decision
    ([], "s3:GetObject", "*", {}, "implicitDeny"),
    ([allow()], "s3:GetObject", "arn:aws:s3:::b/k", {}, "allowed"),
    ([allow(), deny(Action="s3:*")], "s3:GetObject", "*", {}, "explicitDeny"),
    ([allow(Action=["S3:get*"])], "s3:GetObject", "*", {}, "allowed"),
    ([allow(Action="s3:Get?bject")], "s3:GetObject", "*", {}, "allowed"),
    ([allow(Action="s3:Put*")], "s3:GetObject", "*", {}, "implicitDeny"),
    ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "s3:GetObject", "*", {}, "allowed"),
    ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "iam:PassRole", "*", {}, "implicitDeny"),
    ([allow(Resource="arn:aws:s3:::b/*")], "s3:GetObject", "arn:aws:s3:::b/k/l", {}, "allowed"),
    ([allow(Resource="arn:aws:s3:::b/*")], "s3:GetObject", "arn:aws:s3:::B/k", {}, "implicitDeny"),
    ([allow(Resource="arn:aws:s3:::b/*")], "s3:GetObject", "*", {}, "implicitDeny"),
    ([allow(Condition=IN_VPC)], "s3:GetObject", "*", {"aws:sourcevpc": ["vpc-1"]}, "allowed"),
    ([allow(Condition=IN_VPC)], "s3:GetObject", "*", {"aws:sourcevpc": ["vpc-2"]}, "implicitDeny"),
    ([allow(Condition=IN_VPC)], "s3:GetObject", "*", {}, "implicitDeny"),
    ([allow(Condition={"Null": {"aws:SourceVpc": "true"}})], "a:B", "*", {}, "allowed"),
    ([allow(Condition={"StringNotLike": {"k": "x*"}})], "a:B", "*", {"k": ["y"]}, "allowed"),
    ([allow(Condition={"StringNotLike": {"k": "x*"}})], "a:B", "*", {"k": ["xy"]}, "implicitDeny"),
    ([allow(Condition={"NumericLessThan": {"k": "5"}})], "a:B", "*", {"k": ["4.5"]}, "allowed"),
    ([allow(Condition={"NumericLessThan": {"k": "5"}})], "a:B", "*", {"k": ["many"]}, "implicitDeny"),
    ([allow(Condition={"BoolIfExists": {"k": "true"}})], "a:B", "*", {}, "allowed"),
    (
        [allow(Condition={"ForAllValues:StringEquals": {"k": ["a", "b"]}})],
        "a:B",
        "*",
        {"k": ["a", "b"]},
        "allowed",
    ),
    (
        [allow(Condition={"ForAllValues:StringEquals": {"k": ["a"]}})],
        "a:B",
        "*",
        {"k": ["a", "c"]},
        "implicitDeny",
    ),
    ([allow(Condition={"StringEquals": {"k": ["a", "b"]}})], "a:B", "*", {"k": ["b"]}, "allowed"),
    ([allow(Condition={"Bool": {"k": True}})], "a:B", "*", {"k": ["true"]}, "allowed"),
    ([allow(Condition={"IpAddress": {"k": "10.0.0.0/8"}})], "a:B", "*", {"k": ["10.1.2.3"]}, "allowed"),
    (
        [allow(Condition={"NotIpAddress": {"k": "10.0.0.0/8"}})],
        "a:B",
        "*",
        {"k": ["10.1.2.3"]},
        "implicitDeny",
    ),
    ([allow(Condition={"IpAddress": {"k": "nowhere"}})], "a:B", "*", {"k": ["10.1.2.3"]}, "implicitDeny"),
    (
        [allow(Condition={"DateLessThan": {"k": "2026-01-02"}})],
        "a:B",
        "*",
        {"k": ["2026-01-01T00:00:00Z"]},
        "allowed",
    ),
    ([allow(Condition={"DateGreaterThan": {"k": "2026-01-02"}})], "a:B", "*", {"k": ["0"]}, "implicitDeny"),
    ([allow(Resource="${k}/*")], "a:B", "me/x", {"k": ["me"]}, "allowed"),
    ([allow(Resource="${k}/*")], "a:B", "me/x", {"k": ["you"]}, "implicitDeny"),
    ([allow(Resource="${k}/*")], "a:B", "me/x", {}, "implicitDeny"),
    ([None, allow(Resource=["a", None])], "a:B", "a", {}, "allowed"),
    ([allow(Condition={"NoSuchOperator": {"k": "a"}})], "a:B", "*", {"k": ["a"]}, "implicitDeny"),
]


@pytest.mark.parametrize(("statements", "action", "resource", "context", "decision"), TABLE)
def test_statements_decide_as_iam_documents(statements, action, resource, context, decision):
    """Deny beats Allow, silence denies, and conditions narrow a statement."""
    policy = {"Version": "2012-10-17", "Statement": statements}

    assert decide([policy], action, resource, context) == decision


def test_one_statement_needs_no_list():
    """A policy document may hold a single statement."""
    assert decide([{"Statement": allow()}], "a:B", "*", {}) == "allowed"

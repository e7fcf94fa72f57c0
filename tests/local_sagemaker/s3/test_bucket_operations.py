from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_sagemaker.s3.store import ObjectStore


def code(call: Callable[..., Any], **arguments: Any) -> str:
    """The code of the error that a call fails with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_buckets_come_and_go(client: Any) -> None:
    """A bucket can be created, found, located, listed with its date, and deleted once it is empty."""
    client.create_bucket(Bucket="other", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_object(Bucket="other", Key="k", Body=b"")

    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["bucket", "other"]
    assert client.get_bucket_location(Bucket="bucket")["LocationConstraint"] is None
    assert client.get_bucket_location(Bucket="other")["LocationConstraint"] == "eu-west-1"
    assert client.head_bucket(Bucket="other")["BucketRegion"] == "eu-west-1"
    assert code(client.delete_bucket, Bucket="other") == "BucketNotEmpty"

    client.delete_object(Bucket="other", Key="k")
    client.delete_bucket(Bucket="other")
    assert code(client.head_bucket, Bucket="other") == "404"


def test_creating_ones_own_bucket_again(client: Any) -> None:
    """Creating a bucket twice succeeds in us-east-1 and fails elsewhere, as in S3; its objects stay."""
    client.put_object(Bucket="bucket", Key="k", Body=b"")
    client.create_bucket(Bucket="bucket")
    elsewhere = {"Bucket": "bucket", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}

    assert code(client.create_bucket, **elsewhere) == "BucketAlreadyOwnedByYou"
    assert client.list_objects_v2(Bucket="bucket")["KeyCount"] == 1


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
def test_paginators_find_everything_once(client: Any, store: ObjectStore, operation: str) -> None:
    """Whatever the page size, boto3's paginators find all objects and common prefixes, in order, once."""
    keys = ["a", "b/1", "b/2", "c", "d/1", "e", "é"]
    for key in keys:
        store.put("bucket", key, b"")
    pages = client.get_paginator(operation)
    listed = "Versions" if operation == "list_object_versions" else "Contents"

    for size in (1, 2, 3, 7, 1000):
        config = {"PageSize": size}
        flat = list(pages.paginate(Bucket="bucket", PaginationConfig=config))
        deep = list(pages.paginate(Bucket="bucket", Delimiter="/", PaginationConfig=config))

        assert [each["Key"] for page in flat for each in page.get(listed, [])] == keys
        assert [each["Key"] for page in deep for each in page.get(listed, [])] == ["a", "c", "e", "é"]
        assert [each["Prefix"] for page in deep for each in page.get("CommonPrefixes", [])] == ["b/", "d/"]


def test_a_listing_says_what_it_was_asked(client: Any, store: ObjectStore) -> None:
    """Counts, flags and owners are there where S3 has them."""
    for key in ("a", "b", "c"):
        store.put("bucket", key, b"x")
    page = client.list_objects_v2(Bucket="bucket", MaxKeys=1, StartAfter="a", FetchOwner=True)
    entry = page["Contents"][0]

    assert (page["KeyCount"], page["IsTruncated"], page["MaxKeys"], page["StartAfter"]) == (1, True, 1, "a")
    assert (entry["Key"], entry["Size"], entry["StorageClass"]) == ("b", 1, "STANDARD")
    assert entry["Owner"]["ID"]
    assert client.list_objects_v2(Bucket="bucket", MaxKeys=0)["IsTruncated"] is False
    assert code(client.list_objects_v2, Bucket="bucket", ContinuationToken="made up") == "InvalidArgument"
    assert code(client.list_objects_v2, Bucket="absent") == "NoSuchBucket"


def test_many_objects_are_deleted_at_once(client: Any, store: ObjectStore) -> None:
    """DeleteObjects deletes what is there, counts what is not as deleted, and is silent when asked."""
    for key in ("a", "b/c", "d"):
        store.put("bucket", key, b"")
    names = [{"Key": key} for key in ("a", "b/c", "absent")]
    answer = client.delete_objects(Bucket="bucket", Delete={"Objects": names})
    quiet = client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "d"}], "Quiet": True})

    assert [each["Key"] for each in answer["Deleted"]] == ["a", "b/c", "absent"]
    assert "Deleted" not in quiet
    assert list(store.list("bucket")) == []


POLICY = '{"Version":"2012-10-17","Statement":[]}'
RULES = {"Rules": [{"ID": "r", "Status": "Enabled", "Prefix": "x/", "Expiration": {"Days": 3}}]}
CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
TAGS = {"TagSet": [{"Key": "k", "Value": "v"}]}
ENABLED = {"Status": "Enabled"}
EVENTS: dict[str, Any] = {"EventBridgeConfiguration": {}}
WEBSITE = {"IndexDocument": {"Suffix": "index.html"}}
BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
BLOCK = {"PublicAccessBlockConfiguration": dict.fromkeys(BLOCKED, True)}


@pytest.mark.parametrize(
    ("kind", "given", "found", "unset"),
    [
        ("bucket_policy", {"Policy": POLICY}, {"Policy": POLICY}, "NoSuchBucketPolicy"),
        ("bucket_cors", {"CORSConfiguration": CORS}, CORS, "NoSuchCORSConfiguration"),
        (
            "bucket_lifecycle_configuration",
            {"LifecycleConfiguration": RULES},
            RULES,
            "NoSuchLifecycleConfiguration",
        ),
        ("bucket_tagging", {"Tagging": TAGS}, TAGS, "NoSuchTagSet"),
        ("public_access_block", BLOCK, BLOCK, "NoSuchPublicAccessBlockConfiguration"),
        ("bucket_versioning", {"VersioningConfiguration": ENABLED}, ENABLED, None),
        ("bucket_notification_configuration", {"NotificationConfiguration": EVENTS}, EVENTS, None),
        ("bucket_website", {"WebsiteConfiguration": WEBSITE}, WEBSITE, "NoSuchWebsiteConfiguration"),
    ],
)
def test_configurations_are_kept(
    client: Any, kind: str, given: dict[str, Any], found: dict[str, Any], unset: str | None
) -> None:
    """A bucket's configuration comes back as it was given; without one there is AWS's answer for that."""
    get, put = getattr(client, f"get_{kind}"), getattr(client, f"put_{kind}")
    if unset:
        assert code(get, Bucket="bucket") == unset
    else:
        assert set(get(Bucket="bucket")) == {"ResponseMetadata"}
    put(Bucket="bucket", **given)

    answer = get(Bucket="bucket")
    assert {name: answer[name] for name in found} == found


def test_configurations_are_deleted(client: Any) -> None:
    """A deleted configuration is as if it had never been."""
    client.put_bucket_policy(Bucket="bucket", Policy=POLICY)
    client.delete_bucket_policy(Bucket="bucket")

    assert code(client.get_bucket_policy, Bucket="bucket") == "NoSuchBucketPolicy"
    assert code(client.put_bucket_policy, Bucket="bucket", Policy="no JSON") == "MalformedPolicy"
    assert code(client.put_bucket_policy, Bucket="absent", Policy=POLICY) == "NoSuchBucket"


def test_every_bucket_is_said_to_be_encrypted(client: Any) -> None:
    """As in S3, a bucket has AES256 as its default, until another is chosen."""
    rule = client.get_bucket_encryption(Bucket="bucket")["ServerSideEncryptionConfiguration"]["Rules"][0]

    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_access_control_lists_are_those_of_a_new_bucket(client: Any) -> None:
    """The owner may do everything, and other lists cannot be set, as in buckets made since 2023."""
    assert client.get_bucket_acl(Bucket="bucket")["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert code(client.put_bucket_acl, Bucket="bucket", ACL="public-read") == "AccessControlListNotSupported"

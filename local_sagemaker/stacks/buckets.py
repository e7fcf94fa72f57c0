"""A stack's buckets, in our S3. Their properties are named otherwise than in S3's own API, and nested otherwise.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

Clients = Callable[[str], Any]
Properties = Mapping[str, Any]

ATTRIBUTES = ("Arn", "DomainName", "RegionalDomainName", "DualStackDomainName", "WebsiteURL")


def put(clients: Clients, name: str, properties: Properties) -> tuple[str, dict[str, str]]:
    """Create the bucket unless it is there, and give it its configuration; its name and attributes."""
    s3 = clients("s3")
    region = s3.meta.region_name
    try:
        s3.head_bucket(Bucket=name)
    except ClientError:
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)
    for key, configure in _CONFIGURATIONS.items():
        if key in properties:
            configure(s3, name, properties[key])
    host = f"{name}.s3.{region}.amazonaws.com"
    return name, {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": host,
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
    }


def delete(clients: Clients, name: str, properties: Properties) -> None:
    """Delete it; as on AWS, one that holds objects stays."""
    del properties
    clients("s3").delete_bucket(Bucket=name)


def put_policy(clients: Clients, name: str, properties: Properties) -> str:
    """Give a bucket its policy."""
    del name
    bucket: str = properties["Bucket"]
    clients("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(properties["PolicyDocument"]))
    return bucket


def _versioning(s3: Any, name: str, written: Properties) -> None:
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=dict(written))


def _encryption(s3: Any, name: str, written: Properties) -> None:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": _true(rule.get("BucketKeyEnabled", False)),
        }
        for rule in written["ServerSideEncryptionConfiguration"]
    ]
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})


def _public_access(s3: Any, name: str, written: Properties) -> None:
    blocked = {key: _true(value) for key, value in written.items()}
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=blocked)


def _ownership(s3: Any, name: str, written: Properties) -> None:
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": list(written["Rules"])})


def _lifecycle(s3: Any, name: str, written: Properties) -> None:
    rules = [_lifecycle_rule(number, rule) for number, rule in enumerate(written["Rules"])]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(number: int, rule: Properties) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ID": rule.get("Id", f"rule-{number}"),
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "Transitions" in rule:
        made["Transitions"] = [
            {"Days": int(each["TransitionInDays"]), "StorageClass": each["StorageClass"]}
            for each in rule["Transitions"]
        ]
    if "NoncurrentVersionTransitions" in rule:
        made["NoncurrentVersionTransitions"] = [
            {"NoncurrentDays": int(each["TransitionInDays"]), "StorageClass": each["StorageClass"]}
            for each in rule["NoncurrentVersionTransitions"]
        ]
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "NoncurrentVersionExpiration" in rule:
        days = rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(days)}
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(days)}
    return made


def _logging(s3: Any, name: str, written: Properties) -> None:
    target = written.get("DestinationBucketName", name)
    enabled = {"TargetBucket": target, "TargetPrefix": written.get("LogFilePrefix", "")}
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": enabled})


def _cors(s3: Any, name: str, written: Properties) -> None:
    names = {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}
    rules = [{names.get(key, key): value for key, value in rule.items()} for rule in written["CorsRules"]]
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})


def _tags(s3: Any, name: str, written: Any) -> None:
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": list(written)})


def _notices(s3: Any, name: str, written: Properties) -> None:
    to_bus: dict[str, Any] = {"EventBridgeConfiguration": {}} if "EventBridgeConfiguration" in written else {}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=to_bus)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


_CONFIGURATIONS: Mapping[str, Callable[[Any, str, Any], None]] = {
    "VersioningConfiguration": _versioning,
    "BucketEncryption": _encryption,
    "PublicAccessBlockConfiguration": _public_access,
    "OwnershipControls": _ownership,
    "LifecycleConfiguration": _lifecycle,
    "LoggingConfiguration": _logging,
    "CorsConfiguration": _cors,
    "NotificationConfiguration": _notices,
    "Tags": _tags,
}

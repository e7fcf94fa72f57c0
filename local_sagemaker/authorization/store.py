"""The objects as a role sees them, for what SageMaker does in its name: a job's inputs and outputs, a step's files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from local_sagemaker.authorization import s3
from local_sagemaker.authorization.guard import S3Guard
from local_sagemaker.authorization.keys import key_of
from local_sagemaker.authorization.principals import Principals
from local_sagemaker.s3.records import Attributes, StoredObject
from local_sagemaker.s3.store import Condition, ObjectStore
from local_sagemaker.s3.walk import KeyWalk
from local_sagemaker.settings import Settings


class GuardedStore(ObjectStore):
    """Objects of a server that enforces policies. Itself, it asks nobody: it is SageMaker's own."""

    def __init__(self, settings: Settings, principals: Principals) -> None:
        super().__init__(settings.objects)
        self._settings = settings
        self._principals = principals
        self.guard = S3Guard(settings, self, principals)

    def acting_as(self, role_arn: str) -> ObjectStore:
        """The same objects, as far as the role's policies allow when it comes to each.

        Raises AwsError(ValidationException) for a role that SageMaker cannot take on.
        """
        if not role_arn:
            return self
        self._principals.check_trust(role_arn)
        return _RoleStore(self, role_arn, self._principals, self.guard, self._settings.account)


class _RoleStore(ObjectStore):
    """Raises S3Error(AccessDenied) besides what the store raises. Shares all of the store's state."""

    def __init__(
        self, store: ObjectStore, role_arn: str, principals: Principals, guard: S3Guard, account: str
    ) -> None:
        self.__dict__.update(store.__dict__)
        self._plain = store
        self._key = key_of(role_arn)
        self._principals = principals
        self._guard = guard
        self._account = account

    def get(self, bucket: str, key: str) -> StoredObject:
        self._require("s3:GetObject", bucket, key)
        return self._plain.get(bucket, key)

    def open(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO]:
        self._require("s3:GetObject", bucket, key)
        return self._plain.open(bucket, key)

    def bytes_of(self, bucket: str, key: str) -> BinaryIO:
        self._require("s3:GetObject", bucket, key)
        return self._plain.bytes_of(bucket, key)

    def keys(self, bucket: str, prefix: str = "", after: str = "") -> KeyWalk:
        self._require("s3:ListBucket", bucket, prefix)
        return self._plain.keys(bucket, prefix, after)

    def list(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        self._require("s3:ListBucket", bucket, prefix)
        return self._plain.list(bucket, prefix, after)

    def put(
        self, bucket: str, key: str, body: BinaryIO | bytes, attributes: Attributes | None = None
    ) -> StoredObject:
        self._require("s3:PutObject", bucket, key)
        return self._plain.put(bucket, key, body, attributes)

    def commit(
        self,
        file: BinaryIO,
        bucket: str,
        key: str,
        attributes: Attributes,
        condition: Condition | None = None,
    ) -> StoredObject:
        self._require("s3:PutObject", bucket, key)
        return self._plain.commit(file, bucket, key, attributes, condition)

    def delete(self, bucket: str, key: str, condition: Condition | None = None) -> None:
        self._require("s3:DeleteObject", bucket, key)
        self._plain.delete(bucket, key, condition)

    def acting_as(self, role_arn: str) -> ObjectStore:
        return self._plain.acting_as(role_arn)

    def _require(self, action: str, bucket: str, key: str) -> None:
        self._guard.require(self._principals.of_key(self._key), s3.of(action, bucket, key, self._account))

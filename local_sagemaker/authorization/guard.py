"""Where requests come in: whoever asks is looked up, and what he asks for is allowed or refused in AWS's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local_sagemaker.authorization import s3, sagemaker
from local_sagemaker.authorization.evaluation import Need, Policy, Principal, refusal
from local_sagemaker.authorization.principals import Principals, document
from local_sagemaker.errors import AwsError
from local_sagemaker.records import Records
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.exchange import Request
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings


class SageMakerGuard:
    """For the control plane and the runtime. Raises AwsError(AccessDeniedException)."""

    def __init__(self, settings: Settings, records: Records, principals: Principals) -> None:
        self._settings = settings
        self._records = records
        self._principals = principals

    def __call__(self, key: str, operation: str, request: Mapping[str, Any]) -> None:
        """Check a valid request of whoever has the access key; roles that it hands on must trust SageMaker."""
        principal = self._principals.of_key(key)
        for need in sagemaker.needs(self._settings, self._records, operation, request):
            _require(principal, need)
        for role in sagemaker.roles(operation, request):
            self._principals.check_trust(role)


class S3Guard:
    """For S3: a principal's policies and the bucket's. Raises S3Error(AccessDenied)."""

    def __init__(self, settings: Settings, store: ObjectStore, principals: Principals) -> None:
        self._account = settings.account
        self._store = store
        self._principals = principals

    def request(self, key: str, operation: str, request: Request) -> Request:
        """Check a request; the same is answered, and asks by itself for each object that its body names."""
        try:
            principal = self._principals.of_key(key)
        except AwsError as error:
            raise S3Error("InvalidAccessKeyId", error.message) from None
        for need in s3.needs(operation, request, self._account):
            self.require(principal, need)

        def permit(action: str, key: str) -> None:
            self.require(principal, s3.of(action, request.bucket, key, self._account))

        return replace(request, permit=permit)

    def require(self, principal: Principal, need: Need) -> None:
        """Check one permission, with the policy of the bucket that it is about."""
        bucket = need.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        message = refusal(principal, need, self._policy(bucket))
        if message is not None:
            raise S3Error("AccessDenied", message)

    def _policy(self, bucket: str) -> Policy | None:
        text = (
            self._store.bucket_files.configuration(bucket, "policy")
            if self._store.has_bucket(bucket)
            else None
        )
        return document(text) if text else None


def _require(principal: Principal, need: Need) -> None:
    message = refusal(principal, need)
    if message is not None:
        raise AwsError(message, code="AccessDeniedException")

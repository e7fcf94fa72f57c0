"""The kinds of resources that are created through their own services, as models that moto's stacks create."""

from __future__ import annotations

import logging
import threading
from contextvars import ContextVar
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_sagemaker.stacks.kinds import KINDS, Kind, Made

_log = logging.getLogger(__name__)
_installed: dict[str, Any] = {}  # moto's table of models is the process's, and so is what was added to it


class Clients:
    """boto3 clients of this local SageMaker, one for each service."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint = endpoint
        self._region = region
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """The client of ``service``."""
        import boto3
        from botocore.config import Config

        with self._lock:
            if service not in self._made:
                session = boto3.Session("local-sagemaker", "not-a-secret", region_name=self._region)
                once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
                self._made[service] = session.client(service, endpoint_url=self._endpoint, config=once)
            return self._made[service]


def installed() -> frozenset[str]:
    """The types that are created through their services."""
    return frozenset(_installed)


# Whose stack it is: moto's stacks are the process's, but a request is one local SageMaker's, and so is what it creates.
asked: ContextVar[Clients] = ContextVar("asked")


def install() -> None:
    """Add the kinds to moto's models, once in a process."""
    from moto.cloudformation import parsing

    if _installed:
        return
    for kind in KINDS:
        _installed[kind.type] = _model(kind)
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()
    # Of two models of one type, moto takes the name's property from the first and everything else from the last.
    own = set(_installed.values())
    types = {model.cloudformation_type() for model in own}
    models = [m for m in parsing.get_model_list() if m in own or m.cloudformation_type() not in types]
    parsing.get_model_list.cache_clear()
    parsing.get_model_list = lambda: models


def _model(kind: Kind) -> Any:
    from moto.cloudformation.exceptions import ValidationError
    from moto.core.common_models import CloudFormationModel

    class Resource(CloudFormationModel):  # type: ignore[misc] # moto has no types
        """One resource of a stack."""

        def __init__(self, made: Made) -> None:
            self.made = made

        @property
        def physical_resource_id(self) -> str:
            return self.made.id

        @staticmethod
        def cloudformation_name_type() -> str:
            return kind.name

        @staticmethod
        def cloudformation_type() -> str:
            return kind.type

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:
            return attr in kind.attributes

        def get_cfn_attribute(self, attribute: str) -> str:
            from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

            if attribute not in self.made.attributes:
                raise UnformattedGetAttTemplateException
            return self.made.attributes[attribute]

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, *_: Any, **__: Any
        ) -> Any:
            return cls(_put(resource_name, cloudformation_json))

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Any,
            new_resource_name: str,
            cloudformation_json: Any,
            **_: Any,
        ) -> Any:
            properties = cloudformation_json.get("Properties", {})
            old = original_resource.made.id
            named = new_resource_name if kind.name in properties else old
            made = _put(named, cloudformation_json)
            if made.id != old:
                kind.delete(asked.get(), old, properties)
            return cls(made)

        @classmethod
        def delete_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, *_: Any
        ) -> None:
            try:
                kind.delete(asked.get(), resource_name, cloudformation_json.get("Properties", {}))
            except ClientError as error:  # gone already: a stack's deletion does not mind
                _log.info("%s %s was not deleted: %s", kind.type, resource_name, error)

        def is_created(self) -> bool:
            return True

    def _put(name: str, document: Any) -> Made:
        try:
            return kind.put(asked.get(), name, document.get("Properties", {}))
        except (
            ClientError,
            BotoCoreError,
            KeyError,
        ) as error:  # refused, misshapen, or without what it needs
            raise ValidationError(message=f"{kind.type} {name}: {error}") from None

    return Resource

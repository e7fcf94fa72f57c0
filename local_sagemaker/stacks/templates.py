"""Templates that a request or a nested stack names by their address, read from our S3; and a nested stack's outputs."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlparse

from botocore.exceptions import ClientError

from local_sagemaker.stacks.bridge import asked


def install() -> None:
    """Make moto read templates here instead of from its own S3, which nobody can write to."""
    from moto.cloudformation import models, responses

    models.get_stack_from_s3_url = responses.get_stack_from_s3_url = _read
    models.Stack.get_cfn_attribute = _attribute


def address(url: str) -> tuple[str, str]:
    """Bucket and key of an address: ``https://bucket.s3.region.amazonaws.com/key``, or with both in the path."""
    parts = urlparse(url)
    host, path = parts.netloc.partition(":")[0], unquote(parts.path.lstrip("/"))
    bucket, dot, _ = host.partition(".s3")
    if dot and ".amazonaws." in host:
        return bucket, path
    bucket, _, key = path.partition("/")
    return bucket, key


def _attribute(stack: Any, name: str) -> Any:
    """``Outputs.<name>`` of a nested stack, which moto's has no attributes for."""
    from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

    values = {f"Outputs.{each['OutputKey']}": each["OutputValue"] for each in stack.outputs or []}
    if name not in values:
        raise UnformattedGetAttTemplateException
    return values[name]


def whole_names(value: Any) -> Any:
    """``!GetAtt Inner.Outputs.Name``, which moto parts into three, as resource and attribute."""
    if isinstance(value, dict):
        found = value.get("Fn::GetAtt")
        if isinstance(found, list) and len(found) > 2:
            return {"Fn::GetAtt": [found[0], ".".join(found[1:])]}
        return {name: whole_names(inner) for name, inner in value.items()}
    return [whole_names(each) for each in value] if isinstance(value, list) else value


def _read(template_url: str, **_: Any) -> str:
    from moto.cloudformation.exceptions import ValidationError

    bucket, key = address(template_url)
    try:
        text: str = asked.get()("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except ClientError as error:
        raise ValidationError(
            message=f"S3 error: {error.response['Error']['Message']} ({template_url})"
        ) from None
    return text

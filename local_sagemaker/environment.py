"""The environment in which any AWS client, unmodified, talks to a local SageMaker and to nothing else."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from local_sagemaker.settings import Settings

ACCESS_KEY = "local-sagemaker"  # plainly no key of AWS's
SECRET_KEY = "not-a-secret"  # noqa: S105 - it is not
_LOOPBACK = "127.0.0.1,localhost"

# What would send a request elsewhere, or sign it as somebody, in spite of the variables that are set.
_LEAKS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
_SERVICE_ENDPOINT = "AWS_ENDPOINT_URL_"  # AWS_ENDPOINT_URL_S3 would win over AWS_ENDPOINT_URL


def environment(settings: Settings, url: str) -> dict[str, str]:
    """The variables to set.

    Credentials come from the environment first and the files named here hold nothing, so a real profile of the
    user's can never be used. ``SAGEMAKER_VALIDATE_ROLE`` is left alone: the role can be validated.
    """
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DATA_PATH": str(botocore_data_path(settings)),
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(sdk_config_path(settings)),
    }


def to_unset(current: Mapping[str, str]) -> list[str]:
    """The variables of ``current`` that must not be there."""
    return sorted(name for name in current if name in _LEAKS or name.startswith(_SERVICE_ENDPOINT))


def past_proxies(current: Mapping[str, str]) -> dict[str, str]:
    """What keeps requests to loopback from going through a proxy, where ``current`` names one."""
    if not any(name.lower() in ("http_proxy", "all_proxy") for name in current):
        return {}
    without = [current[name] for name in ("no_proxy", "NO_PROXY") if current.get(name)]
    value = without[0] if without and _LOOPBACK in without[0] else ",".join([*without[:1], _LOOPBACK])
    return {"NO_PROXY": value, "no_proxy": value}


def applied(current: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """``current`` with the variables set and what leaks taken out: the environment of a subprocess."""
    leaks = to_unset(current)
    kept = {name: value for name, value in current.items() if name not in leaks}
    return {**kept, **variables, **past_proxies(current)}


def exports(variables: Mapping[str, str], unset: list[str], shell: str) -> str:
    """The lines that set and unset them, for ``sh`` (bash, zsh), ``fish``, or as ``json``."""
    if shell == "json":
        return json.dumps({**variables, **dict.fromkeys(unset)}, indent=2)
    set_line, unset_line = _LINES[shell]
    lines = [unset_line.format(name) for name in unset]
    lines += [set_line.format(name, shlex.quote(value)) for name, value in variables.items()]
    return "\n".join(lines)


_LINES = {"sh": ("export {}={}", "unset {}"), "fish": ("set -gx {} {}", "set -e {}")}


def write_files(settings: Settings, url: str) -> None:
    """Write the files that ``environment`` names."""
    sdk_config_path(settings).write_text(sdk_config(settings))
    for service, version in _BY_ADDRESS.items():
        rules = botocore_data_path(settings) / service / version / "endpoint-rule-set-1.json"
        rules.parent.mkdir(parents=True, exist_ok=True)
        rules.write_text(endpoint_rules(url))


def sdk_config_path(settings: Settings) -> Path:
    """Where the SDK's configuration file lies."""
    return settings.folder / "sdk-config.yaml"


def sdk_config(settings: Settings) -> str:
    """The SageMaker SDK's configuration file (YAML, in its JSON subset): the default bucket, no telemetry.

    Without a bucket in it the SDK asks the real STS for the account, whatever the endpoint.
    """
    session = {"DefaultS3Bucket": settings.bucket}
    python_sdk = {"Modules": {"Session": session, "TelemetryOptOut": True}}
    document = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": python_sdk}}
    return json.dumps(document, indent=2) + "\n"


def botocore_data_path(settings: Settings) -> Path:
    """Where botocore finds what it shall know before its own data (``AWS_DATA_PATH``)."""
    return settings.folder / "botocore-data"


# Services that clients ask by their public address, which wins over AWS_ENDPOINT_URL: the SDK's get_execution_role
# and account_id do with STS, the AWS CLI with SQS. Service -> version of botocore's data.
_BY_ADDRESS = {"sts": "2011-06-15", "sqs": "2012-11-05"}
_OFF = {"required": True, "default": False, "type": "Boolean"}


def endpoint_rules(url: str) -> str:
    """botocore's rules for where a service is: at ``url``, whatever a program asks for. They have the last word."""
    parameters = {
        "Region": {"builtIn": "AWS::Region", "required": False, "type": "String"},
        "UseDualStack": {"builtIn": "AWS::UseDualStack", **_OFF},
        "UseFIPS": {"builtIn": "AWS::UseFIPS", **_OFF},
        "Endpoint": {"builtIn": "SDK::Endpoint", "required": False, "type": "String"},
        "UseGlobalEndpoint": {"builtIn": "AWS::STS::UseGlobalEndpoint", **_OFF},
    }
    endpoint = {"url": url, "properties": {}, "headers": {}}
    rules = [{"conditions": [], "endpoint": endpoint, "type": "endpoint"}]
    return json.dumps({"version": "1.0", "parameters": parameters, "rules": rules}, indent=2) + "\n"

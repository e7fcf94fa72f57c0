"""The operation that a request names."""

import io

import pytest

from local_sagemaker.operation_name import operation_name

TABLE = [
    ("lambda", "GET", "/2015-03-31/functions/", "lambda ListFunctions"),
    ("lambda", "POST", "/2015-03-31/functions/f/invocations", "lambda Invoke"),
    ("sagemaker", "POST", "/endpoints/e/invocations", "sagemaker-runtime InvokeEndpoint"),
    ("sagemaker", "POST", "/endpoints/e/async-invocations", "sagemaker-runtime InvokeEndpointAsync"),
    ("sagemaker", "PUT", "/FeatureGroup/f", "sagemaker-featurestore-runtime PutRecord"),
    ("sagemaker", "PUT", "/BatchPutMetrics", "sagemaker-metrics BatchPutMetrics"),
    ("scheduler", "GET", "/schedules/s", "scheduler GetSchedule"),
    ("elasticfilesystem", "GET", "/2015-02-01/file-systems", "efs DescribeFileSystems"),
    ("sagemaker", "GET", "/nothing/like/it", "sagemaker GET /nothing/like/it"),
    ("no-such-service", "GET", "/", "no-such-service GET /"),
]


@pytest.mark.parametrize(("service", "method", "path", "expected"), TABLE)
def test_a_rest_request_is_named_by_method_and_path(service, method, path, expected):
    """As botocore's model of the service says; as sent where no operation fits."""
    scope = f"AWS4-HMAC-SHA256 Credential=K/20261121/us-east-1/{service}/aws4_request"
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": scope,
        "wsgi.input": io.BytesIO(),
    }

    assert operation_name(environ) == expected

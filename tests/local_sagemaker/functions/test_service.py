"""Lambda functions: created as anywhere, and invoked for real."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

Make = Callable[..., str]


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.py", content)
    return buffer.getvalue()


@pytest.fixture
def make(client: Callable[[str], Any], local: LocalSageMaker, request: pytest.FixtureRequest) -> Make:
    """``make(code, **settings)``: the name of a function of this test's own with ``index.handler`` in that code."""
    made: list[str] = []

    def create(code: str, **settings: Any) -> str:
        name = f"f-{abs(hash(request.node.nodeid))}-{len(made)}"
        made.append(name)
        told = {"Runtime": "python3.11", "Handler": "index.handler", **settings}
        client("lambda").create_function(
            FunctionName=name, Role=local.settings.role_arn, Code={"ZipFile": zipped(index=code)}, **told
        )
        return name

    return create


def invoke(
    client: Callable[[str], Any], name: str, event: Any = None, **settings: Any
) -> tuple[Any, dict[str, Any]]:
    answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **settings)
    text = answer["Payload"].read()
    return (json.loads(text) if text else None), answer


def test_a_handler_gets_event_context_and_environment(client: Callable[[str], Any], make: Make) -> None:
    """The answer is what the handler returns, from the event, the context and the function's environment."""
    name = make(
        "import os\n"
        "def handler(event, context):\n"
        "    return [event['a'], os.environ['GREETING'], context.function_name,\n"
        "            context.get_remaining_time_in_millis() > 0, context.memory_limit_in_mb]\n",
        Environment={"Variables": {"GREETING": "hi"}},
        MemorySize=256,
    )
    answer, about = invoke(client, name, {"a": 1})
    assert answer == [1, "hi", name, True, "256"]
    assert "FunctionError" not in about


def test_a_function_reaches_the_local_sagemaker(client: Callable[[str], Any], make: Make) -> None:
    """boto3 inside talks to this endpoint without being told."""
    code = "import boto3\ndef handler(event, _):\n    return boto3.client('sts').get_caller_identity()['Account']\n"
    answer, _ = invoke(client, make(code, Timeout=60, MemorySize=512))
    assert answer == "123456789012"


FAILURES = [
    ("def handler(event, context):\n    raise KeyError('x')\n", "KeyError", "'x'"),
    (
        "import nowhere\n",
        "Runtime.ImportModuleError",
        "Unable to import module 'index': No module named 'nowhere'",
    ),
    ("def handler(:\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index'"),
    ("x = 1\n", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'index'"),
    (
        "def handler(event, context):\n    return {1, 2}\n",
        "Runtime.MarshalError",
        "Unable to marshal response",
    ),
    (
        "import time\ndef handler(e, c):\n    time.sleep(60)\n",
        "Sandbox.Timedout",
        "Task timed out after 1.00 seconds",
    ),
    ("import os\ndef handler(e, c):\n    os._exit(3)\n", "Runtime.ExitError", "exit status 3"),
    ("import os\ndef handler(e, c):\n    os.kill(os.getpid(), 9)\n", "Runtime.ExitError", "signal: killed"),
    (
        "import time\ndef handler(e, c):\n    x = b'1' * (400 << 20)\n    time.sleep(60)\n",
        "Runtime.ExitError",
        "signal: killed",
    ),
]


@pytest.mark.parametrize(("code", "kind", "message"), FAILURES)
def test_a_function_that_fails_says_so_as_lambda_does(
    client: Callable[[str], Any], make: Make, code: str, kind: str, message: str
) -> None:
    """The call succeeds, FunctionError is set, and the payload is Lambda's error."""
    name = make(code, Timeout=30 if "400" in code else 1)
    answer, about = invoke(client, name, {})
    assert about["FunctionError"] == "Unhandled"
    assert about["StatusCode"] == 200
    assert answer["errorType"] == kind
    assert message in answer["errorMessage"]


def test_the_log_comes_back_and_lies_in_cloudwatch(client: Callable[[str], Any], make: Make) -> None:
    """LogType Tail brings what was printed, and the group /aws/lambda/<name> keeps it."""
    name = make("def handler(event, context):\n    print('seen', event)\n")
    _, about = invoke(client, name, 7, LogType="Tail")
    text = base64.b64decode(about["LogResult"]).decode()
    assert "seen 7" in text
    assert "REPORT RequestId:" in text
    found = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert "seen 7" in [event["message"] for event in found]


def test_new_code_and_new_settings_count_at_once(client: Callable[[str], Any], make: Make) -> None:
    """After an update the next invocation runs the new code with the new environment."""
    name = make("def handler(event, context):\n    return 'old'\n")
    assert invoke(client, name)[0] == "old"
    code = "import os\ndef handler(event, context):\n    return os.environ['NEW']\n"
    client("lambda").update_function_code(FunctionName=name, ZipFile=zipped(index=code))
    client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": {"NEW": "new"}}
    )
    assert invoke(client, name)[0] == "new"
    arn = client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    assert invoke(client, arn)[0] == "new"


def test_an_asynchronous_invocation_is_not_waited_for_and_tried_again(
    client: Callable[[str], Any], make: Make, local: LocalSageMaker
) -> None:
    """Event answers 202 at once; a failure is tried three times in all."""
    bucket = local.settings.bucket
    code = (
        "import boto3, uuid\n"
        "def handler(event, context):\n"
        f"    boto3.client('s3').put_object(Bucket='{bucket}', Key=event + '/' + str(uuid.uuid4()))\n"
        "    raise ValueError\n"
    )
    name = make(code, Timeout=60, MemorySize=512)
    _, about = invoke(client, name, name, InvocationType="Event")
    assert about["StatusCode"] == 202
    seen = 0
    for _ in range(600):
        seen = client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{name}/")["KeyCount"]
        if seen == 3:
            break
        time.sleep(0.1)
    assert seen == 3


def test_bad_requests_get_lambdas_codes(client: Callable[[str], Any], make: Make) -> None:
    """A function that is not there, a payload that is too large, a runtime that is not Python: AWS's code for each."""
    with pytest.raises(ClientError) as gone:
        invoke(client, "nobody")
    assert gone.value.response["Error"]["Code"] == "ResourceNotFoundException"
    with pytest.raises(ClientError) as large:
        invoke(client, make("def handler(e, c): pass\n"), "x" * (6 * 1024 * 1024))
    assert large.value.response["Error"]["Code"] == "RequestTooLargeException"
    with pytest.raises(ClientError, match="of Python runtimes"):
        invoke(client, make("", Runtime="nodejs20.x"))

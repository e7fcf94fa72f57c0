"""What AWS's framework images answer: XGBoost's algorithm mode, and scripts."""

import io
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError
from sklearn.linear_model import LinearRegression

from tests.local_sagemaker.endpoints.conftest import ECHO, SCRIPT, SKLEARN, XGBOOST, Host, archive, echo

ROWS = np.array([[1, 2, 3], [-1, np.nan, -1]])
CSV = "1,2,3\n-1,,-1\n"


def algorithm(host: Host, data: bytes, **environment: str) -> str:
    return host.deploy(host.container(data, XGBOOST, environment))


@pytest.fixture(scope="module")
def shared(local: Any, client: Any, booster: xgboost.Booster) -> Any:
    """One endpoint in algorithm mode for all tests that only ask it."""
    host = Host(client, local.settings.bucket, local.settings.role_arn)
    name = algorithm(host, archive({"xgboost-model": bytes(booster.save_raw("ubj"))}))
    yield name
    host.sagemaker.delete_endpoint(EndpointName=name)
    host.gone(name)


def test_predictions_are_the_models_to_the_last_bit(host, shared, booster):
    """CSV comes back a prediction a line, as the image of 3.x writes it, and exactly what the model says."""
    answer = host.ask(shared, CSV)

    assert [np.float32(line) for line in answer.splitlines()] == list(booster.predict(xgboost.DMatrix(ROWS)))
    assert answer.endswith("\n")


@pytest.mark.parametrize("kind", ["text/libsvm", "text/x-libsvm; charset=utf-8"])
@pytest.mark.parametrize("text", ["0:1 1:2 2:3\n0:-1 2:-1", "1:1 2:2 3:3\n1:-1 3:-1"])
def test_libsvm_counts_from_zero_or_one(host, shared, booster, kind, text):
    """Indices that all begin at 1 mean what those that begin at 0 mean; an absent entry is a missing value."""
    answer = host.ask(shared, text, kind)

    assert [np.float32(line) for line in answer.splitlines()] == list(booster.predict(xgboost.DMatrix(ROWS)))


def test_json_is_written_when_it_is_asked_for(host, shared, booster):
    """Accept chooses between CSV and a document of scores."""
    answer = json.loads(host.ask(shared, CSV, Accept="application/json"))

    expected = booster.predict(xgboost.DMatrix(ROWS)).tolist()
    assert answer == {"predictions": [{"score": score} for score in expected]}


REFUSED = [
    ("a,b,c", "text/csv", {}, 415, "could not convert string to float: 'a'"),
    ("1,2\n1,2,3", "text/csv", {}, 415, "rows of 2, 3 columns"),
    ("{}", "application/json", {}, 415, "Content-type application/json not supported"),
    ("\xff\xfe".encode("utf-16"), "text/csv", {}, 415, "Loading csv data failed"),
    ("1,2,3,4,5", "text/csv", {}, 400, "Unable to evaluate payload provided"),
    (CSV, "text/csv", {"Accept": "image/png"}, 406, "Accept type image/png is not supported"),
]


@pytest.mark.parametrize(("body", "kind", "more", "status", "message"), REFUSED)
def test_a_wrong_request_is_the_clients_error(host, shared, body, kind, more, status, message):
    """What the model cannot read or use comes back as ModelError with the container's status and words."""
    with pytest.raises(ClientError) as raised:
        host.ask(shared, body, kind, **more)

    response = raised.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert message in response["OriginalMessage"]
    assert f"Received client error ({status}) from primary with message" in response["Error"]["Message"]
    assert response["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{shared}")


def test_an_empty_request_is_answered_with_nothing(host, shared):
    """The image says 204, which is no error."""
    assert host.ask(shared, "") == ""


@pytest.mark.parametrize("written", ["ubj", "json", "pickle", "pickled classifier"])
def test_model_files_of_every_age_are_read(host, booster, written):
    """Whatever XGBoost wrote once is served: its own formats by any name, a pickled Booster or estimator."""
    if written == "pickled classifier":
        rows = np.nan_to_num(np.vstack([ROWS, -ROWS]))
        classifier = xgboost.XGBClassifier(n_estimators=2).fit(rows, [0, 1, 1, 0])
        data, own = pickle.dumps(classifier), classifier.get_booster()
    else:
        data = pickle.dumps(booster) if written == "pickle" else bytes(booster.save_raw(written))
        own = booster
    name = algorithm(host, archive({"any-name": data, ".hidden": "x"}))

    expected = own.predict(xgboost.DMatrix(ROWS), validate_features=False)
    assert [np.float32(line) for line in host.ask(name, CSV).splitlines()] == list(expected)


UNREADABLE = [
    ({"xgboost-model": b"no model"}, "cannot be loaded"),
    ({"xgboost-model": pickle.dumps({"a": 1})}, "not a Booster"),
    ({}, "has no file at its top"),
    ({"a.json": b"{}", "b.ubj": b"x"}, "none is called xgboost-model"),
]


@pytest.mark.parametrize(("files", "message"), UNREADABLE)
def test_a_model_that_cannot_be_read_fails_the_endpoint(host, files, message):
    """The reason has SageMaker's words for it and the container's own, from its log."""
    name = host.create(host.configuration(host.model(host.container(archive(files), XGBOOST, {}))))

    description = host.settled(name)

    assert description["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in description["FailureReason"]
    assert message in description["FailureReason"]


def test_a_script_serves_with_its_four_functions(host):
    """model_fn, input_fn, predict_fn and output_fn of inference.py in the archive."""
    assert host.ask(host.deploy(host.container(echo("one"))), "hello") == "one:hello"


def test_a_script_may_lie_in_s3_and_have_modules_beside_it(host, client, local):
    """SAGEMAKER_SUBMIT_DIRECTORY as the SDK sets it: an archive of its own; the folder's modules can be imported."""
    bucket, key = local.settings.bucket, "code/sourcedir.tar.gz"
    script = "import beside\n" + ECHO.replace("{model}:", "{beside.WORD}:")
    data = archive({"serve_it.py": script, "beside.py": "WORD = 'beside'"})
    client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    environment = {
        "SAGEMAKER_PROGRAM": "serve_it.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{bucket}/{key}",
    }

    name = host.deploy(host.container(archive({"name": "x"}), environment=environment))

    assert host.ask(name, "hello") == "beside:hello"


DEFAULTS = """
import os, pickle
def model_fn(folder):
    with open(os.path.join(folder, "model.pkl"), "rb") as file:
        return pickle.load(file)
"""


@pytest.fixture(scope="module")
def regression() -> LinearRegression:
    return LinearRegression().fit(np.eye(3), [1.0, 2.0, 3.0])


def test_what_a_script_leaves_out_is_the_images(host, regression):
    """CSV, JSON and npy in; JSON unless something else is asked for, out; what is unknown is 415 or 406."""
    data = archive({"model.pkl": pickle.dumps(regression), "code/inference.py": DEFAULTS})
    name = host.deploy(host.container(data))
    rows = np.array([[1, 0, 0], [0, 0, 1]])
    npy = io.BytesIO()
    np.save(npy, rows)

    answers = [
        json.loads(host.ask(name, "1,0,0\n0,0,1")),
        json.loads(host.ask(name, json.dumps(rows.tolist()), "application/json")),
        json.loads(host.ask(name, npy.getvalue(), "application/x-npy")),
        [float(line) for line in host.ask(name, "1,0,0\n0,0,1", Accept="text/csv").splitlines()],
    ]

    assert all(np.allclose(answer, [1, 3]) for answer in answers)
    for arguments, status in ((("x", "text/plain"), 415), (("1,0,0\n0,0,1", "text/csv"), 406)):
        with pytest.raises(ClientError) as raised:
            host.ask(name, *arguments, Accept="image/png")
        assert raised.value.response["OriginalStatusCode"] == status


def test_xgboosts_script_gets_a_matrix(host, booster):
    """Without an input_fn of its own, a script on XGBoost's image predicts from a DMatrix."""
    script = """
import os, xgboost
def model_fn(folder):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(folder, "model.ubj"))
    return booster
"""
    data = archive({"model.ubj": bytes(booster.save_raw("ubj")), "code/inference.py": script})

    answer = json.loads(host.ask(host.deploy(host.container(data, XGBOOST)), CSV))

    assert np.float32(answer).tolist() == booster.predict(xgboost.DMatrix(ROWS)).tolist()


def test_transform_fn_replaces_the_three_others(host):
    """It gets model, body, content type and accept."""
    script = """
def model_fn(folder):
    return "m"
def transform_fn(model, body, content_type, accept):
    return f"{model} {body} {content_type} {accept}", "text/plain"
"""
    name = host.deploy(host.container(echo("x", script)))

    assert host.ask(name, "b", Accept="text/plain") == "m b text/csv text/plain"


BROKEN_SCRIPTS = [
    ("def model_fn(folder):\n    raise RuntimeError('no such luck')", "no such luck"),
    ("import nowhere_to_be_found", "nowhere_to_be_found"),
    ("x = 1", "Please provide a model_fn implementation"),
    (ECHO + "\ndef transform_fn(*_): ...", "Cannot use transform_fn"),
    ("def model_fn(:", "SyntaxError"),
]


@pytest.mark.parametrize(("script", "message"), BROKEN_SCRIPTS)
def test_a_script_that_cannot_load_fails_the_endpoint(host, script, message):
    """The end of its log is in the reason."""
    name = host.create(host.configuration(host.model(host.container(echo("x", script)))))

    assert message in host.settled(name)["FailureReason"]


def test_a_missing_program_is_named(host):
    """Which archive has no such script, and what it has instead."""
    environment = {**SCRIPT, "SAGEMAKER_PROGRAM": "absent.py"}
    name = host.create(host.configuration(host.model(host.container(echo("x"), environment=environment))))

    reason = host.settled(name)["FailureReason"]

    assert "no program 'absent.py'" in reason
    assert "inference.py" in reason


def test_what_a_script_raises_is_a_500_and_in_the_log(host, client):
    """The next request is answered all the same; the traceback is the endpoint's log group's."""
    script = ECHO.replace("return body", "return body if body != 'x' else 1 / 0")
    name = host.deploy(host.container(echo("one", script)))

    with pytest.raises(ClientError) as raised:
        host.ask(name, "x")

    assert raised.value.response["OriginalStatusCode"] == 500
    assert "Received server error (500)" in raised.value.response["Error"]["Message"]
    assert host.ask(name, "y") == "one:y"
    events = client("logs").filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["events"]
    assert any("ZeroDivisionError" in event["message"] for event in events)


def test_a_response_keeps_its_status_and_attributes(host):
    """Flask's and Werkzeug's responses go out as they are, custom attributes included."""
    script = """
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    from werkzeug.wrappers import Response
    status = int(body)
    return Response("said", status, {"X-Amzn-SageMaker-Custom-Attributes": "trace=7"}, mimetype="text/plain")
"""
    name = host.deploy(host.container(echo("x", script)))

    answer = host.runtime.invoke_endpoint(EndpointName=name, Body="200", ContentType="text/csv")

    assert answer["CustomAttributes"] == "trace=7"
    with pytest.raises(ClientError) as raised:
        host.ask(name, "422")
    assert raised.value.response["OriginalStatusCode"] == 422
    assert raised.value.response["OriginalMessage"] == "said"


def test_workers_answer_side_by_side(host):
    """With two workers, two requests that wait for each other are answered; each worker takes one at a time."""
    script = """
import os, time
def model_fn(folder):
    return os.path.join(folder, "..", "met")
def transform_fn(model, body, content_type, accept):
    open(model + body, "w").close()
    other = model + {"a": "b", "b": "a"}[body]
    deadline = time.monotonic() + 20
    while not os.path.exists(other) and time.monotonic() < deadline:
        time.sleep(0.01)
    return str(os.path.exists(other)), "text/plain"
"""
    environment = {**SCRIPT, "SAGEMAKER_MODEL_SERVER_WORKERS": "4"}
    name = host.deploy(host.container(echo("x", script), SKLEARN, environment))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda body: host.ask(name, body), "ab")) == ["True", "True"]

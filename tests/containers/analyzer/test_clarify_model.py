"""The model that a Clarify job asks: what is sent, what is read, and an endpoint that always goes again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from botocore.exceptions import ClientError, WaiterError

from containers.analyzer.clarify_model import ROW_BY_ROW, Predictor, endpoint
from containers.processing.job import DataError

ROWS = pd.DataFrame({"age": [30, 41, 52], "job": ["cook", None, "clerk"], "pay": [1.5, 2.0, np.nan]})


class Runtime:
    """Answers as ``model`` does, and keeps what it was asked."""

    def __init__(self, model: Callable[[str], str]) -> None:
        self.model = model
        self.asked: list[dict[str, Any]] = []

    def invoke_endpoint(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return {"Body": io.BytesIO(self.model(asked["Body"].decode()).encode())}


def error(message: str) -> ClientError:
    return ClientError(
        {"Error": {"Code": "ModelError", "Message": "it", "OriginalMessage": message}}, "InvokeEndpoint"
    )


def predictor(
    model: Callable[[str], str], dataset_type: str = "text/csv", **told: Any
) -> tuple[Predictor, Runtime]:
    runtime = Runtime(model)
    return Predictor(runtime, "it", {"dataset_type": dataset_type, "predictor": told}), runtime


def lines(answer: Callable[[str], str]) -> Callable[[str], str]:
    """A model that answers each line of a request by itself."""
    return lambda body: "\n".join(answer(line) for line in body.strip().split("\n"))


def test_csv_both_ways() -> None:
    """Rows without a header go out; a number a line comes back."""
    asker, runtime = predictor(lines(lambda line: str(float(line.split(",")[0]) / 100)))

    assert asker.scores(ROWS).tolist() == [[0.3], [0.41], [0.52]]
    (asked,) = runtime.asked
    assert asked["Body"] == b"30,cook,1.5\n41,,2.0\n52,clerk,\n"
    assert (asked["ContentType"], asked["Accept"]) == ("text/csv", "text/csv")


def test_json_lines_with_templates_and_paths() -> None:
    """Each row by the template, in JSON's own types; label and probability by their paths."""
    asker, runtime = predictor(
        lines(lambda line: json.dumps({"y": {"l": "yes", "p": [0.2, 0.8]}})),
        "application/jsonlines",
        content_template='{"row":$features}',
        label="y.l",
        probability="y.p",
    )
    found = asker.predict(ROWS)

    assert found.labels is not None
    assert found.labels.tolist() == ["yes"] * 3
    assert asker.scores(ROWS).shape == (3, 2)
    sent = [json.loads(line) for line in runtime.asked[0]["Body"].decode().split("\n")]
    assert sent == [{"row": [30, "cook", 1.5]}, {"row": [41, None, 2.0]}, {"row": [52, "clerk", None]}]


def test_json_documents_with_record_templates() -> None:
    """A record each, all of them in one document."""
    asker, runtime = predictor(
        lambda body: json.dumps({"p": [0.5 for _ in json.loads(body)["all"]]}),
        "application/json",
        content_template='{"all":$records}',
        record_template='{"a":${age},"f":$features}',
        probability="p",
    )

    assert asker.scores(ROWS).tolist() == [[0.5]] * 3
    assert json.loads(runtime.asked[0]["Body"])["all"][0] == {"a": 30, "f": [30, "cook", 1.5]}


def test_labels_and_probabilities_by_position() -> None:
    """The columns of a CSV answer; a list in a cell is a probability for each label."""
    asker, _ = predictor(lines(lambda line: 'yes,"[0.2, 0.8]"'), label=0, probability=1)
    found = asker.predict(ROWS)

    assert found.labels is not None
    assert found.probabilities is not None
    assert (found.labels.tolist(), found.probabilities.tolist()) == (["yes"] * 3, [[0.2, 0.8]] * 3)


def test_a_model_that_takes_one_row_is_asked_row_by_row(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said once, in the container's words."""

    def model(body: str) -> str:
        if body.strip().count("\n"):
            raise error("one row, please")
        return "0.5"

    asker, runtime = predictor(model)

    assert asker.scores(ROWS).tolist() == [[0.5]] * 3
    assert len(runtime.asked) == 4
    assert capsys.readouterr().out.count(ROW_BY_ROW) == 1


NONSENSE: list[tuple[Callable[[str], str], dict[str, Any], str]] = [
    (lambda body: "", {}, "was asked about 1 rows and answered 0"),
    (lines(lambda line: "x"), {}, "'x' is no number"),
    (lines(lambda line: "0.5"), {"probability": 3}, "there is no column 3 in the answer"),
    (
        lines(lambda line: "{}"),
        {"accept_type": "application/jsonlines", "probability": "p"},
        "finds nothing in",
    ),
]


@pytest.mark.parametrize(("model", "told", "message"), NONSENSE)
def test_nonsense_is_one_line(model: Callable[[str], str], told: dict[str, Any], message: str) -> None:
    """What the model answered, and what was looked for."""
    asker, _ = predictor(model, **told)
    with pytest.raises(DataError) as problem:
        asker.scores(ROWS)
    assert message in str(problem.value)


class SageMaker:
    """Makes and deletes endpoints; ``refuses`` is the call that fails."""

    def __init__(self, refuses: str = "nothing") -> None:
        self.refuses = refuses
        self.there: list[str] = []

    def _do(self, what: str, name: str, there: bool) -> None:
        if what == self.refuses:
            raise error("no")
        if there:
            self.there.append(name)
        else:
            self.there.remove(name)

    def create_endpoint_config(self, EndpointConfigName: str, **_: Any) -> None:  # noqa: N803
        self._do("config", f"config {EndpointConfigName}", there=True)

    def create_endpoint(self, EndpointName: str, **_: Any) -> None:  # noqa: N803
        self._do("endpoint", f"endpoint {EndpointName}", there=True)

    def delete_endpoint(self, EndpointName: str) -> None:  # noqa: N803
        if f"endpoint {EndpointName}" not in self.there:
            raise error("there is none")
        self._do("", f"endpoint {EndpointName}", there=False)

    def delete_endpoint_config(self, EndpointConfigName: str) -> None:  # noqa: N803
        if f"config {EndpointConfigName}" not in self.there:
            raise error("there is none")
        self._do("", f"config {EndpointConfigName}", there=False)

    def get_waiter(self, _: str) -> SageMaker:
        return self

    def wait(self, **_: Any) -> None:
        if self.refuses == "wait":
            raise WaiterError("EndpointInService", "failed", {"FailureReason": "the model is broken"})


CONFIG = {"dataset_type": "text/csv", "predictor": {"model_name": "m"}}


@pytest.mark.parametrize("refuses", ["config", "endpoint", "wait"])
def test_a_model_that_cannot_be_hosted_leaves_nothing(refuses: str) -> None:
    """Why is one line, and what was made is deleted."""
    sagemaker = SageMaker(refuses)
    with (
        pytest.raises(DataError, match=r"The model m could not be hosted: (no|the model is broken)"),
        endpoint(CONFIG, sagemaker),
    ):
        pass
    assert sagemaker.there == []


@pytest.mark.parametrize("problem", [None, KeyError("mine"), SystemExit(143), error("theirs")])
def test_a_shadow_endpoint_goes_however_the_work_ends(problem: BaseException | None) -> None:
    """What went wrong meanwhile is not taken for a failure of hosting."""
    sagemaker = SageMaker()

    def work() -> None:
        with endpoint(CONFIG, sagemaker):
            assert len(sagemaker.there) == 2
            if problem is not None:
                raise problem

    if problem is None:
        work()
    else:
        with pytest.raises(type(problem)) as seen:
            work()
        assert seen.value is problem
    assert sagemaker.there == []


def test_an_endpoint_that_is_there_is_left_alone() -> None:
    """It is named, used, and not deleted; without a name or a model there is nothing to ask."""
    sagemaker = SageMaker()
    with endpoint({"predictor": {"endpoint_name": "theirs", "model_name": "m"}}, sagemaker) as name:
        assert (name, sagemaker.there) == ("theirs", [])
    with (
        pytest.raises(DataError, match="neither endpoint_name nor model_name"),
        endpoint({"predictor": {}}, sagemaker),
    ):
        pass

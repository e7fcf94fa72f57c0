"""Serving: raw rows in, the same scores out as offline, and bad input refused where it is bad."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from containers import contract
from containers.serving import inference
from containers.serving.predictor import Predictor, load
from tests.containers.serving.conftest import Trained
from tests.containers.serving.rows import WRITERS, as_csv, as_json, hard_rows, offline, written


def ask(predictor: Predictor, body: bytes | str, content_type: str, accept: str = "application/json") -> Any:
    """What the four functions make of a request, called as the framework containers call them."""
    asked = inference.input_fn(body, content_type)
    return inference.output_fn(inference.predict_fn(asked, predictor), accept)


def predictions(answer: tuple[str, str]) -> list[dict[str, Any]]:
    return list(json.loads(answer[0])["predictions"])


@pytest.fixture(scope="module")
def predictor(trained: Trained) -> Predictor:
    return inference.model_fn(str(trained.folder))


@pytest.fixture(scope="module")
def rows(trained: Trained, predictor: Predictor) -> pd.DataFrame:
    """1,000 raw rows with missing and unseen values."""
    return hard_rows(trained, predictor.flow)


@pytest.mark.parametrize("content_type", WRITERS)
def test_answers_equal_offline_scores_to_the_last_bit(
    trained: Trained, predictor: Predictor, rows: pd.DataFrame, tmp_path: Path, content_type: str
) -> None:
    """A thousand raw rows with missing and unseen values are scored as evaluation scores them, bit for bit."""
    expected = offline(trained, rows, tmp_path)
    found = [
        each["probability"] for each in predictions(ask(predictor, written(rows, content_type), content_type))
    ]
    assert np.array_equal(np.array(found), expected)
    assert len(set(found)) > 100


def test_a_row_alone_is_scored_as_among_many(predictor: Predictor, rows: pd.DataFrame) -> None:
    """One row gives the bits that it gives in a batch."""
    together = predictions(ask(predictor, as_json(rows.head(50)), "application/json"))
    alone = [
        predictions(ask(predictor, as_json(rows.iloc[[place]]), "application/json"))[0] for place in range(50)
    ]
    assert alone == together


def test_parquet_and_csv_without_a_header(trained: Trained, predictor: Predictor) -> None:
    """Parquet and CSV in the flow's own order give what JSON gives."""
    table = trained.holdout.head(20)[list(predictor.flow.columns)]
    body = io.BytesIO()
    table.to_parquet(body)
    expected = predictions(
        ask(predictor, as_json(table.astype(object).where(table.notna(), None)), "application/json")
    )
    assert predictions(ask(predictor, body.getvalue(), "application/x-parquet")) == expected
    assert predictions(ask(predictor, table.to_csv(index=False, header=False), "text/csv")) == expected


def test_the_decision_follows_the_threshold(
    trained: Trained, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probability of at least the threshold is a yes, in the label's own words."""
    monkeypatch.setenv(contract.DECISION_THRESHOLD, "0.03")
    found = predictions(ask(inference.model_fn(str(trained.folder)), as_json(rows), "application/json"))
    assert {each["decision"] for each in found} == {0, 1}
    assert all(each["decision"] == int(each["probability"] >= 0.03) for each in found)


def test_contributions_add_up_to_the_margin(predictor: Predictor, rows: pd.DataFrame) -> None:
    """Explanations are asked for with ``explain``; base and contributions sum to the log-odds."""
    body = json.dumps({"instances": json.loads(as_json(rows.head(5)))["instances"], "explain": True})
    for each in predictions(ask(predictor, body, "application/json")):
        margin = np.log(each["probability"] / (1 - each["probability"]))
        assert sum(each["contributions"].values()) == pytest.approx(margin, abs=1e-4)
        sizes = [abs(value) for name, value in each["contributions"].items() if name != "base"]
        assert sizes == sorted(sizes, reverse=True)


def test_a_bad_row_is_named_and_the_others_are_answered(predictor: Predictor, rows: pd.DataFrame) -> None:
    """Row and column of what cannot be read are said; the other rows get their predictions."""
    instances = json.loads(as_json(rows.head(4)))["instances"]
    expected = predictions(ask(predictor, as_json(rows.head(4)), "application/json"))
    instances[1]["events_1h"] = "many"
    del instances[2]["tariff"]
    found = predictions(ask(predictor, json.dumps(instances), "application/json"))
    assert found[1]["error"] == {
        "status": 400,
        "row": 2,
        "column": "events_1h",
        "message": "'events_1h' should be an integer, not 'many'.",
    }
    assert found[2]["error"]["column"] == "tariff"
    assert [found[0], found[3]] == [expected[0], expected[3]]


REFUSED = [
    ("text/csv", b"", 400, "no rows"),
    ("text/csv", b"1,2,3\n", 400, "has 3 values instead of"),
    ("application/json", b"{", 400, "not JSON"),
    ("application/json", b"[]", 400, "no rows"),
    ("application/json", b'[{"no": 1}]', 400, "The row has no"),
    ("application/json", b"[" * 100_000, 400, "nested too deeply"),
    ("application/json", b"\xff\xfe", 400, "not UTF-8"),
    ("application/jsonlines", b"what\n", 400, "is not JSON"),
    ("application/x-parquet", b"PAR1", 400, "not Parquet"),
    ("image/png", b"x", 415, "is not one of"),
]


@pytest.mark.parametrize(("content_type", "body", "status", "message"), REFUSED)
def test_what_cannot_be_read_is_refused(
    predictor: Predictor, content_type: str, body: bytes, status: int, message: str
) -> None:
    """A request that holds no good row gets a 4xx that says what is wrong."""
    response = ask(predictor, body, content_type)
    assert response.status_code == status
    assert message in json.loads(response.get_data())["message"]


def test_an_unknown_accept_is_refused(predictor: Predictor, rows: pd.DataFrame) -> None:
    """What cannot be written is a 406."""
    assert ask(predictor, as_csv(rows.head(1)), "text/csv", "image/png").status_code == 406


def test_csv_has_a_line_a_row(predictor: Predictor, rows: pd.DataFrame) -> None:
    """CSV answers are decision and probability; one bad row refuses the request, for want of a place to say it."""
    text, kind = ask(predictor, as_csv(rows.head(3)), "text/csv", "text/csv")
    assert kind == "text/csv"
    lines = list(csv.reader(io.StringIO(text)))
    expected = predictions(ask(predictor, as_csv(rows.head(3)), "text/csv"))
    assert [(int(line[0]), float(line[1])) for line in lines] == [
        (each["decision"], each["probability"]) for each in expected
    ]
    broken = as_csv(rows.head(3)).replace("\n", "\nonly one\n", 1)
    assert ask(predictor, broken, "text/csv", "text/csv").status_code == 400


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    """What is missing in an archive is said when the server starts."""
    with pytest.raises(ValueError, match=r"holds no model\.ubj, model\.json, flow\.json"):
        load(tmp_path)

"""A user's own scripts are called as AWS documents it, and their mistakes are theirs."""

from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest

from containers.analyzer.capture_record import CapturedData
from containers.analyzer.monitor_scripts import Preprocessor, postprocessor
from containers.processing.job import DataError

RECORD = {
    "captureData": {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,-1", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "0.5\n", "encoding": "CSV"},
    },
    "eventMetadata": {"eventId": "e", "inferenceTime": "2019-11-20T23:33:12Z", "inferenceId": "i"},
    "eventVersion": "0",
}  # fmt: skip


def script(folder: Path, text: str) -> Path:
    path = folder / "user script.py"
    path.write_text(text)
    return path


RETURNS: list[tuple[str, list[dict[str, str | None]]]] = [
    ("return {'b': 1, 'a': 'x'}", [{"b": "1", "a": "x"}]),
    ("return [{'a': 1}, {'a': 2.5}]", [{"a": "1"}, {"a": "2.5"}]),
    ("return []", []),
    ("return None", []),
    ("return {}", []),
    ("return {0: None, 1: True}", [{"0": None, "1": "true"}]),
    ("return {'a': inference_record.endpoint_input.data.split(',')[1]}", [{"a": "-1"}]),
    (
        "data = inference_record.endpoint_output.data.rstrip() + ',' + inference_record.endpoint_input.data\n"
        "    return {str(i).zfill(20): d for i, d in enumerate(data.split(','))}",
        [{"0" * 20: "0.5", "0" * 19 + "1": "1", "0" * 19 + "2": "-1"}],
    ),
]


@pytest.mark.parametrize(("body", "rows"), RETURNS)
def test_a_script_makes_rows(body: str, rows: list[dict[str, str | None]], tmp_path: Path) -> None:
    """One, several or none out of a record."""
    handler = Preprocessor(script(tmp_path, f"def preprocess_handler(inference_record):\n    {body}\n"))

    assert handler.rows(CapturedData(RECORD), "here") == rows


def test_a_script_may_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A second argument named logger is one, and returning the record changes nothing."""
    text = "def preprocess_handler(inference_record, logger):\n    logger.warning('seen')\n    return inference_record"
    record = CapturedData(RECORD)

    assert Preprocessor(script(tmp_path, text)).rows(record, "here") is record
    assert "seen" in caplog.text


def test_a_record_has_aws_s_attributes() -> None:
    """Those of the documentation; what is not there is None."""
    record = CapturedData(RECORD)

    assert (record.event_version, record.ground_truth, record.batch_transform_output) == ("0", None, None)
    assert (record.event_metadata.event_id, record.event_metadata.inference_id) == ("e", "i")
    assert record.event_metadata.event_time == "2019-11-20T23:33:12Z"
    assert record.event_metadata.custom_attribute is None
    assert record.endpoint_input.encoding == "CSV"
    assert record.endpoint_input.observedContentType == "text/csv"
    assert record.as_dict() == RECORD
    assert literal_eval(str(record)) == RECORD


def test_a_script_s_changes_are_in_the_record() -> None:
    """Whoever replaces the data of a part gets it back."""
    record = CapturedData(RECORD)
    record.endpoint_input.data = "7"

    assert record.as_dict()["captureData"]["endpointInput"]["data"] == "7"
    assert RECORD["captureData"]["endpointInput"]["data"] == "1,-1"  # type: ignore[index]


LOADING: list[tuple[str, str]] = [
    ("def preprocess(record): pass", "has no function 'preprocess_handler'"),
    ("preprocess_handler = 3", "has no function 'preprocess_handler'"),
    ("def preprocess_handler(:", "SyntaxError"),
    ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ("raise SystemExit(3)", "SystemExit: 3"),
]


@pytest.mark.parametrize(("text", "message"), LOADING)
def test_a_script_that_cannot_be_loaded(text: str, message: str, tmp_path: Path) -> None:
    """The container's sentence, and the cause after it."""
    with pytest.raises(DataError) as caught:
        Preprocessor(script(tmp_path, text))
    assert str(caught.value).startswith("The preprocessing script cannot be used. user script.py")
    assert message in str(caught.value)


CALLING: list[tuple[str, str]] = [
    (
        "raise ValueError('no price')",
        "The preprocessing script failed. line 3: ValueError: no price",
    ),
    ("raise SystemExit(0)", "line 3: SystemExit: 0"),
    (
        "return 'a,b'",
        "line 3: preprocess_handler must return an object, or a list of objects; it returned 'a,b'",
    ),
    ("return [1, 2]", "it returned [1, 2]"),
]


@pytest.mark.parametrize(("body", "message"), CALLING)
def test_a_script_that_fails(body: str, message: str, tmp_path: Path) -> None:
    """The record at which it happened is named."""
    handler = Preprocessor(script(tmp_path, f"def preprocess_handler(inference_record):\n    {body}\n"))

    with pytest.raises(DataError) as caught:
        handler.rows(CapturedData(RECORD), "line 3")
    assert message in str(caught.value)


def test_what_comes_after(tmp_path: Path) -> None:
    """The postprocessing script is called without arguments; a failure of it is one of the job."""
    marker = tmp_path / "marker"
    text = f"from pathlib import Path\ndef postprocess_handler():\n    Path({str(marker)!r}).write_text('x')"
    postprocessor(script(tmp_path, text))()
    failing = postprocessor(script(tmp_path, "def postprocess_handler():\n    1 / 0"))

    assert marker.read_text() == "x"
    with pytest.raises(DataError, match=r"user script\.py: postprocess_handler: ZeroDivisionError"):
        failing()
    with pytest.raises(DataError, match=r"The postprocessing script cannot be used"):
        postprocessor(script(tmp_path, ""))


def test_a_script_sees_itself(tmp_path: Path) -> None:
    """Its own functions, imports and file name are there, and it may be called what it likes."""
    text = (
        "import os\ndef helper(): return os.path.basename(__file__)\n"
        "def preprocess_handler(r): return {'a': helper()}"
    )
    found: Any = Preprocessor(script(tmp_path, text)).rows("1,2", "here")

    assert found == [{"a": "user script.py"}]

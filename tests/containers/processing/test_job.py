import json
import subprocess
import sys

import pytest

from containers.contract import ProcessingPaths, TrainingPaths
from containers.processing.job import MESSAGE_LIMIT, DataError, read_settings, run


@pytest.mark.parametrize("paths_type", [ProcessingPaths, TrainingPaths])
def test_bad_data_is_one_line_and_exit_status_1(tmp_path, capsys, paths_type):
    """A DataError ends as its message in the log and in the failure file, without a traceback."""

    def main(paths, *, rows):
        raise DataError(f"{rows} rows are too few")

    paths = paths_type(tmp_path)

    assert run(main, paths, rows=3) == 1
    assert paths.failure_message.read_text() == "3 rows are too few"
    assert capsys.readouterr().err == "3 rows are too few\n"


def test_a_defect_keeps_its_traceback_in_the_log(tmp_path, capsys):
    """An unexpected exception is named in the failure file, and its traceback is printed."""

    def main(paths):
        raise ZeroDivisionError("no rows")

    assert run(main, ProcessingPaths(tmp_path)) == 1
    assert ProcessingPaths(tmp_path).failure_message.read_text() == "ZeroDivisionError: no rows"
    assert "Traceback" in capsys.readouterr().err


def test_success_leaves_no_message(tmp_path):
    """A job that ends well returns 0 and writes no failure file."""
    assert run(lambda paths: None, ProcessingPaths(tmp_path)) == 0
    assert not ProcessingPaths(tmp_path).failure_message.exists()


def test_a_long_message_is_cut_in_the_file_only(tmp_path, capsys):
    """SageMaker keeps 1024 characters; the log keeps all."""

    def main(paths):
        raise DataError("x" * 5000)

    run(main, ProcessingPaths(tmp_path))

    assert len(ProcessingPaths(tmp_path).failure_message.read_text()) == MESSAGE_LIMIT
    assert len(capsys.readouterr().err) == 5001


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "got no input 'settings'"), ("{", "not JSON"), ("[1]", "expected a JSON object, got list")],
)
def test_settings_that_cannot_be_read_are_said_so(tmp_path, text, said):
    """Absent, torn and misshapen settings each have their sentence."""
    paths = ProcessingPaths(tmp_path)
    paths.settings.parent.mkdir(parents=True)
    if text is not None:
        paths.settings.write_text(text)

    with pytest.raises(DataError, match=said):
        read_settings(paths)


def test_settings_are_the_use_case(tmp_path):
    """What the pipeline wrote is what the job reads."""
    paths = ProcessingPaths(tmp_path)
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps({"name": "adult"}))

    assert read_settings(paths) == {"name": "adult"}


def test_the_helper_needs_only_the_standard_library():
    """Every job imports it first, so it must not pull in anything heavy."""
    code = (
        "import sys, containers.processing.job; print(sorted({'numpy', 'pandas', 'boto3'} & {*sys.modules}))"
    )

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"

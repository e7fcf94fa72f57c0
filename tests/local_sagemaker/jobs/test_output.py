"""What a job prints becomes lines of its log, whatever it is."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.jobs.output import LONGEST_EVENT, Output
from local_sagemaker.logs import read_events


def log_of(folder: Path, writes: list[bytes]) -> list[str]:
    """The messages in the log after these writes, each read before the next."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    reading, writing = os.pipe()
    with Output(reading, log) as output:
        for data in writes:
            for start in range(0, len(data), 60_000):
                os.write(writing, data[start : start + 60_000])
                while output.read():
                    pass
        os.close(writing)
        assert output.read() is False
    os.close(reading)
    return [event.message for event in read_events(log)]


@given(writes=st.lists(st.binary(max_size=30)))
def test_lines_are_kept_however_they_arrive(tmp_path_factory, writes):
    """Cut by newlines only, never by where a write ended; a last line needs no newline."""
    expected = b"".join(writes).split(b"\n")
    if not expected[-1]:
        expected.pop()

    assert log_of(tmp_path_factory.getbasetemp(), writes) == [
        line.decode(errors="replace") for line in expected
    ]


def test_a_line_beyond_cloudwatchs_limit_becomes_several_events(tmp_path):
    """Nothing of it is lost, and memory holds no more than one event."""
    messages = log_of(tmp_path, [b"x" * (2 * LONGEST_EVENT + 5), b"\nnext\n"])

    assert [len(message) for message in messages] == [LONGEST_EVENT, LONGEST_EVENT, 5, 4]


def test_nothing_printed_is_an_empty_log(tmp_path):
    """The log is there all the same."""
    assert log_of(tmp_path / "folder", []) == []


def test_our_own_words_are_marked(tmp_path):
    """A reader can tell them from the job's."""
    reading, writing = os.pipe()
    with Output(reading, tmp_path / "log") as output:
        output.say("the job is lost")
    os.close(reading)
    os.close(writing)

    assert [event.message for event in read_events(tmp_path / "log")] == ["local_sagemaker: the job is lost"]

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.records import Closed, Exists, Missing, Records

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def records(tmp_path):
    records = Records(tmp_path / "state" / "records.sqlite")
    yield records
    records.close()


def test_a_document_comes_back_as_it_was(records):
    """What is created is what is got, under its kind and name only."""
    document = {"Name": "ü", "Time": 1700000000.123456, "List": [1, {"a": None}], "Nothing": None}

    records.create("Model", "a/b", document)

    assert records.get("Model", "a/b") == document
    assert records.get("Model", "A/B") is None
    assert records.get("TrainingJob", "a/b") is None


def test_documents_are_copies(records):
    """Changing a document that was given or got changes no record."""
    document = {"Tags": [1]}
    records.create("Model", "m", document)
    document["Tags"].append(2)
    records.get("Model", "m")["Tags"].append(3)

    assert records.get("Model", "m") == {"Tags": [1]}


def test_a_name_is_taken_once(records):
    """Creating an existing record raises Exists and leaves it as it was."""
    records.create("Model", "m", {"n": 1})

    with pytest.raises(Exists):
        records.create("Model", "m", {"n": 2})
    assert records.get("Model", "m") == {"n": 1}


def test_changing_what_is_not_there(records):
    """Update and wait raise Missing; delete says that there was nothing."""
    with pytest.raises(Missing):
        records.update("Model", "m", {"n": 1})
    with pytest.raises(Missing):
        records.wait("Model", "m", lambda _: True)
    assert records.delete("Model", "m") is False


def test_an_update_that_raises_changes_nothing(records):
    """A function that fails half way leaves the old document."""
    records.create("Model", "m", {"n": 1})

    def fail(document):
        document["n"] = 2
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        records.update("Model", "m", fail)
    assert records.get("Model", "m") == {"n": 1}


def test_updates_from_many_threads_are_not_lost(records):
    """Reading and writing in an update is one step."""
    records.create("Model", "m", {"n": 0})

    def count():
        for _ in range(50):
            records.update("Model", "m", lambda document: {"n": document["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert records.get("Model", "m") == {"n": 200}


def test_list_is_in_creation_order(records):
    """A record keeps its place when it is updated, and a name that is used again comes last."""
    for name in "cab":
        records.create("Model", name, {"name": name})
    records.update("Model", "c", {"new": True})
    records.delete("Model", "a")
    records.create("Model", "a", {"name": "a"})

    assert [document["name"] for document in records.list("Model")] == ["c", "b", "a"]
    assert [name for name, _ in records.items("Model")] == ["c", "b", "a"]


def test_wait_returns_the_document_that_it_waited_for(records):
    """A waiter is woken by the write that makes its condition true."""
    records.create("TrainingJob", "j", {"n": 0})
    found = []
    waiter = threading.Thread(
        target=lambda: found.append(records.wait("TrainingJob", "j", lambda document: document["n"] >= 3))
    )
    waiter.start()
    for n in range(1, 4):
        records.update("TrainingJob", "j", {"n": n})
    waiter.join(10)

    assert found == [{"n": 3}]


def test_wait_gives_up(records):
    """A condition that does not come true in time is a TimeoutError."""
    records.create("TrainingJob", "j", {})

    with pytest.raises(TimeoutError, match="TrainingJob 'j'"):
        records.wait("TrainingJob", "j", lambda _: False, timeout=0.01)


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (lambda records: records.delete("TrainingJob", "j"), Missing),
        (lambda records: records.close(), Closed),
    ],
)
def test_nobody_waits_for_what_cannot_come(records, end, error):
    """Deleting the record, or closing the file, ends a wait."""
    records.create("TrainingJob", "j", {})
    waiting, errors = threading.Event(), []

    def never(_):
        waiting.set()
        return False

    def wait():
        try:
            records.wait("TrainingJob", "j", never)
        except (Missing, Closed) as caught:
            errors.append(type(caught))

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiting.wait(10)
    end(records)
    waiter.join(10)

    assert errors == [error]


def test_together_is_all_or_nothing(records):
    """When a block of changes raises, none of them has happened; nested blocks belong to the outer one."""
    records.create("Model", "kept", {"n": 1})

    def change_and_fail():
        with records.together():
            records.create("Model", "new", {})
            with records.together():
                records.update("Model", "kept", {"n": 2})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    with records.together():
        records.create("Model", "newer", {})

    assert [name for name, _ in records.items("Model")] == ["kept", "newer"]
    assert records.get("Model", "kept") == {"n": 1}


def test_closed_records_say_so(tmp_path):
    """Using records after closing them raises Closed; closing twice is harmless."""
    records = Records(tmp_path / "r.sqlite")
    records.close()
    records.close()

    with pytest.raises(Closed):
        records.get("Model", "m")


WRITER = """
import sys
from pathlib import Path
from local_sagemaker.records import Records

records = Records(Path(sys.argv[1]))
records.create("TrainingJob", "j", {"n": 0})
n = 0
while True:
    n += 1
    records.create("Model", str(n), {"n": n})
    records.update("TrainingJob", "j", {"n": n})
    print(n, flush=True)
"""


def test_what_was_written_survives_kill_9(tmp_path):
    """Every write that returned is there after the process was killed in the middle of writing."""
    path = tmp_path / "r.sqlite"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        for line in writer.stdout:
            if int(line) == 100:
                break
        writer.send_signal(signal.SIGKILL)
        last = int((["100", *writer.stdout.read().split("\n")[:-1]])[-1])

    records = Records(path)
    job, models = records.get("TrainingJob", "j"), records.list("Model")
    records.close()

    assert job["n"] >= last >= 100
    assert [model["n"] for model in models[:last]] == list(range(1, last + 1))


def test_a_full_disk_undoes_what_belongs_together(tmp_path):
    """Where there is no room for all of it nothing is written, and what comes later is written again."""
    path = tmp_path / "r.sqlite"
    records = Records(path)
    with sqlite3.connect(path) as size:
        pages = size.execute("PRAGMA page_count").fetchone()[0]
    records._connection.execute(f"PRAGMA max_page_count={pages + 2}")

    def write_much():
        with records.together():
            for number in range(100):
                records.create("Model", str(number), {"text": "x" * 1000})

    with pytest.raises(sqlite3.OperationalError, match="full"):
        write_much()
    records._connection.execute("PRAGMA max_page_count=1000000")
    records.create("Model", "later", {})
    records.close()

    again = Records(path)
    assert again.items("Model") == [("later", {})]
    again.close()


names = st.sampled_from("abc")
steps = st.lists(st.tuples(st.sampled_from(["create", "update", "delete"]), names, st.integers()))


@given(steps=steps)
def test_records_behave_like_a_dictionary(tmp_path_factory, steps):
    """Any sequence of changes leaves what it would leave in a dictionary, also for the next process."""
    path = tmp_path_factory.mktemp("records") / "r.sqlite"
    records, model = Records(path), {}
    for step, name, number in steps:
        if step == "create" and name not in model:
            records.create("Model", name, {"n": number})
            model[name] = {"n": number}
        elif step == "update" and name in model:
            model[name] = records.update("Model", name, {"n": number})
        elif step == "delete":
            assert records.delete("Model", name) == (model.pop(name, None) is not None)
    records.close()

    again = Records(path)
    assert dict(again.items("Model")) == model
    again.close()

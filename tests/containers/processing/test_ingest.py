"""Real files through the whole job; where they come from is a folder, but in one test that asks a real S3."""

import gzip
import json
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers.contract import DATA, MANIFEST, MANIFEST_FILE, ProcessingPaths
from containers.processing import ingest
from containers.processing.job import DataError, run

USECASES = Path(__file__).resolve().parents[3] / "pipelines" / "usecases"
SETTINGS = {
    "name": "toy",
    "problem": "binary",
    "label": "y",
    "positive": "yes",
    "source": {"kind": "s3", "format": "csv", "header": True, "delimiter": ",", "missing": ["?"]},
    "columns": {
        "a": "integer",
        "b": "number",
        "c": "string",
        "d": "boolean",
        "e": "timestamp",
        "y": "string",
    },
}
HEADER = "a,b,c,d,e,y\n"
GOOD = (
    HEADER + "1,1.5,x,true,2026-01-01T00:00:00Z,yes\n"
    "\n"
    '-2,?,"u, v",no,2026-01-02T03:04:05+01:00,no\n'
    " 3 ,2e3,  z ,1,2026-01-03,yes\n"
    ",,?,,,no\n"
)


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Run ingest on texts or bytes as if they were the objects below s3://bucket/raw; gives the paths."""

    def start(*contents, **changes):
        paths = ProcessingPaths(tmp_path / "ml")
        paths.settings.parent.mkdir(parents=True, exist_ok=True)
        settings = SETTINGS | changes
        settings["source"] = SETTINGS["source"] | changes.get("source", {})
        paths.settings.write_text(json.dumps(settings))
        files = []
        for number, content in enumerate(contents):
            files.append(tmp_path / f"{number}.raw")
            files[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
        found = [(f"s3://bucket/raw/{number}.csv", file) for number, file in enumerate(files)]
        monkeypatch.setitem(ingest.SOURCES, "s3", lambda _: iter(found))
        ingest.main(paths, source="s3://bucket/raw")
        return paths

    return start


def rows(paths):
    return pq.read_table(paths.output(DATA)).to_pylist()


def manifest(paths):
    return json.loads((paths.output(MANIFEST) / MANIFEST_FILE).read_text())


def test_csv_becomes_parquet_of_the_schema(job):
    """Every type is read, missing texts and blanks are null, space around delimiters does not count."""
    table = pq.read_table(job(GOOD).output(DATA))

    assert [str(field.type) for field in table.schema] == [
        "int64",
        "double",
        "string",
        "bool",
        "timestamp[us, tz=UTC]",
        "string",
    ]
    columns = table.to_pydict()
    assert columns["a"] == [1, -2, 3, None]
    assert columns["b"] == [1.5, None, 2000.0, None]
    assert columns["c"] == ["x", "u, v", "z ", None]
    assert columns["d"] == [True, False, True, None]
    assert [e and e.isoformat() for e in columns["e"]] == [
        "2026-01-01T00:00:00+00:00",
        "2026-01-02T02:04:05+00:00",
        "2026-01-03T00:00:00+00:00",
        None,
    ]


def test_the_manifest_says_what_was_ingested(job):
    """Rows, columns with their gaps, labels, source, size and hash."""
    found = manifest(job(GOOD))

    assert found["rows"] == 4
    assert found["columns"]["b"] == {"type": "number", "missing": 2}
    assert found["label"] == {"yes": 2, "no": 2}
    assert found["source"] == "s3://bucket/raw"
    assert found["objects"] == [{"uri": "s3://bucket/raw/0.csv", "bytes": len(GOOD)}]
    assert len(found["sha256"]) == 64


def test_the_hash_is_of_the_content_and_not_of_its_packaging(job, tmp_path, monkeypatch):
    """One file or two, CSV or gzip or Parquet, in large pieces or small: the same hash. Another value: another."""
    lines = GOOD.splitlines(keepends=True)
    expected = manifest(job(GOOD))["sha256"]
    parquet = (tmp_path / "ml" / "processing" / "output" / "data" / "part-00000.parquet").read_bytes()

    assert manifest(job("".join(lines[:3]), HEADER + "".join(lines[3:])))["sha256"] == expected
    assert manifest(job(gzip.compress(GOOD.encode(), mtime=0)))["sha256"] == expected
    assert manifest(job(parquet, source={"format": "parquet"}))["sha256"] == expected
    assert manifest(job(GOOD.replace("2e3", "2e4")))["sha256"] != expected
    assert manifest(job(GOOD.replace("true", "no")))["sha256"] != expected
    monkeypatch.setattr(ingest.csv_files, "BLOCK", 64)
    assert manifest(job(GOOD))["sha256"] == expected


def test_many_rows_become_many_parts(job, monkeypatch):
    """No part has more than its share, and together they are the data in order."""
    monkeypatch.setattr(ingest, "PART_ROWS", 7)
    monkeypatch.setattr(ingest.csv_files, "BLOCK", 128)
    text = HEADER + "".join(f"{n},0.5,x,true,2026-01-01,{'yes' if n % 3 else 'no'}\n" for n in range(40))
    paths = job(text)

    parts = sorted(paths.output(DATA).iterdir())
    assert [pq.read_metadata(part).num_rows for part in parts] == [7, 7, 7, 7, 7, 5]
    assert [row["a"] for row in rows(paths)] == list(range(40))


MANY = HEADER + "1,1,x,true,2026-01-01,yes\n" * 5
BAD_CSV = [
    ("", "s3://bucket/raw/0.csv: the file is empty"),
    ("\n \n", "the file is empty"),
    (HEADER, "s3://bucket/raw: there are no rows"),
    (b"PAR1\x15\x04", "it is Parquet; set source.format = 'parquet'"),
    (b"\xff\xfea\x00,\x00", "it is UTF-16; save it as UTF-8"),
    (b"PK\x03\x04abc", "zip archive or a spreadsheet"),
    (b"\x89PNG\r\n\x1a\n\x00\x00", "it holds binary data"),
    (gzip.compress(b"\0\1\2", mtime=0), "it holds binary data"),
    (gzip.compress(GOOD.encode(), mtime=0)[:-20], "cannot be read as CSV: Compressed file ended"),
    (
        MANY.encode() + b"1,1,\xe9t\xe9,true,2026-01-01,no\n",
        "line 7: byte 0xe9 is not utf-8; save the file as UTF-8",
    ),
    ("a,b,c,d,y\n1,1,x,true,yes\n", "line 1: columns missing: e. Expected: a, b, c, d, e, y"),
    ("a,b,c,d,e,z,y\n", "line 1: columns not in the use case: z."),
    ("a,b,c,d,ee,y\n", "missing: e (is it 'ee'?); not in the use case: ee"),
    ("b,a,c,d,e,y\n", "columns in another order: column 1 is 'b', expected 'a'"),
    ("a,a,c,d,e,y\n", "named more than once: a; missing: b"),
    ("1,1,x,true,2026-01-01,yes\n", "no column names, but values"),
    (GOOD.replace(",", ";"), "the fields are separated by ';'; set delimiter = ';'"),
    (MANY + "1,2,3\n\n1,2,3,4,5,6,7\n", "2 line(s) do not have 6 fields: line 7 has 3, line 9 has 7"),
    (
        MANY + "\n1x,?,x,maybe,2026-13-01,no\n2.5,inf,x,?,?,no\n",
        "column 'a' should be integer, but 2 value(s) are not",
    ),
    (MANY + "\n1x,?,x,maybe,2026-13-01,no\n2.5,inf,x,?,?,no\n", "'1x' (line 8), '2.5' (line 9); column 'b'"),
    (
        MANY + "\n1x,?,x,maybe,2026-13-01,no\n2.5,inf,x,?,?,no\n",
        "column 'd' should be boolean, but 1 value(s) are not: 'm",
    ),
    (
        MANY + "\n1x,?,x,maybe,2026-13-01,no\n2.5,inf,x,?,?,no\n",
        "should be timestamp, but 1 value(s) are not: '2026-13",
    ),
    (HEADER + '1,1,"two\nlines",true,2026-01-01,no\nx,1,x,true,2026-01-01,yes\n', "'x' (line 4)"),
    (MANY, "the label 'y' has one class, 'yes', in all 5 rows"),
    (MANY + "1,1,x,true,2026-01-01,?\n", "the label 'y' is missing in 1 of 6 rows"),
]


@pytest.mark.parametrize(("content", "said"), BAD_CSV)
def test_each_way_to_be_wrong_has_its_sentence(job, tmp_path, content, said):
    """Where, what, and what would be right; and nothing is left behind."""
    with pytest.raises(DataError) as refused:
        job(content)

    assert said in str(refused.value)
    assert [path for path in (tmp_path / "ml" / "processing" / "output").rglob("*") if path.is_file()] == []


def test_the_second_file_is_checked_like_the_first(job, tmp_path):
    """The message names the file, and what the first one gave is taken back."""
    with pytest.raises(DataError, match=r"s3://bucket/raw/1\.csv, line 1: columns missing: e"):
        job(GOOD, "a,b,c,d,y\n1,1,x,true,yes\n")
    assert list((tmp_path / "ml" / "processing" / "output" / "data").iterdir()) == []


def test_a_file_without_header_is_counted_not_named(job):
    """Values are taken in the order of the schema; a header where none is expected is noticed."""
    without = {"source": {"header": False}}

    assert len(rows(job(GOOD.removeprefix(HEADER), **without))) == 4
    with pytest.raises(DataError, match="column names where values were expected; set header = true"):
        job(GOOD, **without)
    with pytest.raises(
        DataError, match="line 1: 2 fields, but the use case names 6 columns: a, b, c, d, e, y"
    ):
        job("1,2\n", **without)


def test_other_encodings_and_byte_order_marks_are_read(job):
    """Latin-1 where the source says so; a UTF-8 mark at the start is no part of the first name."""
    text = GOOD.replace("x", "é")

    assert rows(job(text.encode("latin-1"), source={"encoding": "latin-1"}))[0]["c"] == "é"
    assert rows(job(text.encode("utf-8-sig")))[0]["c"] == "é"
    with pytest.raises(DataError, match=r"source\.encoding: unknown encoding 'utf-9'"):
        job(text, source={"encoding": "utf-9"})


def test_parquet_goes_by_name_and_is_held_to_its_types(job, tmp_path):
    """Order does not matter; what can become the schema's type without a loss does; the rest is an error."""
    good = pa.table(
        {
            "y": pa.array(["yes", "no"]).dictionary_encode(),
            "a": pa.array([1, None], pa.int8()),
            "b": pa.array([1, 2], pa.int32()),
            "c": pa.array(["x", "?"], pa.large_string()),
            "d": [True, None],
            "e": pa.array([0, 10**15 + 7], pa.timestamp("ns")),
        }
    )
    pq.write_table(good, tmp_path / "x.parquet")
    paths = job((tmp_path / "x.parquet").read_bytes(), source={"format": "parquet"})
    assert rows(paths)[0]["b"] == 1.0
    assert [row["c"] for row in rows(paths)] == ["x", None]

    pq.write_table(good.set_column(2, "b", pa.array([[1], [2]])), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"columns of another type: 'b' is list<.*>, should be number"):
        job((tmp_path / "x.parquet").read_bytes(), source={"format": "parquet"})
    pq.write_table(good.set_column(1, "a", pa.array(["1", "x"])), tmp_path / "x.parquet")
    with pytest.raises(
        DataError, match=r"column 'a' should be integer, but 1 value\(s\) are not: 'x' \(row 2\)"
    ):
        job((tmp_path / "x.parquet").read_bytes(), source={"format": "parquet"})
    pq.write_table(good.drop_columns(["d"]), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="columns missing: d"):
        job((tmp_path / "x.parquet").read_bytes(), source={"format": "parquet"})
    with pytest.raises(DataError, match=r"not Parquet: .*is it CSV"):
        job(GOOD, source={"format": "parquet"})
    with pytest.raises(DataError, match="the file is empty"):
        job("", source={"format": "parquet"})


def test_a_regression_label_has_no_classes(job):
    """Numbers are not counted by value, and all equal ones are no error."""
    text = HEADER + "1,1,x,true,2026-01-01,yes\n" * 3

    assert manifest(job(text, problem="regression", label="a"))["label"] == {}


@pytest.mark.parametrize("source", ["bucket/raw", "file:///etc/passwd", "s3://", ""])
def test_a_source_that_is_no_s3_address_is_refused(job, source):
    """The failure message is what the job leaves behind."""
    paths = job(GOOD)

    assert run(ingest.main, paths, source=source) == 1
    assert "expected an S3 address" in paths.failure_message.read_text()


def test_adult_is_ingested_as_it_is(job, shared_data):
    """No header, a space after each comma, ' ?' for missing, blank lines at the end: 32,561 rows."""
    names = list(tomllib.loads((USECASES / "adult.toml").read_text())["columns"])
    names[-1] = "y"
    numbers = {"age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week"}
    found = manifest(
        job(
            shared_data("adult/adult.data").read_bytes(),
            columns={name: "integer" if name in numbers else "string" for name in names},
            source={"header": False},
        )
    )

    assert found["rows"] == 32_561
    assert found["label"] == {"<=50K": 24_720, ">50K": 7_841}
    assert found["columns"]["workclass"]["missing"] == 1_836


@pytest.fixture
def s3(client, environment, monkeypatch):
    """A bucket on the local SageMaker, and this process set up to find it."""
    for name, value in environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    client("s3").create_bucket(Bucket="ingest-test")
    return client("s3")


def test_objects_come_from_s3(s3, tmp_path, capsys):
    """One object by its key, all data below a prefix in order, markers left out; a neighbour's name is no prefix."""
    paths = ProcessingPaths(tmp_path)
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps(SETTINGS))
    for key in ("raw/b.csv", "raw/a.csv", "raw/_SUCCESS", "raw/.crc", "rawer/c.csv"):
        s3.put_object(Bucket="ingest-test", Key=key, Body=GOOD.encode() if key.endswith("csv") else b"")

    def ingested(source):
        return run(ingest.main, paths, source=source)

    assert ingested("s3://ingest-test/raw") == 0
    assert [entry["uri"] for entry in manifest(paths)["objects"]] == [
        "s3://ingest-test/raw/a.csv",
        "s3://ingest-test/raw/b.csv",
    ]
    assert ingested("s3://ingest-test/rawer/c.csv") == 0
    assert manifest(paths)["rows"] == 4
    assert "4 rows of 6 columns from 1 object(s), 6 values missing" in capsys.readouterr().out

    assert ingested("s3://ingest-test/ra") == 1
    assert paths.failure_message.read_text() == (
        "s3://ingest-test/ra: there is no object here; did you mean s3://ingest-test/raw/a.csv?"
    )
    assert ingested("s3://no-such-bucket-here/x") == 1
    assert "s3://no-such-bucket-here/x: cannot be read" in paths.failure_message.read_text()

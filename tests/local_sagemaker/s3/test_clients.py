"""The clients that people use, against the real server."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from local_sagemaker.s3.store import ObjectStore

pytestmark = pytest.mark.usefixtures("aws_environment")


def test_the_aws_cli(store: ObjectStore, tmp_path: Path) -> None:
    """``aws s3`` copies, lists, synchronises and removes."""
    pytest.importorskip("awscli")
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep/b c+ä.txt").write_text("b")
    (folder / "large.bin").write_bytes(b"0123456789" * 900_000)  # above the CLI's threshold for parts

    def run(*arguments: str | Path) -> str:
        command = [sys.executable, "-m", "awscli", "s3", *map(str, arguments), "--cli-read-timeout", "20"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run("sync", folder, "s3://bucket/x")
    assert [stored.key for stored in store.list("bucket")] == ["x/a.txt", "x/deep/b c+ä.txt", "x/large.bin"]
    assert store.get("bucket", "x/large.bin").etag.endswith("-2")
    assert run("sync", folder, "s3://bucket/x") == ""

    listed = run("ls", "s3://bucket/x/")
    assert "PRE deep/" in listed
    assert "a.txt" in listed

    run("cp", "--recursive", "s3://bucket/x", tmp_path / "back")
    assert (tmp_path / "back/large.bin").read_bytes() == (folder / "large.bin").read_bytes()

    run("rm", "--recursive", "s3://bucket/x")
    assert list(store.list("bucket")) == []


def test_awswrangler(store: ObjectStore) -> None:
    """awswrangler writes and reads Parquet data sets and CSV files."""
    import awswrangler as wr

    rows = pd.DataFrame({"id": range(1000), "part": ["a", "b"] * 500, "value": [0.5] * 1000})
    wr.s3.to_parquet(rows, "s3://bucket/set/", dataset=True, partition_cols=["part"])
    wr.s3.to_csv(rows, "s3://bucket/rows.csv", index=False)
    parquet = wr.s3.read_parquet("s3://bucket/set/", dataset=True).sort_values("id")

    assert parquet["id"].tolist() == rows["id"].tolist()
    assert set(parquet["part"]) == {"a", "b"}
    pd.testing.assert_frame_equal(wr.s3.read_csv("s3://bucket/rows.csv"), rows)
    assert wr.s3.does_object_exist("s3://bucket/rows.csv")

    wr.s3.delete_objects("s3://bucket/set/")
    assert [stored.key for stored in store.list("bucket")] == ["rows.csv"]

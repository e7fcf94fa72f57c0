"""Plan and upsert as a user runs them, before and after a change of one flow step, against what then happens."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines import config
from pipelines.__main__ import main
from pipelines.publish import ROOT
from pipelines.service import Service


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Shop:
    """The commands with a use case of their own, which trains once and has few rows."""

    usecase: Path
    rows: Path

    def run(self, command: str, *arguments: str) -> Done:
        data = () if command == "upsert" else ("--data", str(self.rows))
        said, complained = io.StringIO(), io.StringIO()
        with redirect_stdout(said), redirect_stderr(complained):
            status = main([command, "--usecase", str(self.usecase), *data, *arguments])
        return Done(status, said.getvalue(), complained.getvalue())

    def plan(self) -> tuple[int, dict[str, Any]]:
        done = self.run("plan", "--format", "json", "--param", "QualityBar=0.5")
        assert done.out, done.err
        return done.status, json.loads(done.out)

    def cached(self) -> dict[str, str]:
        """Of each step of the newest execution, the execution whose result was used."""
        steps = Service(config.load("local", str(self.usecase))).find(None).steps
        return {step.name: step.cached_from.rpartition("/")[2] for step in steps}


@pytest.fixture(scope="module")
def shop(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    text = (config.USECASES / "roaming.toml").read_text(encoding="utf-8")
    for old, new in (
        ('name = "roaming"', 'name = "planned"'),
        ('group = "roaming"', 'group = "planned"'),
        ("enabled = true", "enabled = false"),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "planned.toml").write_text(text, encoding="utf-8")
    generator = ["-m", "pipelines.usecases.roaming", "--rows", "4000", "--out", str(folder / "rows.csv")]
    subprocess.run([sys.executable, *generator], check=True, cwd=ROOT, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", environment["AWS_ENDPOINT_URL"])
        yield Shop(folder / "planned.toml", folder / "rows.csv")


def test_a_changed_flow_step_is_planned_and_happens(shop: Shop, client: Callable[[str], Any]) -> None:
    """What is not there is created only when told to; then exactly what is foretold hits and misses."""
    status, first = shop.plan()
    assert (status, first["exists"]) == (2, False)

    refused = shop.run("upsert")
    assert (refused.status, refused.err) == (
        2,
        "error: Create pipeline planned-training? There is no terminal to ask; give --yes.\n",
    )
    assert "would be created" in refused.out
    assert not client("sagemaker").list_pipelines(PipelineNamePrefix="planned")["PipelineSummaries"]

    assert shop.run("upsert", "--yes").status == 0
    status, deployed = shop.plan()
    assert (status, deployed["changed"]) == (0, False)
    assert {step["why"] for step in deployed["steps"]} == {"first", "uncached"}
    assert "unchanged" in shop.run("upsert").out, "nothing changes, so nobody is asked"

    done = shop.run("run", "--param", "QualityBar=0.5")
    assert done.status == 0, done.out + done.err

    before = shop.usecase.read_text(encoding="utf-8")
    shop.usecase.write_text(before.replace('strategy = "median"', 'strategy = "mean"', 1), encoding="utf-8")
    status, plan = shop.plan()
    assert status == 2
    steps = {step["step"]: step for step in plan["steps"]}
    assert steps["Ingest"]["outcome"] == "hit"
    assert {name for name, step in steps.items() if step["why"] == "changed"} >= {"Prep", "Train", "Evaluate"}
    (change,) = steps["Prep"]["changes"]
    (file,) = change["files"]
    assert change["path"] == "ProcessingInputs['settings'].S3Input.S3Uri"
    assert [(entry["path"], entry["old"], entry["new"]) for entry in file["entries"]] == [
        ("flow[6].strategy", "median", "mean")
    ]
    assert steps["Train"]["upstream"] == ["Prep"]
    assert (steps["Train"]["changes"], steps["Evaluate"]["changes"]) == ([], [])
    named = {part["name"] for part in plan["parts"]}
    assert named >= {"Prep", "Register"}, "and the package's lineage names the recipe"
    assert not named & {"Ingest", "Train", "Evaluate"}

    again = shop.run("run", "--param", "QualityBar=0.5")
    assert again.status == 0, again.out + again.err
    happened = shop.cached()
    for name, source in happened.items():
        assert (steps[name]["outcome"] == "hit") == bool(source), name
        assert not source or source == steps[name]["source"], name


def test_a_plan_that_cannot_be_made_is_no_change(shop: Shop) -> None:
    """Status 1, so that a script does not take it for 2."""
    wrong = shop.run("plan", "--param", "QualityBra=1")
    absent = shop.run("plan", "--env", "produktion")

    assert (wrong.status, wrong.out) == (1, "")
    assert "Did you mean 'QualityBar'?" in wrong.err
    assert absent.status == 1

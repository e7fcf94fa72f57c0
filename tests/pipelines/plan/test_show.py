"""A plan as people see it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from pipelines.plan import command, sections
from pipelines.plan.code import FileChange
from pipelines.plan.definitions import Part
from pipelines.plan.differences import ABSENT, Change
from pipelines.plan.forecast import Forecast
from pipelines.plan.plan import Plan
from pipelines.plan.show import as_json, show

ADDRESS = Change("S3Uri", f"s3://b/{64 * '0'}", f"s3://b/{64 * '1'}")
FILES = [FileChange("settings.json", "change", (Change("flow[1].low", 2, 5),)), FileChange("x.py", "add")]
LONG = "a" * 60
PLAN = Plan(
    "roaming-training",
    exists=True,
    parts=[
        Part("parameter", "Bar", "change", "Float", (Change("DefaultValue", 0.9, 0.8),)),
        Part("step", "Prep", "change", "Processing", (ADDRESS, Change("Tags['a']", ABSENT, {"Key": "a"}))),
        Part("step", "Old", "remove", "Fail"),
        Part("step", "New", "add", "Training"),
        Part("step", "Tune", "change", "Tuning", (Change("Uri", f"s3://{LONG}/1", f"s3://{LONG}/2"),)),
    ],
    steps=[
        Forecast("Ingest", "hit", "equal", "abc"),
        Forecast("Prep", "run", "changed", "abc", (ADDRESS,)),
        Forecast("Tune", "run", "changed", "abc", (), ("Prep", "Ingest")),
        Forecast("Judge", "run", "changed", "abc", (Change("Environment.X", "1", "2"),), ("Tune",)),
        Forecast("Maybe", "maybe", "changed", "abc", (), ("Say",)),
        Forecast("Stale", "run", "expired", "abc", note="ExpireAfter is P1D"),
        Forecast("New", "run", "first"),
        Forecast(
            "Register", "run", "uncached", note="RegisterModel steps have no cache", branch="Gate is true"
        ),
    ],
    sections={"permissions": ["+ s3:GetObject"]},
    files=lambda change: FILES if change == ADDRESS else None,
)

LINES = f"""\
pipeline roaming-training would be updated: 1 parameter changed, 2 steps changed, 1 step removed, 1 step added
  ~ parameter Bar
    ~ DefaultValue: 0.9 → 0.8
  ~ step Prep
    ~ S3Uri
      ~ settings.json
        ~ flow[1].low: 2 → 5
      + x.py
    + Tags['a']: {{"Key": "a"}}
  - step Old (Fail)
  + step New (Training)
  ~ step Tune
    ~ Uri: …{19 * "a"}/1 → …{19 * "a"}/2
permissions
  + s3:GetObject
the next run
  ✔ Ingest: from the cache, of execution abc
  ▶ Prep: runs, because it differs from execution abc
    ~ S3Uri
      ~ settings.json
        ~ flow[1].low: 2 → 5
      + x.py
  ▶ Tune: runs, because Prep and Ingest run anew
  ▶ Judge: runs, because it differs from execution abc, and Tune runs anew
    ~ Environment.X: 1 → 2
  ? Maybe: runs, unless what it reads of Say comes out as before
  ▶ Stale: runs: the result of execution abc has expired, ExpireAfter is P1D
  ▶ New: runs, for the first time
  ▶ Register: runs: RegisterModel steps have no cache, if Gate is true
"""


def printed(plan: Plan, *, terminal: bool) -> str:
    stream = io.StringIO()
    colours = "standard" if terminal else None
    show(
        plan, Console(file=stream, force_terminal=terminal, width=120, color_system=colours, highlight=False)
    )
    return stream.getvalue()


def test_without_a_terminal_there_are_plain_lines() -> None:
    """Indented, each with a sign of what happens."""
    assert printed(PLAN, terminal=False) == LINES


def test_a_terminal_shows_a_coloured_tree() -> None:
    """The same words."""
    text = printed(PLAN, terminal=True)

    assert "├── " in text
    assert "\x1b[31m- step Old (Fail)" in text
    assert "\x1b[32m✔ Ingest: from the cache" in text


def test_json_says_all_of_it() -> None:
    """Also the files behind an address, and which side is absent."""
    document = json.loads(as_json(PLAN))

    assert document["changed"] is True
    assert [part["action"] for part in document["parts"]] == ["change", "change", "remove", "add", "change"]
    uri, tag = document["parts"][1]["changes"]
    assert uri["files"][0]["entries"] == [{"path": "flow[1].low", "old": 2, "new": 5}]
    assert tag == {"path": "Tags['a']", "new": {"Key": "a"}}
    assert document["steps"][2]["upstream"] == ["Prep", "Ingest"]


@pytest.mark.parametrize(
    ("plan", "headline", "status"),
    [
        (PLAN, "would be updated", 2),
        (Plan("p", exists=True, parts=[], steps=[]), "deployed as it is here; nothing would change", 0),
        (Plan("p", exists=False, parts=[Part("pipeline", "p", "add")], steps=[]), "is not deployed yet", 2),
        (
            Plan("p", exists=True, parts=[Part("pipeline", "p", "change")], steps=[]),
            "updated: its own settings",
            2,
        ),
    ],
)
def test_the_exit_status_tells_changed_from_unchanged(
    plan: Plan, headline: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 and 0, as Terraform's -detailed-exitcode."""
    assert command.show(plan, Console(width=200)) == status
    assert headline in capsys.readouterr().out


def test_a_section_is_entered_in_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has nothing to say is left out."""

    def grown(deployed: Any, local: Any, region: str) -> list[str]:
        return [] if deployed == local else ["more"]

    monkeypatch.setitem(sections.SECTIONS, "size", grown)

    assert sections.consequences(None, {"Steps": []}, "us-east-1") == {"size": ["more"]}
    assert "size" not in sections.consequences({}, {}, "us-east-1")


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y", True), ("YES", True), ("", False), ("n", False), (None, False)]
)
def test_an_upsert_asks_where_somebody_can_answer(
    answer: str | None, agreed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only yes is yes; the end of the input is no."""

    def ask(question: str) -> str:
        assert question == "Update pipeline roaming-training? [y/N] "
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", ask)

    assert command.agreed(PLAN, yes=False) is agreed

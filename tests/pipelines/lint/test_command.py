"""``lint`` as one calls it: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pipelines import config
from pipelines.__main__ import main
from pipelines.lint import DEMANDS, RULES
from pipelines.lint.command import demands_of
from pipelines.publish import ROOT

GOLDEN = ROOT / "tests" / "pipelines" / "golden"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def unpinned(tmp_path: Path) -> Path:
    """A definition of anyone's with one defect, as Windows might have written it."""
    definition = json.loads((GOLDEN / "dev-roaming.json").read_text(encoding="utf-8"))
    prep = next(step for step in definition["Steps"] if step["Name"] == "Prep")
    prep["Arguments"]["AppSpecification"]["ImageUri"] = (
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/ours:latest"
    )
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(definition), encoding="utf-8-sig")
    return file


def test_a_finding_is_a_line_and_status_1(unpinned: Path, capsys: Captured) -> None:
    """Rule, place, what, fix; then how many."""
    assert main(["lint", str(unpinned)]) == 1

    line, last = capsys.readouterr().out.splitlines()
    assert line.startswith("M002  Prep.AppSpecification.ImageUri  ours has the tag 'latest': ")
    assert line.endswith("fix: pin a tag, or better a digest")
    assert last == "1 warning"


def test_json_holds_the_same(unpinned: Path, capsys: Captured) -> None:
    """One object for each finding."""
    assert main(["lint", str(unpinned), "--format", "json"]) == 1

    (found,) = json.loads(capsys.readouterr().out)
    assert found["rule"] == "M002"
    assert (found["step"], found["argument"]) == ("Prep", "AppSpecification.ImageUri")
    assert set(found) == {"rule", "name", "severity", "step", "argument", "what", "fix"}


def test_a_definition_may_come_through_a_pipe(
    unpinned: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'-' is standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(unpinned.read_text(encoding="utf-8-sig")))

    assert main(["lint", "-", "--ignore", "M002"]) == 0
    assert capsys.readouterr().out == "clean\n"


@pytest.mark.parametrize(
    "option", [["--ignore", "M"], ["--ignore", "floating-image"], ["--select", "P,A, g001"]]
)
def test_rules_are_chosen_by_id_beginning_or_name(
    unpinned: Path, option: list[str], capsys: Captured
) -> None:
    """Several, by commas."""
    assert main(["lint", str(unpinned), *option]) == 0


def test_what_is_demanded_of_a_file_is_said(unpinned: Path, capsys: Captured) -> None:
    """By name, all of it, or as an environment of ours demands it."""
    assert main(["lint", str(unpinned), "--demand", "vpc", "--select", "S"]) == 1
    vpc = capsys.readouterr().out
    assert main(["lint", str(unpinned), "--env", "prod", "--select", "S003"]) == 1

    assert "S003  Prep.NetworkConfig.VpcConfig" in vpc
    assert "S001" not in vpc
    assert "S003  Prep.NetworkConfig.VpcConfig" in capsys.readouterr().out


def test_ours_is_clean_in_production_and_says_what_is_excepted(capsys: Captured) -> None:
    """As it is built for the environment."""
    assert main(["lint", "--env", "prod", "--usecase", "adult"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("clean; 10 more are meant to be there: ")
    assert "exceptions.toml" in said


def test_ones_own_exceptions_have_reasons(unpinned: Path, tmp_path: Path, capsys: Captured) -> None:
    """And then the finding is not reported."""
    file = tmp_path / "meant.toml"
    file.write_text('[[except]]\nrule = "M002"\nsteps = ["Prep"]\nreason = "it is a laptop"\n')

    assert main(["lint", str(unpinned), "--except", str(file)]) == 0
    assert capsys.readouterr().out.startswith("clean; 1 more is meant to be there: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[except", "is not valid TOML"),
        ('[[except]]\nrule = "M002"\nsteps = ["Prep"]\n', "except 1 (M002): give steps, a list of their names"),
        ('[[except]]\nrule = "M02"\nsteps = ["Prep"]\nreason = "x"\n', "no rule 'M02'. Did you mean 'M002'?"),
        ("except = 3\n", "except 1: there is no rule None."),
    ],
)  # fmt: skip
def test_exceptions_that_are_none(
    unpinned: Path, tmp_path: Path, text: str, message: str, capsys: Captured
) -> None:
    """Status 2, and what is wrong."""
    file = tmp_path / "meant.toml"
    file.write_text(text, encoding="utf-8")

    assert main(["lint", str(unpinned), "--except", str(file)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file "),
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not a text in UTF-8"),
        (b'{"Steps": NaN}', "is not JSON: there is no NaN in JSON"),
        (b"[" * 5000, "is not JSON: it is nested more than 100 levels deep"),
        (b"[1, 2]", "is not a pipeline definition"),
        (b'{"PipelineDefinition": "{}"}', "its PipelineDefinition is meant"),
        (b'{"Steps": {}}', "is not a pipeline definition"),
    ],
)
def test_what_cannot_be_linted_ends_with_status_2(
    tmp_path: Path, content: bytes | None, message: str, capsys: Captured
) -> None:
    """One line on standard error, nothing on standard output."""
    file = tmp_path / "definition.json"
    if content is not None:
        file.write_bytes(content)

    assert main(["lint", str(file)]) == 2

    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert message in said.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--select", "Q"], "There is no rule 'Q'."),
        (["--ignore", "floating-imag"], "Did you mean 'floating-image'?"),
        (["--demand", "vps"], "there is no demand 'vps'. Did you mean 'vpc'?"),
        (["--except", "/no/such.toml"], "No such file"),
    ],
)
def test_what_cannot_be_asked_for_ends_with_status_2(
    unpinned: Path, options: list[str], message: str, capsys: Captured
) -> None:
    """With what there is instead."""
    assert main(["lint", str(unpinned), *options]) == 2
    assert message in capsys.readouterr().err


def test_an_environments_settings_are_its_demands() -> None:
    """A laptop demands little, production everything."""
    local, prod = (demands_of(config.load(name).environment) for name in ("local", "prod"))

    assert local == {"tags", "timeouts", "retries"}
    assert prod == set(DEMANDS)


def test_the_rules_can_be_listed_and_the_guide_has_them_all(capsys: Captured) -> None:
    """With why and what to do; the guide's table names each, and no other."""
    assert main(["lint", "--rules"]) == 0
    listed = capsys.readouterr().out
    rows = [
        line
        for line in (ROOT / "docs/guide/lint.md").read_text(encoding="utf-8").splitlines()
        if line[:3] in ("| G", "| P", "| A", "| C", "| M", "| S")
    ]

    assert [row.split("|")[1].strip() for row in rows] == list(RULES)
    for rule, row in zip(RULES.values(), rows, strict=True):
        assert f"{rule.id}  {rule.name}  {rule.severity}" in listed
        assert rule.why in listed
        assert f"`{rule.name}`" in row

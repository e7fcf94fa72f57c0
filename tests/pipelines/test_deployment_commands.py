"""What serves, on the command line: looked at, deployed, rolled back, taken down; and every mistake in one line."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from containers.deployer import names
from pipelines import deployer
from pipelines.__main__ import main
from pipelines.config import ENVIRONMENTS, USECASES, load
from pipelines.deployment_commands import keep_function, put_function_back
from pipelines.deployments import deployment_of
from pipelines.service import Service
from tests.containers.deployer.conftest import DIES, Stage, stage

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

__all__ = ["stage"]  # the fixture

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(stage: Stage, tmp_path: Path) -> list[str]:
    """The options of a use case, and so of an endpoint, of this test's own; traffic moves at once."""
    usecase, environment = tmp_path / "usecase.toml", tmp_path / "environment.toml"
    text = (USECASES / "roaming.toml").read_text(encoding="utf-8")
    text = text.replace('name = "roaming"', f'name = "{stage.name}"', 1)
    usecase.write_text(text.replace('group = "roaming"', f'group = "{stage.name}"'), encoding="utf-8")
    text = (ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    text = text.replace("wait_seconds = 1", "wait_seconds = 0").replace(
        "bake_seconds = 1", "bake_seconds = 0"
    )
    environment.write_text(text, encoding="utf-8")
    return ["--usecase", str(usecase), "--env", str(environment)]


@pytest.fixture
def command(
    settings: list[str],
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """``command("deployments")``: exit status, output and error."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, *settings])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def function(stage: Stage, settings: list[str], command: Command, local: LocalSageMaker) -> Iterator[str]:
    """The function's name, once it is there."""
    service = Service(load(settings[3], settings[1]))
    deployment = deployment_of(service.config)
    deployer.upsert(service, deployment, local.settings.role_arn)
    yield deployer.name(deployment)
    deployer.remove(service, deployment)


def error(said: tuple[int, str, str], status: int = 2) -> str:
    """The one line of an error."""
    assert said[0] == status, said
    (line,) = said[2].splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def lines(said: tuple[int, str, str]) -> str:
    """The output of a command that went well, its columns narrowed."""
    assert said[0] == 0, said
    return "\n".join(" ".join(line.split()) for line in said[1].splitlines())


def test_before_there_is_anything(stage: Stage, command: Command) -> None:
    """No endpoint, no function, no version: said, with what to do; and nothing to deploy or to roll back."""
    shown = lines(command("deployments"))
    assert f"endpoint {stage.name} none yet: it is created when a version is approved" in shown
    assert f"function {stage.name}-deployer missing, so nothing is deployed by itself" in shown
    assert "python -m pipelines upsert" in shown
    assert "is approved" in error(command("deploy"))
    assert error(command("rollback")).startswith(f"There is no endpoint '{stage.name}' yet")
    assert f"there is no endpoint '{stage.name}'" in lines(command("delete-endpoint", "--yes"))


def test_a_version_is_deployed_and_shown(
    stage: Stage, command: Command, client: Callable[[str], Any]
) -> None:
    """With its variant, its share, its alarms, and where to look further."""
    stage.package("one", approval="PendingManualApproval")
    refusal = error(command("deploy", "1"))
    assert refusal == "Version 1 is not approved. First: python -m pipelines approve 1"
    approved = lines(command("approve", "1", "--reason", "reviewed"))
    assert "the function of the endpoint" in approved
    assert "python -m pipelines upsert" in approved

    assert f"version 1 serves at {stage.name}" in lines(command("deploy"))

    shown = lines(command("deployments"))
    assert f"endpoint {stage.name} InService" in shown
    assert "AllTraffic 1 100% 2" in shown
    assert f"{stage.name}-Invocation5XXErrors" in shown
    assert "1 Approved AllTraffic" in shown
    assert "reviewed" in shown
    assert f"aws logs tail /aws/sagemaker/Endpoints/{stage.name} --follow" in shown
    assert stage.answer() == "one"


@pytest.mark.usefixtures("function")
def test_a_decision_says_what_it_leads_to(stage: Stage, command: Command) -> None:
    """By itself, for the function is there."""
    for answer in ("one", "two"):
        stage.package(answer, approval="PendingManualApproval")
    name = stage.name
    assert f"the endpoint '{name}' is created with version 1 by itself" in lines(command("approve", "1"))
    while not stage.sagemaker.list_endpoints(NameContains=name)["Endpoints"]:
        pass
    stage.idle()
    assert f"the endpoint '{name}' goes to version 2 by itself" in lines(command("approve", "2"))
    assert "version 2 is approved too and newer" in lines(command("approve", "1"))
    lines(command("deploy"))
    assert f"the endpoint '{name}' goes on with version 2" in lines(command("approve", "2"))
    assert f"the endpoint '{name}' goes on with version 2" in lines(command("reject", "1"))
    assert f"no version is approved now; the endpoint '{name}' stays as it is" in lines(
        command("reject", "2")
    )


def test_a_rollback_goes_to_the_approved_version_before(stage: Stage, command: Command) -> None:
    """The version in service is rejected with the reason; the one before serves; then there is none to go back to."""
    for answer in ("one", "two"):
        arn = stage.package(answer)
        lines(command("deploy"))
    assert "1 Approved (a rollback goes here)" in lines(command("deployments"))

    said = lines(command("rollback", "--reason", "complaints"))

    assert "version 2 is Rejected; the endpoint goes back to version 1" in said
    assert f"version 1 serves at {stage.name}" in said
    assert stage.answer() == "one"
    assert stage.approval(arn) == ("Rejected", "complaints")
    assert error(command("rollback")).startswith("There is no approved version before 1 to go back to.")
    assert stage.approval(f"{stage.group_arn}/1")[0] == "Approved"


def test_a_deployment_that_is_taken_back_is_an_error(stage: Stage, command: Command) -> None:
    """Exit status 1, and the reason in one line."""
    stage.package("one")
    lines(command("deploy"))
    stage.package("two", **DIES)
    assert "version 2 was taken back and is rejected" in error(command("deploy"), status=1)
    assert "2 Rejected" in lines(command("deployments"))
    assert stage.answer() == "one"


def test_in_the_middle_of_an_update(stage: Stage, command: Command) -> None:
    """It is shown where it goes; a rollback waits, and says how to stop it."""
    stage.package("one")
    lines(command("deploy"))
    stage.settings(
        traffic={
            "shift": "canary",
            "size_percent": 50,
            "wait_seconds": 600,
            "bake_seconds": 0,
            "max_minutes": 60,
        }
    )
    stage.package("two")
    assert stage.ask().status == "Updating"

    assert "Updating, on its way to version 2" in lines(command("deployments"))
    refusal = error(command("rollback"))
    assert f"The endpoint '{stage.name}' is Updating: a rollback can begin when that has ended" in refusal
    assert "python -m pipelines reject 2" in refusal
    stage.package("three")
    assert "the endpoint is Updating; version 3 comes when that has ended" in error(command("deploy"))


def test_a_newer_approved_version_is_named(stage: Stage, command: Command) -> None:
    """Deploying an older one, or rolling back below an approved one, would not do what was asked."""
    stage.package("one")
    lines(command("deploy"))
    stage.package("two")
    assert error(command("rollback")).startswith("Version 2 is approved and newer than 1, which serves")
    refusal = error(command("deploy", "1"))
    assert "version 2 is approved too, and newer than 1" in refusal


class Keyboard(io.StringIO):
    """Somebody who types this, or, for None, ends the input."""

    def __init__(self, answer: str | None) -> None:
        super().__init__("" if answer is None else f"{answer}\n")

    def isatty(self) -> bool:
        return True


def test_taking_it_down_asks_first(stage: Stage, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody at the keyboard: --yes is needed. Twice is no error; the packages stay."""
    stage.package("one")
    lines(command("deploy"))
    assert "--yes deletes without asking" in error(command("delete-endpoint"))
    for answer in ("n", "", None):
        monkeypatch.setattr("sys.stdin", Keyboard(answer))
        status, out, _ = command("delete-endpoint")
        assert (status, "nothing was deleted" in out) == (1, True)
    assert stage.answer() == "one"
    assert f"the endpoint '{stage.name}' is gone; its packages stay" in lines(
        command("delete-endpoint", "--yes")
    )
    assert f"there is no endpoint '{stage.name}'" in lines(command("delete-endpoint", "--yes"))
    assert (stage.configurations(), stage.models()) == ([], [])
    assert "1 Approved" in lines(command("packages"))


def test_the_function_follows_the_settings(
    settings: list[str], command: Command, client: Callable[[str], Any], stage: Stage
) -> None:
    """An upsert makes it, a second one leaves it, a start puts it back; where nothing is deployed, it goes."""
    name = f"{stage.name}-deployer"
    service = Service(load(settings[3], settings[1]))
    console = Console(record=True)

    def said() -> str:
        return console.export_text().strip()

    keep_function(service, console)
    assert said() == f"function {name}: created"
    keep_function(service, console)
    assert said() == f"function {name}: unchanged"
    put_function_back(service, console)
    assert said() == ""
    client("lambda").delete_function(FunctionName=name)  # as a local SageMaker that stops forgets it
    put_function_back(service, console)
    assert said() == f"function {name}: created"
    environment = Path(settings[3])
    text = environment.read_text(encoding="utf-8")
    environment.write_text(text.replace('form = "guarded"', 'form = "off"'), encoding="utf-8")
    off = Service(load(settings[3], settings[1]))
    keep_function(off, console)
    assert said() == f"function {name}: deleted, for nothing is deployed by itself any more"
    keep_function(off, console)
    put_function_back(off, console)
    assert said() == ""
    assert client("events").list_rules(NamePrefix=name)["Rules"] == []


def test_an_environment_that_deploys_otherwise_says_so(
    stage: Stage, command: Command, settings: list[str]
) -> None:
    """The commands are for the form 'guarded'; elsewhere a decision leads to nothing by itself."""
    arn = stage.package("one")
    environment = Path(settings[3])
    text = environment.read_text(encoding="utf-8")
    begin, end = text.index("[deploy]"), text.index("[tags]")
    environment.write_text(text[:begin] + text[end:], encoding="utf-8")
    assert "[deploy] form" not in "".join(command("approve", arn)[1:])
    native = text[:begin] + '[deploy]\nform = "native"\n' + text[end:]
    environment.write_text(native, encoding="utf-8")
    assert "nothing is deployed by that: [deploy] form = 'native'" in lines(command("reject", arn))
    environment.write_text(text[:begin] + text[end:], encoding="utf-8")
    for words in (["deployments"], ["deploy"], ["rollback"], ["delete-endpoint", "--yes"]):
        assert "has [deploy] form = 'off': only 'guarded'" in error(command(*words))


@pytest.mark.parametrize("name", ["deployments", "deploy", "rollback", "delete-endpoint"])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With examples."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"python -m pipelines {name}" in shown
    assert names.function("e") == "e-deployer"

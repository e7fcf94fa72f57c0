"""The notebooks, executed top to bottom as a reader would, against a local SageMaker; and what is stored in them."""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from pipelines.config import ENVIRONMENTS, USECASES

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
NAMES = ["01_data", "02_run", "03_change", "04_on_sagemaker", "05_deploy"]
# The same notebooks with less to do: fewer rows, a shorter search, a name of their own on the shared local SageMaker.
QUICK = {
    'name = "roaming"': 'name = "excursion"',
    'group = "roaming"': 'group = "excursion"',
    "rounds = 400": "rounds = 40",
    "jobs = 10": "jobs = 3",
    "at_least = 0.92": "at_least = 0.6",
    "<= 0.04": "<= 1",
    "DI <= 1.5": "DI <= 100",
}


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell: Any) -> list[tuple[str, ...]]:
    """What kinds of output a cell has, in their order: types, and MIME types; printed text counts once."""
    found = [(each.output_type, *sorted(each.get("data", {}))) for each in cell.outputs]
    printed = [("stream",)] if ("stream",) in found else []
    return printed + [each for each in found if each != ("stream",)]


def replaced(path: Path, changes: dict[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{path.name} no longer says {old}"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def settings(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables with which the kernels run; their data lie in a folder of the tests' own."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "excursion.toml").write_text(replaced(USECASES / "roaming.toml", QUICK), encoding="utf-8")
    account = {
        "eu-west-1": "us-east-1",
        "111122223333": "123456789012",
        "ml-dev-us-east-1": "sagemaker-us-east-1",
    }
    (folder / "dev.toml").write_text(replaced(ENVIRONMENTS / "dev.toml", account), encoding="utf-8")
    return {
        **environment,
        "PIPELINE_DATA": str(folder),
        "PIPELINE_USECASE": str(folder / "excursion.toml"),
        "PIPELINE_ENV": "local",
        "ROWS": "4000",
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(folder / "ipython"),
    }


@pytest.fixture(scope="module")
def executed(settings: dict[str, str]) -> dict[str, Any]:
    """Each notebook after a run, in their order; the fourth with the settings of an account."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        patch.setenv("JUPYTER_RUNTIME_DIR", f"{settings['PIPELINE_DATA']}/jupyter")
        return {name: run(name, settings) for name in NAMES}


def run(name: str, settings: dict[str, str]) -> Any:
    notebook = read(name)
    for cell in code(notebook):
        cell.outputs = []
    environment = dict(settings)
    if name == "04_on_sagemaker":
        environment["PIPELINE_ENV"] = f"{settings['PIPELINE_DATA']}/dev.toml"
    client = NotebookClient(
        notebook,
        timeout=600,
        startup_timeout=300,
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute(env=environment)
    return notebook


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_top_to_bottom_and_stores_what_a_run_gives(name: str, executed: dict[str, Any]) -> None:
    """No cell fails, and each cell's stored outputs are of the kinds that a fresh run's are."""
    stored, fresh = code(read(name)), code(executed[name])

    assert [each for cell in fresh for each in kinds(cell) if each[0] == "error"] == []
    assert {cell.id: kinds(cell) for cell in stored} == {cell.id: kinds(cell) for cell in fresh}
    assert any(kinds(cell) for cell in stored)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_says_nothing_of_the_machine_it_ran_on(name: str) -> None:
    """No path, no host, no port, no time of execution; nbformat 4.5 with a name for each cell."""
    notebook = read(name)
    for cell in code(notebook):
        for output in cell.outputs:
            output.get("data", {}).pop("image/png", None)  # base64 says anything
    text = nbformat.writes(notebook)

    assert re.findall(r"(?<![\w.*])/(?:home|root|Users|tmp|private|work|var|usr)/\S*", text) == []
    assert re.findall(r"127\.0\.0\.1|localhost", text) == []
    assert re.findall(rf"\b{re.escape(socket.gethostname())}\b", text) == []
    assert str(ROOT) not in text
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert [cell.id for cell in notebook.cells if re.fullmatch(r"[0-9a-f]{8}", cell.id)] == []
    assert [cell.id for cell in notebook.cells if "execution" in cell.metadata] == []


def test_the_five_are_small() -> None:
    """They are cloned by everybody: less than 1.5 MB for all pictures together."""
    assert [path.stem for path in sorted(FOLDER.glob("*.ipynb"))] == NAMES
    assert sum(path.stat().st_size for path in FOLDER.glob("*.ipynb")) < 1_500_000


@pytest.mark.parametrize("name", NAMES)
def test_it_defines_nothing(name: str) -> None:
    """A notebook imports the project: it has no function and no class of its own."""
    python = "\n".join(cell.source for cell in code(read(name)) if not cell.source.startswith("%%"))
    defines = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

    assert [node for node in ast.walk(ast.parse(python)) if isinstance(node, defines)] == []


def test_on_sagemaker_the_cells_are_the_same() -> None:
    """Between the second and the fourth notebook only the environment differs."""
    (first, *here), (other, *there) = (code(read(name)) for name in ("02_run", "04_on_sagemaker"))

    assert [cell.source for cell in here] == [cell.source for cell in there]
    assert first.source.replace('"local"', '"dev"') == other.source


def test_what_was_deployed_is_gone(executed: dict[str, Any], client: Any) -> None:
    """The last notebook has called an endpoint, and left none behind."""
    (answer,) = (cell for cell in code(executed["05_deploy"]) if cell.id == "call")

    assert "probability" in answer.outputs[0]["data"]["text/plain"]
    assert client("sagemaker").list_endpoints(NameContains="excursion")["Endpoints"] == []


CONNECT_TWICE = """
import os, sys
from pathlib import Path
import session
session.ROOT = Path.cwd()  # whose .local-sagemaker is nobody's
first = session.connect(sys.argv[1], "roaming").client("sagemaker").list_pipelines()["PipelineSummaries"]
address = os.environ.pop("AWS_ENDPOINT_URL")
os.chdir(session.ROOT)
session.connect(sys.argv[1], "roaming")
print(first, os.environ["AWS_ENDPOINT_URL"] == address, address.startswith("http://127.0.0.1:"))
"""


def test_where_no_local_sagemaker_answers_the_first_cell_starts_one(tmp_path: Path) -> None:
    """``connect`` starts it where the settings name an endpoint and none answers; the next notebook finds the same."""
    with socket.socket() as taken:  # bound and not listening: nothing answers
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        silent = tmp_path / "silent.toml"
        silent.write_text(replaced(ENVIRONMENTS / "local.toml", {":7077": f":{port}"}), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"PYTHONPATH": f"{FOLDER}{os.pathsep}{ROOT}", "PIPELINE_DATA": str(tmp_path / "data")}
        own = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 120}
        try:
            done = subprocess.run([sys.executable, "-c", CONNECT_TWICE, str(silent)], **own)
        finally:
            subprocess.run([sys.executable, "-m", "local_sagemaker", "stop"], check=True, **own)

    assert done.stdout == "[] True True\n", done.stderr

"""Script mode through the framework toolkit."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.jobs import training_toolkit

if TYPE_CHECKING:
    from conftest import Workshop

numbers = itertools.count()
SCIKIT_LEARN = {
    "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    "TrainingInputMode": "File",
}


def code(workshop: Workshop, files: dict[str, str]) -> str:
    """Files as the archive that an estimator uploads; its URI."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            body = textwrap.dedent(text).encode()
            header = tarfile.TarInfo(name)
            header.size = len(body)
            tar.addfile(header, io.BytesIO(body))
    return workshop.put(f"code-{next(numbers)}/sourcedir.tar.gz", buffer.getvalue())


def script_mode(workshop: Workshop, files: dict[str, str], **hyperparameters: Any) -> dict[str, str]:
    """Hyperparameters as the SDK writes them: every value is JSON, the program's name and the URI too."""
    names = {"sagemaker_program": "train.py", "sagemaker_submit_directory": code(workshop, files)}
    return {name: json.dumps(value) for name, value in {**names, **hyperparameters}.items()}


def test_the_program_gets_its_arguments_and_variables(workshop: Workshop) -> None:
    """Hyperparameters arrive as sorted arguments and SM_HP_*, channels as SM_CHANNEL_*, modules beside it import."""
    files = {
        "train.py": """
            import argparse, json, os, sys
            from helper import name
            print("argv", *sys.argv[1:])
            print("helper", name, "cwd", os.getcwd(), "main", __name__)
            print("env", json.dumps({k: v for k, v in os.environ.items() if k.startswith("SM_")}))
            parser = argparse.ArgumentParser()
            parser.add_argument("--eta", type=float)
            parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
            arguments, _ = parser.parse_known_args()
            open(os.path.join(arguments.model_dir, "m"), "w").write(str(arguments.eta))
        """,
        "helper.py": "name = 'here'",
    }
    uri = workshop.put("toolkit/train.csv", "1")
    parameters = script_mode(workshop, files, eta=0.2, zoo=[1, 2], flag=True, nothing=None, text="a b", k=5)
    job = workshop.run(workshop.training(parameters, workshop.channel("train", uri)))
    log = workshop.log(job)
    env = json.loads(log[2].removeprefix("env "))

    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert log[0] == "argv --eta 0.2 --flag True -k 5 --nothing None --text a b --zoo [1, 2]"
    assert log[1] == "helper here cwd /opt/ml/code main __main__"
    assert env["SM_CHANNEL_TRAIN"] == "/opt/ml/input/data/train"
    assert env["SM_CHANNELS"] == '["train"]'
    assert env["SM_HP_ETA"] == "0.2"
    assert env["SM_HP_FLAG"] == "true"
    assert json.loads(env["SM_HPS"]) == {
        "eta": 0.2,
        "zoo": [1, 2],
        "flag": True,
        "nothing": None,
        "text": "a b",
        "k": 5,
    }
    assert env["SM_OUTPUT_DATA_DIR"] == "/opt/ml/output/data"
    assert env["SM_USER_ENTRY_POINT"] == "train.py"
    assert env["SM_CURRENT_HOST"] == "algo-1"
    assert json.loads(env["SM_TRAINING_ENV"])["job_name"] == job["TrainingJobName"]


@pytest.mark.parametrize("specification", [None, SCIKIT_LEARN], ids=["xgboost", "scikit-learn"])
def test_a_failing_program(workshop: Workshop, specification: dict[str, Any] | None) -> None:
    """The reason names the command as the toolkit does, and ends with the traceback."""
    parameters = script_mode(workshop, {"train.py": "raise ValueError('no label')"}, depth=3)
    fields = {"AlgorithmSpecification": specification} if specification else {}
    job = workshop.run(workshop.training(parameters, **fields))
    command = "python3 train.py --depth 3" if specification else "python3 -m train --depth 3"

    assert job["FailureReason"].startswith(
        f'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage ""\nCommand "{command}", exit code: 1'
    )
    assert job["FailureReason"].endswith("ValueError: no label")


def test_a_shell_program(workshop: Workshop) -> None:
    """A program may be a shell script, whose python is the one with the libraries."""
    files = {
        "train.sh": "#!/bin/sh\necho shell \"$@\"\npython3 -c 'import xgboost; print(xgboost.__name__)'\n"
    }
    parameters = script_mode(workshop, files, sagemaker_program="train.sh", depth=1)
    job = workshop.run(workshop.training(parameters, AlgorithmSpecification=SCIKIT_LEARN))

    assert (job["TrainingJobStatus"], workshop.log(job)) == ("Completed", ["shell --depth 1", "xgboost"])


def test_requirements_that_are_met_cost_nothing(workshop: Workshop) -> None:
    """Nothing is installed where everything is there already."""
    files = {"train.py": "print('ran')", "requirements.txt": "numpy>=1\npandas  # any\n\n# comment\n"}
    job = workshop.run(workshop.training(script_mode(workshop, files)))

    assert workshop.log(job) == ["ran"]


def test_code_from_a_channel(workshop: Workshop) -> None:
    """An isolated job gets its code as a channel; the directory is a path in the container."""
    channel = workshop.channel("code", code(workshop, {"train.py": "print('from a channel')"}))
    parameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
    }
    job = workshop.run(workshop.training(parameters, channel, EnableNetworkIsolation=True))

    assert (job["TrainingJobStatus"], workshop.log(job)) == ("Completed", ["from a channel"])


def hostile() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../../../evil.py"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (hostile(), "sourcedir.tar.gz: ../../../evil.py leads outside the folder it is unpacked in"),
        (b"no archive", "sourcedir.tar.gz is not a whole tar archive"),
        (None, "No S3 objects found under S3 URL"),
    ],
    ids=["hostile", "damaged", "absent"],
)
def test_an_archive_of_code_that_is_none(workshop: Workshop, body: bytes | None, says: str) -> None:
    """The job fails before it starts, and names the archive."""
    uri = f"s3://bucket/bad-code-{next(numbers)}/sourcedir.tar.gz"
    if body is not None:
        workshop.put(uri.removeprefix("s3://bucket/"), body)
    parameters = {"sagemaker_program": "train.py", "sagemaker_submit_directory": json.dumps(uri)}
    job = workshop.run(workshop.training(parameters))

    assert job["TrainingJobStatus"] == "Failed"
    assert says in job["FailureReason"]


def test_a_program_that_is_not_in_the_archive(workshop: Workshop) -> None:
    """The reason lists what is."""
    parameters = script_mode(workshop, {"main.py": "", "util.py": ""})
    job = workshop.run(workshop.training(parameters))

    assert job["FailureReason"].endswith("has no program 'train.py'; it holds main.py, util.py.")


@given(
    st.dictionaries(st.text("abcde-_", min_size=1, max_size=5), st.integers() | st.text("xyz ", max_size=3))
)
def test_arguments_are_pairs_sorted_by_name(hyperparameters: dict[str, Any]) -> None:
    """Two arguments each: the name with one dash or two, and the value as text."""
    arguments = training_toolkit.to_arguments(hyperparameters)

    assert arguments[1::2] == [str(hyperparameters[name]) for name in sorted(hyperparameters)]
    assert arguments[::2] == [("-" if len(name) == 1 else "--") + name for name in sorted(hyperparameters)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("0.5", 0.5),
        ('"text"', "text"),
        ("text", "text"),
        ("true", True),
        ("[1]", [1]),
        ("", ""),
        ("1e", "1e"),
    ],
)
def test_hyperparameters_are_json_where_they_can_be(text: str, value: Any) -> None:
    """The SDK encodes values as JSON; other clients send plain text."""
    assert training_toolkit.decode(text) == value

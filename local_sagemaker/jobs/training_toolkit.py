"""Script mode, as AWS's framework images have it: hyperparameters name an archive of code and a program in it.

The toolkit in those images unpacks ``sagemaker_submit_directory`` into ``/opt/ml/code``, describes the job in
``SM_*`` variables and starts ``sagemaker_program`` with the other hyperparameters as arguments.
https://github.com/aws/sagemaker-training-toolkit#readme documents the variables.

Here the same is done before the process starts, so that it is the user's program from its first instruction.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.jobs import archive
from local_sagemaker.jobs.container import BASE, outside
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.program import CODE, Container, Program
from local_sagemaker.jobs.runtimes.private_pip.requirements_met import is_met
from local_sagemaker.s3.store import ObjectStore

PROGRAM, SUBMIT_DIRECTORY = "sagemaker_program", "sagemaker_submit_directory"
_OF_TOOLKIT = ("_tuning_objective_metric",)  # and whatever begins with sagemaker_


def wanted(hyperparameters: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Whether the request names a program."""
    return PROGRAM in hyperparameters or PROGRAM.upper() in environment


def program(container: Container, store: ObjectStore) -> Program:
    """Unpack the user's code and say how it is started. Raises JobFailure."""
    toolkit, own = _split(container.hyperparameters)
    script = _named(toolkit, container.environment, PROGRAM)
    source = _named(toolkit, container.environment, SUBMIT_DIRECTORY)
    code = outside(container.folder, CODE)
    fetch(source, container.folder, code, store)
    if not (code / script).is_file():
        there = ", ".join(sorted(path.name for path in code.iterdir())) or "nothing"
        raise JobFailure(f"AlgorithmError: {source} has no program {script!r}; it holds {there}.")
    arguments = to_arguments(own)
    command = (*_start(container, script), *arguments)
    shown = shlex.join(command)
    return Program(
        argv=with_requirements(code / "requirements.txt", command),
        environment={
            "PYTHONPATH": CODE,
            **variables(container, own, script, source, arguments),
        },
        failure=f'ExecuteUserScriptError:\nExitCode {{code}}\nErrorMessage ""\nCommand "{shown}"',
    )


def decode(text: str) -> Any:
    """A hyperparameter's value: JSON where it is, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def to_arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Command-line arguments, sorted by name: ``--eta 0.1 -k 5``; a mapping becomes ``a=1,b=2``."""
    arguments = []
    for name, value in sorted(hyperparameters.items()):
        arguments.append(f"--{name}" if len(name) > 1 else f"-{name}")
        if isinstance(value, dict):
            arguments.append(",".join(f"{key}={value[key]}" for key in sorted(value)))
        else:
            arguments.append(str(value))
    return arguments


def variables(
    container: Container, hyperparameters: Mapping[str, Any], script: str, source: str, arguments: list[str]
) -> dict[str, str]:
    """The ``SM_*`` variables, values other than text as JSON."""
    cluster = container.resources
    group = cluster["instance_groups"][0]
    channels = {name: f"{BASE}/input/data/{name}" for name in container.channels}
    module = script.removesuffix(".py")
    facts: dict[str, Any] = {
        "hosts": cluster["hosts"],
        "network_interface_name": cluster["network_interface_name"],
        "hps": hyperparameters,
        "user_entry_point": script,
        "framework_params": {},
        "resource_config": cluster,
        "input_data_config": container.channels,
        "output_data_dir": f"{BASE}/output/data",
        "channels": sorted(channels),
        "current_host": cluster["current_host"],
        "current_instance_type": cluster["current_instance_type"],
        "current_instance_group": cluster["current_group_name"],
        "current_instance_group_hosts": group["hosts"],
        "instance_groups": [group["instance_group_name"]],
        "instance_groups_dict": {group["instance_group_name"]: group},
        "distribution_instance_groups": [],
        "is_hetero": False,
        "module_name": module,
        "log_level": decode(container.hyperparameters.get("sagemaker_container_log_level", "20")),
        "framework_module": f"sagemaker_{container.runtime.name.replace('-', '_')}_container.training:main",
        "input_dir": f"{BASE}/input",
        "input_config_dir": f"{BASE}/input/config",
        "output_dir": f"{BASE}/output",
        "num_cpus": container.cores,
        "num_gpus": 0,
        "num_neurons": 0,
        "model_dir": f"{BASE}/model",
        "module_dir": source,
        "user_args": arguments,
        "output_intermediate_dir": f"{BASE}/output/intermediate",
    }
    facts["training_env"] = {
        "additional_framework_parameters": {},
        "channel_input_dirs": channels,
        "current_host": facts["current_host"],
        "framework_module": facts["framework_module"],
        "hosts": facts["hosts"],
        "hyperparameters": hyperparameters,
        "input_config_dir": facts["input_config_dir"],
        "input_data_config": container.channels,
        "input_dir": facts["input_dir"],
        "is_master": True,
        "job_name": container.name,
        "log_level": facts["log_level"],
        "master_hostname": facts["current_host"],
        "model_dir": facts["model_dir"],
        "module_dir": source,
        "module_name": module,
        "network_interface_name": facts["network_interface_name"],
        "num_cpus": facts["num_cpus"],
        "num_gpus": 0,
        "output_data_dir": facts["output_data_dir"],
        "output_dir": facts["output_dir"],
        "output_intermediate_dir": facts["output_intermediate_dir"],
        "resource_config": cluster,
        "user_entry_point": script,
    }
    facts |= {f"channel_{name}": path for name, path in channels.items()}
    facts |= {f"hp_{name}": value for name, value in hyperparameters.items()}
    return {f"SM_{name.upper()}": _text(value) for name, value in facts.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _split(hyperparameters: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is meant for the toolkit, and what is meant for the program."""
    toolkit: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, text in hyperparameters.items():
        (toolkit if name.startswith("sagemaker_") or name in _OF_TOOLKIT else own)[name] = decode(text)
    return toolkit, own


def _named(toolkit: Mapping[str, Any], environment: Mapping[str, str], name: str) -> str:
    value = toolkit.get(name) or environment.get(name.upper())
    if not value:
        raise JobFailure(f"AlgorithmError: the hyperparameter {name} is missing.")
    return str(value)


def _start(container: Container, script: str) -> tuple[str, ...]:
    if script.endswith(".sh"):
        return ("/bin/sh", "-c", f'chmod +x {shlex.quote(script)} && ./{shlex.quote(script)} "$@"', script)
    starter = container.runtime.script_mode or ("python3",)
    if container.runtime.by_module:
        return (*starter, script.removesuffix(".py").replace("/", "."))
    return (*starter, script)


def fetch(source: str, folder: Path, code: Path, store: ObjectStore) -> None:
    """Have the user's files in ``code``: from S3, or from where a channel put them."""
    code.mkdir(parents=True, exist_ok=True)
    try:
        if source.startswith("s3://"):
            fetched = folder / "input" / "sourcedir"
            store.download(source, fetched)
            files = [path for path in sorted(fetched.rglob("*")) if path.is_file()]
            if not files:
                raise JobFailure(f"ClientError: No S3 objects found under S3 URL {source!r}.")
        elif source != CODE:
            place = outside(folder, source)
            files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
            fetched = place if place.is_dir() else place.parent
        else:
            return
        for file in files:
            if file.name.endswith((".tar.gz", ".tgz", ".tar")):
                archive.extract(file, code)
            else:
                target = code / file.relative_to(fetched)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
    except archive.ArchiveError as error:
        raise JobFailure(f"ClientError: {source}: {error}") from None
    except AwsError as error:
        raise JobFailure(f"ClientError: {source}: {error.message}") from None
    except ValueError:
        raise JobFailure(
            f"AlgorithmError: {SUBMIT_DIRECTORY} is {source}; it must be an S3 URI or lie below {BASE}."
        ) from None


def with_requirements(file: Path, command: tuple[str, ...]) -> tuple[str, ...]:
    """The command, after pip where something is wanted that is not installed yet."""
    if not file.is_file() or all(map(is_met, file.read_text(encoding="utf-8").splitlines())):
        return command
    install = "python3 -m pip install --quiet -r requirements.txt"
    return ("/bin/sh", "-c", f'{install} && exec "$@"', "sh", *command)

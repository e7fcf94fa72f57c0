"""Report on a search: every trial, what mattered, and what early stopping and the warm start saved.

    python -m containers.processing.tuning_report --tuning-job my-tuning-job

Asks SageMaker for the trials, so the job needs the API, and nothing else: it sees no data. Where the API cannot be
reached (a VPC without an endpoint for it), or may not be asked, the report says so and the job succeeds: what was
tuned is no worse for it.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from containers import aws, contract
from containers.contract import ProcessingPaths
from containers.processing.job import read_settings, run
from containers.tuning import savings
from containers.tuning.importance import LEAST, importance
from containers.tuning.pictures import draw
from containers.tuning.trials import Axis, Search, Trial, search

EDGE = 0.02  # of an axis: so close to an end, better values may lie beyond


def main(paths: ProcessingPaths, tuning_job: str, client: Any = None) -> None:
    """Write the report about ``tuning_job`` into the output ``tuning``; ``client`` is boto3's for SageMaker."""
    output = paths.output(contract.TUNING)
    output.mkdir(parents=True, exist_ok=True)
    settings = read_settings(paths)
    try:
        asked = client or aws.client("sagemaker")
        found = fetch(asked, tuning_job)
        parents = list(_parents(asked, found))
    except (BotoCoreError, ClientError) as error:
        document: dict[str, Any] = {"version": 1, "tuning_job": tuning_job, "skipped": f"{error}"}
        print(f"no report: SageMaker could not be asked for the trials: {error}", flush=True)
    else:
        document = report(found, parents)
        saved = document["warm_start"] or {}
        title = str(settings.get("title", settings.get("name", "")))
        document["pictures"] = draw(found, document["importance"], saved.get("parent_best"), title, output)
        write_trials(found, output / contract.TRIALS_FILE)
        print("\n".join(summary(found, document)), flush=True)
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    (output / contract.TUNING_FILE).write_text(text + "\n", encoding="utf-8")


def fetch(client: Any, name: str) -> Search:
    """The tuning job ``name`` with all its trials."""
    description = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    listed = pages.paginate(HyperParameterTuningJobName=name)
    return search(description, [each for page in listed for each in page["TrainingJobSummaries"]])


def report(found: Search, parents: list[Search]) -> dict[str, Any]:
    """What the report says, but for the names of its pictures."""
    best = found.best
    shares = importance(found)
    return {
        "version": 1,
        "tuning_job": found.name,
        "status": found.status,
        "strategy": found.strategy,
        "objective": {"metric": found.metric, "direction": "Maximize" if found.maximize else "Minimize"},
        "best": _trial(best, best.objective) if best else None,
        "counts": {
            status: sum(trial.status == status for trial in found.trials)
            for status in sorted({trial.status for trial in found.trials})
        },
        "early_stopping": savings.by_early_stopping(found),
        "warm_start": savings.by_warm_start(found, parents),
        "importance": shares,
        **({} if shares else {"importance_reason": f"takes {LEAST} finished trials with different values"}),
        "hints": [hint for axis in found.axes if best for hint in _edge(axis, best)],
        "trials": [
            _trial(trial, so_far) for trial, so_far in zip(found.trials, found.best_so_far(), strict=True)
        ],
    }


def summary(found: Search, document: Mapping[str, Any]) -> list[str]:
    """The log's last lines."""
    best, stopping, warm = document["best"], document["early_stopping"], document["warm_start"]
    lines = [f"{len(found.trials)} trials: {', '.join(f'{n} {s}' for s, n in document['counts'].items())}"]
    if best:
        chosen = ", ".join(f"{name}={value}" for name, value in best["hyperparameters"].items())
        lines.append(f"best {found.metric} {best['objective']:.5f}, trial {best['trial']}: {chosen}")
    if stopping["trials_stopped"] and stopping["seconds_saved"] is not None:
        lines.append(f"stopping early saved about {stopping['seconds_saved']:.1f} s of training")
    if warm and warm["trials_saved"] is not None:
        lines.append(
            f"the parents' best was reached after {warm['trials_until_then']} trials; "
            f"they took {warm['parent_trials_until_then']}"
        )
    return [*lines, *document["hints"]]


def write_trials(found: Search, file: Path) -> None:
    """All trials as a table, one a row, in the order in which they were begun."""
    axes = [axis.name for axis in found.axes]
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(
            ["trial", "training_job", "status", found.metric, "best_so_far", "seconds", "started", *axes]
        )
        for trial, best in zip(found.trials, found.best_so_far(), strict=True):
            row = [trial.number, trial.name, trial.status, trial.objective, best, trial.seconds]
            started = trial.started.isoformat() if trial.started else None
            table.writerow([*row, started, *(trial.hyperparameters.get(axis) for axis in axes)])


def _parents(client: Any, found: Search) -> Iterator[Search]:
    """The parents that are still there; one that has been deleted says nothing any more."""
    for name in found.parents:
        try:
            yield fetch(client, name)
        except ClientError as error:
            print(f"the parent {name} is left out: {error}", flush=True)


def _trial(trial: Trial, best_so_far: float | None) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "training_job": trial.name,
        "status": trial.status,
        "objective": trial.objective,
        "best_so_far": best_so_far,
        "seconds": trial.seconds,
        "started": trial.started.isoformat() if trial.started else None,
        "hyperparameters": dict(trial.hyperparameters),
        **({"failure": trial.failure} if trial.failure else {}),
    }


def _edge(axis: Axis, best: Trial) -> list[str]:
    """A hint where the best trial lies at an end of the axis."""
    if axis.values or axis.name not in best.hyperparameters:
        return []
    place = axis.position(best.hyperparameters[axis.name])
    if EDGE < place < 1 - EDGE:
        return []
    low, high = axis.ends
    end = f"lower end, {low}" if place <= EDGE else f"upper end, {high}"
    return [f"{axis.name}: the best trial lies at the {end}; a range that goes further may hold a better one"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tuning_report", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--tuning-job", required=True, help="the name of the hyperparameter tuning job")
    sys.exit(run(main, ProcessingPaths(), tuning_job=parser.parse_args().tuning_job))

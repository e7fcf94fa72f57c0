"""From which earlier searches the next one learns: those behind the approved models of the use case's group.

The newest approved package names its tuning job, the one before names its own, and so on: up to five are parents.
Nobody has to switch anything: a first run has no approved package, hence no parent. A parent that breaks a rule of
AWS's is left out, and why is said; it would make SageMaker refuse the whole search.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html

The type is IdenticalDataAndAlgorithm where the raw data, what prepares it, the image, the script and the fixed
hyperparameters are those of every parent, and TransferLearning otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from containers import contract
from pipelines import same_rows
from pipelines.config import Config
from pipelines.publish import Publication, plan
from pipelines.service import Service
from steps.search import WarmStart

MOST_PARENTS = 5
MOST_PACKAGES = 25  # that are looked at: several in a row may have been made of one search
MOST_CHANGES = 10  # of hyperparameters between fixed and searched
ENDED = ("Completed", "Stopped", "Failed")
GONE = ("ResourceNotFound", "ResourceNotFoundException", "ValidationException")
RANGES = {
    "IntegerParameterRanges": "Integer",
    "ContinuousParameterRanges": "Continuous",
    "CategoricalParameterRanges": "Categorical",
}


@dataclass(frozen=True)
class Finding:
    """The parents of the next search, and what there is to say about them: a line each."""

    warm_start: WarmStart | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Algorithm:
    """What two searches must agree in, more or less."""

    image: str
    objective: tuple[str, str]  # direction and metric
    fixed: Mapping[str, str]
    searched: Mapping[str, str]  # name -> Integer, Continuous or Categorical


def find(service: Service, ours: Algorithm, recipe: str, input_data: str) -> Finding:
    """The parents of the search ``ours`` on the rows that ``recipe`` makes of ``input_data``."""
    if not service.config.usecase.tuning.warm_start:
        return Finding(None)
    parents: list[str] = []
    notes: list[str] = []
    differences: list[str] = []
    for job, lineage in _searches(service.sagemaker, service.config.group):
        description = _describe(service.sagemaker, job)
        reason = _status(description) or misfit(ours, searched(description or {}))
        if reason:
            notes.append(f"{job} is no parent: {reason}")
            continue
        parents.append(job)
        theirs = searched(description or {})
        difference = difference_of(ours, theirs) or same_rows.why_not(service, lineage, recipe, input_data)
        differences += [f"{job}: {difference}"] if difference else []
    if not parents:
        return Finding(None, tuple(notes))
    identical = not differences
    warm_start = WarmStart(
        "IdenticalDataAndAlgorithm" if identical else "TransferLearning", tuple(parents[:MOST_PARENTS])
    )
    because = "" if identical else f" ({differences[0]})"
    said = f"warm start from {', '.join(warm_start.parents)}: {warm_start.type}{because}"
    return Finding(warm_start, (said, *notes))


def wanted(config: Config, publication: Publication, image: str) -> Algorithm:
    """The search that the settings describe."""
    usecase = config.usecase
    search = usecase.search
    values = {**contract.script_hyperparameters(publication.source_dir), **usecase.hyperparameters}
    return Algorithm(
        image,
        (str(search.direction), search.objective),
        {name: str(value) for name, value in values.items()},
        {name: each.kind for name, each in search.ranges.items()},
    )


def searched(description: Mapping[str, Any]) -> Algorithm:
    """The search that DescribeHyperParameterTuningJob speaks of."""
    config = description["HyperParameterTuningJobConfig"]
    objective = config["HyperParameterTuningJobObjective"]
    definition = description["TrainingJobDefinition"]
    return Algorithm(
        definition["AlgorithmSpecification"].get("TrainingImage", ""),
        (objective["Type"], objective["MetricName"]),
        {
            name: value
            for name, value in definition.get("StaticHyperParameters", {}).items()
            if not name.startswith("_")  # SageMaker's own
        },
        {
            each["Name"]: kind
            for key, kind in RANGES.items()
            for each in config.get("ParameterRanges", {}).get(key, ())
        },
    )


def overtaken(service: Service, definition: Mapping[str, Any], input_data: str) -> str:
    """What an upsert would change about the parents of a deployed ``definition``; empty where nothing."""
    arguments = next((step["Arguments"] for step in definition["Steps"] if step["Type"] == "Tuning"), None)
    if arguments is None:
        return ""
    found = find(service, searched(arguments), plan(service.config).recipe, input_data).warm_start
    deployed = arguments.get("WarmStartConfig")
    if _of(deployed) == found:
        return ""
    now = f"from {', '.join(found.parents)} ({found.type})" if found else "from nothing"
    return f"an upsert would have the search start warm {now}; the deployed pipeline does not"


def _of(request: Mapping[str, Any] | None) -> WarmStart | None:
    if request is None:
        return None
    named = [each["HyperParameterTuningJobName"] for each in request["ParentHyperParameterTuningJobs"]]
    return WarmStart(request["WarmStartType"], tuple(named))


def misfit(ours: Algorithm, theirs: Algorithm) -> str:
    """Why a search cannot be a parent by AWS's rules; empty where it can."""
    if ours.objective != theirs.objective:
        return f"its objective is to {theirs.objective[0].lower()} {theirs.objective[1]}"
    counts = [len(each.fixed) + len(each.searched) for each in (theirs, ours)]
    if counts[0] != counts[1]:
        return f"it has {counts[0]} hyperparameters, and the next search {counts[1]}"
    for name, kind in ours.searched.items():
        if theirs.searched.get(name, kind) != kind:
            return f"its range of {name} is {theirs.searched[name]}, and is {kind} now"
    changes = [*(ours.searched.keys() & theirs.fixed.keys()), *(theirs.searched.keys() & ours.fixed.keys())]
    if len(changes) > MOST_CHANGES:
        return f"{len(changes)} hyperparameters were fixed there and are searched now, or the other way round"
    return ""


def difference_of(ours: Algorithm, theirs: Algorithm) -> str:
    """Why the algorithms are not identical; empty where they are. What is searched, and how far, may differ."""
    if ours.image != theirs.image:
        return f"its image is {theirs.image}"
    changed = [
        name
        for name in sorted(ours.fixed.keys() & theirs.fixed.keys())
        if ours.fixed[name] != theirs.fixed[name]
    ]
    if "sagemaker_submit_directory" in changed:
        return "the training script has changed since"
    return f"{', '.join(changed)} had another value" if changed else ""


def _searches(sagemaker: Any, group: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The tuning jobs behind the group's approved packages, the newest first, each once, with the package's lineage."""
    seen: set[str] = set()
    for package in _approved(sagemaker, group):
        lineage = sagemaker.describe_model_package(ModelPackageName=package).get(
            "CustomerMetadataProperties", {}
        )
        job = lineage.get("TuningJob", "").rpartition("/")[2]
        if job and job not in seen:
            seen.add(job)
            yield job, lineage
        if len(seen) == MOST_PARENTS:
            return


def _approved(sagemaker: Any, group: str) -> list[str]:
    try:
        answer = sagemaker.list_model_packages(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=MOST_PACKAGES,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:  # the group is made with its first package
            return []
        raise
    return [summary["ModelPackageArn"] for summary in answer["ModelPackageSummaryList"]]


def _describe(sagemaker: Any, job: str) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = sagemaker.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=job
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return None
        raise
    return answer


def _status(description: Mapping[str, Any] | None) -> str:
    """Why a tuning job is in no state to be a parent; empty where it is."""
    if description is None:
        return "it has been deleted"
    status = description["HyperParameterTuningJobStatus"]
    if status not in ENDED:
        return f"it is still {status}"
    return "" if "TrainingJobDefinition" in description else "it has several training job definitions"

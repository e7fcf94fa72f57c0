"""Which earlier searches a new one starts from: AWS's rules as data, and packages and jobs of a local SageMaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipelines import config
from pipelines.publish import Publication, plan
from pipelines.service import Service
from pipelines.warm_start import Algorithm, difference_of, find, misfit, overtaken, searched, wanted
from steps.search import WarmStart

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
OURS = Algorithm(
    IMAGE,
    ("Maximize", "validation:auc"),
    {"rounds": "100", "seed": "1", "sagemaker_submit_directory": "s3://b/1"},
    {"eta": "Continuous", "max_depth": "Integer"},
)


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (OURS, ""),
        (replace(OURS, image="another"), ""),
        (replace(OURS, objective=("Minimize", "validation:mae")), "its objective is to minimize validation:mae"),
        (replace(OURS, fixed={"rounds": "100"}), "it has 3 hyperparameters, and the next search 5"),
        (
            replace(OURS, searched={"eta": "Continuous", "max_depth": "Categorical"}),
            "its range of max_depth is Categorical, and is Integer now",
        ),
        (
            replace(OURS, searched={"eta": "Continuous"}, fixed={**OURS.fixed, "max_depth": "4"}),
            "",
        ),
    ],
    ids=["itself", "image", "objective", "count", "kind", "one fixed there"],
)  # fmt: skip
def test_a_parent_keeps_awss_rules(theirs: Algorithm, reason: str) -> None:
    """The same objective and number of hyperparameters, no change of type."""
    assert misfit(OURS, theirs) == reason


def test_ten_hyperparameters_may_change_between_fixed_and_searched() -> None:
    """Either way counts; eleven are refused."""
    names = [f"p{number}" for number in range(11)]
    ours = Algorithm(IMAGE, OURS.objective, {}, dict.fromkeys(names, "Continuous"))
    eleven = Algorithm(IMAGE, OURS.objective, dict.fromkeys(names, "1"), {})
    ten = replace(eleven, fixed=dict.fromkeys(names[1:], "1"), searched={names[0]: "Continuous"})

    assert misfit(ours, ten) == ""
    assert misfit(ours, eleven).startswith("11 hyperparameters were fixed there")


@pytest.mark.parametrize(
    ("theirs", "difference"),
    [
        (OURS, ""),
        (replace(OURS, searched={"eta": "Continuous"}, fixed={**OURS.fixed, "max_depth": "4"}), ""),
        (replace(OURS, image="another"), "its image is another"),
        (replace(OURS, fixed={**OURS.fixed, "rounds": "200"}), "rounds had another value"),
        (
            replace(OURS, fixed={**OURS.fixed, "sagemaker_submit_directory": "s3://b/2"}),
            "the training script has changed since",
        ),
    ],
)
def test_what_is_searched_may_differ_between_identical_algorithms(theirs: Algorithm, difference: str) -> None:
    """Image, script and fixed values may not."""
    assert difference_of(OURS, theirs) == difference


def test_sagemakers_own_hyperparameters_do_not_count() -> None:
    """It tells each trial the objective by one of its own."""
    described = {
        "HyperParameterTuningJobConfig": {
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ParameterRanges": {"IntegerParameterRanges": [{"Name": "max_depth"}]},
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {"TrainingImage": IMAGE},
            "StaticHyperParameters": {"seed": "1", "_tuning_objective_metric": "validation:auc"},
        },
    }

    assert searched(described) == Algorithm(
        IMAGE, ("Maximize", "validation:auc"), {"seed": "1"}, {"max_depth": "Integer"}
    )


class Groups:
    """SageMaker with a group of packages and their tuning jobs, and no more."""

    def __init__(self, jobs: list[str], described: dict[str, Any]) -> None:
        self.jobs, self.described = jobs, described

    def list_model_packages(self, **asked: Any) -> dict[str, Any]:
        assert (asked["ModelApprovalStatus"], asked["SortOrder"]) == ("Approved", "Descending")
        return {
            "ModelPackageSummaryList": [{"ModelPackageArn": str(index)} for index in range(len(self.jobs))]
        }

    def describe_model_package(self, **asked: Any) -> dict[str, Any]:
        job = self.jobs[int(asked["ModelPackageName"])]
        lineage = {"TuningJob": f"arn:aws:sagemaker:r:1:hyper-parameter-tuning-job/{job}"} if job else {}
        return {"CustomerMetadataProperties": {**lineage, "DataRecipe": "another"}}

    def describe_hyper_parameter_tuning_job(self, **asked: Any) -> dict[str, Any]:
        name = asked["HyperParameterTuningJobName"]
        if name == "deleted":
            raise ClientError({"Error": {"Code": "ResourceNotFound"}}, "Describe")
        return {**self.described, **STATES.get(name, {})}


STATES = {"running": {"HyperParameterTuningJobStatus": "InProgress"}}


@pytest.fixture(scope="module")
def adult() -> tuple[config.Config, Publication]:
    settings = config.load("local", "adult")
    return settings, plan(settings)


def described(adult: tuple[config.Config, Publication]) -> dict[str, Any]:
    """A finished search as the settings ask for it."""
    ours = wanted(*adult, IMAGE)
    return {
        "HyperParameterTuningJobStatus": "Completed",
        "HyperParameterTuningJobConfig": {
            "HyperParameterTuningJobObjective": dict(
                zip(("Type", "MetricName"), ours.objective, strict=True)
            ),
            "ParameterRanges": {
                f"{kind}ParameterRanges": [{"Name": n} for n, k in ours.searched.items() if k == kind]
                for kind in ("Integer", "Continuous")
            },
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {"TrainingImage": IMAGE},
            "StaticHyperParameters": dict(ours.fixed),
        },
    }


def group(adult: tuple[config.Config, Publication], *jobs: str) -> Service:
    """SageMaker with a package for each of these jobs, the newest first."""
    service = Service(adult[0])
    service.sagemaker = Groups(list(jobs), described(adult))
    return service


def asked(adult: tuple[config.Config, Publication], *jobs: str) -> Any:
    settings, publication = adult
    service, ours = group(adult, *jobs), wanted(settings, publication, IMAGE)
    return find(service, ours, publication.recipe, "s3://b/data")


def test_each_search_behind_an_approved_model_is_a_parent_once(adult: Any) -> None:
    """The newest first, five at most; a package that was trained without a search has none."""
    finding = asked(adult, "f", "f", "", "e", "d", "c", "b", "a")

    assert finding.warm_start == WarmStart("TransferLearning", ("f", "e", "d", "c", "b"))


def test_who_cannot_be_a_parent_is_left_out_with_the_reason(adult: Any) -> None:
    """And the others stay."""
    finding = asked(adult, "running", "good", "deleted")

    assert finding.warm_start.parents == ("good",)
    assert finding.notes[1:] == (
        "running is no parent: it is still InProgress",
        "deleted is no parent: it has been deleted",
    )


def test_a_first_search_has_no_parent(adult: Any) -> None:
    """Nothing is said about it."""
    finding = asked(adult)

    assert (finding.warm_start, finding.notes) == (None, ())


@pytest.mark.parametrize(
    ("deployed", "note"),
    [
        ((), "an upsert would have the search start warm from b, a (TransferLearning)"),
        (("a",), "an upsert would have the search start warm from b, a (TransferLearning)"),
        (("b", "a"), ""),
    ],
)  # fmt: skip
def test_starting_says_when_the_parents_are_not_the_newest(
    deployed: tuple[str, ...], note: str, adult: Any
) -> None:
    """An approval since the last upsert; nothing is said while they are."""
    named = [{"HyperParameterTuningJobName": name} for name in deployed]
    warm = {"WarmStartType": "TransferLearning", "ParentHyperParameterTuningJobs": named}
    arguments = {**described(adult), **({"WarmStartConfig": warm} if deployed else {})}
    definition = {"Steps": [{"Name": "Tune", "Type": "Tuning", "Arguments": arguments}]}

    assert overtaken(group(adult, "b", "a"), definition, "s3://b/data").partition(";")[0] == note


def test_a_pipeline_without_a_search_has_no_parents(adult: Any) -> None:
    """Nor does anybody ask."""
    steps = {"Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]}

    assert overtaken(group(adult, "b"), steps, "s3://b/data") == ""


def test_a_warm_start_can_be_turned_off(adult: Any) -> None:
    """By a setting."""
    settings, publication = adult
    cold = settings.model_copy(
        update={
            "usecase": settings.usecase.model_copy(
                update={"tuning": replace(settings.usecase.tuning, warm_start=False)}
            )
        }
    )

    assert asked((cold, publication), "a").warm_start is None


def test_a_group_that_is_not_there_yet_gives_no_parent(
    client: Callable[[str], Any], adult: Any, local: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made with its first package; asked of a local SageMaker."""
    settings, publication = adult
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.url)
    elsewhere = settings.model_copy(
        update={
            "usecase": settings.usecase.model_copy(
                update={"registry": config.Group(group="nobody-made-this")}
            )
        }
    )

    finding = find(Service(elsewhere), wanted(elsewhere, publication, IMAGE), publication.recipe, "s3://b/d")
    assert finding.warm_start is None

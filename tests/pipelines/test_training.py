"""The training pipeline's definition: reproducible, complete, and right by AWS's own request shapes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from containers.checks import CHECKS, DATA_BIAS, MODEL_BIAS, Check
from pipelines import config
from pipelines.checks import planned
from pipelines.publish import ROOT, SETTINGS_READ, Publication
from steps.search import WarmStart
from steps.settings import Code

GOLDEN = Path(__file__).parent / "golden"
NATIVE = str(GOLDEN / "native.toml")  # the local environment, with AWS's own check and endpoint steps
BUILDS = [("local", "roaming"), ("local", "adult"), ("prod", "adult"), ("dev", "roaming"), (NATIVE, "adult")]

# Fixed addresses: a golden definition changes when the pipeline does, not at every edit of a job's code.
FIXED = Publication(
    code={
        name: Code(f"s3://code/{name}", f"s3://settings/{name}")
        for name in (*SETTINGS_READ, *(check.setting for check in CHECKS.values()))
    },
    source_dir="s3://code/train/sourcedir.tar.gz",
    serving="s3://code/serving/sourcedir.tar.gz",
    objects={},
)


def checks_as(form: str) -> str:
    """The local environment with every check in this form."""
    others, table, checks = (GOLDEN / "native.toml").read_text(encoding="utf-8").partition("[checks]")
    return others + table + checks.replace('"native"', f'"{form}"')


def build(environment: str, usecase: str, *, tune: bool = True, warm_start: WarmStart | None = None) -> str:
    from pipelines.training import definition

    settings = config.load(environment, usecase)
    settings = settings if tune else settings.without_search()
    return definition(settings, FIXED, warm_start)


@pytest.fixture(scope="module")
def prod() -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(build("prod", "adult"))
    return definition


@pytest.fixture(scope="module")
def prod_untuned() -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(build("prod", "adult", tune=False))
    return definition


def jobs(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The request of each job; of a tuning job what each of its trials is asked for, and the tags."""
    return {
        step["Name"]: {**step["Arguments"], **step["Arguments"].get("TrainingJobDefinition", {})}
        for step in definition["Steps"]
        if step["Type"] in ("Processing", "Training", "Tuning")
    }


@pytest.mark.parametrize(("environment", "usecase"), BUILDS)
def test_the_definition_equals_its_golden_file(environment: str, usecase: str) -> None:
    """A change of a definition is seen in a diff; GOLDEN=write rewrites the files."""
    built = json.dumps(json.loads(build(environment, usecase)), indent=1) + "\n"
    file = GOLDEN / f"{Path(environment).stem}-{usecase}.json"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(built, encoding="utf-8")

    assert file.read_text(encoding="utf-8") == built


@pytest.mark.parametrize("environment_file", ["local", NATIVE])
def test_two_builds_in_two_processes_are_byte_identical(environment_file: str) -> None:
    """No clock, no random name, no order of a set, no uploaded file gets into the definition."""
    command = [sys.executable, "-W", "ignore", "-m", "pipelines", "build", "--usecase", "adult"]
    command += ["--env", environment_file]
    environment = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}  # where nothing listens
    first, second = (
        subprocess.run(
            command, capture_output=True, check=True, cwd=ROOT, env={**environment, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    )

    assert first == second


@pytest.mark.parametrize("usecase", ["adult", "roaming"])
def test_what_the_sdk_would_upload_is_published(usecase: str) -> None:
    """Clarify's configurations lie under their contents' hashes, and every one that is named is there."""
    from pipelines.training import built

    first, second = (built(config.load(NATIVE, usecase)) for _ in range(2))
    named = set(re.findall(r"s3://[^/\"]+/([^\"]+/analysis_config\.json)", first.definition))

    assert first == second
    assert len(named) >= 3
    assert named <= set(first.publication.objects)
    assert all(re.search(r"/[0-9a-f]{64}/", key) for key in named)


def test_both_forms_of_a_check_analyse_the_same() -> None:
    """The SDK makes of our settings what our own job is told; a model it adds, and the data holds its predictions."""
    from pipelines.training import built

    native = built(config.load(NATIVE, "adult")).publication.objects
    documents = [
        json.loads(content) for name, content in native.items() if name.endswith("/analysis_config.json")
    ]
    for check in (DATA_BIAS, MODEL_BIAS):
        ours = planned(config.load("local", "adult"))[check].settings

        assert ours in [{k: v for k, v in each.items() if k != "predictor"} for each in documents]


@pytest.mark.parametrize(
    ("check", "form"), [*((check, "processing") for check in CHECKS.values()), (MODEL_BIAS, "native")]
)
def test_a_check_that_is_off_leaves_nothing_behind(check: Check, form: str, tmp_path: Path) -> None:
    """No step, no parameter, no baseline; the others are as they were."""
    file = tmp_path / "here.toml"
    text = checks_as(form)
    file.write_text(text.replace(f'{check.setting} = "{form}"', f'{check.setting} = "off"'), encoding="utf-8")
    built = json.loads(build(str(file), "adult", tune=False))

    assert check.name not in [step["Name"] for step in built["Steps"]]
    assert not [each for each in built["Parameters"] if each["Name"].startswith(check.name)]
    assert f"Steps.{check.name}." not in json.dumps(built)
    (gate,) = (step for step in built["Steps"] if step["Name"] == "Gate")
    (register,) = (step for step in gate["Arguments"]["IfSteps"] if step["Type"] == "RegisterModel")
    group, part = check.place
    assert part not in register["Arguments"]["DriftCheckBaselines"].get(group, {})
    others = [other for other in CHECKS.values() if other != check]
    assert {each["Name"] for each in built["Steps"]} >= {other.name for other in others}
    for other in others:
        assert other.place[1] in register["Arguments"]["DriftCheckBaselines"][other.place[0]]


def test_without_any_check_there_is_no_baseline(tmp_path: Path) -> None:
    """And the package has the evaluation report as its only metric."""
    file = tmp_path / "here.toml"
    file.write_text(checks_as("off"), encoding="utf-8")
    built = build(str(file), "adult", tune=False)

    assert "DriftCheckBaselines" not in built
    assert "SkipCheck" not in built


def test_violations_fail_the_run_where_the_environment_says_so(tmp_path: Path) -> None:
    """All of them, or those that are named; the rest is reported."""
    native = (GOLDEN / "native.toml").read_text(encoding="utf-8")

    def defaults(setting: str) -> dict[str, Any]:
        file = tmp_path / "here.toml"
        file.write_text(native + setting, encoding="utf-8")
        parameters = json.loads(build(str(file), "adult", tune=False))["Parameters"]
        return {
            each["Name"]: each["DefaultValue"]
            for each in parameters
            if each["Name"].endswith("FailOnViolation")
        }

    every = {f"{check.name}FailOnViolation": True for check in CHECKS.values()}
    assert defaults("") == dict.fromkeys(every, False)
    assert defaults("fail_on_violation = true") == every
    assert defaults('fail_on_violation = ["data_bias", "model_quality"]') == {
        **dict.fromkeys(every, False),
        "DataBiasFailOnViolation": True,
        "ModelQualityFailOnViolation": True,
    }


def branch(definition: dict[str, Any], condition: str) -> list[dict[str, Any]]:
    """The steps that run where the condition holds."""
    (step,) = (step for step in definition["Steps"] if step["Name"] == condition)
    steps: list[dict[str, Any]] = step["Arguments"]["IfSteps"]
    return steps


def test_what_is_approved_is_deployed_and_tested(prod: dict[str, Any]) -> None:
    """By the function of this account, once the model card is written; and SageMaker nests no conditions."""
    (approval,) = (step for step in prod["Steps"] if step["Name"] == "Approval")
    deploy, test = branch(prod, "Approval")

    assert approval["DependsOn"] == ["ModelCard"]
    assert approval["Arguments"]["ElseSteps"] == []
    assert deploy["FunctionArn"] == "arn:aws:lambda:eu-west-1:444455556666:function:adult-deployer"
    assert "CacheConfig" not in test
    assert not test["Arguments"]["NetworkConfig"]["EnableNetworkIsolation"]
    assert "Condition" not in [step["Type"] for name in ("Gate", "Approval") for step in branch(prod, name)]


def test_the_smoke_test_has_the_time_that_the_traffic_takes(prod: dict[str, Any]) -> None:
    """To move, to start before that, and for itself."""
    _, test = branch(prod, "Approval")
    arguments = test["Arguments"]["AppSpecification"]["ContainerArguments"]

    assert arguments[arguments.index("--minutes") + 1] == str(120 + 20)
    assert test["Arguments"]["StoppingCondition"]["MaxRuntimeInSeconds"] == (120 + 20 + 10) * 60


def test_a_model_that_is_not_deployed_has_no_step_for_it(tmp_path: Path) -> None:
    """The rest is as it was."""
    local = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    file = tmp_path / "here.toml"
    file.write_text(local.replace('form = "guarded"', 'form = "off"'), encoding="utf-8")

    deployed, kept = (json.loads(build(env, "adult", tune=False)) for env in ("local", str(file)))

    assert kept["Steps"] == deployed["Steps"][:-1]
    assert deployed["Steps"][-1]["Name"] == "Approval"


def test_native_steps_scope_what_they_make_by_the_execution() -> None:
    """So two runs never collide; the endpoint is one."""
    steps = {
        step["Name"]: step["Arguments"] for step in branch(json.loads(build(NATIVE, "adult")), "Approval")
    }

    assert list(steps) == ["DeployedModel", "EndpointConfig", "Deploy", "SmokeTest"]
    assert steps["EndpointConfig"]["EndpointConfigName"]["Std:Join"]["Values"] == [
        "adult-native",
        {"Get": "Execution.PipelineExecutionId"},
    ]
    assert steps["Deploy"]["EndpointName"] == "adult-native"
    assert steps["DeployedModel"]["Containers"] == [
        {"ModelPackageName": {"Get": "Steps.Register.ModelPackageArn"}}
    ]


def test_every_parameter_is_read(prod: dict[str, Any]) -> None:
    """A knob that turns nothing is a lie."""
    steps = json.dumps(prod["Steps"])

    assert [p["Name"] for p in prod["Parameters"] if f"Parameters.{p['Name']}" not in steps] == []


def test_every_output_is_scoped_by_the_execution(prod: dict[str, Any]) -> None:
    """Two executions never write to one place."""
    places = re.findall(
        r'"S3Uri": (\{"Std:Join".*?\]\}\})',
        json.dumps([a.get("ProcessingOutputConfig") for a in jobs(prod).values()]),
    )
    places.append(json.dumps(jobs(prod)["Tune"]["OutputDataConfig"]))

    assert len(places) == 18
    assert all("Execution.PipelineExecutionId" in place for place in places)


def test_production_settings_reach_every_job(prod: dict[str, Any], prod_untuned: dict[str, Any]) -> None:
    """Role, VPC, keys, encryption, tags, volumes and timeouts stand in every job's request."""
    for name, request in {**jobs(prod), **jobs(prod_untuned)}.items():
        text = json.dumps(request)
        assert request["RoleArn"].endswith("ml-prod-pipeline-execution"), name
        for wanted in (
            "subnet-0a1b2c3d4e5f60001",
            "sg-0a1b2c3d4e5f60001",
            "11111111-2222",
            '"VolumeKmsKeyId"',
        ):
            assert wanted in text, (name, wanted)
        assert '"EnableInterContainerTrafficEncryption": true' in text, name
        assert '"VolumeSizeInGB": 100' in text, name
        assert {"Key": "data-classification", "Value": "confidential"} in request["Tags"], name


def test_who_keeps_a_network_in_production(prod: dict[str, Any], prod_untuned: dict[str, Any]) -> None:
    """Ingest reads its source, the report asks for the trials, checks and champion the registry."""
    isolated = {
        name: request.get("NetworkConfig", request)["EnableNetworkIsolation"]
        for name, request in {**jobs(prod), **jobs(prod_untuned)}.items()
    }

    assert sorted(name for name, cut_off in isolated.items() if not cut_off) == [
        "Champion",
        "DataBias",
        "DataQuality",
        "Explainability",
        "Ingest",
        "ModelBias",
        "ModelQuality",
        "TuningReport",
    ]
    assert sorted(name for name, cut_off in isolated.items() if cut_off) == [
        "Evaluate",
        "Manifest",
        "Prep",
        "Train",
        "Tune",
    ]


@pytest.mark.parametrize(("tune", "name"), [(False, "Train"), (True, "Tune")])
def test_a_cheap_environment_trains_on_spot(tune: bool, name: str) -> None:
    """Spot needs its waiting time and a checkpoint to resume from."""
    train = jobs(json.loads(build("dev", "roaming", tune=tune)))[name]

    assert train["EnableManagedSpotTraining"]
    assert train["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert train["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    assert "Execution.PipelineExecutionId" in json.dumps(train["CheckpointConfig"]["S3Uri"])


def test_to_tune_or_to_train_is_one_setting(prod: dict[str, Any], prod_untuned: dict[str, Any]) -> None:
    """All other steps are the same; evaluate and register only get the model from somewhere else."""
    assert [step["Name"] for step in prod["Steps"]] == [
        "Ingest", "Prep", "DataQuality", "DataBias", "Tune", "TuningReport", "Manifest", "Evaluate", "Champion",
        "ModelBias", "Explainability", "ModelQuality", "Gate", "Approval",
    ]  # fmt: skip
    assert [step["Name"] for step in prod_untuned["Steps"]] == [
        "Ingest", "Prep", "DataQuality", "DataBias", "Train", "Manifest", "Evaluate", "Champion",
        "ModelBias", "Explainability", "ModelQuality", "Gate", "Approval",
    ]  # fmt: skip
    for name in ("Ingest", "Prep"):
        assert jobs(prod)[name] == jobs(prod_untuned)[name]


def test_parents_are_an_input_of_building() -> None:
    """Nothing is asked while the definition is made."""
    warm = build("local", "adult", warm_start=WarmStart("TransferLearning", ("first", "second")))
    (tune,) = (step for step in json.loads(warm)["Steps"] if step["Type"] == "Tuning")

    assert tune["Arguments"]["WarmStartConfig"] == {
        "WarmStartType": "TransferLearning",
        "ParentHyperParameterTuningJobs": [
            {"HyperParameterTuningJobName": "first"},
            {"HyperParameterTuningJobName": "second"},
        ],
    }


def test_what_cannot_be_interrupted_has_no_checkpoint(prod: dict[str, Any]) -> None:
    """Its address would differ in every execution, and so the step would never hit the cache."""
    assert "CheckpointConfig" not in jobs(prod)["Tune"]


def test_every_job_step_retries_what_is_not_its_fault(prod: dict[str, Any]) -> None:
    """And says so in the definition."""
    steps = [step for step in prod["Steps"] if step["Type"] != "Condition"]

    assert all(step["RetryPolicies"] for step in steps)


def test_every_definition_is_right_by_the_request_shapes() -> None:
    """What AWS's API would refuse is found without AWS."""
    from local_sagemaker.pipelines.check import check

    for environment, usecase in BUILDS:
        for tune in (True, False):
            built = json.loads(build(environment, usecase, tune=tune))
            assert [str(problem) for problem in check(built)] == []


@pytest.mark.parametrize("tune", [True, False])
def test_mitigation_is_one_more_training_with_weights(tune: bool) -> None:
    """Of the hyperparameters that were found; both models are evaluated. All else is as it is without."""
    from local_sagemaker.pipelines.check import check
    from pipelines.training import definition

    settings = config.load("prod", "adult")
    settings = settings if tune else settings.without_search()
    fair = settings.usecase.fairness.model_copy(update={"reweigh": True})
    usecase = settings.usecase.model_copy(update={"fairness": fair})
    built = json.loads(definition(settings.model_copy(update={"usecase": usecase}), FIXED))
    plain = json.loads(definition(settings, FIXED))
    steps, without = ({step["Name"]: step for step in each["Steps"]} for each in (built, plain))

    assert set(steps) - set(without) == {"Mitigate"}
    assert [str(problem) for problem in check(built)] == []
    request = steps["Mitigate"]["Arguments"]
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]][-1] == "weights"
    eta = {"Get": "Steps.Tune.BestTrainingJob.TunedHyperParameters['eta']"} if tune else "0.2"
    assert request["HyperParameters"]["eta"] == eta
    assert request["EnableNetworkIsolation"]

    def inputs(of: dict[str, Any]) -> set[str]:
        return {entry["InputName"] for entry in of["Evaluate"]["Arguments"]["ProcessingInputs"]}

    assert inputs(steps) - inputs(without) == {"unmitigated"}
    assert "Mitigate" not in json.dumps(plain)


def test_prep_is_told_of_facets_only_where_it_weighs() -> None:
    """And never of limits: a changed limit does not make rows anew."""
    from pipelines.publish import settings_of

    settings = config.load("local", "adult")
    fair = settings.usecase.fairness.model_copy(update={"reweigh": True})
    weighing = settings.model_copy(update={"usecase": settings.usecase.model_copy(update={"fairness": fair})})

    assert "facets" not in settings_of("prep", settings)
    assert settings_of("prep", weighing)["facets"] == [
        {"column": "sex", "values": ["Female"]},
        {"column": "race", "values": ["Black"]},
    ]


def test_the_environment_chooses_what_hosts_the_model(tmp_path: Path) -> None:
    """``[images] serving`` is the registered model's image; training stays where it is."""
    local = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    file = tmp_path / "here.toml"
    file.write_text(
        local + '\n[images]\nserving = "{account}.dkr.ecr.{region}.amazonaws.com/ours:1"\n', encoding="utf-8"
    )
    other = build("local", "adult", tune=False)
    ours = build(str(file), "adult", tune=False)

    hosted = "123456789012.dkr.ecr.us-east-1.amazonaws.com/ours:1"
    assert hosted not in other
    (gate,) = (step for step in json.loads(ours)["Steps"] if step["Name"] == "Gate")
    (register,) = (step for step in gate["Arguments"]["IfSteps"] if step["Type"] == "RegisterModel")
    assert register["Arguments"]["InferenceSpecification"]["Containers"][0]["Image"] == hosted
    assert ours.count(hosted) == 1

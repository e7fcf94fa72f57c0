"""Each rule finds its defect, at its place, and nothing else; what is sound is left alone."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lint import DEMANDS, RULES, lint
from pipelines.lint.exceptions import OURS, read_exceptions

GOLDEN = Path(__file__).parents[1] / "golden"
SDK = Path(__file__).parents[2] / "local_sagemaker" / "pipelines" / "definitions"
DAY = date(2026, 11, 30)
NATIVE = json.loads((GOLDEN / "native-adult.json").read_text(encoding="utf-8"))
PROD = json.loads((GOLDEN / "prod-adult.json").read_text(encoding="utf-8"))
DEV = json.loads((GOLDEN / "dev-roaming.json").read_text(encoding="utf-8"))

Definition = dict[str, Any]
Mutation = Callable[[Definition], None]


def step(definition: Definition, name: str) -> dict[str, Any]:
    """The step of that name, in a branch or not."""
    waiting = list(definition["Steps"])
    while waiting:
        each: dict[str, Any] = waiting.pop()
        if each["Name"] == name:
            return each
        arguments = each["Arguments"]
        waiting += [*arguments.get("IfSteps", []), *arguments.get("ElseSteps", [])]
    raise KeyError(name)


GONE = object()


@dataclass(frozen=True)
class Put:
    """A mutation: the value at a path below a step's arguments, or below the step itself where it begins with '/'."""

    name: str
    path: str
    value: Any

    def __call__(self, definition: Definition) -> None:
        parts: list[Any] = self.path.removeprefix("/").split(".")
        parts = [int(part) if part.isdigit() else part for part in parts]
        target: Any = step(definition, self.name)
        for part in parts[:-1] if self.path.startswith("/") else ["Arguments", *parts[:-1]]:
            target = target[part]
        if self.value is GONE:
            del target[parts[-1]]
        else:
            target[parts[-1]] = self.value


def parameter(name: str, default: Any, kind: str = "String") -> Mutation:
    """A mutation: one more parameter, or another default."""

    def mutate(definition: Definition) -> None:
        others = [each for each in definition["Parameters"] if each["Name"] != name]
        definition["Parameters"] = [*others, {"Name": name, "Type": kind, "DefaultValue": default}]

    return mutate


def without_parameter(name: str) -> Mutation:
    """A mutation: it is not declared."""

    def mutate(definition: Definition) -> None:
        definition["Parameters"] = [each for each in definition["Parameters"] if each["Name"] != name]

    return mutate


def both(*mutations: Mutation) -> Mutation:
    """One mutation after the other."""

    def mutate(definition: Definition) -> None:
        for each in mutations:
            each(definition)

    return mutate


@dataclass(frozen=True)
class Case:
    """A defect put into a sound definition, and where which rule finds it."""

    rule: str
    mutate: Mutation
    place: str = ""  # where the mutation puts it, unless something else is said
    base: Definition = field(default_factory=lambda: PROD)

    @property
    def where(self) -> str:
        if self.place or not isinstance(self.mutate, Put):
            return self.place
        return f"{self.mutate.name}.{self.mutate.path.removeprefix('/')}"


CLUSTER = "ProcessingResources.ClusterConfig"
TRIAL = "TrainingJobDefinition"
TRAINING_IMAGE = f"{TRIAL}.AlgorithmSpecification.TrainingImage"
PROCESSING_IMAGE = "AppSpecification.ImageUri"
XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn"
OURS_IMAGE = "444455556666.dkr.ecr.eu-west-1.amazonaws.com/ours"
REPORT = "ModelMetrics.ModelQuality.Statistics.S3Uri"
CODE, AT_CODE = "ProcessingInputs.0.S3Input.S3Uri", "Prep.ProcessingInputs['code'].S3Input.S3Uri"
TRAIN = "ProcessingOutputConfig.Outputs.0.S3Output.S3Uri"
AT_TRAIN = "Prep.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"
EXECUTION = {"Get": "Execution.PipelineExecutionId"}
BAR = step(PROD, "Gate")["Arguments"]["Conditions"][0]
EITHER = {"Type": "Or", "Conditions": [{"Type": "Not", "Condition": {**BAR, "RightValue": 6}}]}
INGESTED = step(PROD, "Ingest")["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
NOWHERE = {"Std:Join": {"On": "/", "Values": ["s3://b", EXECUTION, "evaluation.json"]}}
PLAN = {"PropertyFileName": "Plan", "OutputName": "train", "FilePath": "plan.json"}
SUBMITTED = f"{TRIAL}.StaticHyperParameters.sagemaker_submit_directory"

CASES = [
    Case("G001", Put("Prep", f"{CLUSTER}.InstanceTyp", "ml.m5.large")),
    Case("G001", Put("Prep", "RoleArn", 7)),
    Case("G001", Put("Champion", "/Type", "Procesing"), "Champion"),
    Case("G002", Put("Prep", "/DependsOn", ["Clean"])),
    Case("G002", Put("Champion", "Environment.X", {"Get": "Steps.Clean.ProcessingJobName"}), "Champion"),
    Case("G002", Put("Champion", "Environment.X", {"Get": "Parameters.Nope"}), "Champion"),
    Case("G003", Put("Ingest", "/DependsOn", ["Evaluate"]), "pipeline"),
    Case("G004", Put("Gate", "IfSteps", [])),
    Case("G005", Put("Gate", "ElseSteps", [])),
    Case("P001", parameter("Colour", "magenta"), "Colour"),
    Case("P002", parameter("PrepInstanceType", "ml.m5.xlarge"), f"Prep.{CLUSTER}.InstanceType"),
    Case(
        "P002",
        both(parameter("Colour", "x"), Put("Prep", "Environment.COLOUR", "Colour")),
        "Prep.Environment.COLOUR",
    ),
    Case(
        "P002",
        both(parameter("VolumeSize", 31, "Integer"), Put("Prep", f"{CLUSTER}.VolumeSizeInGB", 31)),
        f"Prep.{CLUSTER}.VolumeSizeInGB",
    ),
    Case("P003", Put("Prep", "Environment.X", "s3://b/{'Get': 'Parameters.InputData'}/x")),
    Case(
        "P004",
        both(parameter("HFToken", ""), Put("Prep", "Environment.HF", {"Get": "Parameters.HFToken"})),
        "HFToken",
    ),
    Case("P004", Put("Prep", "Environment.DB_PASSWORD", "hunter2")),
    Case("P004", Put("Prep", "Environment.WHO", "AKIA" + 16 * "A")),
    Case("A001", Put("Prep", TRAIN, "s3://b/train"), AT_TRAIN),
    Case("A001", Put("Prep", TRAIN, {"Get": "Parameters.InputData"}), AT_TRAIN),
    Case(
        "A002",
        Put("Tune", f"{TRIAL}.CheckpointConfig", {"S3Uri": "s3://b/c"}),
        f"Tune.{TRIAL}.CheckpointConfig.S3Uri",
    ),
    Case("A003", Put("Prep", TRAIN, INGESTED), AT_TRAIN),
    Case("A004", Put("Prep", CODE, "s3://b/prep-2026-11-30-08-33-03-123/code"), AT_CODE),
    Case("A004", Put("Prep", CODE, "s3://b/prep-1790226750/code"), AT_CODE),
    Case("A004", Put("Prep", CODE, "s3://b/0b0f4a53-3a3c-4a54-9c43-3d0d8a3f4c1e/code"), AT_CODE),
    Case("A004", Put("Tune", SUBMITTED, '"s3://b/20261130083303/source.tar.gz"')),
    Case("C001", Put("DataBias", "/SkipCheck", value=True), base=NATIVE),
    Case("C002", Put("Gate", "Conditions.0.RightValue", 0.8), "Gate.Conditions[0].RightValue"),
    Case(
        "C002", Put("Gate", "Conditions.0", EITHER), "Gate.Conditions[0].Conditions[0].Condition.RightValue"
    ),
    Case(
        "C003",
        Put("Champion", "/PropertyFiles.0.OutputName", "champion-report"),
        "Champion.PropertyFiles['ChampionReport']",
    ),
    Case("C004", Put("Prep", "/PropertyFiles", [PLAN]), "Prep.PropertyFiles['Plan']"),
    Case("C005", Put("Register", REPORT, "s3://elsewhere/evaluation.json")),
    Case("C005", Put("Register", REPORT, NOWHERE)),
    Case(
        "C006",
        Put("Gate", "Conditions.0", {"Type": "Equals", "LeftValue": "a", "RightValue": "a"}),
        "Gate.Conditions[0]",
    ),
    Case("M001", Put("Tune", TRAINING_IMAGE, f"{XGBOOST}:1.7-1")),
    Case("M001", Put("Prep", PROCESSING_IMAGE, f"{SKLEARN}:0.23-1-cpu-py3")),
    Case("M002", Put("Prep", PROCESSING_IMAGE, f"{OURS_IMAGE}:latest")),
    Case("M002", Put("Prep", PROCESSING_IMAGE, OURS_IMAGE)),
    Case("M003", Put("Prep", "Environment.MODEL", "/opt/ml/model/model.pkl")),
    Case("S001", Put("Prep", f"{CLUSTER}.VolumeKmsKeyId", GONE)),
    Case("S001", Put("Tune", f"{TRIAL}.ResourceConfig.VolumeKmsKeyId", GONE)),
    Case("S002", Put("Prep", "ProcessingOutputConfig.KmsKeyId", GONE)),
    Case("S003", Put("Prep", "NetworkConfig.VpcConfig", GONE)),
    Case("S004", Put("Prep", "NetworkConfig.EnableNetworkIsolation", value=False)),
    Case("S005", Put("Tune", f"{TRIAL}.EnableInterContainerTrafficEncryption", GONE)),
    Case("S006", Put("Prep", "Tags", [])),
    Case("S007", Put("Prep", "StoppingCondition", GONE), "Prep.StoppingCondition.MaxRuntimeInSeconds"),
    Case("S008", Put("Prep", "/RetryPolicies", GONE)),
    Case("S009", parameter("ModelApprovalStatus", "Approved"), "Register.ModelApprovalStatus"),
    Case(
        "S009",
        both(Put("Register", "ModelApprovalStatus", "Approved"), without_parameter("ModelApprovalStatus")),
        "Register.ModelApprovalStatus",
    ),
]

# Beside the defect, what it takes along: a lost branch leaves parameters unread.
FOLLOW = {
    "G004": {"G002", "P001", "P002", "G005", "C004"},
    "S009": {"G002"},
    "C006": {"C004"},
    "A003": {"C005"},
    "C001": {"P001"},
    "G002": {"G001"},
}


def places(definition: Definition, demanded: Any = DEMANDS) -> list[tuple[str, str]]:
    return [(each.rule, each.place) for each in lint(definition, demanded, DAY)]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rule}-{case.where}" for case in CASES])
def test_a_defect_is_found_by_its_rule(case: Case) -> None:
    """At its place, and by no other rule, among everything that an environment can demand."""
    defective = copy.deepcopy(case.base)
    case.mutate(defective)
    before = places(case.base)
    new = [each for each in places(defective) if each not in before]

    assert (case.rule, case.where) in new
    assert {rule for rule, _ in new} - FOLLOW.get(case.rule, set()) == {case.rule}


def test_what_a_foreach_makes_needs_an_address_for_each_item() -> None:
    """The execution alone does not tell its children apart."""
    changed = copy.deepcopy(PROD)
    body = {**copy.deepcopy(step(PROD, "Ingest")), "Name": "Part"}
    arguments = {"IterableItems": ["a", "b"], "MaxConcurrency": 2, "ForEachBody": [body]}
    changed["Steps"].append({"Name": "Parts", "Type": "ForEach", "Arguments": arguments})
    for index, output in enumerate(body["Arguments"]["ProcessingOutputConfig"]["Outputs"]):
        output["S3Output"]["S3Uri"] = {"Std:Join": {"On": "/", "Values": ["s3://b", EXECUTION, str(index)]}}
    apart = copy.deepcopy(changed)
    for output in apart["Steps"][-1]["Arguments"]["ForEachBody"][0]["Arguments"]["ProcessingOutputConfig"][
        "Outputs"
    ]:
        output["S3Output"]["S3Uri"]["Std:Join"]["Values"].append({"Get": "ForEach.CurrentItem"})

    assert {rule for rule, place in places(changed) if place.startswith("Part.")} == {"A003", "S004"}
    assert {rule for rule, place in places(apart) if place.startswith("Part.")} == {"S004"}


def test_every_rule_has_a_defect() -> None:
    """A rule that no case breaks may never have worked."""
    assert {case.rule for case in CASES} == set(RULES)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_our_own_definitions_are_clean(file: Path) -> None:
    """Under everything that can be demanded of a production, what is left is in the exceptions, each with a reason."""
    demanded = DEMANDS if file.stem.startswith("prod") else ("tags", "timeouts", "retries")
    found = lint(json.loads(file.read_text(encoding="utf-8")), demanded, DAY)

    meant = read_exceptions(OURS)
    assert [each for each in found if not any(one.covers(each) for one in meant)] == []
    assert all(one.reason for one in meant)


def test_each_exception_of_ours_is_needed() -> None:
    """A reason for something that is no longer there misleads."""
    every = [json.loads(file.read_text(encoding="utf-8")) for file in GOLDEN.glob("*.json")]
    found = [each for definition in every for each in lint(definition, DEMANDS, DAY)]

    for one in read_exceptions(OURS):
        for name in one.steps:
            assert any(each.rule == one.rule and each.step == name for each in found), (one.rule, name)


def test_what_the_sdk_writes_has_only_the_sdks_own_defect() -> None:
    """SDK 3.27 puts the time of the build into the addresses of code; nothing else is said of its definition."""
    built = json.loads((SDK / "sdk_3_27.json").read_text(encoding="utf-8"))
    checks = json.loads((SDK / "sdk_3_27_checks.json").read_text(encoding="utf-8"))

    assert places(built, ()) == [
        ("A004", f"Train.InputDataConfig['{channel}'].DataSource.S3DataSource.S3Uri")
        for channel in ("code", "sm_drivers")
    ]
    assert places(checks, ()) == []


@pytest.mark.parametrize(
    ("mutate", "why"),
    [
        (parameter("Unread", "x"), "the default 'x' is no proof for a literal"),
        (Put("Prep", CODE, f"s3://b/{'a1612345678bcdef' * 4}/code"), "digits within a hash of contents"),
        (Put("Prep", CODE, "s3://b/releases/2026-11-30/code"), "a day is a release, not a build"),
        (Put("Prep", "Environment.PAD_TOKENS", "7"), "no secret"),
        (Put("Prep", "Environment.DB_SECRET_ARN", "arn:aws:secretsmanager:x"), "its address"),
        (Put("Prep", f"{CLUSTER}.VolumeKmsKeyId", {"Get": "Parameters.InputData"}), "set when it runs"),
        (
            Put("Prep", CLUSTER, {"InstanceType": "ml.r5d.large", "InstanceCount": 1, "VolumeSizeInGB": 9}),
            "it has no volume to encrypt",
        ),
        (Put("Prep", PROCESSING_IMAGE, f"{OURS_IMAGE}@sha256:{64 * '0'}"), "it is pinned"),
        (Put("Tune", TRAINING_IMAGE, f"{XGBOOST}:3.2-0-cpu-py3"), "it is patched"),
        (Put("Register", REPORT, {"Get": "Parameters.InputData"}), "a parameter's, which may be anywhere"),
    ],
)
def test_what_only_looks_like_a_defect(mutate: Mutation, why: str) -> None:
    """No alarm but for what the mutation itself brings, an unread parameter."""
    changed = copy.deepcopy(PROD)
    mutate(changed)

    before = places(PROD)
    new = [each for each in places(changed) if each not in before]

    assert [each for each in new if each != ("P001", "Unread")] == [], why


def test_an_image_is_retired_from_its_day_on() -> None:
    """Not before."""
    changed = copy.deepcopy(PROD)
    Put("Tune", TRAINING_IMAGE, f"{XGBOOST}:3.0-5")(changed)

    before, after = (lint(changed, (), date(2026, 11, day)) for day in (16, 17))

    assert [each.rule for each in before] == []
    assert [each.rule for each in after] == ["M001"]


def test_what_is_not_demanded_is_not_reported() -> None:
    """A laptop has no VPC, and need not have one."""
    assert places(DEV, ()) == []
    assert {rule for rule, _ in places(DEV, ("vpc", "kms"))} == {"S001", "S002", "S003"}


def test_addresses_that_lead_to_addresses_end() -> None:
    """Each made of two of the next, and in a circle: what is linted may be anything."""
    steps = []
    for index in range(60):
        address = f"Steps.S{(index + 1) % 60}.ProcessingOutputConfig.Outputs['o'].S3Output.S3Uri"
        joined = {"Std:Join": {"On": "/", "Values": [{"Get": address}, {"Get": address}]}}
        outputs = [{"OutputName": "o", "S3Output": {"S3Uri": joined}}]
        arguments = {"ProcessingOutputConfig": {"Outputs": outputs}}
        steps.append({"Name": f"S{index}", "Type": "Processing", "Arguments": arguments})

    assert "G003" in {rule for rule, _ in places({"Version": "2020-12-01", "Steps": steps}, ())}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["Name", "Type", "Arguments", "Steps", "Conditions", "IfSteps", "ElseSteps", "Get", "Std:Join", "Values", "On",
         "ProcessingOutputConfig", "Outputs", "S3Output", "S3Uri", "ModelMetrics", "CheckpointConfig", "Environment",
         "PropertyFiles", "Std:JsonGet", "PropertyFile", "TrainingJobDefinitions", "SkipCheck", "ImageUri"]), inner,
        max_size=4),
    max_leaves=25,
)  # fmt: skip
TYPES = [
    "Processing",
    "Training",
    "Tuning",
    "Condition",
    "RegisterModel",
    "ClarifyCheck",
    "Transform",
    "EMR",
    "Fail",
]


@given(st.lists(st.tuples(st.sampled_from(TYPES), JSON, JSON), max_size=4), JSON)
def test_anything_that_is_json_is_linted(steps: list[tuple[str, Any, Any]], parameters: Any) -> None:
    """Whatever stands where, the answer is a list of findings."""
    written = [
        {
            "Name": f"S{index}",
            "Type": kind,
            "Arguments": arguments,
            "PropertyFiles": files,
            "SkipCheck": files,
        }
        for index, (kind, arguments, files) in enumerate(steps)
    ]
    definition = {"Version": "2020-12-01", "Parameters": parameters, "Steps": written}

    assert all(each.what for each in lint(definition, DEMANDS, DAY))

"""The checker finds what is wrong with a definition, and nothing that is right."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.pipelines.check import check

SDK = json.loads((Path(__file__).parent / "definitions" / "sdk_3_27.json").read_text())
PREPARE, TRAIN, PLAIN, EVALUATE, GATE = range(5)
CREATE, REGISTER = range(2)  # in the gate's IfSteps


def errors(definition: Any) -> list[str]:
    return [str(problem) for problem in check(definition) if problem.level == "error"]


def test_a_definition_of_the_sdk_has_no_problems() -> None:
    """Most step types we run, expressions of every kind, as SDK 3.27 writes them."""
    assert check(SDK) == []
    assert check(json.dumps(SDK)) == []


def step(index: int) -> Callable[[Any], Any]:
    return lambda definition: definition["Steps"][index]


def branch(index: int) -> Callable[[Any], Any]:
    return lambda definition: definition["Steps"][GATE]["Arguments"]["IfSteps"][index]


def put(place: Callable[[Any], Any], *path: Any, value: Any) -> Callable[[Any], None]:
    """A mutation that sets the value at a path below a step."""

    def mutate(definition: Any) -> None:
        target = place(definition)
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return mutate


def drop(place: Callable[[Any], Any], *path: Any) -> Callable[[Any], None]:
    def mutate(definition: Any) -> None:
        target = place(definition)
        for key in path[:-1]:
            target = target[key]
        del target[path[-1]]

    return mutate


def rename(place: Callable[[Any], Any], *path: Any, to: str) -> Callable[[Any], None]:
    def mutate(definition: Any) -> None:
        target = place(definition)
        for key in path[:-1]:
            target = target[key]
        target[to] = target.pop(path[-1])

    return mutate


def both(*mutations: Callable[[Any], None]) -> Callable[[Any], None]:
    def mutate(definition: Any) -> None:
        for mutation in mutations:
            mutation(definition)

    return mutate


def append(key: str, value: Any) -> Callable[[Any], None]:
    return lambda definition: definition[key].append(value)


ARGUMENTS = "Arguments"
CLUSTER = (ARGUMENTS, "ProcessingResources", "ClusterConfig")
CHANNEL_URI = (ARGUMENTS, "InputDataConfig", 0, "DataSource", "S3DataSource", "S3Uri")
GROUP = {"Name": "Extra", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}

MUTATIONS: dict[str, tuple[Callable[[Any], None], str]] = {
    "a value that the enum does not have": (
        put(step(PREPARE), ARGUMENTS, "ProcessingInputs", 0, "S3Input", "S3DataType", value="S3Prefex"),
        "Step 'Prepare': Arguments.ProcessingInputs[0].S3Input.S3DataType: Member must satisfy enum value set",
    ),
    "a role that is missing": (
        drop(step(TRAIN), ARGUMENTS, "RoleArn"),
        "Step 'Train': Arguments.RoleArn: Member must not be null",
    ),
    "a role that is no role": (
        put(step(TRAIN), ARGUMENTS, "RoleArn", value="admin"),
        "Step 'Train': Arguments.RoleArn: Member must",
    ),
    "a misspelt member": (
        rename(step(TRAIN), ARGUMENTS, "OutputDataConfig", "S3OutputPath", to="S3OutputPaht"),
        "did you mean S3OutputPath?",
    ),
    "a misspelt step key": (
        rename(step(PREPARE), "CacheConfig", to="CacheConfg"),
        "Step 'Prepare': Cannot parse object, unknown property 'CacheConfg'. Did you mean 'CacheConfig'?",
    ),
    "a key that only other steps have": (
        put(step(TRAIN), "PropertyFiles", value=[]),
        "Step 'Train': Cannot parse object, unknown property 'PropertyFiles'.",
    ),
    "a step that is not there": (
        put(step(TRAIN), *CHANNEL_URI, value={"Get": "Steps.Prepar.ProcessingJobArn"}),
        "Step 'Train': it refers to step 'Prepar', which does not exist. Did you mean 'Prepare'?",
    ),
    "a step that is not there inside a join": (
        put(
            step(TRAIN),
            *CHANNEL_URI,
            value={"Std:Join": {"On": "/", "Values": [{"Get": "Steps.No.ModelName"}]}},
        ),
        "Step 'Train': it refers to step 'No', which does not exist.",
    ),
    "a dependency that is not there": (
        put(step(TRAIN), "DependsOn", value=["Prepara"]),
        "Step 'Train': it depends on step 'Prepara', which does not exist. Did you mean 'Prepare'?",
    ),
    "a property that the answer does not have": (
        put(
            branch(CREATE),
            ARGUMENTS,
            "PrimaryContainer",
            "ModelDataUrl",
            value={"Get": "Steps.Train.ModelArtifact.S3"},
        ),
        "Step 'Create': Steps.Train has no property 'ModelArtifact'. Did you mean 'ModelArtifacts'?",
    ),
    "a property below a text": (
        put(
            branch(CREATE),
            ARGUMENTS,
            "PrimaryContainer",
            "ModelDataUrl",
            value={"Get": "Steps.Train.TrainingJobArn.X"},
        ),
        "Steps.Train.TrainingJobArn is a string; it has no property 'X'.",
    ),
    "an output that the step does not have": (
        put(
            step(TRAIN),
            *CHANNEL_URI,
            value={"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['trian'].S3Output.S3Uri"},
        ),
        "step 'Prepare' has no 'trian' in ProcessingOutputConfig.Outputs, which has: train, validation. "
        "Did you mean 'train'?",
    ),
    "a structure where a text belongs": (
        put(step(TRAIN), *CHANNEL_URI, value={"Get": "Steps.Prepare.ProcessingOutputConfig"}),
        "Member must be a string, but Steps.Prepare.ProcessingOutputConfig is a structure",
    ),
    "a parameter that is not there": (
        put(step(TRAIN), *CHANNEL_URI, value={"Get": "Parameters.Dta"}),
        "Step 'Train': there is no parameter 'Dta'. Did you mean 'Data'?",
    ),
    "an execution variable that is not there": (
        put(step(TRAIN), *CHANNEL_URI, value={"Get": "Execution.PipelineNam"}),
        "there is no execution variable 'PipelineNam'. Did you mean 'PipelineName'?",
    ),
    "a text parameter where a number belongs": (
        put(step(PREPARE), *CLUSTER, "InstanceCount", value={"Get": "Parameters.Instance"}),
        "Arguments.ProcessingResources.ClusterConfig.InstanceCount: Member must be an integer, "
        "but Parameters.Instance is a string",
    ),
    "a number parameter where a text belongs": (
        put(step(TRAIN), ARGUMENTS, "HyperParameters", "rounds", value={"Get": "Parameters.Rounds"}),
        "Member must be a string, but Parameters.Rounds is an integer",
    ),
    "a literal number in a map of texts": (
        put(step(TRAIN), ARGUMENTS, "HyperParameters", "max_depth", value=6),
        "Step 'Train': Arguments.HyperParameters.max_depth: Member must be a string, not a number",
    ),
    "a number out of range": (
        put(step(PREPARE), *CLUSTER, "VolumeSizeInGB", value=0),
        "Member must have value greater than or equal to 1; it is 0.",
    ),
    "a structure where a list belongs": (
        put(step(PREPARE), ARGUMENTS, "ProcessingInputs", value={"InputName": "x"}),
        "Arguments.ProcessingInputs: Member must be a list",
    ),
    "an expression where a list belongs": (
        put(step(PREPARE), ARGUMENTS, "ProcessingInputs", value={"Get": "Parameters.Data"}),
        "Arguments.ProcessingInputs: Member must be a list, but Parameters.Data is a string",
    ),
    "an expression that cannot be read": (
        put(step(TRAIN), *CHANNEL_URI, value={"Get": "Data"}),
        "Step 'Train': cannot read {'Get': 'Data'}",
    ),
    "a default of the wrong type": (
        lambda definition: definition["Parameters"][2].update(DefaultValue="one"),
        "Parameter 'Count': DefaultValue: 'one' is not an Integer.",
    ),
    "a default outside its enum": (
        lambda definition: definition["Parameters"][1].update(DefaultValue="ml.m5.2xlarge"),
        "Parameter 'Instance': DefaultValue: 'ml.m5.2xlarge' is not one of ml.m5.large, ml.m5.xlarge.",
    ),
    "an enum value that is no instance type": (
        lambda definition: definition["Parameters"][1]["EnumValues"].append("ml.m5.larg"),
        "('ml.m5.larg' of parameter 'Instance' does not)",
    ),
    "a parameter type that is not there": (
        lambda definition: definition["Parameters"][2].update(Type="Int"),
        "Parameter 'Count': there is no parameter type 'Int'.",
    ),
    "two parameters of one name": (
        append("Parameters", {"Name": "Data", "Type": "String"}),
        "Parameter 'Data': there are two parameters of that name.",
    ),
    "two steps of one name": (
        append("Steps", {**GROUP, "Name": "Train"}),
        "Step 'Train': there are two steps of that name",
    ),
    "a step of the name of one in a branch": (
        append("Steps", {**GROUP, "Name": "Missed"}),
        "Step 'Missed': there are two steps of that name",
    ),
    "a step name with a blank": (
        append("Steps", {**GROUP, "Name": "bad name!"}),
        "Step 'bad name!': a step's name is",
    ),
    "a step without a name": (
        append("Steps", {"Type": "Fail", "Arguments": {}}),
        "Steps[5]: a step is an object",
    ),
    "a step type that is not there": (
        put(step(TRAIN), "Type", value="Trainning"),
        "Step 'Train': there is no step type 'Trainning'. Did you mean 'Training'?",
    ),
    "a step type that does not run here yet": (
        put(step(TRAIN), "Type", value="AutoML"),
        "Step 'Train': step type 'AutoML' exists on AWS, but the local SageMaker does not run it yet.",
    ),
    "a cycle": (
        put(step(PREPARE), "DependsOn", value=["Evaluate"]),
        "The steps wait for each other in a cycle: ",
    ),
    "a step that waits for itself": (
        put(step(PREPARE), "DependsOn", value=["Prepare"]),
        "in a cycle: Prepare → Prepare.",
    ),
    "a dependency on a Fail step": (
        put(step(PREPARE), "DependsOn", value=["Missed"]),
        "Prepare can not depends on Missed",
    ),
    "a trigger that is not there": (
        put(step(TRAIN), "DependsOn", value=[{"Step": "Prepare", "Trigger": "Fail"}]),
        "DependsOn has no trigger 'Fail'. Did you mean 'Failed'?",
    ),
    "a property file of an output that is not there": (
        put(step(EVALUATE), "PropertyFiles", 0, "OutputName", value="evaluatoin"),
        "property file 'Report' is in output 'evaluatoin', which the step does not have. Did you mean 'evaluation'?",
    ),
    "a property file that is not declared": (
        drop(step(EVALUATE), "PropertyFiles"),
        "Step 'Gate': step 'Evaluate' declares no property file 'Report'.",
    ),
    "a condition of no known type": (
        put(step(GATE), ARGUMENTS, "Conditions", 0, "Type", value="GreaterThen"),
        "Conditions[0]: there is no condition of type 'GreaterThen'. Did you mean 'GreaterThan'?",
    ),
    "a condition with a misspelt member": (
        rename(step(GATE), ARGUMENTS, "Conditions", 1, "Conditions", 1, "Condition", to="Expression"),
        "Conditions[1].Conditions[1]: Cannot parse object, unknown property 'Expression'.",
    ),
    "a text compared with a number": (
        put(step(GATE), ARGUMENTS, "Conditions", 0, "LeftValue", value={"Get": "Parameters.Data"}),
        "Step 'Gate': GreaterThanOrEqualTo cannot compare a text with a number",
    ),
    "a boolean compared with its name, deep inside": (
        put(step(GATE), ARGUMENTS, "Conditions", 1, "Conditions", 0, "RightValue", value="true"),
        "Step 'Gate': Equals cannot compare a boolean with a text",
    ),
    "a condition step in a branch": (
        lambda definition: definition["Steps"][GATE][ARGUMENTS]["IfSteps"].append(
            {
                "Name": "Inner",
                "Type": "Condition",
                "Arguments": {"Conditions": [], "IfSteps": [], "ElseSteps": []},
            }
        ),
        "Step 'Inner': a condition step cannot be in a branch of another one ('Gate').",
    ),
    "a Fail step with anything but a message": (
        append("Steps", {"Name": "F", "Type": "Fail", "Arguments": {"Message": "x"}}),
        "Step 'F': Cannot parse object, unknown property 'Message'. Did you mean 'ErrorMessage'?",
    ),
    "a cache that expires after no duration": (
        put(step(PREPARE), "CacheConfig", "ExpireAfter", value="30 days"),
        "CacheConfig.ExpireAfter: '30 days' is not an ISO 8601 duration",
    ),
    "a retry policy without exception types": (
        drop(step(PREPARE), "RetryPolicies", 0, "ExceptionType"),
        "Step 'Prepare': a retry policy has ExceptionType, a list.",
    ),
    "a version that is not there": (
        lambda definition: definition.update(Version="2021-12-01"),
        "Version is '2021-12-01', but should be '2020-12-01'.",
    ),
    "a misspelt key at the top": (
        lambda definition: definition.update(Parameter=[]),
        "Cannot parse object, unknown property 'Parameter'. Did you mean 'Parameters'?",
    ),
    "no steps": (lambda definition: definition.update(Steps=[]), "It has no steps."),
}


@pytest.mark.parametrize(("mutate", "message"), MUTATIONS.values(), ids=MUTATIONS.keys())
def test_every_mutation_is_caught(mutate: Callable[[Any], None], message: str) -> None:
    """One thing made wrong in a right definition is found, and named."""
    definition = copy.deepcopy(SDK)
    mutate(definition)

    assert message in "\n".join(errors(definition))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "It is not JSON: "),
        ("[" * 100_000, "It is not JSON: it is nested more than 100 levels deep"),
        ("[]", "It is not a JSON object."),
        ("null", "It is not a JSON object."),
    ],
)
def test_what_is_no_definition_is_one_problem(text: str, message: str) -> None:
    """Nothing can be said about a text that cannot be read, but that."""
    (problem,) = check(text)

    assert problem.message.startswith(message)


def test_all_problems_are_found_at_once() -> None:
    """Three mistakes are three problems."""
    definition = copy.deepcopy(SDK)
    for name in ("a role that is missing", "a dependency that is not there", "a number out of range"):
        MUTATIONS[name][0](definition)

    assert len(errors(definition)) == 3


def test_a_cycle_is_named_in_the_order_of_running() -> None:
    """Each step is followed by one that waits for it, back to the first."""
    definition = copy.deepcopy(SDK)
    MUTATIONS["a cycle"][0](definition)

    (message,) = errors(definition)

    assert message.endswith(
        (
            "Prepare → Evaluate → Prepare.",
            "Evaluate → Prepare → Evaluate.",
            "Prepare → Train → Evaluate → Prepare.",
        )
    )


def test_a_parameter_that_no_step_reads_is_a_warning() -> None:
    """It does not refuse the definition."""
    definition = copy.deepcopy(SDK)
    definition["Parameters"].append({"Name": "Extra", "Type": "String", "DefaultValue": "x"})

    (problem,) = check(definition)

    assert (problem.level, str(problem)) == ("warning", "Parameter 'Extra': no step reads it.")


@pytest.mark.parametrize(
    "junk",
    [
        {"Version": 1, "Parameters": "x", "Steps": "y"},
        {
            "Version": "2020-12-01",
            "Steps": [None, 1, {"Name": 3}, {"Name": "a", "Type": [], "Arguments": []}],
        },
        {
            "Version": "2020-12-01",
            "Steps": [{"Name": "a", "Type": "Condition", "Arguments": {"Conditions": [1], "IfSteps": 3}}],
        },
        {
            "Version": "2020-12-01",
            "Parameters": [1, {"Name": "a", "EnumValues": 2}],
            "Steps": [{"Name": "a"}],
        },
        {
            "Version": "2020-12-01",
            "Steps": [{"Name": "a", "Type": "Processing", "Arguments": {"AppSpecification": {"Get": []}}}],
        },
        {
            "Version": "2020-12-01",
            "Steps": [
                {
                    "Name": "a",
                    "Type": "Training",
                    "Arguments": {"RoleArn": {"Std:JsonGet": {"PropertyFile": 1, "Path": 2}}},
                }
            ],
        },
        {
            "Version": "2020-12-01",
            "Steps": [{"Name": "a", "Type": "Fail", "Arguments": {"ErrorMessage": {"Std:Join": 3}}}],
        },
    ],
)
def test_junk_is_refused_without_a_crash(junk: Any) -> None:
    """Whatever JSON comes in, problems come out."""
    assert errors(junk)

import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from local_sagemaker.errors import ValidationException
from local_sagemaker.service_model import input_shape, operation_names, service_model
from local_sagemaker.validation import Problem, _compiled, problems, require, summary

TRAINING = {
    "TrainingJobName": "job-1",
    "RoleArn": "arn:aws:iam::123456789012:role/r",
    "AlgorithmSpecification": {"TrainingImage": "image:1", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "HyperParameters": {"eta": "0.1"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in"}},
        }
    ],
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
}


def changed(path, value):
    """The training request with one value changed; ``...`` removes it."""

    def copy(of, path):
        if not path:
            return value
        if isinstance(of, list):
            return [copy(item, path[1:]) if index == path[0] else item for index, item in enumerate(of)]
        below = {**of, path[0]: copy(of.get(path[0]), path[1:])}
        return {key: item for key, item in below.items() if item is not ...}

    return copy(TRAINING, path)


def test_a_good_request_has_no_problems():
    """A request that AWS takes is taken."""
    assert problems(input_shape("CreateTrainingJob"), TRAINING) == []


MISTAKES = [
    # path, value, where, constraint, message
    (
        ["TrainingJobName"],
        "bad_name",
        "TrainingJobName",
        "pattern",
        "Value 'bad_name' at 'trainingJobName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    ),
    (
        ["TrainingJobName"],
        "good\n",
        "TrainingJobName",
        "pattern",
        "Value 'good\n' at 'trainingJobName' failed",
    ),
    (
        ["RoleArn"],
        ...,
        "RoleArn",
        "required",
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
    ),
    (["RoleArn"], None, "RoleArn", "required", "Member must not be null"),
    (
        ["AlgorithmSpecification", "TrainingInputMode"],
        "Fil",
        "AlgorithmSpecification.TrainingInputMode",
        "enum",
        "Value 'Fil' at 'algorithmSpecification.trainingInputMode' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Pipe, File, FastFile] (did you mean File?)",
    ),
    (
        ["InputDataConfig", 0, "ChannelNam"],
        "x",
        "InputDataConfig[0].ChannelNam",
        "unknown",
        "at 'inputDataConfig.1.member.channelNam' failed to satisfy constraint: "
        "There is no such member (did you mean ChannelName?)",
    ),
    (["rolearn"], "x", "rolearn", "unknown", "did you mean RoleArn?"),
    (["Zzz"], "x", "Zzz", "unknown", "known: TrainingJobName, HyperParameters"),
    (
        ["HyperParameters", "max_depth"],
        6,
        "HyperParameters.max_depth",
        "type",
        "Value '6' at 'hyperParameters.max_depth' failed to satisfy constraint: "
        "Member must be a string, not a number",
    ),
    (["HyperParameters", "Eta"], None, "HyperParameters.Eta", "type", "at 'hyperParameters.Eta' failed"),
    (["HyperParameters"], [], "HyperParameters", "type", "Member must be an object, not a list"),
    (["InputDataConfig"], {}, "InputDataConfig", "type", "Member must be a list, not an object"),
    (["EnableNetworkIsolation"], "true", "EnableNetworkIsolation", "type", "true or false, not a string"),
    (["ResourceConfig", "InstanceCount"], True, "ResourceConfig.InstanceCount", "type", "not a boolean"),
    (["ResourceConfig", "InstanceCount"], 1.5, "ResourceConfig.InstanceCount", "type", "an integer"),
    (
        ["ResourceConfig", "InstanceCount"],
        -1,
        "ResourceConfig.InstanceCount",
        "range",
        "Member must have value greater than or equal to 0",
    ),
    (
        ["Environment"],
        {"1A": "x"},
        "Environment.1A",
        "pattern",
        "at 'environment.1A' failed to satisfy constraint: Map key: Member must satisfy",
    ),
    (
        ["HyperParameters"],
        {"k" * 300: "x"},
        "HyperParameters." + "k" * 300,
        "length",
        "Map key: Member must have length less than or equal to 256",
    ),
    (
        ["VpcConfig"],
        {"Subnets": [], "SecurityGroupIds": ["sg-1"]},
        "VpcConfig.Subnets",
        "length",
        "Value '[]' at 'vpcConfig.subnets' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1",
    ),
]


@pytest.mark.parametrize(("path", "value", "where", "constraint", "message"), MISTAKES)
def test_one_mistake_is_one_problem(path, value, where, constraint, message):
    """Each kind of mistake is found once, at its place, in AWS's words."""
    (problem,) = problems(input_shape("CreateTrainingJob"), changed(path, value))

    assert (problem.where, problem.constraint) == (where, constraint)
    assert message in problem.message


def test_all_problems_are_reported_at_once():
    """The exception counts the problems and names every one."""
    request = changed(["TrainingJobName"], "bad_name")
    del request["RoleArn"]

    with pytest.raises(ValidationException) as caught:
        require(input_shape("CreateTrainingJob"), request)
    assert caught.value.message.startswith("2 validation errors detected: Value null at 'roleArn'")
    assert "; Value 'bad_name' at 'trainingJobName'" in caught.value.message
    assert summary([Problem(("A",), "required", "No")]).startswith("1 validation error detected: ")


@pytest.mark.parametrize("value", [{}, {"S3": {"S3Uri": "s3://b/k"}, "Nothing": 1}])
def test_a_union_has_exactly_one_member(value):
    """No member, or one that is unknown, is a problem."""
    shape = service_model().shape_for("AIModelSource")

    assert problems(shape, {"S3": {"S3Uri": "s3://b/k"}}) == []
    assert problems(shape, value) != []


def test_long_values_are_cut_in_messages():
    """A message stays readable whatever was sent."""
    (problem,) = problems(input_shape("CreateTrainingJob"), changed(["RoleArn"], "x" * 5000))

    assert len(problem.message) < 400


def test_a_placeholder_answers_for_its_value():
    """What the hook returns replaces the check of a value and all below it; None leaves it to the rules."""
    asked = []

    def hook(shape, value, path):
        asked.append((shape.type_name, path))
        if isinstance(value, dict) and value.keys() == {"Get"}:
            return [] if value["Get"] == "known" else [Problem(path, "type", "unknown name", value)]
        return None

    request = {**TRAINING, "RoleArn": {"Get": "known"}, "InputDataConfig": {"Get": "unknown"}}
    found = problems(input_shape("CreateTrainingJob"), request, path=("Train",), placeholder=hook)

    assert [(problem.where, problem.reason) for problem in found] == [
        ("Train.InputDataConfig", "unknown name")
    ]
    assert asked[0] == ("structure", ("Train",))
    assert ("string", ("Train", "HyperParameters", "eta")) in asked


def test_every_pattern_of_the_model_can_be_read():
    """No operation fails because Python reads its pattern differently from Java."""
    model = service_model()
    shapes = [model.shape_for(name) for name in model.shape_names]
    patterns = {shape.metadata["pattern"] for shape in shapes if "pattern" in shape.metadata}

    assert len(patterns) > 100
    assert all(_compiled(pattern) for pattern in patterns)
    assert _compiled(model.shape_for("Catalog").metadata["pattern"]).fullmatch("a\U0001f600b")


def test_a_text_made_to_stall_the_matcher_is_refused(monkeypatch):
    """A pattern that takes exponential time does not hang the server."""
    monkeypatch.setattr("local_sagemaker.validation._PATIENCE", 0.01)
    shape = service_model().shape_for("ComputeQuotaTargetTeamName")

    (problem,) = problems(shape, "a" + "a-" * 5000)

    assert problem.constraint == "pattern"


JUNK = st.sampled_from(["", "x", 7, 1.5, [], [{}], {}, {"x": "y"}])


@st.composite
def values(draw, shape, depth=0):
    """A value that mostly fits a shape: structures lack a member now and then, or have one too many."""
    if draw(st.integers(0, 25)) == 0:
        return draw(JUNK)
    kind = shape.type_name
    if kind == "structure":
        optional = [name for name in shape.members if name not in shape.required_members]
        chosen = draw(st.lists(st.sampled_from(optional), max_size=3)) if optional and depth < 5 else []
        names = [*shape.required_members, *chosen]
        if names and draw(st.integers(0, 15)) == 0:
            names.pop(0)
        value = {name: draw(values(shape.members[name], depth + 1)) for name in names}
        return {**value, "Zz": 1} if draw(st.integers(0, 25)) == 0 else value
    if kind == "list":
        size = max(0, shape.metadata.get("min", 0) + draw(st.integers(-1, 1))) if depth < 5 else 0
        return [draw(values(shape.member, depth + 1)) for _ in range(size)]
    if kind == "map":
        return draw(st.dictionaries(st.text("ab", max_size=2), values(shape.value, depth + 1), max_size=2))
    if kind == "string":
        return draw(st.sampled_from(shape.enum)) if shape.enum else draw(st.text("ab/", max_size=3))
    if kind == "boolean":
        return draw(st.booleans())
    return draw(st.integers(-1, 3))


@pytest.mark.parametrize("operation", ["CreateTrainingJob", "CreateModel", "CreateModelPackage", "Search"])
@settings(max_examples=60)
@given(data=st.data())
def test_botocore_and_we_agree(operation, data):
    """On what botocore checks (presence, names, types, lower limits), both accept and refuse the same."""
    shape = input_shape(operation)
    value = data.draw(values(shape))
    if not isinstance(value, dict):
        return  # botocore's entry takes members only
    theirs = ParamValidator().validate(value, shape).has_errors()

    common = [problem for problem in problems(shape, value) if _botocore_checks(problem)]

    assert bool(common) == theirs, (common, ParamValidator().validate(value, shape).generate_report())


def _botocore_checks(problem):
    if problem.constraint in ("length", "range"):
        return "greater" in problem.reason and problem.value != {}  # it lets a map be empty
    return problem.constraint in ("required", "unknown", "type", "union")


def test_every_operation_s_shape_can_be_walked():
    """No operation's shape makes the validator itself fail."""
    for operation in operation_names():
        shape = input_shape(operation)
        if shape is not None:
            missing = {
                problem.path[-1] for problem in problems(shape, {}) if problem.constraint == "required"
            }
            assert missing == set(shape.required_members)

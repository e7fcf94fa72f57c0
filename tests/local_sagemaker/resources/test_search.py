import pytest

from local_sagemaker.errors import UnsupportedOperation, ValidationException
from local_sagemaker.resources.search import holds

JOB = {
    "TrainingJobName": "roaming-train",
    "TrainingJobStatus": "Completed",
    "CreationTime": 1700000000.0,  # 2023-11-14T22:13:20Z
    "EnableManagedSpotTraining": True,
    "TrainingTimeInSeconds": 90,
    "HyperParameters": {"eta": "0.1", "max.depth": "6", "objective": "binary:logistic"},
    "FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.93, "Timestamp": 1.0}],
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://bucket/train"}}},
        {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3Uri": "s3://bucket/test"}}},
    ],
    "Tags": [{"Key": "team", "Value": "red"}, {"Key": "cost.center", "Value": "42"}],
    "_Folder": "/tmp/secret",
}
S3URI = "InputDataConfig.DataSource.S3DataSource.S3Uri"


@pytest.mark.parametrize(
    ("name", "operator", "value", "holds_"),
    [
        ("TrainingJobStatus", "Equals", "Completed", True),
        ("TrainingJobStatus", "Equals", "completed", False),
        ("TrainingJobStatus", None, "Completed", True),
        ("TrainingJobStatus", "NotEquals", "Failed", True),
        ("TrainingJobStatus", "NotEquals", "Completed", False),
        ("Missing", "NotEquals", "x", True),
        ("Missing", "Equals", "x", False),
        ("TrainingJobStatus", "In", "Failed, Completed", True),
        ("TrainingJobStatus", "In", "Failed,Stopped", False),
        ("TrainingJobName", "Contains", "train", True),
        ("TrainingJobName", "Contains", "Train", False),
        ("TrainingJobName", "Exists", None, True),
        ("TrainingJobName", None, None, True),
        ("FailureReason", "Exists", None, False),
        ("FailureReason", "NotExists", None, True),
        ("TrainingJobName", "NotExists", None, False),
        ("TrainingTimeInSeconds", "Equals", "90.0", True),
        ("TrainingTimeInSeconds", "GreaterThan", "9", True),
        ("TrainingTimeInSeconds", "LessThanOrEqualTo", "90", True),
        ("TrainingTimeInSeconds", "LessThan", "90", False),
        ("TrainingTimeInSeconds", "GreaterThan", "nine", False),
        ("CreationTime", "GreaterThanOrEqualTo", "2023-11-14T22:13:20Z", True),
        ("CreationTime", "LessThan", "2023-11-15", True),
        ("CreationTime", "GreaterThan", "2024-01-01T00:00:00+01:00", False),
        ("EnableManagedSpotTraining", "Equals", "true", True),
        ("EnableManagedSpotTraining", "Equals", "false", False),
        ("HyperParameters.eta", "LessThan", "0.5", True),
        ("HyperParameters.max.depth", "GreaterThanOrEqualTo", "6", True),
        ("HyperParameters.objective", "Equals", "binary:logistic", True),
        ("Metrics.validation:auc", "GreaterThan", "0.9", True),
        ("Metrics.validation:auc", "GreaterThan", "0.95", False),
        ("Tags.team", "Equals", "red", True),
        ("Tags.cost.center", "Equals", "42", True),
        ("Tags.nobody", "Exists", None, False),
        (S3URI, "Contains", "bucket/test", True),
        (S3URI, "Equals", "s3://bucket/validation", False),
        ("InputDataConfig.ChannelName", "In", "x,train", True),
        ("_Folder", "Exists", None, False),
    ],
)
def test_a_filter_compares_a_property(name, operator, value, holds_):
    """Every operator, over members, maps, lists, tags, metrics and times."""
    condition = {"Name": name, "Operator": operator, "Value": value}
    condition = {key: given for key, given in condition.items() if given is not None}

    assert holds({"Filters": [condition]}, JOB) is holds_


YES = {"Name": "TrainingJobStatus", "Operator": "Equals", "Value": "Completed"}
NO = {"Name": "TrainingJobStatus", "Operator": "Equals", "Value": "Failed"}


def channel(name, uri, prefix=""):
    return {
        "NestedPropertyName": "InputDataConfig",
        "Filters": [
            {"Name": f"{prefix}ChannelName", "Operator": "Equals", "Value": name},
            {"Name": f"{prefix}DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": uri},
        ],
    }


@pytest.mark.parametrize(
    ("expression", "holds_"),
    [
        ({}, True),
        ({"Operator": "Or"}, True),
        ({"Filters": [YES, NO]}, False),
        ({"Filters": [YES, NO], "Operator": "And"}, False),
        ({"Filters": [YES, NO], "Operator": "Or"}, True),
        ({"Filters": [NO, NO], "Operator": "Or"}, False),
        ({"Filters": [YES], "SubExpressions": [{"Filters": [NO]}]}, False),
        ({"Filters": [YES], "SubExpressions": [{"Filters": [NO, YES], "Operator": "Or"}]}, True),
        ({"SubExpressions": [{"SubExpressions": [{"Filters": [YES]}]}]}, True),
        ({"NestedFilters": [channel("train", "bucket/train")]}, True),
        ({"NestedFilters": [channel("train", "bucket/test")]}, False),
        ({"NestedFilters": [channel("train", "bucket/train", "InputDataConfig.")]}, True),
    ],
)
def test_expressions_combine(expression, holds_):
    """And, Or, nesting; a nested filter holds for one and the same item of a list."""
    assert holds(expression, JOB) is holds_


def test_a_comparison_needs_a_value():
    """An operator without the value that it compares with is the client's mistake."""
    with pytest.raises(ValidationException, match="Contains on TrainingJobName needs a Value"):
        holds({"Filters": [{"Name": "TrainingJobName", "Operator": "Contains"}]}, JOB)


@pytest.fixture
def packages(call):
    for group in ("g", "h"):
        call("CreateModelPackageGroup", ModelPackageGroupName=group)
    for group, auc in (("g", "0.8"), ("g", "0.95"), ("h", "0.9")):
        call(
            "CreateModelPackage",
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties={"auc": auc},
            Tags=[{"Key": "team", "Value": "red"}],
        )


def test_the_best_approved_package_is_found(call, packages):
    """What deployment scripts do: the approved versions of a group, newest first, or by a metric."""

    def search(**request):
        expression = {
            "Filters": [
                {"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": "g"},
                {"Name": "ModelApprovalStatus", "Operator": "Equals", "Value": "Approved"},
            ]
        }
        answer = call("Search", Resource="ModelPackage", SearchExpression=expression, **request)
        return [result["ModelPackage"]["ModelPackageVersion"] for result in answer["Results"]]

    assert search() == [2, 1]
    assert search(SortBy="CreationTime", SortOrder="Ascending") == [1, 2]
    call("UpdateModelPackage", ModelPackageArn=f"{PREFIX}model-package/g/1", ApprovalDescription="again")
    assert search() == [1, 2]
    assert search(SortBy="CustomerMetadataProperties.auc") == [2, 1]


PREFIX = "arn:aws:sagemaker:us-east-1:123456789012:"


def test_results_come_in_pages_with_their_number(call, packages):
    """The total is that of all pages; a result carries its tags."""
    first = call("Search", Resource="ModelPackage", MaxResults=2)
    second = call("Search", Resource="ModelPackage", MaxResults=2, NextToken=first["NextToken"])

    assert first["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}
    assert [len(first["Results"]), len(second["Results"])] == [2, 1]
    assert "NextToken" not in second
    assert first["Results"][0]["ModelPackage"]["Tags"] == [{"Key": "team", "Value": "red"}]


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("TrainingJob", "TrainingJob"),
        ("ExperimentTrial", "Trial"),
        ("Pipeline", "Pipeline"),
        ("PipelineExecution", "PipelineExecution"),
        ("ModelPackageGroup", "ModelPackageGroup"),
    ],
)
def test_a_result_is_named_by_its_kind(call, records, resource, kind):
    """What is found stands under its own name."""
    arn = f"{PREFIX}x/y"
    records.create(kind, "x", {f"{kind}Arn": arn, "_Private": 1})

    assert call("Search", Resource=resource)["Results"] == [{kind: {f"{kind}Arn": arn}}]


def test_a_model_comes_as_the_dashboard_has_it(call):
    """A found model stands one level deeper."""
    call("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"})

    (result,) = call("Search", Resource="Model")["Results"]
    assert result["Model"]["Model"]["ModelName"] == "m"


def test_what_cannot_be_searched_is_named(call):
    """A resource that is not recorded here is not found empty."""
    with pytest.raises(UnsupportedOperation, match="HubContent"):
        call("Search", Resource="HubContent")

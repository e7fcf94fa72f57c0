import pytest

from local_sagemaker.errors import (
    AwsError,
    ResourceInUse,
    ResourceNotFound,
    UnsupportedOperation,
    ValidationException,
)
from local_sagemaker.resources.generic import FAMILIES
from local_sagemaker.service_model import operation_names, output_shape

PREFIX = "arn:aws:sagemaker:us-east-1:123456789012:"
ROLE = "arn:aws:iam::123456789012:role/r"
SOURCE = {"SourceUri": "s3://b/k"}

# Every family: a request that creates one.
REQUESTS = {
    "Action": {"ActionName": "n", "Source": SOURCE, "ActionType": "t", "Status": "InProgress"},
    "AIWorkloadConfig": {"AIWorkloadConfigName": "n"},
    "Algorithm": {
        "AlgorithmName": "n",
        "TrainingSpecification": {
            "TrainingImage": "i",
            "SupportedTrainingInstanceTypes": ["ml.m5.large"],
            "TrainingChannels": [
                {"Name": "train", "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]}
            ],
        },
    },
    "AppImageConfig": {"AppImageConfigName": "n"},
    "Artifact": {"Source": SOURCE, "ArtifactType": "t"},
    "CodeRepository": {
        "CodeRepositoryName": "n",
        "GitConfig": {"RepositoryUrl": "https://example.com/r.git"},
    },
    "Context": {"ContextName": "n", "Source": SOURCE, "ContextType": "t"},
    "Domain": {
        "DomainName": "n",
        "AuthMode": "IAM",
        "DefaultUserSettings": {"ExecutionRole": ROLE},
    },
    "Experiment": {"ExperimentName": "n"},
    "FeatureGroup": {
        "FeatureGroupName": "n",
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "t",
        "FeatureDefinitions": [
            {"FeatureName": "id", "FeatureType": "String"},
            {"FeatureName": "t", "FeatureType": "String"},
        ],
    },
    "Image": {"ImageName": "n", "RoleArn": ROLE},
    "ModelCard": {"ModelCardName": "n", "Content": "{}", "ModelCardStatus": "Draft"},
    "NotebookInstanceLifecycleConfig": {"NotebookInstanceLifecycleConfigName": "n"},
    "Space": {"DomainId": "d-1", "SpaceName": "n"},
    "StudioLifecycleConfig": {
        "StudioLifecycleConfigName": "n",
        "StudioLifecycleConfigContent": "aGk=",
        "StudioLifecycleConfigAppType": "JupyterServer",
    },
    "Trial": {"TrialName": "n", "ExperimentName": "e"},
    "TrialComponent": {"TrialComponentName": "n", "Status": {"PrimaryStatus": "Completed"}},
    "UserProfile": {"DomainId": "d-1", "UserProfileName": "n"},
}


def key(kind, created):
    """What Describe and Delete take to find a resource that was created."""
    named = FAMILIES[kind].key or (f"{kind}Name",)
    given = {**REQUESTS[kind], **created}
    return {member: given[member] for member in named}


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_family_lives_its_life(call, kind):
    """Created, described with all that AWS requires, listed, deleted, gone."""
    created = call(f"Create{kind}", **REQUESTS[kind])
    named = key(kind, created)
    described = call(f"Describe{kind}", **named)
    operation = FAMILIES[kind].lists or f"List{kind}s"
    (summaries,) = (value for name, value in call(operation).items() if name != "NextToken")

    assert described.items() >= {**REQUESTS[kind], **created}.items()
    assert described[f"{kind}Arn"].startswith(PREFIX)
    assert described["CreationTime"] > 0
    assert set(output_shape(f"Describe{kind}").required_members) <= described.keys()
    assert len(summaries) == 1
    call(f"Delete{kind}", **named)
    with pytest.raises((ResourceNotFound, ValidationException), match=r"does not exist|Could not find"):
        call(f"Describe{kind}", **named)
    with pytest.raises((ResourceNotFound, ValidationException)):
        call(f"Delete{kind}", **named)


@pytest.mark.parametrize("kind", [kind for kind in FAMILIES if kind not in ("Artifact", "Domain")])
def test_a_name_is_taken_once(call, kind):
    """A second resource of a name is refused, under the code that AWS declares."""
    call(f"Create{kind}", **REQUESTS[kind])

    with pytest.raises(AwsError, match="already exist"):
        call(f"Create{kind}", **REQUESTS[kind])


def test_codes_follow_the_model(call):
    """An operation that declares ResourceInUse or ResourceNotFound uses it; others say ValidationException."""
    call("CreateImage", **REQUESTS["Image"])
    call("CreateExperiment", **REQUESTS["Experiment"])

    with pytest.raises(ResourceInUse):
        call("CreateImage", **REQUESTS["Image"])
    with pytest.raises(ValidationException):
        call("CreateExperiment", **REQUESTS["Experiment"])
    with pytest.raises(ResourceNotFound):
        call("DescribeImage", ImageName="none")
    with pytest.raises(ValidationException, match="does not exist"):
        call("DescribeCodeRepository", CodeRepositoryName="none")


def test_a_status_says_ready_only_where_the_service_sets_it(call):
    """What waits for a resource sees it ready; a status that users set stays theirs."""
    call("CreateImage", **REQUESTS["Image"])
    call("CreateAction", **REQUESTS["Action"])
    domain = call("CreateDomain", **REQUESTS["Domain"])["DomainId"]

    assert call("DescribeImage", ImageName="n")["ImageStatus"] == "CREATED"
    assert call("DescribeDomain", DomainId=domain)["Status"] == "InService"
    assert call("DescribeAction", ActionName="n")["Status"] == "InProgress"


def test_an_update_replaces_what_it_names(call):
    """Other members stay, those to be removed go, structures are merged."""
    call("CreateAction", **REQUESTS["Action"], Properties={"a": "1", "b": "2"}, Description="d")
    call("UpdateAction", ActionName="n", Status="Completed", PropertiesToRemove=["a"])
    action = call("DescribeAction", ActionName="n")

    assert action["Status"] == "Completed"
    assert action["Properties"] == {"b": "2"}
    assert action["Description"] == "d"
    assert action["LastModifiedTime"] >= action["CreationTime"]

    call("CreateImage", **REQUESTS["Image"], DisplayName="shown", Description="d")
    call("UpdateImage", ImageName="n", DeleteProperties=["DisplayName"])
    assert "DisplayName" not in call("DescribeImage", ImageName="n")

    call("CreateFeatureGroup", **REQUESTS["FeatureGroup"])
    feature = {"FeatureName": "more", "FeatureType": "Integral"}
    arn = PREFIX + "feature-group/n"
    call("UpdateFeatureGroup", FeatureGroupName=arn, FeatureAdditions=[feature])
    group = call("DescribeFeatureGroup", FeatureGroupName="n")
    assert group["FeatureDefinitions"][-1] == feature
    assert group["FeatureGroupName"] == "n"


def test_a_model_card_counts_its_versions(call):
    """Each update is a new version; an old one is not there any more, and says so."""
    call("CreateModelCard", **REQUESTS["ModelCard"])
    call("UpdateModelCard", ModelCardName="n", ModelCardStatus="Approved")

    assert call("DescribeModelCard", ModelCardName="n")["ModelCardVersion"] == 2
    assert call("DescribeModelCard", ModelCardName="n", ModelCardVersion=2)["ModelCardStatus"] == "Approved"
    with pytest.raises(ResourceNotFound):
        call("DescribeModelCard", ModelCardName="n", ModelCardVersion=1)


def test_names_within_a_domain_are_its_own(call):
    """Two domains can have a user of the same name; the list can be cut to one domain."""
    for domain in ("d-1", "d-2"):
        call("CreateUserProfile", DomainId=domain, UserProfileName="u")

    assert len(call("ListUserProfiles")["UserProfiles"]) == 2
    assert [user["DomainId"] for user in call("ListUserProfiles", DomainIdEquals="d-2")["UserProfiles"]] == [
        "d-2"
    ]


def test_lineage_is_listed_by_source_and_type(call):
    """Artifacts have no names of their own: each is a new one, found by what it stands for."""
    first = call("CreateArtifact", **REQUESTS["Artifact"])["ArtifactArn"]
    second = call("CreateArtifact", Source={"SourceUri": "s3://b/other"}, ArtifactType="model")["ArtifactArn"]

    def arns(**request):
        return {artifact["ArtifactArn"] for artifact in call("ListArtifacts", **request)["ArtifactSummaries"]}

    assert arns() == {first, second}
    assert arns(SourceUri="s3://b/other") == arns(ArtifactType="model") == {second}
    with pytest.raises(ValidationException, match="needs ArtifactArn"):
        call("DeleteArtifact", Source=SOURCE)


def test_trials_are_listed_by_experiment(call):
    """A filter that is the name of a member compares with that member."""
    call("CreateTrial", TrialName="a", ExperimentName="e")
    call("CreateTrial", TrialName="b", ExperimentName="f")

    trials = call("ListTrials", ExperimentName="f")["TrialSummaries"]
    assert [trial["TrialName"] for trial in trials] == ["b"]


@pytest.mark.parametrize(
    "kind",
    ["TrainingJob", "ProcessingJob", "TransformJob", "Endpoint", "Pipeline", "App", "Cluster", "AutoMLJob"],
)
def test_nothing_that_runs_is_a_mere_record(call, kind):
    """A kind with behaviour is refused until it has a module of its own."""
    assert kind not in FAMILIES
    assert f"Create{kind}" in operation_names()
    with pytest.raises(UnsupportedOperation, match=f"Create{kind}"):
        call(f"Create{kind}")

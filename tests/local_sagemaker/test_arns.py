import pytest

from local_sagemaker.arns import find, kind_of, resource_name, segment
from local_sagemaker.records import Records
from local_sagemaker.service_model import operation_names, output_shape

PREFIX = "arn:aws:sagemaker:us-east-1:123456789012:"


@pytest.mark.parametrize(
    ("resource", "kind", "name"),
    [
        ("training-job/j", "TrainingJob", "j"),
        ("processing-job/j", "ProcessingJob", "j"),
        ("model/m", "Model", "m"),
        ("model-package-group/g", "ModelPackageGroup", "g"),
        ("model-package/g/3", "ModelPackage", "g/3"),
        ("pipeline/p", "Pipeline", "p"),
        ("pipeline/p/execution/abc", "PipelineExecution", "p/execution/abc"),
        ("experiment-trial-component/c", "TrialComponent", "c"),
        ("hyper-parameter-tuning-job/t", "HyperParameterTuningJob", "t"),
        ("nonsense/n", None, "n"),
    ],
)
def test_an_arn_names_a_kind_and_a_name(resource, kind, name):
    """The segment tells the kind, the rest is the name."""
    assert kind_of(PREFIX + resource) == kind
    assert resource_name(PREFIX + resource) == name
    assert resource_name(name) == name


def test_segments_agree_with_the_patterns_of_the_model():
    """Where botocore's model spells an ARN's segment out, ours is the same."""
    wrong = {}
    for operation in operation_names():
        kind = operation.removeprefix("Create")
        shape = output_shape(operation) if operation.startswith("Create") else None
        arn = shape.members.get(f"{kind}Arn") if shape is not None else None
        pattern = arn.metadata.get("pattern", "") if arn is not None else ""
        if "{12}:" in pattern and f":{segment(kind)}/" not in pattern.replace("([0-9]{12}|aws)", "[0-9]{12}"):
            wrong[kind] = pattern

    # An export has its card's segment, and a plan leaves its last word out: neither is offered here.
    assert wrong.keys() == {"ModelCardExportJob", "EdgeDeploymentPlan"}, wrong


def test_records_are_found_by_arn_whatever_they_are_called(tmp_path):
    """A record is found by the end of its ARN, by its ARN, in another case, and not by another kind's."""
    records = Records(tmp_path / "r.sqlite")
    records.create("Model", "My", {"ModelArn": PREFIX + "model/my"})
    records.create("Artifact", PREFIX + "artifact/1", {"ArtifactArn": PREFIX + "artifact/1"})
    records.create("PipelineExecution", "e", {"PipelineExecutionArn": PREFIX + "pipeline/p/execution/e"})

    assert find(records, PREFIX + "model/my") == ("Model", "My")
    assert find(records, PREFIX + "model/My") == ("Model", "My")
    assert find(records, PREFIX + "artifact/1") == ("Artifact", PREFIX + "artifact/1")
    assert find(records, PREFIX + "pipeline/p/execution/e") == ("PipelineExecution", "e")
    assert find(records, PREFIX + "pipeline/p") is None
    assert find(records, PREFIX + "nonsense/x") is None
    assert find(records, "My") is None
    records.close()

"""The batch scoring pipeline's definition: reproducible, complete, and open to whatever is approved later."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pipelines import config
from pipelines.errors import SettingsError
from pipelines.publish import BATCH_SETTINGS_READ, Publication
from steps.settings import BatchTransform, Code

GOLDEN = Path(__file__).parent / "golden"
BUILDS = [("local", "roaming"), ("prod", "adult")]
FIXED = Publication(
    code={name: Code(f"s3://code/{name}", f"s3://settings/{name}") for name in BATCH_SETTINGS_READ},
    source_dir="",
    serving="",
    objects={},
)


def build(environment: str, usecase: str) -> dict[str, Any]:
    from pipelines.inference import built

    definition: dict[str, Any] = json.loads(
        built(config.load(environment, usecase, "inference"), FIXED).definition
    )
    return definition


@pytest.fixture(scope="module")
def prod() -> dict[str, Any]:
    return build("prod", "adult")


def arguments(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["Name"]: step["Arguments"] for step in definition["Steps"]}


@pytest.mark.parametrize(("environment", "usecase"), BUILDS)
def test_the_definition_equals_its_golden_file(environment: str, usecase: str) -> None:
    """A change of a definition is seen in a diff; GOLDEN=write rewrites the files."""
    text = json.dumps(build(environment, usecase), indent=1) + "\n"
    file = GOLDEN / f"{environment}-{usecase}-inference.json"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")

    assert file.read_text(encoding="utf-8") == text


def test_two_builds_are_equal_and_publish_what_they_name() -> None:
    """Code and settings under their contents' hashes, and nothing that only training needs."""
    from pipelines.inference import built

    first, second = (built(config.load("local", "roaming", "inference")) for _ in range(2))
    named = set(re.findall(r"s3://[^/\"]+/([^\"]+/[0-9a-f]{64})", first.definition))

    assert first == second
    assert {prefix.rstrip("/") for prefix in first.publication.prefixes} == named
    assert not any(key.endswith(("train.py", ".tar.gz")) for key in first.publication.objects)


def test_the_model_is_found_when_the_pipeline_runs(prod: dict[str, Any]) -> None:
    """No package and no model stands in the definition, so an approval needs no other."""
    found = arguments(prod)

    assert found["Model"]["Containers"] == [
        {
            "ModelPackageName": {
                "Std:JsonGet": {
                    "PropertyFile": {"Get": "Steps.PrepareRows.PropertyFiles.Batch"},
                    "Path": "package",
                }
            }
        }
    ]
    assert found["Transform"]["ModelName"] == {"Get": "Steps.Model.ModelName"}
    assert "model-package" not in json.dumps(prod)


def test_answers_are_joined_with_their_rows(prod: dict[str, Any]) -> None:
    """The features are sent, and with each answer the number of its row is kept."""
    request = arguments(prod)["Transform"]

    assert request["DataProcessing"] == {
        "InputFilter": "$.features",
        "OutputFilter": "$['row','SageMakerOutput']",
        "JoinSource": "Input",
    }
    assert request["TransformInput"]["SplitType"] == request["TransformOutput"]["AssembleWith"] == "Line"


def test_production_settings_reach_every_step(prod: dict[str, Any]) -> None:
    """Keys, network, tags; nothing is cached, and all but the model's request is tried again."""
    found = arguments(prod)
    key = "11111111-2222"

    for name in ("PrepareRows", "WriteScores", "Model"):
        assert "subnet-0a1b2c3d4e5f60001" in json.dumps(found[name]), name
    assert key in found["Transform"]["TransformOutput"]["KmsKeyId"]
    assert key in found["Transform"]["TransformResources"]["VolumeKmsKeyId"]
    assert any(key in str(each) for each in found["WriteScores"]["AppSpecification"]["ContainerArguments"])
    for name, request in found.items():
        assert {"Key": "data-classification", "Value": "confidential"} in request["Tags"], name
    assert all(step["RetryPolicies"] and "CacheConfig" not in step for step in prod["Steps"])
    steps = json.dumps(prod["Steps"])
    assert [each["Name"] for each in prod["Parameters"] if f"Parameters.{each['Name']}" not in steps] == []


def test_every_place_is_scoped_by_the_execution_but_the_scores(prod: dict[str, Any]) -> None:
    """Two runs at once never write to one place; the scores have the execution among their partitions."""
    text = json.dumps(prod["Steps"])

    assert text.count("Execution.PipelineExecutionId") == 4 + 1 + 2 + 1
    assert config.load("prod", "adult").usecase.batch_partitions == ("run_date", "execution")
    assert config.load("prod", "roaming").usecase.batch_partitions == ("run_date", "event_time", "execution")


def test_a_catalogue_is_a_setting() -> None:
    """A database of Glue, in which the scores of a use case are a table."""
    from pipelines.inference import built

    settings = config.load("local", "roaming", "inference")
    environment = settings.environment.model_copy(update={"batch": BatchTransform(glue_database="scores")})
    definition = json.loads(built(settings.model_copy(update={"environment": environment}), FIXED).definition)
    told = arguments(definition)["WriteScores"]["AppSpecification"]["ContainerArguments"]

    assert told[-4:] == ["--database", "scores", "--table", "roaming_scores"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('partition_by = ["run_dat"]', "there is no column 'run_dat'. Did you mean 'run_date'?"),
        ('partition_by = ["average_spend"]', "'average_spend' is a number"),
        ("partition_by = []", "batch.partition_by"),
        ("max_bad_rows = 1.5", "batch.max_bad_rows"),
        ("max_bad = 1", "unknown setting 'batch.max_bad'. Did you mean 'max_bad_rows'?"),
    ],
)
def test_wrong_settings_are_named(setting: str, message: str, tmp_path: Path) -> None:
    """Before anything is built."""
    file = tmp_path / "roaming.toml"
    text = (config.USECASES / "roaming.toml").read_text(encoding="utf-8")
    file.write_text(f"{text}\n[batch]\n{setting}\n", encoding="utf-8")

    with pytest.raises(SettingsError, match=re.escape(message)):
        config.load("local", str(file), "inference")


def test_columns_that_scoring_adds_are_a_matter_of_scoring(tmp_path: Path) -> None:
    """A use case that has a column of that name can still be trained."""
    file = tmp_path / "roaming.toml"
    text = (config.USECASES / "roaming.toml").read_text(encoding="utf-8")
    file.write_text(
        text.replace('tariff = "string"', 'tariff = "string"\ndecision = "integer"'), encoding="utf-8"
    )

    assert config.load("local", str(file)).pipeline_name == "roaming-training"
    with pytest.raises(SettingsError, match="columns of its own called decision"):
        config.load("local", str(file), "inference")

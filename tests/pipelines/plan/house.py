"""A pipeline of many kinds of step, small enough to be run a dozen times: what hits, what cannot, what may."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/local-sagemaker-execution"
PYTHON = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:1.0"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ID = {"Get": "Execution.PipelineExecutionId"}
OUT = "/opt/ml/processing/output"
WRITE = f"import json, os; json.dump({{'limit': 3}}, open('{OUT}/report.json', 'w'))"
CHECK = f"for name in ('constraints', 'statistics'): open(f'{OUT}/{{name}}.json', 'w').write('{{}}')"
TRAINING = "open('/opt/ml/model/m', 'w').write('m')"
TRIAL = "open('/opt/ml/model/m', 'w').write('m'); print('score=0.5')"
HANDLER = "def handler(event, context):\n    return {'limit': len(event['words'])}\n"
CACHED = {"Enabled": True, "ExpireAfter": "P1D"}


def get(path: str) -> dict[str, str]:
    return {"Get": path}


def join(*values: Any) -> dict[str, Any]:
    return {"Std:Join": {"On": "/", "Values": list(values)}}


def output_of(step: str) -> dict[str, str]:
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri")


@dataclass(frozen=True)
class House:
    """One state of the pipeline's code: each knob changes one thing."""

    bucket: str
    function: str
    ingest: str = "1"  # an argument of the first step
    prep: str = "1"
    fixed: str = "1"
    eta: str = "0.1"
    trials: int = 1
    words: tuple[str, ...] = ("a", "b")
    fail: bool = False  # a setting of the check, beside its arguments
    volume: int = 30  # no key attribute
    further: tuple[str, ...] = ()  # inputs that Judge gets besides
    steps: tuple[str, ...] = field(default=())  # only these; all of them otherwise

    def definition(self) -> dict[str, Any]:
        """As JSON would have it."""
        every = {step["Name"]: step for step in self._steps()}
        return {
            "Version": "2020-12-01",
            "Parameters": [
                {"Name": "Data", "Type": "String", "DefaultValue": f"s3://{self.bucket}/raw/"},
                {"Name": "Rounds", "Type": "Integer", "DefaultValue": 3},
            ],
            "Steps": [every[name] for name in self.steps or every],
        }

    def _steps(self) -> list[dict[str, Any]]:
        judge = [self._input(f"more{index}", uri) for index, uri in enumerate(self.further)]
        model = self._input("model", get("Steps.Train.ModelArtifacts.S3ModelArtifacts"))
        limit = {"Std:JsonGet": {"PropertyFile": get("Steps.Prep.PropertyFiles.Report"), "Path": "limit"}}
        text = {"Std:Join": {"On": "", "Values": [limit]}}
        said = {"Std:Join": {"On": "", "Values": [get("Steps.Say.OutputParameters['limit']")]}}
        report = {"PropertyFileName": "Report", "OutputName": "out", "FilePath": "report.json"}
        shared = f"s3://{self.bucket}/shared"
        return [
            self._processing("Ingest", [self._input("raw", get("Parameters.Data"))], {"STATE": self.ingest}),
            {
                **self._processing("Prep", [self._input("raw", output_of("Ingest"))], {"STATE": self.prep}),
                "PropertyFiles": [report],
            },
            self._train(),
            self._tune(),
            self._processing("Judge", [model, *judge], {"LIMIT": text}),
            self._processing("Fixed", [], {"STATE": self.fixed}, to=shared),
            self._processing("AfterFixed", [self._input("raw", output_of("Fixed"))]),
            {key: value for key, value in self._processing("Off", []).items() if key != "CacheConfig"},
            self._processing("AfterOff", [self._input("raw", output_of("Off"))]),
            self._processing("Clock", [], {"RUN": ID}),
            {**self._processing("Stale", []), "CacheConfig": {"Enabled": True, "ExpireAfter": "PT0S"}},
            {
                "Name": "Say",
                "Type": "Lambda",
                "Arguments": {"words": list(self.words)},
                "FunctionArn": self.function,
                "OutputParameters": [{"OutputName": "limit", "OutputType": "Integer"}],
                "CacheConfig": CACHED,
            },
            self._processing("AfterSay", [], {"LIMIT": said}),
            self._check(),
            self._processing(
                "AfterCheck", [self._input("baseline", get("Steps.Check.CalculatedBaselineConstraints"))]
            ),
            self._processing("AfterAfterSay", [self._input("raw", output_of("AfterSay"))]),
        ]

    def _processing(
        self, name: str, inputs: list[Any], environment: Mapping[str, Any] | None = None, to: Any = None
    ) -> dict[str, Any]:
        target = {
            "S3Uri": to or join(f"s3://{self.bucket}/runs", ID, name),
            "LocalPath": OUT,
            "S3UploadMode": "EndOfJob",
        }
        cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": self.volume}
        return {
            "Name": name,
            "Type": "Processing",
            "Arguments": {
                "ProcessingResources": {"ClusterConfig": cluster},
                "AppSpecification": {"ImageUri": PYTHON, "ContainerEntrypoint": ["python3", "-c", WRITE]},
                "RoleArn": ROLE,
                "ProcessingInputs": inputs,
                "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": target}]},
                "Environment": {"NAME": name, **(environment or {})},
            },
            "CacheConfig": CACHED,
        }

    def _check(self) -> dict[str, Any]:
        """A check of AWS's own type, whose program stands in for the container."""
        step = self._processing("Check", [self._input("raw", output_of("Ingest"))], {"STATE": self.fixed})
        step["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = ["python3", "-c", CHECK]
        switches = {"SkipCheck": True, "RegisterNewBaseline": True, "FailOnViolation": self.fail}
        return {**step, "Type": "QualityCheck", "CheckType": "DATA_QUALITY", **switches}

    def _input(self, name: str, uri: Any) -> dict[str, Any]:
        where = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{name}", "S3DataType": "S3Prefix"}
        return {"InputName": name, "S3Input": {**where, "S3InputMode": "File"}}

    def _channel(self) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": output_of("Prep")}
        return {"ChannelName": "train", "DataSource": {"S3DataSource": source}}

    def _job(self) -> dict[str, Any]:
        return {
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": join(f"s3://{self.bucket}/models", ID)},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": self.volume,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "InputDataConfig": [self._channel()],
        }

    def _train(self) -> dict[str, Any]:
        run = {
            "TrainingImage": PYTHON,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", TRAINING],
        }
        rounds = {"Std:Join": {"On": "", "Values": [get("Parameters.Rounds")]}}
        told = {"eta": self.eta, "rounds": rounds}
        arguments = {**self._job(), "AlgorithmSpecification": run, "HyperParameters": told}
        return {"Name": "Train", "Type": "Training", "Arguments": arguments, "CacheConfig": CACHED}

    def _tune(self) -> dict[str, Any]:
        algorithm = {
            "TrainingImage": SKLEARN,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "score", "Regex": "score=([0-9.]+)"}],
        }
        told = {
            "sagemaker_program": "trial.py",
            "sagemaker_submit_directory": f"s3://{self.bucket}/trial.tar.gz",
        }
        arguments = {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": self.trials, "MaxParallelTrainingJobs": 1},
                "ParameterRanges": {
                    "ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]
                },
            },
            "TrainingJobDefinition": {
                **self._job(),
                "AlgorithmSpecification": algorithm,
                "StaticHyperParameters": told,
            },
        }
        return {"Name": "Tune", "Type": "Tuning", "Arguments": arguments, "CacheConfig": CACHED}


def furnished(client: Callable[[str], Any], bucket: str) -> House:
    """A bucket with raw rows and a training script, and the function that the pipeline calls."""
    s3, functions = client("s3"), client("lambda")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="raw/rows.csv", Body=b"1,2\n")
    s3.put_object(Bucket=bucket, Key="other/rows.csv", Body=b"1,2\n")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        info = tarfile.TarInfo("trial.py")
        info.size = len(TRIAL)
        archive.addfile(info, io.BytesIO(TRIAL.encode()))
    s3.put_object(Bucket=bucket, Key="trial.tar.gz", Body=tar.getvalue())
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as written:
        written.writestr("index.py", HANDLER)
    arn = functions.create_function(
        FunctionName=bucket,
        Role=ROLE,
        Runtime="python3.11",
        Handler="index.handler",
        Code={"ZipFile": package.getvalue()},
    )["FunctionArn"]
    return House(bucket, arn)


def request(name: str, house: House) -> dict[str, Any]:
    """What CreatePipeline and UpdatePipeline take."""
    return {"PipelineName": name, "PipelineDefinition": json.dumps(house.definition()), "RoleArn": ROLE}

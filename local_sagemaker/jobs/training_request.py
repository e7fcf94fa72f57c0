"""What a request for a training job may ask of the local SageMaker; everything else is refused when it is made."""

from __future__ import annotations

from local_sagemaker.errors import ValidationException
from local_sagemaker.jobs import training_algorithm, training_toolkit
from local_sagemaker.jobs.images import Runtime
from local_sagemaker.jobs.lifecycle import Document

CHECKPOINTS = "/opt/ml/checkpoints"


def with_metrics(algorithm: Document, runtime: Runtime) -> Document:
    """The specification with the metrics of an algorithm of AWS's, whose image has its own in script mode too."""
    if not runtime.algorithm:
        return algorithm
    if algorithm.get("MetricDefinitions"):
        raise ValidationException(
            "You can't override the metric definitions for Amazon SageMaker algorithms. "
            "Please retry the request without specifying metric definitions."
        )
    return {**algorithm, "MetricDefinitions": training_algorithm.metric_definitions()}


def check_mode(request: Document, runtime: Runtime) -> None:
    """Refuse a request that leaves nothing to run."""
    if request["AlgorithmSpecification"].get("ContainerEntrypoint") or runtime.algorithm:
        return
    image = request["AlgorithmSpecification"]["TrainingImage"]
    if not training_toolkit.wanted(request.get("HyperParameters", {}), request.get("Environment", {})):
        raise ValidationException(
            f"Nothing says what the image {image} should run. Give AlgorithmSpecification.ContainerEntrypoint "
            f"or the hyperparameters {training_toolkit.PROGRAM} and {training_toolkit.SUBMIT_DIRECTORY}."
        )
    if not runtime.script_mode:
        raise ValidationException(
            f"The image {image} runs as {runtime.name!r}, which has no script mode: the hyperparameter "
            f"{training_toolkit.PROGRAM} means nothing to it. Give AlgorithmSpecification.ContainerEntrypoint."
        )


def check_cluster(cluster: Document) -> None:
    """Refuse more than one instance, in one group or in several."""
    groups = cluster.get("InstanceGroups") or [cluster]
    count = sum(group.get("InstanceCount", 1) for group in groups)
    if count > 1:
        raise ValidationException(
            f"The local SageMaker runs a training job on one instance; {count} were asked for."
        )


def check_spot(request: Document, stopping: Document) -> None:
    """Managed spot training must say how long it may wait, as AWS demands."""
    if not request.get("EnableManagedSpotTraining"):
        return
    if stopping.get("MaxWaitTimeInSeconds", 0) < stopping["MaxRuntimeInSeconds"]:
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


def check_channel(channel: Document, mode: str) -> None:
    """Refuse sources and input modes that are not there; ``mode`` is the job's, which a channel may override."""
    name = f"The channel {channel['ChannelName']!r}"
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise ValidationException(f"{name} is not in S3; the local SageMaker has S3DataSource only.")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise ValidationException(
            f"{name} has the S3DataType {source['S3DataType']}; the local SageMaker has S3Prefix and ManifestFile."
        )
    if channel.get("InputMode", mode) == "Pipe":
        raise ValidationException(
            f"{name} has the input mode Pipe; the local SageMaker has File and FastFile."
        )
    if channel.get("CompressionType", "None") == "Gzip":
        raise ValidationException(
            f"{name} has CompressionType Gzip, which SageMaker applies in Pipe mode only. "
            "Leave it out and decompress in the job."
        )


def checkpoints(request: Document) -> tuple[str, str] | None:
    """Where checkpoints lie in the container and in S3, where there are any. Raises ValidationException."""
    config = request.get("CheckpointConfig")
    if config is None:
        return None
    path = config.get("LocalPath", CHECKPOINTS).rstrip("/")
    if not path.startswith("/opt/ml/") or ".." in path.split("/"):
        raise ValidationException(
            f"CheckpointConfig.LocalPath is {path}; the local SageMaker keeps what lies below /opt/ml only."
        )
    return path, config["S3Uri"].rstrip("/")

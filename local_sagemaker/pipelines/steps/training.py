"""Training: runs a training job."""

from local_sagemaker.pipelines.steps.job import JobStep

TRAINING = JobStep(
    name="Training",
    resource="TrainingJob",
    fields=("CacheConfig", "RetryPolicies"),
    create="CreateTrainingJob",
    describe="DescribeTrainingJob",
    filled_in=("TrainingJobName",),
    cache_keys=(
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
)

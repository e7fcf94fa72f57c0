"""Processing: runs a processing job. Property files make its JSON outputs readable for expressions."""

from local_sagemaker.pipelines.steps.job import JobStep

PROCESSING = JobStep(
    name="Processing",
    resource="ProcessingJob",
    fields=("PropertyFiles", "CacheConfig", "RetryPolicies"),
    create="CreateProcessingJob",
    describe="DescribeProcessingJob",
    filled_in=("ProcessingJobName",),
    cache_keys=("AppSpecification", "Environment", "ProcessingInputs"),
)

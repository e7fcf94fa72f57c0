"""Transform: runs a batch transform job."""

from local_sagemaker.pipelines.steps.job import JobStep

TRANSFORM = JobStep(
    name="Transform",
    resource="TransformJob",
    fields=("CacheConfig", "RetryPolicies"),
    create="CreateTransformJob",
    describe="DescribeTransformJob",
    filled_in=("TransformJobName",),
    cache_keys=("DataProcessing", "Environment", "ModelName", "TransformInput"),
)

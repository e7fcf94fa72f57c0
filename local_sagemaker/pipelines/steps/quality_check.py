"""QualityCheck: Model Monitor's analyzer on a data set, and its drift from an earlier one."""

from local_sagemaker.pipelines.steps.check import CACHE_KEYS, SETTINGS, CheckStep

QUALITY_CHECK = CheckStep(
    name="QualityCheck",
    title="Quality",
    types=("DATA_QUALITY", "MODEL_QUALITY"),
    files={"Constraints": "constraints.json", "Statistics": "statistics.json"},
    resource="ProcessingJob",
    shown_as="QualityCheck",
    arn_as="CheckJobArn",
    fields=("CacheConfig",),
    settings={**SETTINGS, "SuppliedBaselineStatistics": "string"},
    create="CreateProcessingJob",
    filled_in=("ProcessingJobName",),
    properties=(
        "CalculatedBaselineConstraints",
        "CalculatedBaselineStatistics",
        "BaselineUsedForDriftCheckConstraints",
        "BaselineUsedForDriftCheckStatistics",
    ),
    cache_keys=(*CACHE_KEYS, "SuppliedBaselineStatistics"),
)

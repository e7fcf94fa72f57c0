"""The five checks of data and model: what the pipeline, the job and the registry agree on. Standard library only.

Each compares something of this run with what the latest approved model package carries of it as a baseline, in the
files of AWS's own containers (Clarify's, Model Monitor's), whichever program wrote them.
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-quality-clarify-baseline-lifecycle.html
"""

from __future__ import annotations

from dataclasses import dataclass

# The output of a check's job, and the files within.
OUTPUT = "check"
ANALYSIS_FILE = "analysis.json"
STATISTICS_FILE = "statistics.json"
CONSTRAINTS_FILE = "constraints.json"
VIOLATIONS_FILE = "constraint_violations.json"  # only where there are any
BASELINE = (
    "baseline"  # folder: what the package shall carry, so that the next run has something to compare with
)
VERDICT_FILE = "check.json"  # which baseline was used, and how many violations there are

# The input that says what to analyse, in the words of AWS's containers: one of them.
CONFIG_FILE = "analysis_config.json"  # Clarify's
ENVIRONMENT_FILE = "environment.json"  # Model Monitor's environment variables

# Clarify's metrics, and those of them that need more than labels and facets.
PRE_TRAINING = ("CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD")
POST_TRAINING = ("AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE")
OF_GROUPS = ("CDDL", "CDDPL")  # a group variable
OF_FEATURES = ("FT",)  # every feature of a row, as a number


@dataclass(frozen=True)
class Check:
    """One check. ``name`` is that of its step, and the beginning of its parameters' names."""

    name: str
    setting: str  # its name in an environment's settings, and of its published settings
    type: str  # CheckType of AWS's own check steps
    place: tuple[str, str]  # of its constraints in DriftCheckBaselines
    constraints_file: str = ANALYSIS_FILE
    statistics_file: str = ""  # where it has statistics, too

    @property
    def settings_file(self) -> str:
        """The name of its published settings."""
        return ENVIRONMENT_FILE if self.statistics_file else CONFIG_FILE


DATA_QUALITY = Check(
    "DataQuality",
    "data_quality",
    "DATA_QUALITY",
    ("ModelDataQuality", "Constraints"),
    CONSTRAINTS_FILE,
    STATISTICS_FILE,
)
DATA_BIAS = Check("DataBias", "data_bias", "DATA_BIAS", ("Bias", "PreTrainingConstraints"))
MODEL_BIAS = Check("ModelBias", "model_bias", "MODEL_BIAS", ("Bias", "PostTrainingConstraints"))
EXPLAINABILITY = Check(
    "Explainability", "explainability", "MODEL_EXPLAINABILITY", ("Explainability", "Constraints")
)
MODEL_QUALITY = Check(
    "ModelQuality",
    "model_quality",
    "MODEL_QUALITY",
    ("ModelQuality", "Constraints"),
    CONSTRAINTS_FILE,
    STATISTICS_FILE,
)
CHECKS = {each.name: each for each in (DATA_QUALITY, DATA_BIAS, MODEL_BIAS, EXPLAINABILITY, MODEL_QUALITY)}

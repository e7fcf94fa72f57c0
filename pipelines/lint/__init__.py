"""What is allowed in a pipeline definition, and will hurt: rules over the JSON, for anyone's pipeline.

A rule is a function from a ``Subject``, the definition as it is written, to what it found; the table of rules gives
each its id, why it matters and what to do. Nothing is asked of any service, and nothing of ours is assumed.
"""

from pipelines.lint.finding import Finding
from pipelines.lint.rules import RULES, lint
from pipelines.lint.subject import DEMANDS, Subject

__all__ = ["DEMANDS", "RULES", "Finding", "Subject", "lint"]

"""The table of rules. G: form and graph. P: parameters. A: addresses. C: conditions and checks. M: models and images.
S: what an environment demands of every job."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from pipelines.lint import addresses, artifacts, demands, gates, graph, parameters
from pipelines.lint.finding import Finding, Rule
from pipelines.lint.subject import Subject

_TABLE = (
    Rule(
        "G001", "wrong-form", "error", "a request or the definition has a form that AWS refuses",
        "it fails when the step starts, often after an hour of others", "write it as the message says",
        graph.wrong_form,
    ),
    Rule(
        "G002", "dangling-reference", "error", "an expression or DependsOn names what is not there",
        "a step was built and not added, or renamed", "add the step to the pipeline's steps, or correct the name",
        graph.dangling,
    ),
    Rule(
        "G003", "cycle", "error", "steps wait for each other",
        "none of them can start", "remove one DependsOn or reference", graph.cycle,
    ),
    Rule(
        "G004", "empty-if", "warning", "a condition has no step for where it holds",
        "a gate that opens onto nothing", "put the steps that need the condition into IfSteps", graph.empty_if,
    ),
    Rule(
        "G005", "empty-else", "warning", "a condition has no step for where it does not hold",
        "the execution ends as Succeeded, and nobody hears that nothing came of it",
        "add a Fail step that names what was missed", graph.empty_else,
    ),
    Rule(
        "P001", "unused-parameter", "warning", "a parameter is declared, and nothing reads it",
        "whoever sets it believes that it does something", "read it in a step, or remove it", parameters.unused,
    ),
    Rule(
        "P002", "dropped-parameter", "error", "a literal stands where an unread parameter was meant",
        "a text, or the value, was passed on instead of the parameter object: setting it changes nothing",
        "pass the parameter object", parameters.dropped,
    ),
    Rule(
        "P003", "expression-as-text", "error", "a text holds an expression's JSON",
        "it was formatted into a string, and is never resolved", "use Join", parameters.written_out,
    ),
    Rule(
        "P004", "secret-in-definition", "error", "a secret is a parameter or stands in a request",
        "everybody who may describe the execution or the job reads it, in logs and in CloudTrail too",
        "keep it in Secrets Manager, and let the job read it by its name", parameters.secret,
    ),
    Rule(
        "A001", "shared-output", "warning", "an output's address is the same in every execution",
        "two runs overwrite each other, and what an old one found is gone",
        "add ExecutionVariables.PIPELINE_EXECUTION_ID to the address, by Join", addresses.shared_output,
    ),
    Rule(
        "A002", "shared-checkpoint", "warning", "checkpoints lie at the same address in every execution",
        "a new training resumes from an old one's, whatever its data and hyperparameters",
        "add ExecutionVariables.PIPELINE_EXECUTION_ID to the address, by Join", addresses.shared_checkpoint,
    ),
    Rule(
        "A003", "colliding-outputs", "error", "two outputs of one run have one address",
        "the later one overwrites the earlier", "give each step and output a folder of its own",
        addresses.colliding_outputs,
    ),
    Rule(
        "A004", "changing-code", "warning", "a code address has a time or a random part",
        "the definition differs after every build though nothing has changed, and no step hits the cache",
        "publish code below a hash of its content", addresses.changing_code,
    ),
    Rule(
        "C001", "skipped-check", "error", "SkipCheck is the literal true",
        "the check never compares, whatever is started", "make it a parameter, false by default", gates.skipped_check,
    ),
    Rule(
        "C002", "bare-threshold", "warning", "a condition's bar is a literal number",
        "nobody can see, name or change it without a new definition",
        "make it a parameter with that default", gates.bare_threshold,
    ),
    Rule(
        "C003", "lost-property-file", "error", "a property file is in an output that its step does not have",
        "nothing writes it, and whatever reads it fails", "use the name of one of the step's outputs",
        gates.lost_property_file,
    ),
    Rule(
        "C004", "unread-property-file", "warning", "a property file is declared, and nothing reads it",
        "a gate may have been meant to", "read it in a condition, or remove it", gates.unread_property_file,
    ),
    Rule(
        "C005", "unwritten-metrics", "error", "a package's metrics lie where no step writes",
        "the registry shows an empty report", "take the address from the step that writes the report",
        gates.unwritten_metrics,
    ),
    Rule(
        "C006", "constant-condition", "error", "a condition compares two literals",
        "it decides nothing", "read one side from a step or a parameter", gates.constant_condition,
    ),
    Rule(
        "M001", "retired-image", "warning", "an image of AWS is no longer patched",
        "known holes stay open, and old Python comes with it", "use a version that is patched", artifacts.retired_image,
    ),
    Rule(
        "M002", "floating-image", "warning", "an image has no fixed tag",
        "the same definition runs other code tomorrow", "pin a tag, or better a digest", artifacts.floating_image,
    ),
    Rule(
        "M003", "pickled-model", "warning", "a file is a pickle",
        "loading it runs whatever its writer put in, and only with the same versions",
        "save the model in its own format, such as XGBoost's JSON or ONNX", artifacts.pickled_model,
    ),
    Rule(
        "S001", "no-volume-key", "error", "a job's disk is not encrypted with a key of one's own",
        "access cannot be withdrawn or audited by key", "set VolumeKmsKeyId",
        demands.missing(demands.VOLUME_KEY, what="the volume has no KMS key"), "kms",
    ),
    Rule(
        "S002", "no-output-key", "error", "a job's results are not encrypted with a key of one's own",
        "access cannot be withdrawn or audited by key", "set KmsKeyId of the output",
        demands.missing(demands.OUTPUT_KEY, what="the output has no KMS key"), "kms",
    ),
    Rule(
        "S003", "no-vpc", "error", "a job runs outside of the VPC",
        "its traffic passes no endpoint policy and no flow log", "set VpcConfig",
        demands.missing(demands.VPC, what="the job has no VPC"), "vpc",
    ),
    Rule(
        "S004", "no-isolation", "error", "a job's container has a network",
        "code in it can send the data anywhere", "set EnableNetworkIsolation",
        demands.missing(demands.ISOLATION, what="the container is not isolated"), "isolation",
    ),
    Rule(
        "S005", "no-encryption", "error", "traffic between a job's instances is not encrypted",
        "distributed training sends data and gradients in the clear", "set EnableInterContainerTrafficEncryption",
        demands.missing(demands.ENCRYPTION, what="traffic between containers is not encrypted"), "encryption",
    ),
    Rule(
        "S006", "no-tags", "warning", "a job has no tags",
        "nobody can tell whose it was and what it cost", "set Tags",
        demands.missing(demands.TAGS, what="there are no tags"), "tags",
    ),
    Rule(
        "S007", "no-timeout", "warning", "a job may run as long as AWS allows",
        "a job that hangs is paid for a day or more", "set StoppingCondition.MaxRuntimeInSeconds",
        demands.missing(demands.TIMEOUTS, what="there is no limit of its run time"), "timeouts",
    ),
    Rule(
        "S008", "no-retries", "warning", "a job's step has no retry policy",
        "one throttled request ends a run of hours", "add RetryPolicies for throttling, service faults and capacity",
        demands.no_retries, "retries",
    ),
    Rule(
        "S009", "approved-by-default", "error", "models are approved as they are registered",
        "what deploys approved models deploys what nobody has looked at", "default to PendingManualApproval",
        parameters.approved_by_default, "approval",
    ),
)  # fmt: skip

RULES: Mapping[str, Rule] = {rule.id: rule for rule in _TABLE}


def lint(
    definition: Mapping[str, Any],
    demanded: Collection[str] = (),
    today: date | None = None,
    only: Collection[str] = RULES,
) -> list[Finding]:
    """Everything that the rules of ``only`` (their ids) find, in the order of the table; ``demanded``: of DEMANDS."""
    # Only the dates of images' ends depend on the day.
    subject = Subject(definition, frozenset(demanded), today or date.today())  # noqa: DTZ011 - the user's day
    rules = [rule for rule in RULES.values() if rule.id in only]
    return [
        Finding(
            rule.id, rule.name, rule.severity, found.step, found.argument, found.what, found.fix or rule.fix
        )
        for rule in rules
        if not rule.demand or rule.demand in subject.demands
        for found in rule.look(subject)
    ]

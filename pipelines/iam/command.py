"""``python -m pipelines iam``: the policies that a pipeline needs, as documents that IAM takes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pipelines.config import Config
from pipelines.errors import UsageError, suggestion
from pipelines.iam.jobs import of_jobs
from pipelines.iam.needs import Need, policy, reasons
from pipelines.iam.pipeline import of_people, of_pipeline
from pipelines.lint.subject import Subject

EXAMPLES = """examples:
  python -m pipelines iam --env prod                       every principal with its policy
  python -m pipelines iam --env prod --for pipeline        one policy, as aws iam put-role-policy takes it
  python -m pipelines iam --env prod --why                 which step needs which action
  python -m pipelines iam definition.json                  of anyone's definition
"""
PEOPLE, PIPELINE, DEPLOYER = "people", "pipeline", "deployer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", nargs="?", metavar="DEFINITION", help="a definition JSON; without it, ours")
    parser.add_argument(
        "--for", dest="principal", metavar="WHO", help="people, pipeline, deployer, or a job's role"
    )
    parser.add_argument(
        "--why", action="store_true", help="the steps that need each action, instead of policies"
    )


def run(options: argparse.Namespace, needs: Mapping[str, list[Need]]) -> int:
    """Print the policies."""
    if options.principal is not None:
        chosen = {
            name: found
            for name, found in needs.items()
            if options.principal in (name, name.rpartition("/")[2])
        }
        if not chosen:
            known = [name.rpartition("/")[2] or name for name in needs]
            raise UsageError(
                f"Nobody is called '{options.principal}'. {suggestion(options.principal, known)}"
            )
        needs = chosen
    shown: Any = {name: reasons(found) if options.why else policy(found) for name, found in needs.items()}
    if options.principal is not None and not options.why:
        (shown,) = shown.values()
    print(json.dumps(shown, indent=2))  # noqa: T201 - what was asked for
    return 0


def needs_of(definition: Mapping[str, Any], config: Config | None = None) -> dict[str, list[Need]]:
    """Everybody's needs: people's, the pipeline's, the deployer's, and those of each job's role by its ARN."""
    subject = Subject(definition, frozenset(), datetime.now(UTC).date())
    found = {PIPELINE: of_pipeline(subject), **of_jobs(subject)}
    if config is None:
        return found
    environment = config.environment
    functions = ""
    if environment.deploy.form == "guarded":
        from pipelines import deployer
        from pipelines.deployments import deployment_of

        deployment = deployment_of(config)
        functions = f"arn:aws:lambda:*:*:function:{deployer.name(deployment)}*"
        found[DEPLOYER] = [
            *(Need(action, "*", "deploy") for action in (*deployer.ACTIONS, *deployer.TAGGING)),
            Need(
                "iam:PassRole",
                deployment.role,
                "deploy",
                ("StringEquals", "iam:PassedToService", "sagemaker.amazonaws.com"),
            ),
            *(
                Need(f"logs:{each}", "arn:aws:logs:*:*:log-group:/aws/lambda/*", "log")
                for each in ("CreateLogGroup", "CreateLogStream", "PutLogEvents")
            ),
        ]
    people = of_people(subject, config.pipeline_name, environment.role, environment.root, functions)
    here = f":{environment.region}:{environment.account}:"
    return {
        name: [replace(need, resource=need.resource.replace(":*:*:", here, 1)) for need in needs]
        for name, needs in {PEOPLE: people, **found}.items()
    }

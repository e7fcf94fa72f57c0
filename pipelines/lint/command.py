"""``python -m pipelines lint``: options in, lines or JSON out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import UsageError, suggestion

if TYPE_CHECKING:
    from pipelines.config import Environment

DESCRIPTION = """Look for what is allowed in a definition, and will hurt.

Without FILE, in our own pipeline as --env and --usecase make it; with FILE, in anyone's definition JSON ('-' reads
standard input). An environment's settings say what is demanded of every job: keys, a VPC, isolation, tags, limits. Of
a file it is demanded with --demand, or with --env. Needs no network."""

EPILOG = """exit status: 0 clean, 1 something was found, 2 FILE or an option cannot be used

examples:
  python -m pipelines lint --env prod
  python -m pipelines lint definition.json --demand kms,vpc,tags
  aws sagemaker describe-pipeline --pipeline-name NAME --query PipelineDefinition --output text |
    python -m pipelines lint -
  python -m pipelines lint definition.json --select S,retired-image --format json
  python -m pipelines lint --rules
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``lint``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(env=None)
    parser.add_argument("file", nargs="?", metavar="FILE", help="a definition's JSON; '-' for standard input")
    parser.add_argument("--demand", default="", metavar="LIST", help="kms,vpc,isolation,encryption,tags,timeouts,"
                        "retries,approval, or all: demanded of every job, beside what --env demands")  # fmt: skip
    parser.add_argument(
        "--select", default="", metavar="LIST", help="only these rules: ids, beginnings of ids, or names"
    )
    parser.add_argument("--ignore", default="", metavar="LIST", help="all but these rules")
    parser.add_argument("--except", dest="exceptions", type=Path, metavar="TOML",
                        help="[[except]] tables of rule, steps, reason: what is meant to be there")  # fmt: skip
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--rules", action="store_true", help="list the rules and end")


def run(options: argparse.Namespace, definition: Mapping[str, Any], environment: Environment | None) -> int:
    """Lint ``definition`` for ``environment`` (None: nothing is demanded but by --demand); the exit status."""
    from pipelines.lint import lint, show
    from pipelines.lint.exceptions import OURS, read_exceptions

    demanded = {*_demands(options.demand), *(demands_of(environment) if environment else ())}
    file = options.exceptions or (None if options.file else OURS)
    meant = read_exceptions(file) if file else []
    found = lint(definition, demanded, only=selected(options.select, options.ignore))
    findings = [each for each in found if not any(exception.covers(each) for exception in meant)]
    if options.format == "json":
        show.print_json(findings)
    else:
        show.print_text(findings, excepted=len(found) - len(findings), reasons=file)
    return 1 if findings else 0


def read(file: str) -> dict[str, Any]:
    """A definition of anyone's. Raises UsageError where it is none."""
    from local_sagemaker import json_text

    name = "standard input" if file == "-" else f"'{file}'"
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
        definition = json_text.parse(text)
    except FileNotFoundError:
        raise UsageError(f"There is no file {name}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not a text in UTF-8.") from None
    except ValueError as error:
        raise UsageError(f"{name} is not JSON: {error}") from None
    if not isinstance(definition, dict) or not isinstance(definition.get("Steps"), list):
        raise UsageError(
            f"{name} is not a pipeline definition: that is an object with a list of Steps. Where it is the answer of "
            "DescribePipeline, its PipelineDefinition is meant (--query PipelineDefinition --output text)."
        )
    return definition


def demands_of(environment: Environment) -> set[str]:
    """What an environment's settings ask of every job; limits and retries are never optional."""
    asked = {
        "kms": bool(environment.keys.volume or environment.keys.output),
        "vpc": bool(environment.network.subnets),
        "isolation": environment.network.isolated,
        "encryption": environment.network.encrypted,
        "tags": bool(environment.tags),
        "timeouts": True,
        "retries": True,
        "approval": environment.registry.approval != "Approved",
    }
    return {name for name, wanted in asked.items() if wanted}


def selected(select: str, ignore: str) -> set[str]:
    """The ids of the rules that are named, or begin so; all of them where none is."""
    from pipelines.lint import RULES

    return (_named(select) if select else set(RULES)) - _named(ignore)


def _demands(text: str) -> Collection[str]:
    from pipelines.lint import DEMANDS

    wanted = _words(text)
    for word in wanted:
        if word not in (*DEMANDS, "all"):
            raise UsageError(f"--demand: there is no demand '{word}'. {suggestion(word, (*DEMANDS, 'all'))}")
    return DEMANDS if "all" in wanted else wanted


def _named(text: str) -> set[str]:
    from pipelines.lint import RULES

    found: set[str] = set()
    for word in _words(text):
        those = {
            rule.id
            for rule in RULES.values()
            if rule.id.startswith(word.upper()) or rule.name == word.lower()
        }
        if not those:
            known = [name for rule in RULES.values() for name in (rule.id, rule.name)]
            raise UsageError(f"There is no rule '{word}'. {suggestion(word, known)}")
        found |= those
    return found


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]

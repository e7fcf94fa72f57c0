"""The pipeline's command line.

python -m pipelines check                        is the definition right?
python -m pipelines upsert                       publish code, create or update the pipeline
python -m pipelines start --wait                 run it and watch
python -m pipelines run --usecase adult --data adult.data
python -m pipelines logs Train --follow
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import collector, deployment_commands
from pipelines import config as settings
from pipelines.config import ENVIRONMENTS, USECASES, Config
from pipelines.cost import command as costing
from pipelines.errors import ProjectError, RunError, SettingsError, UsageError, suggestion
from pipelines.iam import command as granting
from pipelines.lint import command as linting
from pipelines.plan import command as planning

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.definition import Built
    from pipelines.packages import Status
    from pipelines.plan.plan import Plan
    from pipelines.publish import Publication
    from pipelines.service import Execution, Service, Step
    from steps.search import WarmStart

OF_A_PIPELINE = (
    "build",
    "check",
    "lint",
    "plan",
    "cost",
    "upsert",
    "start",
    "run",
    "status",
    "stop",
    "logs",
    "list",
)
EXAMPLES = """examples:
  python -m pipelines build --usecase adult > definition.json
  python -m pipelines check --env prod
  python -m pipelines doctor --env prod
  python -m pipelines lint definition.json --demand kms,vpc
  python -m pipelines plan --param QualityBar=0.9
  python -m pipelines run --data transactions.csv --param QualityBar=0.9
  python -m pipelines start --wait --param ModelApprovalStatus=Approved
  python -m pipelines run --pipeline inference --data new-transactions.csv
  python -m pipelines status
  python -m pipelines report --output report.html
  python -m pipelines logs Train --follow
  python -m pipelines packages latest
  python -m pipelines approve latest --reason "reviewed by the model board"
  python -m pipelines score --row 3
  python -m pipelines deployments
  python -m pipelines rollback --reason "too many complaints"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 something that ran failed, 2 wrong usage or settings."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal of LANG=C has no ✔
    parser = argument_parser()
    options = parser.parse_args(arguments)
    return _guard(lambda: options.command(options))


def run_pipeline() -> int:
    """The console script ``run-pipeline``: upsert, start, wait."""
    return main(["run", *sys.argv[1:]])


def get_pipeline_definition() -> int:
    """The console script ``get-pipeline-definition``: print the definition, or write it with --output."""
    return main(["build", *sys.argv[1:]])


def argument_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines",
        description="Build, check, upsert, start and watch a pipeline: training, or batch scoring.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run)
        sub.add_argument(
            "--env",
            default="local",
            help=f"where: {', '.join(settings.names(ENVIRONMENTS))}, or a TOML file (default: local)",
        )
        sub.add_argument(
            "--usecase",
            default="roaming",
            help=f"what: {', '.join(settings.names(USECASES))}, or a TOML file (default: roaming)",
        )
        if name in OF_A_PIPELINE:
            sub.add_argument(
                "--pipeline",
                choices=("training", "inference"),
                default="training",
                help="which of the two: inference scores a batch of rows with the approved model (default: training)",
            )
        return sub

    build = command("build", _build, "Print the definition JSON; needs no network.")
    build.add_argument("--output", type=Path, metavar="FILE", help="write it there instead")
    command("check", _check, "Validate the definition against AWS's request shapes; needs no network.")
    linting.add_arguments(command("lint", _lint, "Look for what is allowed in a definition, and will hurt."))
    planned = command("plan", _plan, "Show what an upsert would change, and what a run after it would do.")
    planning.add_arguments(planned)
    priced = command("cost", _cost, "Estimate what the next run costs, before it is started.")
    costing.add_arguments(priced)
    granting.add_arguments(
        command("iam", _iam, "Print the least permissions that a pipeline and its jobs need.")
    )
    upsert = command("upsert", _upsert, planning.UPSERT)
    upsert.add_argument("-y", "--yes", action="store_true", help="do not ask (scripts must say this)")
    start = command("start", _start, "Start an execution of the pipeline as it was last upserted.")
    start.add_argument("--wait", action="store_true", help="watch it until it has ended")
    run = command("run", _run, "Upsert, start, and watch until the execution has ended.")
    for sub in (start, run, planned, priced):
        sub.add_argument(
            "--param",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a pipeline parameter; may be repeated",
        )
        sub.add_argument(
            "--data", metavar="PATH", help="a local file of raw rows: uploaded, and used as InputData"
        )
    status = command("status", _status, "Show an execution: its steps, metrics and verdict.")
    stop = command("stop", _stop, "Stop a running execution.")
    logs = command("logs", _logs, "Print what a step's job has printed.")
    logs.add_argument("step", metavar="STEP", help="the step's name, as 'status' shows it")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the step has ended")
    command(
        "doctor", _doctor, "Check account, role, bucket, images, keys, quotas and network; changes nothing."
    )
    report = command("report", _report, "Write an execution as one HTML page: graph, metrics, bias, lineage.")
    report.add_argument(
        "--output", type=Path, metavar="FILE", help="where to (default: report-<execution>.html)"
    )
    for sub in (status, stop, logs, report):
        sub.add_argument("--execution", metavar="ID", help="the execution's id or ARN (default: the newest)")
    command("list", _list, "List the newest executions.")
    listed = command(
        "packages", _packages, "List the registered versions of the model, or show what one was made of."
    )
    listed.add_argument(
        "version", nargs="?", metavar="VERSION", help="its number, its ARN, or 'latest': show its manifest"
    )
    approve = command(
        "approve", _approve, "Approve a registered version: from now on it is the one in service."
    )
    reject = command("reject", _reject, "Reject a registered version.")
    for sub in (approve, reject):
        sub.add_argument("version", metavar="VERSION", help="its number, its ARN, or 'latest'")
        sub.add_argument("--reason", default="", metavar="TEXT", help="why; kept on the package")
    score = command("score", _score, "Ask the endpoint about one raw row: decision, probability, and why.")
    score.add_argument(
        "--data", type=Path, metavar="FILE", help="raw rows (default: the newest run's test set)"
    )
    score.add_argument(
        "--row",
        type=int,
        metavar="N",
        help="which, from 0 (default: the one evaluation was surest of; 0 of a file)",
    )
    deployment_commands.add(command, lambda options: (_service(options), _console()))
    return parser


def _build(options: argparse.Namespace) -> int:
    text = json.dumps(json.loads(_definition(_config(options))), indent=2) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def _check(options: argparse.Namespace) -> int:
    from pipelines.tuning_lint import warnings

    config = _config(options)
    definition = json.loads(_definition(config))
    _refuse_bad_definition(definition)
    for warning in warnings(config.usecase):
        print(f"warning: {warning}", file=sys.stderr)
    steps = [step["Name"] for step in definition["Steps"]]
    print(f"The definition is right: {len(steps)} steps ({', '.join(steps)}), every request has its shape.")
    return 0


def _lint(options: argparse.Namespace) -> int:
    if options.rules:
        from pipelines.lint.show import print_rules

        print_rules()
        return 0
    if options.file:
        environment = _config(options).environment if options.env else None
        return linting.run(options, linting.read(options.file), environment)
    options.env = options.env or "local"
    config = _config(options)
    return linting.run(options, json.loads(_definition(config)), config.environment)


def _plan(options: argparse.Namespace) -> int:
    """0: nothing would change, 2: something would, 1: that cannot be told; as Terraform's -detailed-exitcode."""
    try:
        return planning.show(_planned(*_next_run(options)), _console(), options.format)
    except ProjectError as error:  # whose status may be 2
        raise RunError(str(error)) from None
    except PermissionError as error:
        raise RunError(f"{error.filename}: {error.strerror}") from None


def _cost(options: argparse.Namespace) -> int:
    service, built, values = _next_run(options)
    given = [{"Name": name, "Value": value} for name, value in values.items()]
    request, region = service.request(built.definition), service.config.environment.region
    with _console(stderr=True).status("asking what earlier runs have taken"):
        bill = costing.bill(service.sagemaker, service.s3, request, given, region)
    costing.show(bill, _console(), options.format)
    return 0


def _iam(options: argparse.Namespace) -> int:
    if options.file:
        return granting.run(options, granting.needs_of(linting.read(options.file)))
    config = _config(options)
    return granting.run(options, granting.needs_of(json.loads(_definition(config)), config))


def _next_run(options: argparse.Namespace) -> tuple[Service, Built, dict[str, str]]:
    """What an upsert and a start with these options would use; what is said of it goes to standard error."""
    from pipelines.service import Service

    aside, config = _console(stderr=True), _config(options)
    given = _given_input(options)
    input_data = _address(Service(config), Path(options.data)) if options.data else given
    service, built = _prepared(config, aside, input_data)
    return service, built, _values(service, options, json.loads(built.definition), input_data, aside)


def _upsert(options: argparse.Namespace) -> int:
    console = _console()
    service, built = _prepared(_config(options), console)
    plan = _planned(service, built, {})
    if plan.changed:
        planning.show(plan, console)
        if not planning.agreed(plan, options.yes):
            return 1
    _apply(service, built, console)
    return 0


def _start(options: argparse.Namespace) -> int:
    from pipelines.overrides import parse
    from pipelines.service import Service

    console, service = _console(), Service(_config(options))
    definition = service.deployed_definition()
    parse(options.param, definition)  # before anything is uploaded
    input_data = _input_data(service, options, console)
    if service.config.pipeline == "training":
        _say_if_overtaken(service, definition, input_data, console)
        deployment_commands.put_function_back(service, console)
    arn = _do_start(service, options, console, input_data)
    return _finish(service, arn, console) if options.wait else 0


def _run(options: argparse.Namespace) -> int:
    from pipelines.service import Service

    console, config = _console(), _config(options)
    # Before the upsert: which searches a new one may start from depends on the data.
    input_data = _input_data(Service(config), options, console)
    service = _do_upsert(config, console, input_data)
    return _finish(service, _do_start(service, options, console, input_data), console)


def _status(options: argparse.Namespace) -> int:
    from pipelines.watch import summary

    service, execution = _find(options)
    summary(service, execution, _console())
    return 0


def _stop(options: argparse.Namespace) -> int:
    service, execution = _find(options)
    if not execution.running:
        raise UsageError(f"Execution {execution.id} has already ended: {execution.status}.")
    service.stop(execution.arn)
    print(f"stopping execution {execution.id}")
    return 0


def _logs(options: argparse.Namespace) -> int:
    service, execution = _find(options)
    seen: set[tuple[int, int, str]] = set()
    since = 0
    while True:
        steps = {step.name: step for step in execution.steps}
        if options.step not in steps:
            raise UsageError(
                f"Execution {execution.id} has no step '{options.step}'. {suggestion(options.step, steps)}"
            )
        step = steps[options.step]
        if not step.job_arn and not execution.running:
            raise UsageError(f"Step '{step.name}' runs no job, so it has no log.")
        if step.job_arn:
            since = _print_new(service, step.job_arn, since, seen)
        if not options.follow or step.ended:
            return _say_why(service, step)
        time.sleep(0.5)
        execution = service.execution(execution.arn)


def _doctor(options: argparse.Namespace) -> int:
    from rich.text import Text

    from pipelines.doctor import examine
    from pipelines.service import Service

    console, worst = _console(), 0
    for found in examine(Service(_config(options))):
        sign, style = {"ok": ("✔", "green"), "note": ("·", "yellow"), "bad": ("✘", "red")}[found.state]
        console.print(Text.assemble((sign, style), f" {found.about:<12} {found.said}"), soft_wrap=True)
        if found.fix:
            console.print(Text(f"  {'':<12} → {found.fix}"), soft_wrap=True)
        worst = max(worst, int(found.state == "bad"))
    return worst


def _say_why(service: Service, step: Step) -> int:
    """After a failed step's log: what it most likely means, where it does not get into what is piped on."""
    from pipelines.diagnosis import diagnosis

    if step.failure:
        print(f"\n{step.name} failed: {step.failure.splitlines()[0]}", file=sys.stderr)
        if explanation := diagnosis(service, step).explanation:
            print(f"likely: {explanation.cause}\nfix:    {explanation.fix}", file=sys.stderr)
    return 0


def _report(options: argparse.Namespace) -> int:
    from pipelines.report.facts import collect
    from pipelines.report.page import render

    service, execution = _find(options)
    console = _console()
    with console.status("reading what the execution has left"):
        page = render(collect(service, execution))
    output = options.output or Path(f"report-{execution.id}.html")
    output.write_text(page, encoding="utf-8")
    console.print(f"{output}: {len(page) / 1e6:.1f} MB, opens in any browser", markup=False, soft_wrap=True)
    return 0


def _list(options: argparse.Namespace) -> int:
    from pipelines.service import Service

    service = Service(_config(options))
    for execution in service.executions():
        print(f"{execution.id}  {execution.status:<12} {execution.started:%Y-%m-%d %H:%M:%S}")
    return 0


def _config(options: argparse.Namespace) -> Config:
    return settings.load(options.env, options.usecase, getattr(options, "pipeline", "training"))


def _definition(config: Config) -> str:
    return _built(config).definition


def _built(
    config: Config, publication: Publication | None = None, warm_start: WarmStart | None = None
) -> Built:
    """Build; the SDK is imported only here, for it takes two seconds and looks for a region while it is imported."""
    os.environ.setdefault("AWS_DEFAULT_REGION", config.environment.region)
    with collector.paused():
        if config.pipeline == "inference":
            from pipelines import inference

            return inference.built(config, publication)
        from pipelines.training import built

        return built(config, publication, warm_start)


def _refuse_bad_definition(definition: dict[str, object]) -> None:
    from local_sagemaker.pipelines.check import check

    problems = [str(problem) for problem in check(definition)]
    if problems:
        raise SettingsError(f"definition: {problem}" for problem in problems)


def _do_upsert(config: Config, console: Console, input_data: str | None = None) -> Service:
    service, built = _prepared(config, console, input_data)
    _apply(service, built, console)
    return service


def _prepared(config: Config, console: Console, input_data: str | None = None) -> tuple[Service, Built]:
    """What an upsert would publish and store; nothing is changed yet."""
    from pipelines.publish import plan
    from pipelines.service import Service

    service = Service(config)
    publication = plan(config)
    with console.status("building the definition"):
        built = _built(config, publication, _warm_start(service, publication, input_data, console))
        _refuse_bad_definition(json.loads(built.definition))
    return service, built


def _apply(service: Service, built: Built, console: Console) -> None:
    uploaded = service.publish(built.publication)
    done = service.upsert(built.definition, [{"Key": "usecase", "Value": service.config.usecase.name}])
    console.print(
        f"pipeline {service.name}: {done}; {uploaded} of {len(built.publication.objects)} code objects were new"
    )
    if service.config.pipeline == "training":
        deployment_commands.keep_function(service, console)


def _planned(service: Service, built: Built, values: Mapping[str, str]) -> Plan:
    from pipelines.plan.plan import plan

    given = [{"Name": name, "Value": value} for name, value in values.items()]
    request = service.request(built.definition)
    with _console(stderr=True).status("asking what is deployed and what earlier runs have left"):
        return plan(service.sagemaker, service.s3, request, given, built.publication.objects)


def _warm_start(
    service: Service, publication: Publication, input_data: str | None, console: Console
) -> WarmStart | None:
    """The earlier searches that the next one, of ``input_data`` or the settings' own, starts from."""
    config = service.config
    if config.pipeline != "training" or not config.usecase.tuning.enabled:
        return None
    os.environ.setdefault("AWS_DEFAULT_REGION", config.environment.region)
    with collector.paused():
        from pipelines.parameters import default_input
        from pipelines.session import building
        from pipelines.training import training_image
        from pipelines.warm_start import find, wanted
    with building():
        ours = wanted(config, publication, training_image(config))
    finding = find(service, ours, publication.recipe, input_data or default_input(config))
    for note in finding.notes:
        console.print(note, markup=False, soft_wrap=True)
    return finding.warm_start


def _say_if_overtaken(
    service: Service, definition: dict[str, Any], input_data: str | None, console: Console
) -> None:
    from pipelines.warm_start import overtaken

    defaults = {each["Name"]: each.get("DefaultValue", "") for each in definition["Parameters"]}
    note = overtaken(service, definition, input_data or defaults.get("InputData", ""))
    if note:
        console.print(f"note: {note}", markup=False, soft_wrap=True)


def _input_data(service: Service, options: argparse.Namespace, console: Console) -> str | None:
    """The address of the raw rows, where --data or --param InputData=… gives another than the settings."""
    given = _given_input(options)
    return _upload(service, Path(options.data), console) if options.data else given


def _given_input(options: argparse.Namespace) -> str | None:
    given = [
        value for name, _, value in (each.partition("=") for each in options.param) if name == "InputData"
    ]
    if getattr(options, "data", None) and given:
        raise UsageError("--data and --param InputData=… say the same thing; give one of them")
    return next(iter(given), None)


def _do_start(service: Service, options: argparse.Namespace, console: Console, input_data: str | None) -> str:
    values = _values(service, options, service.deployed_definition(), input_data, console)
    arn = service.start(values)
    console.print(f"started execution {arn.rsplit('/', 1)[-1]}")
    return arn


def _values(
    service: Service,
    options: argparse.Namespace,
    definition: Mapping[str, Any],
    input_data: str | None,
    console: Console,
) -> dict[str, str]:
    """The parameters with which a start of the definition sets out."""
    from pipelines.baselines import first_run
    from pipelines.overrides import parse

    values = parse(options.param, definition)
    first = first_run(service.sagemaker, definition, values)
    values |= first.values
    if first.note:
        console.print(f"note: {first.note}", markup=False, soft_wrap=True)
    if input_data is not None:
        values["InputData"] = input_data
    declared = {parameter["Name"] for parameter in definition["Parameters"]}
    if "SourceCommit" in declared - set(values):
        values["SourceCommit"] = _source_commit()
    return values


def _finish(service: Service, arn: str, console: Console) -> int:
    from pipelines.watch import summary, watch

    execution = watch(service, arn, console)
    summary(service, execution, console)
    return 0 if execution.status == "Succeeded" else 1


def _packages(options: argparse.Namespace) -> int:
    from pipelines.packages import packages, table
    from pipelines.service import Service

    service = Service(_config(options))
    if options.version:
        return _show_manifest(service, options.version)
    found = packages(service)
    if not found:
        print(f"The group '{service.config.group}' has no package yet.")
        return 0
    _console().print(table(service, found))
    return 0


def _show_manifest(service: Service, version: str) -> int:
    from pipelines.manifest import read, shown
    from pipelines.packages import find

    package = find(service, version)
    manifest, proofs = read(service, package)
    _console().print(shown(package, manifest, proofs), soft_wrap=True)
    return 0 if all(proof.holds for proof in proofs) else 1


def _approve(options: argparse.Namespace) -> int:
    return _decide(options, "Approved")


def _reject(options: argparse.Namespace) -> int:
    return _decide(options, "Rejected")


def _decide(options: argparse.Namespace, status: Status) -> int:
    from pipelines.packages import decide, find
    from pipelines.service import Service

    service = Service(_config(options))
    package = find(service, options.version)
    decide(service, package, status, options.reason)
    print(f"version {package.version} was {package.status}, and is {status}: {package.arn}")
    if follows := deployment_commands.what_follows(service, package, status):
        print(follows)
    return 0


def _score(options: argparse.Namespace) -> int:
    from pipelines.score import row_of_file, row_of_test_set, score, shown

    service, usecase = _service(options), _config(options).usecase
    if options.row is not None and options.row < 0:
        raise UsageError(f"--row counts from 0, got {options.row}")
    if options.data:
        raw = row_of_file(options.data, options.row or 0, usecase)
    else:
        raw = row_of_test_set(service, options.row)
    for each in shown(score(service, raw), usecase.label):
        _console().print(each, soft_wrap=True)
    return 0


def _service(options: argparse.Namespace) -> Service:
    from pipelines.service import Service

    return Service(_config(options))


def _find(options: argparse.Namespace) -> tuple[Service, Execution]:
    from pipelines.service import Service

    service = Service(_config(options))
    return service, service.find(options.execution)


def _print_new(service: Service, job_arn: str, since: int, seen: set[tuple[int, int, str]]) -> int:
    """Print the events that were not printed yet; equal lines of one millisecond are told apart by their count."""
    count: dict[tuple[int, str], int] = {}
    for stamp, message in service.log(job_arn, since=since):
        number = count[stamp, message] = count.get((stamp, message), 0) + 1
        if (stamp, number, message) not in seen:
            seen.add((stamp, number, message))
            print(message, flush=True)
            since = max(since, stamp)
    return since


def _upload(service: Service, path: Path, console: Console) -> str:
    """Put a local file under an address made of its content, so that the same rows hit the cache."""
    address = _address(service, path)
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not service.s3.list_objects_v2(Bucket=bucket, Prefix=key).get("KeyCount"):
        with console.status(f"uploading {path}"):
            service.s3.upload_file(str(path), bucket, key)
    return address


def _address(service: Service, path: Path) -> str:
    """Where a local file of raw rows lies once it is uploaded."""
    if not path.is_file():
        raise UsageError(f"There is no file '{path}'.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return f"{service.config.environment.root}/data/{service.config.called}/{digest}/{path.name}"


def _source_commit() -> str:
    """The commit of the working tree, with ``+`` where it has changes; ``unknown`` outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--dirty=+"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(highlight=False, stderr=stderr)


def _guard(run: Callable[[], int]) -> int:
    """Run, and turn what a user did wrong, or what AWS refused, into one clear line and an exit status."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

    try:
        return run()
    except ProjectError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except EndpointConnectionError as error:
        print(
            f"error: nothing answers at {error.kwargs['endpoint_url']}."
            " Start the local SageMaker: python -m local_sagemaker serve --background",
            file=sys.stderr,
        )
        return RunError.exit_status
    except (Boto3Error, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return RunError.exit_status
    except BrokenPipeError:  # the reader, head or less, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a file that may not be read, a folder that is not there
        print(f"error: {error.filename or 'the output'}: {error.strerror}", file=sys.stderr)
        return UsageError.exit_status
    except KeyboardInterrupt:
        print(
            "interrupted; if an execution was started, it goes on where its SageMaker does:"
            " python -m pipelines status",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())

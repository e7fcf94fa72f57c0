"""An execution as people watch it: a line for each step while it runs, and a summary when it has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from containers import contract
from pipelines import deployment_summary
from pipelines.check_summary import findings
from pipelines.diagnosis import diagnosis
from pipelines.service import Execution, Service, Step
from pipelines.tuning_progress import TuningProgress

SIGNS = {"Succeeded": ("✔", "green"), "Failed": ("✘", "red"), "Stopped": ("■", "yellow")}
EVALUATE = "Evaluate"
GATE = "Gate"
CHAMPION = "Champion"
REGISTER = "Register"
TUNING_REPORT = "TuningReport"
WRITE_SCORES = "WriteScores"


def watch(service: Service, arn: str, console: Console) -> Execution:
    """Show the execution until it has ended, and return it."""
    states = _states(service, arn)
    return _watch_live(states, console) if console.is_terminal else _watch_plain(states, console)


def _states(service: Service, arn: str) -> Iterator[Execution]:
    """The execution again and again, at first ten times a second and after four minutes every five seconds."""
    began = time.monotonic()
    while True:
        execution = service.execution(arn)
        yield execution
        if not execution.running:
            return
        time.sleep(min(5.0, max(0.1, (time.monotonic() - began) / 48)))


def _watch_live(states: Iterator[Execution], console: Console) -> Execution:
    spinner = Spinner("dots")
    with Live(console=console, refresh_per_second=10, transient=True) as live:
        for execution in states:
            rows = [_row(step, spinner) for step in execution.steps]
            title = Text(f"execution {execution.id}: {execution.status}", style="bold")
            live.update(Group(title, _grid(rows)))
    return execution


def _watch_plain(states: Iterator[Execution], console: Console) -> Execution:
    """Without a terminal: one line whenever a step starts or ends, or a search finds something better."""
    said: set[tuple[str, str, float | None]] = set()
    for execution in states:
        for step in execution.steps:
            news = step.name, step.status, step.tuning.best if step.tuning else None
            if news not in said:
                said.add(news)
                line = f"{step.name:<12} {step.status:<10} {_duration(step)} {_remark(step)}"
                console.print(line.rstrip(), markup=False, soft_wrap=True)
    return execution


def summary(service: Service, execution: Execution, console: Console) -> None:
    """Steps with status and time, metrics, the gate's verdict, the registered package, and where the files lie."""
    console.print(Text(f"\n{service.name}, execution {execution.id}: {execution.status}", style="bold"))
    console.print(_grid([_row(step, Text("…")) for step in execution.steps]))
    steps = {step.name: step for step in execution.steps}
    outputs: dict[str, str] = {}
    for step in execution.steps:
        if step.tuning and step.tuning.hyperparameters:
            console.print(f"[bold]tuned[/]       {_chosen(step.tuning)}", soft_wrap=True)
    if EVALUATE in steps and steps[EVALUATE].status == "Succeeded":
        outputs = service.outputs(steps[EVALUATE].job_arn)
        report = service.read_json(f"{outputs[contract.EVALUATION]}/{contract.EVALUATION_FILE}")
        console.print(_metrics(report, service.config.usecase.problem))
        if "mitigation" in report:
            console.print(_mitigation(report))
        if GATE in steps:
            for bar in report["gate"]["bars"]:
                console.print(_verdict(bar), soft_wrap=True)
    if CHAMPION in steps and steps[CHAMPION].status == "Succeeded":
        found = service.outputs(steps[CHAMPION].job_arn)[contract.CHAMPION]
        compared = service.read_json(f"{found}/{contract.CHAMPION_FILE}")
        console.print(_verdict({**compared, "passed": not compared["missed"]}), soft_wrap=True)
    if WRITE_SCORES in steps and steps[WRITE_SCORES].status == "Succeeded":
        folder = service.outputs(steps[WRITE_SCORES].job_arn)[contract.SUMMARY]
        console.print(_scored(service.read_json(f"{folder}/{contract.SUMMARY_FILE}")), soft_wrap=True)
    for finding in findings(service, execution):
        sign, style = SIGNS["Stopped" if finding.violations else "Succeeded"]
        console.print(f"[bold]{finding.check.name:<14}[/] [{style}]{sign}[/] {finding}", soft_wrap=True)
    if REGISTER in steps and steps[REGISTER].job_arn:
        console.print(f"[bold]package[/]     {steps[REGISTER].job_arn}", soft_wrap=True)
    for line in deployment_summary.lines(service, execution):
        sign, style = SIGNS[line.status]
        console.print(Text.assemble(("endpoint    ", "bold"), (sign, style), f" {line.text}"), soft_wrap=True)
    if outputs:
        console.print(f"[bold]evaluation[/]  {outputs[contract.EVALUATION]}/", soft_wrap=True)
    if TUNING_REPORT in steps and steps[TUNING_REPORT].status == "Succeeded":
        tuned = service.outputs(steps[TUNING_REPORT].job_arn)[contract.TUNING]
        console.print(f"[bold]tuning[/]      {tuned}/", soft_wrap=True)
    root = service.config.environment.root
    console.print(f"[bold]files[/]       {root}/runs/{service.config.called}/{execution.id}/", soft_wrap=True)
    for step in execution.steps:
        if step.failure:
            _explain(service, step, console)
    if execution.failure:
        console.print(Text(f"{execution.failure}", style="red"))


def _explain(service: Service, step: Step, console: Console) -> None:
    """The last lines of a failed step's log, what they most likely mean, and what to do."""
    failure = diagnosis(service, step)
    console.print(Text(f"\n{step.name} failed", style="bold red"))
    for line in failure.log:
        console.print(Text(f"  | {line}", style="dim"), soft_wrap=True)
    if failure.explanation:
        console.print(Text(f"  likely: {failure.explanation.cause}"), soft_wrap=True)
        console.print(Text(f"  fix:    {failure.explanation.fix}"), soft_wrap=True)
    if failure.log:
        console.print(Text(f"  more:   python -m pipelines logs {step.name}"), soft_wrap=True)


def _row(step: Step, busy: Any) -> Sequence[Any]:
    sign, style = SIGNS.get(step.status, ("", "cyan"))
    mark = Text(sign, style=style) if sign else busy
    return (
        mark,
        step.name,
        Text(step.status, style=style),
        _duration(step),
        Text(_remark(step), overflow="fold"),
    )


def _grid(rows: Sequence[Sequence[Any]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for column in ("", "step", "status", "time", "remark"):
        table.add_column(justify="right" if column == "time" else "left", no_wrap=column != "remark")
    for row in rows:
        table.add_row(*row)
    return table


def _duration(step: Step) -> str:
    if step.started is None:
        return ""
    ended = step.ended or datetime.now(UTC)
    return f"{(ended - step.started).total_seconds():.1f} s"


def _remark(step: Step) -> str:
    if step.failure:
        return step.failure
    if step.cached_from:
        return f"unchanged: result of execution {step.cached_from.rsplit('/', 1)[-1]}"
    if step.tuning:
        return str(step.tuning)
    return f"outcome: {step.outcome}" if step.outcome else ""


def _chosen(tuning: TuningProgress) -> str:
    """The best trial, and its hyperparameters as far as they were searched."""
    chosen = ", ".join(f"{name} {_short(value)}" for name, value in sorted(tuning.hyperparameters.items()))
    return f"{chosen} (trial {tuning.best_job})"


def _short(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value


def _metrics(report: Mapping[str, Any], problem: str) -> Table:
    """The scalar metrics on the test rows, with their confidence intervals."""
    table = Table.grid(padding=(0, 2))
    for name, metric in report[contract.METRIC_GROUPS[problem]].items():
        value = metric.get("value") if isinstance(metric, dict) else None
        if not isinstance(value, int | float):
            continue
        low, high = metric.get("confidence_interval") or (None, None)
        table.add_row(f"  {name}", f"{value:.4f}", f"[{low:.4f}, {high:.4f}]" if low is not None else "")
    return table


def _mitigation(report: Mapping[str, Any]) -> Table:
    """The metrics that have a bar, without reweighing and with it."""
    table = Table.grid(padding=(0, 2))
    found = report["mitigation"]
    bars = {bar["metric"].strip("|") for bar in report["gate"]["bars"]} if "gate" in report else set()
    rows = [("", found["metrics"])]
    rows += [
        (f" {column}={facet['value_or_threshold']}", facet["metrics"])
        for column, facets in found["facets"].items()
        for facet in facets
    ]
    for where, metrics in rows:
        for name, each in metrics.items():
            if name in bars:
                old, new = (
                    "undefined" if each[key] is None else f"{each[key]:.4f}" for key in ("without", "with")
                )
                table.add_row(Text(f"  {name}{where}"), f"{old} without reweighing", f"{new} with")
    return table


def _scored(summary: Mapping[str, Any]) -> Text:
    """Which model scored how many rows, what it decided, and where that lies."""
    rows = summary["rows"]
    left_out = ", ".join(
        f"{rows[key]:,} {said}"
        for key, said in (("rejected", "left out as bad"), ("refused", "refused by the model"))
        if rows[key]
    )
    decided = ", ".join(f"{name} {count:,}" for name, count in summary["decisions"].items())
    lines = [
        ("model", f"version {summary['model_version']}, {summary[contract.PACKAGE_PATH]}"),
        (
            "rows",
            f"{rows['read']:,} read, {rows['written']:,} written" + (f", {left_out}" if left_out else ""),
        ),
        *([("decisions", decided)] if decided else []),
        ("scores", f"{summary['destination']}/, {len(summary['partitions']):,} partitions"),
    ]
    return Text("\n").join(Text.assemble((f"{name:<12}", "bold"), said) for name, said in lines)


def _verdict(bar: Mapping[str, Any]) -> Text:
    sign, style = SIGNS["Succeeded" if bar["passed"] else "Failed"]
    return Text(f"{sign} {bar['message']}", style=style)

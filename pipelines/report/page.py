"""The page: one file with its pictures inside, no script, no address of anybody else's."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from containers import checks, contract
from containers.checks import CHECKS, DATA_QUALITY
from pipelines.causes import explain
from pipelines.cost.estimate import spent, work
from pipelines.cost.prices import prices
from pipelines.errors import UsageError
from pipelines.report import graph, timeline
from pipelines.report.facts import Facts, Picture, Result
from pipelines.report.timeline import spoken

TEMPLATE = "page.html"
CURVES = (
    "roc",
    "precision_recall",
    "calibration",
    "scores",
    "confusion_matrix",
    "residuals",
    "feature_importance",
)
_MANY = 60  # columns of a table of data quality


@dataclass(frozen=True)
class Row:
    """A line of a table."""

    cells: tuple[str, ...]
    state: str = ""  # passed, failed or nothing


def render(facts: Facts) -> str:
    """The whole page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(picture=_picture, caption=_caption)
    execution = facts.execution
    evaluation = facts.document("Evaluate", contract.EVALUATION_FILE)
    return environment.get_template(TEMPLATE).render(
        title=facts.config.usecase.title,
        pipeline=facts.pipeline,
        environment=facts.config.environment_name,
        execution=execution,
        took=_took(facts),
        bars=[*_bars(evaluation), *_bars(evaluation, facets=True), *_against_champion(facts)],
        graph=Markup(graph.draw(nodes(facts), graph.edges(facts.definition))),  # noqa: S704 - escaped where it is drawn
        timeline=Markup(timeline.draw(execution.steps)),  # noqa: S704 - likewise
        failures=[(step, explain([step.failure])) for step in execution.steps if step.failure],
        parameters=facts.parameters,
        metrics=list(_metrics(facts, evaluation)),
        rows=evaluation.get("dataset", {}),
        curves=_named(facts.results.get("Evaluate"), lambda name: not name.startswith("bias")),
        tuning=facts.document("TuningReport", contract.TUNING_FILE),
        trials=list(_trials(facts)),
        tuning_pictures=_named(facts.results.get("TuningReport")),
        bias=_named(facts.results.get("Evaluate"), lambda name: name.startswith("bias")),
        limits=list(_bars(evaluation, facets=True)),
        explained=_named(facts.results.get("Explainability")),
        checked=list(_checked(facts)),
        violations=list(_violations(facts)),
        quality=list(_quality(facts)),
        costs=list(_costs(facts)),
        manifest=facts.document("Ingest", contract.MANIFEST_FILE),
        package=facts.package,
        lineage=list(_lineage(facts)),
    )


def _took(facts: Facts) -> str:
    ended = [step.ended for step in facts.execution.steps if step.ended]
    return spoken((max(ended) - facts.execution.started).total_seconds()) if ended else ""


def nodes(facts: Facts) -> list[graph.Node]:
    """Every step of the definition, with how it ended, as the graph draws it."""
    ran = {step.name: step for step in facts.execution.steps}
    return [_node(step["Name"], step["Type"], ran) for step, *_ in graph.steps(facts.definition)]


def _node(name: str, kind: str, ran: Mapping[str, Any]) -> graph.Node:
    step = ran.get(name)
    if step is None:
        return graph.Node(name, kind)
    seconds = "" if step.seconds is None else spoken(step.seconds)
    outcome = step.metadata.get("Condition", {}).get("Outcome")
    note = "from the cache" if step.cached_from else outcome or seconds
    return graph.Node(name, kind, step.status, str(note).lower() if outcome else note)


def _bars(evaluation: Mapping[str, Any], *, facets: bool = False) -> Iterator[Row]:
    """Every bar of the quality or of the facets, with what was reached."""
    for bar in evaluation.get("gate", {}).get("bars", []):
        if bool(bar.get("facet")) is facets:
            yield Row((bar["message"],), "passed" if bar["passed"] else "failed")


def _against_champion(facts: Facts) -> Iterator[Row]:
    champion = facts.document("Champion", contract.CHAMPION_FILE)
    if champion:
        yield Row((champion["message"],), "failed" if champion["missed"] else "passed")


def _metrics(facts: Facts, evaluation: Mapping[str, Any]) -> Iterator[Row]:
    """Each scalar metric on the test rows with its interval, and its value on the validation rows."""
    validation = evaluation.get("validation", {})
    for name, metric in evaluation.get(contract.METRIC_GROUPS[facts.config.usecase.problem], {}).items():
        value = metric.get("value") if isinstance(metric, Mapping) else None
        if isinstance(value, int | float):
            low, high = metric.get("confidence_interval") or (None, None)
            interval = f"{low:.4f} to {high:.4f}" if low is not None else ""
            yield Row((name.replace("_", " "), f"{value:.4f}", interval, _number(validation.get(name))))


def _trials(facts: Facts) -> Iterator[Row]:
    tuning = facts.document("TuningReport", contract.TUNING_FILE)
    if not tuning:
        return
    downwards = tuning["objective"]["direction"] == "Maximize"
    ranked = sorted(
        (trial for trial in tuning["trials"] if trial["objective"] is not None),
        key=lambda trial: trial["objective"],
        reverse=downwards,
    )
    for trial in ranked[:10]:
        chosen = ", ".join(
            f"{name} {_short(value)}" for name, value in sorted(trial["hyperparameters"].items())
        )
        yield Row(
            (
                str(trial["trial"]),
                trial["status"],
                f"{trial['objective']:.5f}",
                f"{trial['seconds']:.1f} s",
                chosen,
            )
        )


def _checked(facts: Facts) -> Iterator[Row]:
    """The verdict of each check that was a job of ours."""
    for name in CHECKS:
        verdict = facts.document(name, checks.VERDICT_FILE)
        if verdict:
            state = "skipped" if verdict["skipped"] else "failed" if verdict["violations"] else "passed"
            yield Row((name, verdict["message"], facts.results[name].address), state)


def _violations(facts: Facts) -> Iterator[Row]:
    for name in CHECKS:
        for each in facts.document(name, checks.VIOLATIONS_FILE).get("violations", []):
            what = " ".join(
                str(each[key])
                for key in ("feature_name", "facet", "facet_value", "metric_name")
                if each.get(key)
            )
            kind = str(each.get("constraint_check_type", each.get("constraint_type", "")))
            yield Row((name, what, kind, str(each.get("description", ""))))


def _quality(facts: Facts) -> Iterator[Row]:
    """What each column of the ingested rows holds."""
    statistics = facts.document(DATA_QUALITY.name, checks.STATISTICS_FILE)
    for column in statistics.get("features", [])[:_MANY]:
        numbers, texts = column.get("numerical_statistics"), column.get("string_statistics")
        found = numbers or texts or {}
        common = found.get("common", {})
        present, missing = common.get("num_present", 0), common.get("num_missing", 0)
        share = f"{missing / (present + missing):.1%}" if present + missing else ""
        distinct = found.get("approximate_num_distinct_values", found.get("distinct_count"))
        spread: tuple[str, ...] = ("", "", "")
        if numbers:
            spread = tuple(_number(numbers.get(key), 4) for key in ("min", "mean", "max"))
        yield Row((column["name"], column["inferred_type"], share, _number(distinct, 6), *spread))


def _lineage(facts: Facts) -> Iterator[Row]:
    """What the package was made from, as the registry keeps it; and the hash of the rows."""
    manifest = facts.document("Ingest", contract.MANIFEST_FILE)
    if manifest:
        yield Row(("Data, SHA-256", manifest["sha256"]))
    for container in facts.package.get("InferenceSpecification", {}).get("Containers", []):
        yield Row(("Model", container.get("ModelDataUrl", "")))
        yield Row(("Image", container.get("Image", "")))
    commit = facts.package.get("MetadataProperties", {}).get("CommitId", facts.parameters.get("SourceCommit"))
    if commit:
        yield Row(("Commit", commit))
    for name, value in sorted(facts.package.get("CustomerMetadataProperties", {}).items()):
        yield Row((name, value))


def _costs(facts: Facts) -> Iterator[Row]:
    """What each step's time costs on the instances that it asks for; none of what came from the cache."""
    try:
        table = prices(facts.config.environment.region)
    except UsageError:
        return
    ran = {step.name: step for step in facts.execution.steps}
    total = 0.0
    for step, *_ in graph.steps(facts.definition):
        done = ran.get(step["Name"])
        if (
            done is None
            or done.seconds is None
            or done.cached_from
            or work(step["Type"], step["Arguments"]) is None
        ):
            continue
        dollars = spent(step["Type"], step["Arguments"], done.seconds, table)
        total += dollars or 0.0
        yield Row((step["Name"], spoken(done.seconds), "no price" if dollars is None else f"{dollars:.4f}"))
    yield Row(("all of them", "", f"{total:.4f}"))


def _named(result: Result | None, wanted: Callable[[str], bool] = lambda _: True) -> list[Picture]:
    """The pictures of a result: first the curves that people know, then the others by name."""
    found = [each for each in result.pictures if wanted(each.name)] if result else []
    return sorted(found, key=lambda each: (CURVES.index(each.name) if each.name in CURVES else 99, each.name))


def _picture(each: Picture) -> str:
    return f"data:image/png;base64,{base64.b64encode(each.content).decode()}"


def _caption(each: Picture) -> str:
    return each.name.replace("_", " ")


def _number(value: Any, digits: int = 4) -> str:
    if not isinstance(value, int | float):
        return ""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:.{digits}g}"


def _short(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value

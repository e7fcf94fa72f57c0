"""Which steps the next run will take from the cache, and for the others, what has changed.

The rule is AWS's: a step hits when an earlier run of it succeeded with equal key attributes, not longer ago than
ExpireAfter. The key attributes of the next run follow from the definition, the parameters, and what steps before it
leave: of a step that hits, what the earlier run left; of one that runs, what its own arguments say, and for the rest
something that is new, and so equals nothing.
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching.html
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines import cache, graph, properties
from local_sagemaker.pipelines.definition import Definition, Step
from local_sagemaker.pipelines.expressions import (
    EXECUTION_VARIABLES,
    ExpressionError,
    Reference,
    Scope,
    expression,
    property_file,
    reference,
)
from local_sagemaker.pipelines.steps import STEP_TYPES
from pipelines.plan.differences import ABSENT, Change, changes
from pipelines.plan.history import Document, History, Past

_NEW = re.compile("\0(?P<what>[^\0]*)\0")  # what is not known before the run, within a text
_EXECUTION = "Execution."
_VALUES = ("PropertyFiles.", "OutputParameters")  # what may come out as it did before


@dataclass(frozen=True)
class Forecast:
    """What the next run will do with one step."""

    step: str
    outcome: Literal["hit", "run", "maybe"]  # maybe: it turns on a value that only the run will know
    why: Literal["equal", "uncached", "first", "expired", "changed", "unknown"]
    source: str = ""  # id of the execution whose result is used, or with which the arguments were compared
    changes: tuple[Change, ...] = ()  # of key attributes, by the step's own doing
    upstream: tuple[str, ...] = ()  # steps that run anew, and on whose results it depends
    branch: str = ""  # of a condition: whether it runs at all is known only then
    note: str = ""

    @property
    def hit(self) -> bool:
        """Whether its earlier result is used."""
        return self.outcome == "hit"


@dataclass
class Forecaster:
    """Goes through the steps in the order in which they run."""

    definition: Definition
    parameters: Mapping[str, Any]  # typed
    history: History
    pipeline: str
    now: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    prepared: dict[str, Document] = field(
        default_factory=dict
    )  # the arguments of the steps, as far as they are known
    _sources: dict[str, Past] = field(default_factory=dict)  # of the steps that hit
    _open: set[str] = field(default_factory=set)  # steps that may hit or not

    def all(self) -> list[Forecast]:
        """One for each step, in the order in which the definition has them."""
        done: dict[str, Forecast] = {}
        for name in _order(self.definition):
            step = self.definition.steps[name]
            found = self._forecast(step)
            if step.branch:
                said = f"{step.branch.condition} is {str(step.branch.outcome).lower()}"
                found = replace(found, branch=said)
            done[name] = found
        return [done[name] for name in self.definition.steps]

    def _forecast(self, step: Step) -> Forecast:
        kind = STEP_TYPES.get(step.type)
        if kind is None:
            return Forecast(
                step.name, "run", "unknown", note=f"the keys of a {step.type} step are not known here"
            )
        if step.loop:
            return Forecast(step.name, "run", "unknown", note=f"each item of {step.loop} makes a step of it")
        try:
            prepared = kind.prepare(self._known(step), self._scope())
        except (ExpressionError, AwsError, KeyError, TypeError) as error:
            return Forecast(step.name, "run", "unknown", note=str(error))
        self.prepared[step.name] = prepared
        if not kind.cache_keys:
            return Forecast(step.name, "run", "uncached", note=f"{step.type} steps have no cache")
        if not step.cache or not step.cache.get("Enabled"):
            return Forecast(step.name, "run", "uncached", note="its cache is off")
        return self._look_up(step, kind.cache_key(prepared))

    def _look_up(self, step: Step, key: Document) -> Forecast:
        after = step.cache.get("ExpireAfter") if step.cache else None
        since = self.now - datetime.timedelta(seconds=cache.seconds(after)) if after else None
        new = bool(_news(key))  # then it equals no earlier one, and the newest tells the difference
        newest: tuple[Past, Document] | None = None
        expired: Past | None = None
        for past in self.history.runs(step.name):
            old = past.key(step.name)
            ended = past.steps[step.name].ended
            if old is None:
                continue
            newest = newest or (past, old)
            if new:
                break
            if _same(old, key):
                if since is None or (ended and ended >= since):
                    self._sources[step.name] = past
                    return Forecast(step.name, "hit", "equal", past.id)
                expired = expired or past
        if expired:
            return Forecast(step.name, "run", "expired", expired.id, note=f"ExpireAfter is {after}")
        if newest is None:
            return Forecast(step.name, "run", "first")
        missed = _missed(step.name, newest[0], newest[1], key, self._open)
        self._open |= {step.name} if missed.outcome == "maybe" else set()
        return missed

    def _scope(self) -> Scope:
        execution = {name: _new(f"{_EXECUTION}{name}") for name in EXECUTION_VARIABLES}
        execution["PipelineName"] = self.pipeline
        if self.history.executions:
            execution["PipelineArn"] = self.history.executions[0].pipeline_arn
        return Scope(self.definition, self.parameters, execution, _Left(self._sources), self.history.read)

    def _known(self, step: Step) -> Step:
        """The step, with what it reads of steps that will run anew replaced by what is known of that."""
        return replace(step, arguments=self._replaced(step.arguments), settings=self._replaced(step.settings))

    def _replaced(self, value: Any) -> Any:
        kind = expression(value)
        if kind == "Std:JsonGet":
            return self._of_report(value)
        if kind == "Get":
            return self._of_step(value)
        if isinstance(value, Mapping):
            return {key: self._replaced(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._replaced(item) for item in value]
        return value

    def _of_step(self, value: Mapping[str, Any]) -> Any:
        named = reference(value["Get"])
        if named.space != "Steps" or named.name in self._sources:
            return value
        return self._echo(named)

    def _echo(self, named: Reference) -> Any:
        """What a step that runs says in its own request; an address of this execution is as new as the rest."""
        kind = STEP_TYPES.get(self.definition.steps[named.name].type)
        if kind is None or not kind.describe:  # its properties are no description of what it asked for
            return _new(named.text)
        try:
            found = properties.walk(self.prepared[named.name], properties.parse(named.path))
        except (KeyError, properties.PathError):
            return _new(named.text)
        return _new(named.text) if _news(found) else found

    def _of_report(self, value: Mapping[str, Any]) -> Any:
        inner = value["Std:JsonGet"]
        if isinstance(inner, Mapping) and "PropertyFile" in inner:
            step, name = property_file(inner["PropertyFile"])
            if step not in self._sources:
                return _new(f"Steps.{step}.PropertyFiles.{name}")
            return value
        return {"Std:JsonGet": self._replaced(inner)}


class _Left(Mapping[str, Document]):
    """What the steps that hit have left, each in the execution whose result is used."""

    def __init__(self, sources: Mapping[str, Past]) -> None:
        self._sources = sources

    def __getitem__(self, name: str) -> Document:
        return self._sources[name].properties(name)

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def _missed(step: str, past: Past, old: Document, key: Document, open_steps: set[str]) -> Forecast:
    """What differs from the step's newest run, parted into its own doing and that of others."""
    own: list[Change] = []
    others: list[Reference] = []
    for change in changes(old, key):
        news = _news(change.new)
        for what in news:
            if what.startswith(_EXECUTION):
                own.append(Change(change.path, change.old, f"{what}, new in every execution"))
            else:
                others.append(reference(what))
        if not news:
            own.append(change)
        elif change.old is ABSENT or isinstance(change.new, Mapping | list):
            own.append(Change(change.path, change.old, _readable(change.new)))
    upstream = tuple(dict.fromkeys(named.name for named in others))
    is_open = not own and all(named.name in open_steps or named.path.startswith(_VALUES) for named in others)
    return Forecast(step, "maybe" if is_open else "run", "changed", past.id, tuple(own), upstream)


def _news(value: Any) -> list[str]:
    """What within a value is known only when it runs."""
    if isinstance(value, str):
        return [found["what"] for found in _NEW.finditer(value)]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [what for item in inner for what in _news(item)]


def _readable(value: Any) -> Any:
    """The value with what is not known yet as ``${…}``."""
    if isinstance(value, str):
        return _NEW.sub(r"${\g<what>}", value)
    if isinstance(value, Mapping):
        return {key: _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list) else value


def _order(definition: Definition) -> list[str]:
    """The steps, each after those that it waits for; in a cycle, which never runs, as they stand."""
    waiting = graph.upstream(definition)
    done: dict[str, None] = {}
    while waiting:
        ready = [name for name, others in waiting.items() if not (others & waiting.keys()) - {name}]
        for name in ready or list(waiting):
            done[name] = None
            waiting.pop(name)
    return list(done)


def _new(what: str) -> str:
    return f"\0{what}\0"


def _same(old: Document, new: Document) -> bool:
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)

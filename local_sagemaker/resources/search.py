"""Search: one kind of resource, by an expression over its properties and tags.

A property is a dotted path into what Describe answers (``InputDataConfig.DataSource.S3DataSource.S3Uri``); a
list on the way means any of its items; ``Tags.team`` is the value of a tag; ``Metrics.auc`` is a training
job's final metric. Values in an expression are text: they compare as numbers or times where the property is
one.
Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import UnsupportedOperation, ValidationException
from local_sagemaker.listing import cut, sort_key
from local_sagemaker.records import Records

Document = dict[str, Any]
Expression = dict[str, Any]
Comparison = Callable[[Any, Any], bool]

_PAGE = 10
# What a request calls a resource -> the kind of its records, which is also its member in a result.
_KINDS = {
    "TrainingJob": "TrainingJob",
    "HyperParameterTuningJob": "HyperParameterTuningJob",
    "Experiment": "Experiment",
    "ExperimentTrial": "Trial",
    "ExperimentTrialComponent": "TrialComponent",
    "Endpoint": "Endpoint",
    "Model": "Model",
    "ModelCard": "ModelCard",
    "ModelPackage": "ModelPackage",
    "ModelPackageGroup": "ModelPackageGroup",
    "Pipeline": "Pipeline",
    "PipelineExecution": "PipelineExecution",
    "FeatureGroup": "FeatureGroup",
}


class Search:
    """Search over everything that is recorded."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {"Search": self.search}

    def search(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of the resources of one kind that an expression holds for."""
        resource = request["Resource"]
        if resource not in _KINDS:
            raise UnsupportedOperation(
                f"The local SageMaker does not search {resource} yet; it searches {', '.join(_KINDS)}."
            )
        kind, expression = _KINDS[resource], request.get("SearchExpression", {})
        found = [document for document in self._records.list(kind) if holds(expression, document)]
        by = request.get("SortBy", "LastModifiedTime")
        rows, token = cut(
            found,
            key=lambda document: _order(document, by, str(document.get(f"{kind}Arn"))),
            descending=request.get("SortOrder", "Descending") == "Descending",
            size=request.get("MaxResults", _PAGE),
            token=request.get("NextToken"),
            query=request,
        )
        return {
            "Results": [_result(kind, document) for document in rows],
            "NextToken": token,
            "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
        }


def holds(expression: Expression, document: Document) -> bool:
    """Whether a SearchExpression holds for a document; an empty one holds for all."""
    return _holds(expression, _properties(document))


def _holds(expression: Expression, properties: Document) -> bool:
    answers = [
        *(_filter(condition, properties) for condition in expression.get("Filters", [])),
        *(_nested(condition, properties) for condition in expression.get("NestedFilters", [])),
        *(_holds(below, properties) for below in expression.get("SubExpressions", [])),
    ]
    if expression.get("Operator") == "Or" and answers:
        return any(answers)
    return all(answers)


def _filter(condition: Expression, properties: Document) -> bool:
    wanted = condition.get("Value")
    name = condition.get("Operator", "Exists" if wanted is None else "Equals")
    values = list(_values(properties, condition["Name"].split(".")))
    if name == "Exists":
        return bool(values)
    if name == "NotExists":
        return not values
    if wanted is None:
        raise ValidationException(f"The operator {name} on {condition['Name']} needs a Value.")
    if name == "NotEquals":  # holds where there is no such property, too
        return not any(_compare(operator.eq, value, wanted) for value in values)
    return any(_OPERATORS[name](value, wanted) for value in values)


def _nested(condition: Expression, properties: Document) -> bool:
    """Whether all filters hold for one and the same item of a list."""
    path = condition["NestedPropertyName"]
    below = [{**one, "Name": one["Name"].removeprefix(f"{path}.")} for one in condition["Filters"]]
    items = [item for item in _values(properties, path.split(".")) if isinstance(item, dict)]
    return any(all(_filter(one, item) for one in below) for item in items)


def _properties(document: Document) -> Document:
    """A document as paths see it: tags and final metrics by name."""
    named: Document = {"Tags": {tag["Key"]: tag["Value"] for tag in document.get("Tags", [])}}
    if "FinalMetricDataList" in document:
        metrics = document["FinalMetricDataList"]
        named["Metrics"] = {metric["MetricName"]: metric["Value"] for metric in metrics}
    return {**document, **named}


def _values(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """What lies at a path. A key may itself have dots in it (``Tags.team.cost``)."""
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, dict):
        for length in range(1, len(path) + 1):
            key = ".".join(path[:length])
            if key in value and not key.startswith("_"):
                yield from _values(value[key], path[length:])


def _compare(compare: Comparison, value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return compare(str(value).lower(), wanted.lower())
    numbers = _number(value), _number(wanted)
    if None not in numbers:
        return compare(*numbers)
    return isinstance(value, str) and compare(value, wanted)


def _number(value: Any) -> float | None:
    """A number, or a time in seconds since the epoch; None for any other text."""
    for read in (float, _seconds):
        try:
            number = read(value)
        except (TypeError, ValueError):
            continue
        return number if math.isfinite(number) else None
    return None


def _seconds(text: str) -> float:
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _contains(value: Any, wanted: str) -> bool:
    return wanted in str(value)


def _in(value: Any, wanted: str) -> bool:
    return any(_compare(operator.eq, value, one.strip()) for one in wanted.split(","))


def _comparison(compare: Comparison) -> Callable[[Any, str], bool]:
    return lambda value, wanted: _compare(compare, value, wanted)


_OPERATORS: dict[str, Callable[[Any, str], bool]] = {
    "Equals": _comparison(operator.eq),
    "GreaterThan": _comparison(operator.gt),
    "GreaterThanOrEqualTo": _comparison(operator.ge),
    "LessThan": _comparison(operator.lt),
    "LessThanOrEqualTo": _comparison(operator.le),
    "Contains": _contains,
    "In": _in,
}


def _order(document: Document, by: str, identity: str) -> list[Any]:
    values = _values(_properties(document), by.split("."))
    scalars = (value for value in values if isinstance(value, str | int | float))
    value = next(scalars, None)
    if value is None and by == "LastModifiedTime":  # never modified since it was created
        value = document.get("CreationTime")
    return sort_key(None if value is None else [isinstance(value, str), value], identity)


def _result(kind: str, document: Document) -> Document:
    # A model comes wrapped in what the model dashboard knows of it.
    return {kind: {"Model": document} if kind == "Model" else document}

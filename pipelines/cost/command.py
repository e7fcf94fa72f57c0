"""``python -m pipelines cost``: a line for each step, and the sum."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.cost.estimate import Estimate
    from pipelines.cost.prices import Prices

DESCRIPTION = """Estimate what the next run costs, low and high, before it is started. The time is that of earlier runs,
or between a part of a job's limit and the limit; prices and factors are those of pipelines/cost/prices.toml, with
their day. What comes from the cache costs nothing."""

EPILOG = """examples:
  python -m pipelines cost --env dev
  python -m pipelines cost --env prod --param InputData=s3://bucket/new/ --format json
"""


@dataclass(frozen=True)
class Bill:
    """What the next run costs."""

    prices: Prices
    steps: Sequence[Estimate]
    endpoints: float  # US dollars an hour, for as long as what the run deploys is there

    @property
    def low(self) -> float:
        """Of the steps that have a price."""
        return sum(each.low or 0.0 for each in self.steps)

    @property
    def high(self) -> float:
        """Likewise."""
        return sum(each.high or 0.0 for each in self.steps)

    @property
    def unknown(self) -> list[str]:
        """The steps without a price."""
        return [each.step for each in self.steps if not each.known]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``cost``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--format", choices=("text", "json"), default="text")


def bill(
    sagemaker: Any, s3: Any, request: dict[str, Any], values: Sequence[dict[str, str]], region: str
) -> Bill:
    """The bill of a run of ``request``'s definition with these PipelineParameters, on an account with its history."""
    from local_sagemaker.pipelines import parameters
    from local_sagemaker.pipelines.definition import parse
    from pipelines.cost.estimate import estimate, hourly
    from pipelines.cost.prices import prices
    from pipelines.plan.forecast import Forecaster
    from pipelines.plan.history import History

    table = prices(region)
    definition = parse(request["PipelineDefinition"])[0]
    history = History(sagemaker, s3, request["PipelineName"])
    forecaster = Forecaster(
        definition, parameters.bind(definition.parameters, values), history, request["PipelineName"]
    )
    steps = forecaster.all()
    kinds = {name: step.type for name, step in definition.steps.items()}
    asked = forecaster.prepared
    rates = [hourly(kinds[name], arguments, table) for name, arguments in asked.items()]
    return Bill(
        table,
        [estimate(step, kinds[step.step], asked.get(step.step), history, table) for step in steps],
        sum(rate for rate in rates if rate is not None),
    )


def show(found: Bill, console: Console, form: str) -> None:
    """Print it."""
    if form == "json":
        document = {
            "region": found.prices.region,
            "as_of": found.prices.as_of.isoformat(),
            "currency": "USD",
            "low": round(found.low, 4),
            "high": round(found.high, 4),
            "unknown": found.unknown,
            "endpoints_hourly": round(found.endpoints, 4),
            "steps": [asdict(each) for each in found.steps],
        }
        sys.stdout.write(f"{json.dumps(document, indent=2)}\n")
        return
    width = max(len(each.step) for each in found.steps)
    for each in found.steps:
        amount = _range(each.low, each.high) if each.known else "?"
        console.print(f"{each.step:<{width}}  {amount:>19}  {each.basis}", markup=False, soft_wrap=True)
    at_least = f", and what {', '.join(found.unknown)} cost" if found.unknown else ""
    console.print(
        f"{'total':<{width}}  {_range(found.low, found.high):>19}{at_least}", markup=False, soft_wrap=True
    )
    if found.endpoints:
        console.print(f"and for as long as what it deploys is there, {_money(found.endpoints)} an hour")
    console.print(
        f"US dollars, {found.prices.region}, prices of {found.prices.as_of}; without S3, logs, traffic and taxes",
        markup=False,
        soft_wrap=True,
    )


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "?"
    return _money(high) if low == high else f"{_money(low)} to {_money(high)}"


def _money(amount: float) -> str:
    return "0" if amount == 0 else f"{amount:.4f}" if amount < 0.1 else f"{amount:.2f}"

"""The bill of a next run, on a pipeline that has really run."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from pipelines.cost.command import Bill, bill, show
from pipelines.errors import UsageError
from tests.pipelines.plan.house import furnished, request
from tests.pipelines.plan.test_forecast import Street


@pytest.fixture(scope="module")
def billed(client: Callable[[str], Any]) -> Bill:
    """Of a run after a change in the middle."""
    street = Street("cost-bill", client)
    house = furnished(client, street.name)
    street.run(house)
    changed = replace(house, prep="2")
    return bill(client("sagemaker"), client("s3"), request(street.name, changed), [], "us-east-1")


def test_what_hits_costs_nothing_and_what_runs_is_measured(billed: Bill) -> None:
    """The steps of a real history, a search among them."""
    steps = {each.step: each for each in billed.steps}

    assert (steps["Ingest"].low, steps["Ingest"].basis) == (0, "from the cache")
    for name in ("Prep", "Train", "Tune", "Judge"):
        assert steps[name].basis.startswith("1 earlier run, ")
        low, high = steps[name].low, steps[name].high
        assert low is not None
        assert high is not None
        assert 0 < low < high < 0.05
    assert steps["AfterSay"].low == 0
    assert billed.low == pytest.approx(sum(each.low or 0 for each in billed.steps))
    assert 0 < billed.low < billed.high
    assert billed.unknown == []


def test_lines_end_with_the_total_and_the_day_of_the_prices(billed: Bill) -> None:
    """And what is not in it."""
    stream = io.StringIO()
    show(billed, Console(file=stream, width=200, highlight=False), "text")
    lines = stream.getvalue().splitlines()

    assert len(lines) == len(billed.steps) + 2
    assert lines[0].split(maxsplit=1)[0] == "Ingest"
    assert lines[-2].startswith("total ")
    assert lines[-1] == "US dollars, us-east-1, prices of 2026-11-30; without S3, logs, traffic and taxes"


def test_json_has_numbers(billed: Bill, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs that hold a run to a budget."""
    show(billed, Console(), "json")
    document = json.loads(capsys.readouterr().out)

    assert document["low"] <= document["high"]
    assert {each["step"] for each in document["steps"]} == {each.step for each in billed.steps}
    assert (document["as_of"], document["currency"], document["unknown"]) == ("2026-11-30", "USD", [])


def test_what_has_no_price_is_named_beside_the_total(billed: Bill) -> None:
    """So that nobody takes the sum for all of it."""
    steps = [replace(billed.steps[0], low=None, high=None, basis="no price"), *billed.steps[1:]]
    stream = io.StringIO()
    show(
        replace(billed, steps=steps, endpoints=0.5), Console(file=stream, width=200, highlight=False), "text"
    )

    assert ", and what Ingest cost" in stream.getvalue()
    assert "for as long as what it deploys is there, 0.50 an hour" in stream.getvalue()


def test_a_region_without_prices_is_one_line(client: Callable[[str], Any]) -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError, match="no prices for region"):
        bill(client("sagemaker"), client("s3"), {}, [], "mars-west-1")

"""Flows and frames for the flow's tests."""

import pandas as pd
import pytest

COLUMNS = {
    "age": "integer",
    "pay": "number",
    "job": "string",
    "when": "timestamp",
    "vip": "boolean",
    "y": "string",
}


@pytest.fixture(scope="session")
def columns():
    return COLUMNS


@pytest.fixture(scope="session")
def frame():
    """Twelve rows with every type, a gap in every column, and two classes."""
    return pd.DataFrame(
        {
            "age": [20, 31, None, 45, 52, 20, 67, 31, 18, 40, 22, 30],
            "pay": [1.5, None, 10.0, 2.25, 300.0, 7.0, 8.0, 9.5, 0.0, -3.0, 1e6, 2.5],
            "job": [
                "cook",
                "Cook ",
                "nurse",
                None,
                "nurse",
                "cook",
                "?",
                "smith",
                "cook",
                "smith",
                "nurse",
                "cook",
            ],
            "when": pd.to_datetime(
                [
                    "2026-01-01T00:00:00Z",
                    None,
                    *[f"2026-0{m}-1{m}T1{m}:3{m}:0{m}Z" for m in range(1, 10)],
                    "1999-12-31",
                ],
                format="ISO8601",
                utc=True,
            ),
            "vip": [True, False, None, True, True, False, False, True, None, False, True, False],
            "y": ["no", "yes"] * 6,
        }
    )


@pytest.fixture
def fit_apply(columns, frame):
    """Fit a flow on the frame (other columns left out) and apply it, there and back through JSON."""
    from containers.flow import FittedFlow, apply, fit

    def run(*flow, keep, rows=None, problem="binary", positive="yes", label="y"):
        flow = [{"operator": "keep", "columns": keep}, *flow]
        about = {
            "columns": columns,
            "label": label,
            "problem": problem,
            "positive": positive,
            "missing": ["?"],
        }
        fitted = FittedFlow.from_json(fit(flow, frame, **about).to_json())
        return apply(fitted, frame if rows is None else rows)

    return run

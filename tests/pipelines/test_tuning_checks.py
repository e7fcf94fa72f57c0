"""What is wrong in [tuning], one line each; and what is only unwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines import config, tuning_lint
from pipelines.errors import SettingsError
from pipelines.tuning_checks import direction, problems
from steps.search import Range, Tuning

FIXED = {"problem": "binary", "rounds": "100", "eta": "0.1", "max_depth": "4"}
RIGHT = Tuning(
    enabled=True, ranges={"eta": Range(0.05, 0.3, "Logarithmic"), "max_depth": Range(3, 8)}, jobs=10
)


def searching(**ranges: Range) -> Tuning:
    return replace(RIGHT, ranges=ranges)


@pytest.mark.parametrize(
    "tuning",
    [
        RIGHT,
        Tuning(),
        searching(subsample=Range(0.5, 0.99, "ReverseLogarithmic")),
        searching(eta=Range(values=(0.1, 0.2))),
        replace(searching(max_depth=Range(values=(3, 4, 5))), strategy="Grid", jobs=None, top=2),
        replace(searching(max_depth=Range(values=(3, 4, 5))), strategy="Grid", jobs=3),
        replace(RIGHT, strategy="Hyperband", early_stopping="Off", min_resource=5, max_resource=80),
        replace(RIGHT, target=0.9, top=1, not_improving=3, convergence=True, max_minutes=2),
        replace(RIGHT, objective="validation:logloss", direction="Minimize"),
    ],
)
def test_what_is_right_is_not_complained_about(tuning: Tuning) -> None:
    """Every strategy, scale and criterion has a right form."""
    assert problems(tuning, FIXED) == []


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        (searching(eta=Range(0.3, 0.05)), "ranges.eta: min (0.3) must be below max (0.05)"),
        (searching(eta=Range(0.3, 0.3)), "ranges.eta: min (0.3) must be below max (0.3)"),
        (searching(gamma=Range(0.0, 5.0, "Logarithmic")), "a logarithmic scale has no place for 0.0"),
        (searching(subsample=Range(0.5, 1.0, "ReverseLogarithmic")), "from 0 to below 1, got 0.5 to 1.0"),
        (searching(max_depth=Range(0, 8, "ReverseLogarithmic")), "not for whole numbers"),
        (searching(max_depth=Range(3.0, 8.0)), "its bounds are too: min = 3, max = 8"),
        (searching(max_depht=Range(3, 8)), "Did you mean 'max_depth'?"),
        (searching(learning_rate=Range(0.1, 0.2)), "is another name for eta; write that"),
        (searching(problem=Range(values=("binary", "regression"))), "cannot be searched"),
        (searching(eta=Range(0.1, 1.5)), "eta must be a number above 0 and at most 1, got '1.5'"),
        (searching(eta=Range(0.1)), "give both min and max"),
        (searching(eta=Range()), "give min and max, or values"),
        (searching(eta=Range(0.1, 0.2, values=(0.1,))), "give min and max, or values"),
        (searching(eta=Range(values=(0.1, 0.1))), "a value is there twice"),
        (searching(max_depth=Range(values=tuple(range(31)))), "at most 30 values, got 31"),
        (searching(grow_policy=Range(values=("depthwise", "x"))), "grow_policy must be one of"),
        (searching(), "name at least one hyperparameter"),
        (replace(RIGHT, strategy="Grid", jobs=None), "write the values that it shall try"),
        (
            replace(searching(max_depth=Range(values=(3, 4))), strategy="Grid", jobs=10),
            "the grid has 2 cells and tries each once; leave jobs out, got 10",
        ),
        (replace(RIGHT, strategy="Hyperband", min_resource=1, max_resource=9), "set it to 'Off'"),
        (replace(RIGHT, strategy="Hyperband", early_stopping="Off"), "belongs to the strategy Hyperband"),
        (replace(RIGHT, max_resource=9), "max_resource: belongs to the strategy Hyperband"),
        (
            replace(RIGHT, strategy="Hyperband", early_stopping="Off", min_resource=9, max_resource=2),
            "min_resource (9) must not be above max_resource (2)",
        ),
        (replace(RIGHT, jobs=None), "say how many trials"),
        (replace(RIGHT, jobs=4, parallel=5), "parallel: must be between 1 and 4, got 5"),
        (replace(RIGHT, jobs=751), "jobs: must be between 1 and 750"),
        (replace(RIGHT, jobs=2, top=3), "top: must be between 1 and 2, got 3"),
        (replace(RIGHT, not_improving=2), "not_improving: must be between 3 and 750, got 2"),
        (replace(RIGHT, max_minutes=1), "max_minutes: must be between 2"),
        (replace(RIGHT, target=0.9), "set it to 1"),
        (replace(RIGHT, objective="validation:acu"), "Did you mean 'validation:auc'?"),
        (replace(RIGHT, objective="validation:rmse"), "is not a metric that training prints"),
        (replace(RIGHT, direction="Minimize"), "validation:auc is to be Maximized"),
    ],
)
def test_each_mistake_is_said_in_one_line(tuning: Tuning, message: str) -> None:
    """Where, what, and what would be right."""
    found = problems(tuning, FIXED)

    assert any(message in problem for problem in found), found
    assert all(problem.startswith("tuning.") and "\n" not in problem for problem in found)


def test_a_search_that_is_off_is_checked_too() -> None:
    """So that turning it on later is one word."""
    assert problems(replace(searching(eta=Range(0.3, 0.1)), enabled=False), FIXED)


@pytest.mark.parametrize(
    ("metric", "way"),
    [("validation:auc", "Maximize"), ("validation:f1", "Maximize"), ("validation:rmse", "Minimize")],
)
def test_metrics_have_a_direction(metric: str, way: str) -> None:
    """As AWS lists them for XGBoost."""
    assert direction(metric) == way


def usecase(tmp_path: Path, **replacements: str) -> str:
    text = (config.USECASES / "adult.toml").read_text(encoding="utf-8")
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "adult.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_mistakes_of_a_settings_file_come_together(tmp_path: Path) -> None:
    """An unknown name, a wrong choice, and what does not go together, each with the file's name."""
    file = usecase(tmp_path, **{"parallel = 2": "parallel = 20", "min = 3, max = 7": "min = 8, max = 7"})
    with pytest.raises(SettingsError) as refused:
        config.load("local", file)

    assert refused.value.problems == (
        "adult.toml: tuning.ranges.max_depth: min (8) must be below max (7)",
        "adult.toml: tuning.parallel: must be between 1 and 10, got 20",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("jobs = 10", "job = 10", "unknown setting 'tuning.job'. Did you mean 'jobs'?"),
        ('early_stopping = "Auto"', 'early_stopping = "On"', "tuning.early_stopping: input should be"),
        ('scaling = "Logarithmic"', 'scaling = "Log"', "tuning.ranges.eta.scaling: input should be"),
        ("max_depth = { min = 3", "max_depth = { low = 3", "unknown setting 'tuning.ranges.max_depth.low'"),
    ],
)
def test_an_unknown_setting_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    """With its whole place."""
    with pytest.raises(SettingsError, match=message.replace(".", r"\.").replace("?", r"\?")):
        config.load("local", usecase(tmp_path, **{old: new}))


def test_what_is_searched_is_not_fixed() -> None:
    """With the search on; without it all are fixed."""
    settings = config.load("local", "adult")

    assert not settings.usecase.hyperparameters.keys() & settings.usecase.tuning.ranges.keys()
    assert settings.usecase.tuning.ranges.keys() <= settings.without_search().usecase.hyperparameters.keys()


@pytest.mark.parametrize("name", config.names(config.USECASES))
def test_our_own_searches_are_wise(name: str) -> None:
    """What ships gives no warning."""
    assert tuning_lint.warnings(config.load("local", name).usecase) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ranges": {"alpha": Range(0.001, 10.0)}}, 'scaling = "Logarithmic"'),
        ({"ranges": {"alpha": Range(0.0001, 10.0, "Logarithmic")}}, "a narrower range"),
        ({"ranges": {"subsample": Range(0.5, 0.995)}}, 'scaling = "ReverseLogarithmic"'),
        ({"ranges": {"lambda": Range(1, 9)}}, "write 1.0"),
        ({"ranges": {"rounds": Range(50, 400)}}, "already finds how many rounds"),
        ({"early_stopping": "Off"}, "'Auto' ends the trials that fall behind"),
        ({"parallel": 5}, "it finds better values with 3 or fewer"),
        ({"jobs": 5}, "hardly better than chance"),
        (
            {"ranges": {name: Range(0.5, 1.0) for name in ("subsample", "eta", "gamma", "alpha", "lambda", "x")}},
            "6 hyperparameters are searched",
        ),
    ],
)  # fmt: skip
def test_what_is_unwise_is_advised_against(changes: dict[str, Any], message: str) -> None:
    """A warning, which says what would be better."""
    usecase = config.load("local", "adult").usecase
    unwise = usecase.model_copy(update={"tuning": replace(usecase.tuning, **changes)})

    assert any(message in warning for warning in tuning_lint.warnings(unwise))


def test_a_search_that_is_off_gets_no_advice() -> None:
    """Nobody asked."""
    assert tuning_lint.warnings(config.load("local", "adult").without_search().usecase) == []

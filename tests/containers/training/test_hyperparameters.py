from __future__ import annotations

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st

from containers.training.hyperparameters import (
    ALIASES,
    BOOSTER,
    KNOWN,
    OBJECTIVES,
    from_command_line,
    parse,
    problems,
)

TWO_ROWS = np.array([[0.0, 1.0], [1.0, 0.0]])


def test_texts_get_their_types_back():
    """SageMaker hands over text; whole numbers, shares and names come out as what they are."""
    found = parse(
        {"problem": "binary", "rounds": "40", "eta": "0.3", "max_depth": "6.0", "booster": "gbtree"}
    )

    assert (found.problem, found.rounds) == ("binary", 40)
    assert dict(found.booster) == {"booster": "gbtree", "eta": 0.3, "max_depth": 6}


def test_what_aws_adds_is_not_taken_for_a_hyperparameter():
    """The toolkit hands a script SageMaker's own names too, such as a tuning job's objective."""
    assert parse({"problem": "binary", "_tuning_objective_metric": "validation:auc", "sagemaker_region": "x"})


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "problem is missing: one of binary, multiclass, regression"),
        ({"problem": "ranking"}, "problem must be one of binary, multiclass, regression, got 'ranking'"),
        (
            {"problem": "binary", "max_dept": "3"},
            "there is no hyperparameter 'max_dept'. Did you mean 'max_depth'?",
        ),
        ({"problem": "binary", "eta": "fast"}, "eta must be a number above 0 and at most 1, got 'fast'"),
        ({"problem": "binary", "eta": "0"}, "eta must be a number above 0 and at most 1, got '0'"),
        (
            {"problem": "binary", "subsample": "nan"},
            "subsample must be a number above 0 and at most 1, got 'nan'",
        ),
        ({"problem": "binary", "lambda": "inf"}, "lambda must be a number at least 0, got 'inf'"),
        ({"problem": "binary", "rounds": "1.5"}, "rounds must be a whole number at least 1, got '1.5'"),
        ({"problem": "binary", "rounds": "inf"}, "rounds must be a whole number at least 1, got 'inf'"),
        ({"problem": "binary", "tree_method": "exact"}, "tree_method must be one of hist, auto, got 'exact'"),
        ({"problem": "binary", "booster": "dart"}, "booster must be gbtree, got 'dart'"),
        ({"problem": "multiclass", "num_class": "1"}, "num_class must be a whole number at least 2, got '1'"),
        (
            {"problem": "binary", "objective": "reg:gamma"},
            "objective reg:gamma does not fit the problem binary, which has binary:logistic",
        ),
        (
            {"problem": "binary", "eta": "0.1", "learning_rate": "0.1"},
            "learning_rate is given twice: it is another name for eta",
        ),
        ({"problem": "binary", "eval_metric": "acu"}, "there is no eval_metric 'acu'. Did you mean 'auc'?"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(texts, message):
    """Each mistake gives one sentence with the name, the value and the right values."""
    assert problems(texts) == [message]


def test_all_mistakes_are_named_at_once():
    """Nobody has to start a job per mistake."""
    assert len(problems({"problem": "binary", "eta": "2", "depth": "x", "rounds": "0"})) == 3


OF_ONE_OBJECTIVE = {
    "reg:pseudohubererror": ["huber_slope"],
    "binary:logistic": ["scale_pos_weight"],
    "reg:tweedie": [name for name in BOOSTER if name not in ("objective", "huber_slope", "scale_pos_weight")],
}


@pytest.mark.parametrize("objective", OF_ONE_OBJECTIVE)
def test_xgboost_knows_every_booster_parameter(objective):
    """XGBoost warns of a name that it does not use; warnings are errors here."""
    samples = {
        "monotone_constraints": "(1,0)",
        "interaction_constraints": "[[0,1]]",
        "eval_metric": "rmse",
        "max_bin": "8",
    }
    settings: dict[str, object] = {"objective": objective, "max_bin": "8"}
    for name in OF_ONE_OBJECTIVE[objective]:
        settings[name] = samples.get(name) or (BOOSTER[name].choices or "1")[0]
    matrix = xgb.QuantileDMatrix(TWO_ROWS, [0.0, 1.0], max_bin=8)

    assert xgb.train(settings, matrix, 1).num_boosted_rounds() == 1


@pytest.mark.parametrize(("problem", "objective"), [(p, o) for p, names in OBJECTIVES.items() for o in names])
def test_every_objective_trains(problem, objective):
    """Each objective in the table is one of XGBoost's, and fits labels of its problem."""
    settings = {"objective": objective} | ({"num_class": 2} if problem == "multiclass" else {})
    labels = np.array([1.0, 2.0] if problem == "regression" else [0.0, 1.0])

    assert xgb.train(settings, xgb.QuantileDMatrix(TWO_ROWS, labels), 1).num_boosted_rounds() == 1


def test_the_command_line_gives_the_pairs_back():
    """The toolkit's ``--name value`` pairs arrive whole, negative numbers and unknown names included."""
    line = ["--base_score", "-1.5", "--eta=0.3", "--problem", "binary", "--what", "ever", "--flag"]

    assert from_command_line(line) == {
        "base_score": "-1.5", "eta": "0.3", "problem": "binary", "what": "ever", "flag": "",
    }  # fmt: skip


def test_help_lists_every_hyperparameter(capsys):
    """``--help`` is the reference."""
    with pytest.raises(SystemExit):
        from_command_line(["--help"])

    text = capsys.readouterr().out
    assert [name for name in KNOWN if f"--{name} " not in text] == []


def test_aliases_lead_to_names_that_exist():
    """An alias of nothing would be accepted and lost."""
    assert set(ALIASES.values()) <= set(KNOWN)


@given(st.dictionaries(st.sampled_from([*KNOWN, *ALIASES, "nonsense"]), st.text(max_size=8)))
def test_no_text_makes_it_crash(texts):
    """Whatever the values are, the answer is a list of sentences."""
    assert all(isinstance(problem, str) for problem in problems(texts))

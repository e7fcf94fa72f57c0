"""Settings: everything wrong is said at once, in one line each, with what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import config
from pipelines.errors import SettingsError, UsageError

GOOD = """
name = "small"
title = "A small one"
problem = "binary"
label = "bought"
positive = "yes"

[[facets]]
column = "sex"
values = ["f"]
limits = ["DI >= 0.8"]

[columns]
age = "integer"
sex = "string"
bought = "string"

[[flow]]
operator = "encode"
columns = ["sex"]
method = "ordinal"

[gate]
metric = "auc"
at_least = 0.8

[registry]
group = "small"
"""


def problems(folder: Path, text: str) -> tuple[str, ...]:
    file = folder / "small.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        config.load("local", str(file))
    return caught.value.problems


@pytest.mark.parametrize("environment", config.names(config.ENVIRONMENTS))
@pytest.mark.parametrize("usecase", config.names(config.USECASES))
def test_every_shipped_settings_file_is_right(environment: str, usecase: str) -> None:
    """Each environment goes with each use case."""
    loaded = config.load(environment, usecase)

    assert (environment, usecase) == (loaded.environment_name, loaded.usecase.name)


def test_a_settings_file_of_ones_own_is_named_by_its_path(tmp_path: Path) -> None:
    """A use case need not lie in this project."""
    file = tmp_path / "mine.toml"
    file.write_text(GOOD, encoding="utf-8")

    assert config.load("local", str(file)).usecase.name == "small"


# what is wrong, and the line that says so
MISTAKES = {
    'label = "bought"|label = "bougth"': "label: there is no column 'bougth'. Did you mean 'bought'?",
    'column = "sex"|column = "gender"': "facets: there is no column 'gender'. Known: age, bought, sex.",
    '[[facets]]\ncolumn = "sex"|facets = ["sex"]\n[unknown]\nx = "y"': (
        'facets: each facet is a table of its own: [[facets]], and below it column = "sex"'
    ),
    'column = "sex"\nvalues|colunm = "sex"\nvalues': "unknown setting 'facets.0.colunm'. Did you mean 'column'?",
    'limits = ["DI >= 0.8"]|limits = ["DPPI <= 0.8", "DI > 1"]': (
        "facets.0.limits: 'DPPI <= 0.8': there is no bias metric 'DPPI'. Did you mean 'DPPL'?; 'DI > 1' is no limit"
    ),
    'limits = ["DI >= 0.8"]|limits = ["|CDDPL| <= 0.1"]': (
        "facets: 'sex': |CDDPL| <= 0.1 needs fairness.group_variable, the column within whose values it compares"
    ),
    'column = "sex"|column = "bought"': "facets: 'bought' is the label; a facet is a group of rows",
    'sex = "string"|sex = "number"': "facets: 'sex' holds numbers: values must be one number",
    'sex = "string"|sex = "timestamp"': "facets: 'sex' holds points in time",
    '[columns]|[[facets]]\ncolumn = "sex"\nvalues = ["f"]\n[columns]': (
        "facets: sex ['f'] stands there twice"
    ),
    '[columns]|[fairness]\ngroup_variable = "regoin"\n[columns]': (
        "fairness.group_variable: there is no column 'regoin'"
    ),
    '[columns]|[fairness]\nlabel_values = ["yes"]\n[columns]': (
        "fairness.label_values: belongs to problems that are not binary; here it is 'positive'"
    ),
    'problem = "binary"\nlabel = "bought"\npositive = "yes"|problem = "multiclass"\nlabel = "bought"': (
        "fairness.label_values: say which values of the label are the good outcome"
    ),
    'problem = "binary"\nlabel = "bought"\npositive = "yes"|problem = "regression"\nlabel = "age"': (
        "fairness.label_values: give one number, above which the outcome is a good one"
    ),
    '\n[[facets]]\ncolumn = "sex"\nvalues = ["f"]\nlimits = ["DI >= 0.8"]\n|\n[fairness]\nreweigh = true\n': (
        "fairness.reweigh: weighs rows by facet and label, so it needs facets"
    ),
    'title = "A small one"|titel = "A small one"': "unknown setting 'titel'. Did you mean 'title'?",
    'problem = "binary"|problem = "binry"': (
        "problem: input should be 'binary', 'multiclass' or 'regression', got 'binry'"
    ),
    'positive = "yes"|': "positive: belongs to problem 'binary', which needs it: the label's value that counts as 1",
    'problem = "binary"|problem = "regression"': (
        "split.strategy: 'stratified' keeps the share of every class, and a regression has none; choose 'random'"
    ),
    "at_least = 0.8|at_lest = 0.8": "unknown setting 'gate.at_lest'. Did you mean 'at_least'?",
    "at_least = 0.8|at_least = 0.8\nat_most = 0.9": "gate: give one of at_least and at_most",
    'metric = "auc"|metric = "auk"': "gate.metric: 'auk' is not a metric of a binary problem. Did you mean 'auc'?",
    'age = "integer"|age = "int"': (
        "columns.age: input should be 'integer', 'number', 'string', 'boolean' or 'timestamp', got 'int'"
    ),
    "[columns]|[split]\ntest = 0.7\nvalidation = 0.4\n[columns]": (
        "split: validation (0.4) and test (0.7) leave no rows to train on"
    ),
    "[columns]|[split]\ntest = 1.5\n[columns]": "split.test: input should be less than 1, got 1.5",
    "[columns]|[training]\nrounds = 0\n[columns]": "training.rounds: input should be greater than or equal to 1, got 0",
    "[columns]|[training.booster]\nmax_dept = 3\n[columns]": (
        "training: there is no hyperparameter 'max_dept'. Did you mean 'max_depth'?"
    ),
    '[columns]|[evaluation]\nthreshold = "f2"\n[columns]': "evaluation.threshold: string should match",
    'name = "small"|name = "sm all"': (
        "name: string should match pattern '^[A-Za-z0-9](-?[A-Za-z0-9])*$', got 'sm all'"
    ),
}


@pytest.mark.parametrize(("edit", "message"), MISTAKES.items(), ids=list(MISTAKES.values()))
def test_a_mistake_is_named_with_its_place(tmp_path: Path, edit: str, message: str) -> None:
    """The line begins with the file's name and the setting's."""
    before, _, after = edit.partition("|")
    assert before in GOOD

    said = problems(tmp_path, GOOD.replace(before, after))

    assert any(problem.startswith(f"small.toml: {message}") for problem in said), said


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """Mistakes of both files come together."""
    environment = tmp_path / "here.toml"
    environment.write_text(
        'region = "Frankfurt"\naccount = "1"\nrole = "admin"\nbucket = "B"\n', encoding="utf-8"
    )
    usecase = tmp_path / "small.toml"
    usecase.write_text(GOOD.replace("title", "titel").replace("at_least", "at_lest"), encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        config.load(str(environment), str(usecase))

    assert sum(problem.startswith("here.toml: ") for problem in caught.value.problems) == 4
    assert sum(problem.startswith("small.toml: ") for problem in caught.value.problems) == 3


def test_a_file_that_is_not_toml_is_one_clear_line(tmp_path: Path) -> None:
    """The line says where."""
    (line,) = problems(tmp_path, "name = \n")

    assert line.startswith("small.toml: is not valid TOML: Invalid value (at line 1, column 8)")


@pytest.mark.parametrize(
    ("environment", "usecase"), [("lokal", "roaming"), ("local", "romaing"), ("local", "no.toml")]
)
def test_an_unknown_name_is_a_usage_error(environment: str, usecase: str) -> None:
    """Both kinds of settings suggest what there is."""
    with pytest.raises(UsageError, match=r"There is no .*(Did you mean|no\.toml)"):
        config.load(environment, usecase)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('instance_type = "m5.large"', "instance_type must start with 'ml.'"),
        ("spot = true\nmax_wait_minutes = 5", "max_wait_minutes (5) must not be below max_minutes (60)"),
        ("volume_gb = 0", "volume_gb must be at least 1, got 0"),
        ("volume = 3", "unknown setting 'training.volume'. Did you mean 'volume_gb'?"),
    ],
)
def test_a_machine_that_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The records of the steps check themselves."""
    local = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    environment = tmp_path / "here.toml"
    environment.write_text(f"{local}\n[training]\n{text}\n", encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        config.load(str(environment), "adult")

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'data_bias = "natve"',
            "checks.data_bias: input should be 'native', 'processing' or 'off', got 'natve'",
        ),
        ('data_drift = "off"', "unknown setting 'checks.data_drift'. "),
        ('fail_on_violation = ["data_bais"]', "checks.fail_on_violation"),
        (
            'model_bias = "native"\n[network]\nencrypted = true',
            "checks: model_bias cannot be 'native' here: [network] asks for a VPC, isolation or encryption",
        ),
    ],
)
def test_checks_that_cannot_be_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """With what would be right; the SDK's check steps have no network settings, which is no reason to run without."""
    local = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    environment = tmp_path / "here.toml"
    environment.write_text(f"{local}\n[checks]\n{text}\n", encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        config.load(str(environment), "adult")

    assert message in str(caught.value)


DEPLOY_MISTAKES = {
    'form = "natve"': "deploy.form: input should be 'off', 'native' or 'guarded', got 'natve'",
    "endpont = 'x'": "unknown setting 'deploy.endpont'. Did you mean 'endpoint'?",
    '[deploy.traffic]\nshift = "canry"': "deploy.traffic.shift: input should be 'all_at_once', 'canary' or 'linear'",
    "[deploy.traffic]\nwait = 3": "unknown setting 'deploy.traffic.wait'. ",
    '[[deploy.alarms]]\nmetrc = "x"': "unknown setting 'deploy.alarms.0.metrc'. Did you mean 'metric'?",
    "[deploy.serverless]\nmemory_mb = 3": "deploy.serverless: memory_mb must be 1024",
    "[deploy.serverless]\nmemory = 3": "unknown setting 'deploy.serverless.memory'. Did you mean 'memory_mb'?",
    'instance_type = "ml.c5.large"\nform = "guarded"': (
        "deploy.instance_type: 'ml.c5.large' is not among registry.instances (ml.m5.large)"
    ),
    'isolated = true\nform = "guarded"': "deploy.isolated: xgboost:3.2-0 fetches its program from S3",
    'form = "native"\n[deploy.capture]\npercent = 5': "deploy.capture: belongs to form 'guarded'",
}


@pytest.mark.parametrize(("text", "message"), DEPLOY_MISTAKES.items(), ids=list(DEPLOY_MISTAKES.values()))
def test_a_deployment_that_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """In a line of its own, with its place."""
    local = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8").partition("[deploy]")[0]
    environment = tmp_path / "here.toml"
    environment.write_text(f"{local}\n[deploy]\n{text}\n", encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        config.load(str(environment), "adult")

    assert any(each.startswith(f"here.toml: {message}") for each in caught.value.problems), caught.value


def test_every_mistake_of_a_deployment_is_reported_at_once(tmp_path: Path) -> None:
    """Those of the SDK's steps as well."""
    local = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    environment = tmp_path / "here.toml"
    environment.write_text(local.replace('form = "guarded"', 'form = "native"'), encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        config.load(str(environment), "adult")

    assert [each.split(":")[1].strip() for each in caught.value.problems] == [
        "deploy.traffic",
        "deploy.alarms",
    ]


def test_kernel_shap_asks_for_one_number_a_row(tmp_path: Path) -> None:
    """So it cannot explain a model of several classes; the other form can."""
    local = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    environment = tmp_path / "here.toml"
    environment.write_text(f'{local}\n[checks]\nexplainability = "native"\n', encoding="utf-8")
    usecase = tmp_path / "small.toml"
    usecase.write_text(
        GOOD.replace('positive = "yes"\n', "")
        .replace('"binary"', '"multiclass"')
        .replace('"auc"', '"accuracy"')
        + '\n[fairness]\nlabel_values = ["yes"]\n',
        encoding="utf-8",
    )

    with pytest.raises(
        SettingsError, match=r"here\.toml: checks\.explainability: 'native' asks for one number"
    ):
        config.load(str(environment), str(usecase))
    assert config.load("local", str(usecase)).usecase.problem == "multiclass"


def test_an_environment_with_a_name_shares_its_account_with_others() -> None:
    """Pipeline, package group, endpoint and folders are its own; without a name they are the use case's."""
    plain = config.load("local", "roaming")
    named = plain.model_copy(
        update={"environment": plain.environment.model_copy(update={"name": "fraud-staging"})}
    )

    assert (plain.pipeline_name, plain.group) == ("roaming-training", "roaming")
    assert (named.pipeline_name, named.group) == ("fraud-staging-roaming-training", "fraud-staging-roaming")
    assert named.deployment["endpoint"] == named.deployment["group"] == "fraud-staging-roaming"


def test_each_kind_of_job_may_have_a_role_of_its_own(tmp_path: Path) -> None:
    """What has none runs as the pipeline does; what is no role is an error with its place."""
    text = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    file = tmp_path / "own.toml"
    file.write_text(
        f'{text}\n[roles]\ntraining = "arn:aws:iam::123456789012:role/training"\n', encoding="utf-8"
    )
    environment = config.load(str(file), "roaming").environment
    roles = environment.roles.or_else(environment.role)

    assert roles.training == "arn:aws:iam::123456789012:role/training"
    assert roles.processing == roles.model == roles.deployer == environment.role

    file.write_text(f'{text}\n[roles]\nmodel = "admin"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="model must be the ARN of an IAM role, got 'admin'"):
        config.load(str(file), "roaming")

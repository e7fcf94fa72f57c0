"""Settings: two TOML files, where (an environment) and what (a use case), become one frozen ``Config``.

Every mistake of both files is reported at once, each with its place and what would be right. No SDK import.
The records of the files are pydantic models, which collect all their errors; unknown names are errors.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from containers.deployer.names import function
from containers.flow_schema import problems as flow_problems
from containers.metrics.limit import Limit
from containers.training.hyperparameters import parse
from containers.training.hyperparameters import problems as hyperparameter_problems
from pipelines import batch_checks, fairness_checks, tuning_checks
from pipelines.errors import SettingsError, UsageError, suggestion
from steps.deployment import Deployment
from steps.search import Tuning
from steps.settings import BatchTransform, Cache, Checks, Keys, Machine, Network, Retry, Roles, Tags

ENVIRONMENTS = Path(__file__).parent / "environments"
USECASES = Path(__file__).parent / "usecases"

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9])*$", max_length=40)]
ColumnType = Literal["integer", "number", "string", "boolean", "timestamp"]
PipelineName = Literal["training", "inference"]
R = TypeVar("R", bound="Record")
Paragraph = Annotated[str, Field(max_length=2048)]  # what a model card has room for
Fraction = Annotated[float, Field(gt=0, lt=1)]

# Metrics that a gate can hold a model to, by kind of problem; the evaluation report has more.
GATE_METRICS = {
    "binary": ("auc", "average_precision", "accuracy", "precision", "recall", "f1", "log_loss", "brier"),
    "multiclass": (
        "accuracy",
        "macro_f1",
        "weighted_f1",
        "macro_precision",
        "macro_recall",
        "log_loss",
        "auc",
    ),
    "regression": ("mse", "rmse", "mae", "r2"),
}


class Record(BaseModel):
    """A table of a settings file: frozen, and an unknown name in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Images(Record):
    """Container images; ``{account}`` and ``{region}`` are filled in."""

    processing: str = "{account}.dkr.ecr.{region}.amazonaws.com/sagemaker-pipelines-reference-processing:1"
    training: str = "xgboost:3.2-0"  # an AWS framework and version, or a full image URI
    serving: str | None = (
        None  # likewise; what registered models are hosted on, where not on the training image
    )


class Registry(Record):
    """Where registered models may be hosted, and how they start out."""

    approval: Literal["PendingManualApproval", "Approved", "Rejected"] = "PendingManualApproval"
    instances: tuple[str, ...] = ("ml.m5.large",)
    batch_instances: tuple[str, ...] = ("ml.m5.large",)


class Environment(Record):
    """Where a pipeline runs."""

    # What the names of pipelines, package groups and endpoints begin with, where several environments share an account.
    name: Name | Literal[""] = ""
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")]
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")] = (
        "sagemaker-pipelines-reference"
    )
    endpoint: Annotated[str, Field(pattern=r"^https?://")] | None = (
        None  # of the AWS API, where it is not AWS's own
    )
    parallel_steps: Annotated[int, Field(ge=1, le=200)] | None = None  # at most so many steps at a time
    images: Images = Images()
    processing: Machine = Machine()
    training: Machine = Machine()
    batch: BatchTransform = BatchTransform()
    roles: Roles = Roles()  # of the jobs; ``role`` is the pipeline's own
    network: Network = Network()
    keys: Keys = Keys()
    cache: Cache = Cache()
    retry: Retry = Retry()
    registry: Registry = Registry()
    checks: Checks = Checks()
    deploy: Deployment = Deployment()
    tags: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _give_native_checks_no_network(self) -> Self:
        if self.network != Network() and self.checks.native:
            raise ValueError(
                f"checks: {', '.join(self.checks.native)} cannot be 'native' here: [network] asks for a VPC, isolation "
                "or encryption, which the SDK's check steps cannot give to their jobs; choose 'processing'"
            )
        return self

    def called(self, name: str) -> str:
        """A name as it is in this environment."""
        return f"{self.name}-{name}" if self.name else name

    @property
    def root(self) -> str:
        """The S3 prefix of everything that this project writes."""
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def processing_image(self) -> str:
        """The image of our processing jobs."""
        return self.images.processing.format(account=self.account, region=self.region)

    @property
    def serving_image(self) -> str:
        """What registered models are hosted on."""
        return (self.images.serving or self.images.training).format(account=self.account, region=self.region)


class Source(Record):
    """Where raw rows come from and what they look like."""

    kind: Literal["s3"] = "s3"
    format: Literal["csv", "parquet"] = "csv"
    header: bool = True  # csv: the first line names the columns
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"  # csv
    missing: tuple[str, ...] = ()  # texts that mean "no value"; blank always does


class Split(Record):
    """How rows are parted before anything is fitted."""

    strategy: Literal["stratified", "random", "time"] = "stratified"
    order_by: str = ""  # time: the column by which rows are ordered, the newest are the test rows
    validation: Fraction = 0.15
    test: Fraction = 0.2
    seed: int = 0

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation ({self.validation}) and test ({self.test}) leave no rows to train on"
            )
        if (self.strategy == "time") != bool(self.order_by):
            raise ValueError("order_by belongs to strategy 'time', which needs it")
        return self


class Training(Record):
    """Hyperparameters of ``containers/training/train.py``."""

    rounds: Annotated[int, Field(ge=1)] = 300
    early_stopping_rounds: Annotated[int, Field(ge=0)] = 25
    seed: int = 0
    booster: Mapping[str, bool | int | float | str] = Field(default_factory=dict)  # by XGBoost's own names


class Evaluation(Record):
    """How the model is judged."""

    # binary, chosen on the validation rows: the best F1, the cheapest mistakes (cost=FALSE_ALARM:MISS), the best
    # recall at a precision (precision=0.9), or a fixed probability
    threshold: Annotated[
        str, Field(pattern=r"^(f1|cost=\d+(\.\d+)?:\d+(\.\d+)?|precision=0?\.\d+|0?\.\d+)$")
    ] = "f1"


class Gate(Record):
    """The bar that a model must meet on the test rows; the pipeline's parameter QualityBar overrides it."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    # By how much the new model must surely beat the approved one on the same test rows (0: at all); without it the
    # two are compared, and nothing is asked for.
    margin: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _have_one_bar(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give one of at_least and at_most")
        return self

    @property
    def direction(self) -> Literal["at_least", "at_most"]:
        """On which side of the bar a good model lies."""
        return "at_least" if self.at_least is not None else "at_most"

    @property
    def bar(self) -> float:
        """The bar itself."""
        bar = self.at_least if self.at_least is not None else self.at_most
        assert bar is not None  # noqa: S101 - the validator above saw to it
        return bar


class Facet(Record):
    """Whom a model must treat as it treats the others, and how far it may fail to."""

    column: str  # of the raw rows
    # Who must not be worse off: those with one of these values, or, of a column of numbers, those above the one.
    # Without values each value of the column is compared with all others.
    values: tuple[str | int | float | bool, ...] = ()
    limits: tuple[str, ...] = ()  # such as "|DPPL| <= 0.10"; a model that misses one is not registered

    @field_validator("limits")
    @classmethod
    def _be_limits(cls, limits: tuple[str, ...]) -> tuple[str, ...]:
        problems = []
        for limit in limits:
            try:
                Limit.parse(limit)
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return limits

    @property
    def parsed(self) -> list[Limit]:
        """The limits, read."""
        return [Limit.parse(limit) for limit in self.limits]


class Fairness(Record):
    """How fairness is measured, and whether training works towards it."""

    group_variable: str = ""  # raw column within whose values CDDL and CDDPL compare
    reweigh: bool = False  # train once more, with weights by which label and facets are independent
    # Not binary: the label's values that are the good outcome, or for a regression the one number above which it is.
    label_values: tuple[str | int | float, ...] = ()


class Group(Record):
    """The model package group of a use case."""

    group: Name


class Batch(Record):
    """How a batch of rows is scored."""

    max_bad_rows: Annotated[float, Field(ge=0, le=1)] = 0.01  # of all rows; with more of them the run fails
    # Folders of the scores: run_date, execution, or columns (of a time, its day). Without them: the day of the run, of
    # the use case's first time column the day, and the execution.
    partition_by: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


class Card(Record):
    """What people, and no measurement, know of a model: it goes into the model card as it stands here."""

    purpose: Paragraph = ""  # why there is the model; its title where nothing else is said
    intended_uses: Paragraph = ""
    factors: Paragraph = ""  # what makes it better or worse
    risk_rating: Literal["High", "Medium", "Low", "Unknown"] = "Unknown"
    risk_explanation: Paragraph = ""
    owner: Annotated[str, Field(max_length=1024)] = ""
    creator: Annotated[str, Field(max_length=1024)] = ""
    business_problem: Paragraph = ""
    stakeholders: Paragraph = ""
    line_of_business: Paragraph = ""
    ethical_considerations: Paragraph = ""
    caveats: Paragraph = ""


class UseCase(Record):
    """What a pipeline learns, from what, and how good it must be."""

    name: Name
    title: str
    problem: Literal["binary", "multiclass", "regression"]
    label: str
    positive: str | int | bool | None = None  # binary: the label's value that counts as 1
    facets: tuple[Facet, ...] = ()  # by what fairness is judged
    fairness: Fairness = Fairness()
    source: Source = Source()
    columns: Mapping[str, ColumnType]
    split: Split = Split()
    flow: tuple[Mapping[str, Any], ...] = ()
    training: Training = Training()
    tuning: Tuning = Tuning()
    evaluation: Evaluation = Evaluation()
    gate: Gate
    registry: Group
    card: Card = Card()
    batch: Batch = Batch()

    @field_validator("facets", mode="before")
    @classmethod
    def _have_tables(cls, facets: Any) -> Any:
        named = [each for each in facets if isinstance(each, str)] if isinstance(facets, list) else []
        if named:
            raise ValueError(
                f'each facet is a table of its own: [[facets]], and below it column = "{named[0]}"'
            )
        return facets

    @field_validator("columns")
    @classmethod
    def _have_columns(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
        if not columns:
            raise ValueError("name at least one column")
        return columns

    @property
    def hyperparameters(self) -> dict[str, bool | int | float | str]:
        """What the training script is told, as far as no search chooses it; booster parameters keep XGBoost's names."""
        searched = self.tuning.ranges if self.tuning.enabled else {}
        return {name: value for name, value in self.fixed.items() if name not in searched}

    @property
    def fixed(self) -> dict[str, bool | int | float | str]:
        """Every hyperparameter with the value that it has where nothing is searched."""
        training = self.training
        return {
            "problem": self.problem,
            "rounds": training.rounds,
            "early_stopping_rounds": training.early_stopping_rounds,
            "seed": training.seed,
            **training.booster,
        }

    @property
    def batch_partitions(self) -> tuple[str, ...]:
        """By what the scores are parted into folders."""
        if self.batch.partition_by is not None:
            return self.batch.partition_by
        times = [name for name, type_ in self.columns.items() if type_ == "timestamp"]
        return ("run_date", *times[:1], "execution")

    @property
    def seeds(self) -> dict[str, int]:
        """What chance is drawn from, by what draws; training's is a hyperparameter."""
        return {"split": self.split.seed, **({"tuning": self.tuning.seed} if self.tuning.enabled else {})}

    @property
    def search(self) -> Tuning:
        """The search, with what its settings leave to be known: the objective, and which way it gets better."""
        metric = parse({name: str(value) for name, value in self.fixed.items()}).metrics[-1]
        objective = self.tuning.objective or f"validation:{metric}"
        return replace(self.tuning, objective=objective, direction=tuning_checks.direction(objective))

    def cross_checks(self) -> list[str]:
        """What is wrong between the tables; each of them may be right by itself."""
        found = [
            f"{key}: there is no column '{column}'. {suggestion(column, self.columns)}"
            for key, column in self._columns_named()
            if column not in self.columns
        ]
        if (self.problem == "binary") != (self.positive is not None):
            found.append(
                "positive: belongs to problem 'binary', which needs it: the label's value that counts as 1"
            )
        if self.problem == "regression" and self.split.strategy == "stratified":
            found.append(
                "split.strategy: 'stratified' keeps the share of every class, and a regression has none; "
                "choose 'random' or 'time'"
            )
        if self.gate.metric not in GATE_METRICS[self.problem]:
            known = suggestion(self.gate.metric, GATE_METRICS[self.problem])
            found.append(
                f"gate.metric: '{self.gate.metric}' is not a metric of a {self.problem} problem. {known}"
            )
        found += fairness_checks.problems(self)
        texts = {name: str(value) for name, value in self.fixed.items()}
        found += [f"training: {problem}" for problem in hyperparameter_problems(texts)]
        found += tuning_checks.problems(self.tuning, texts)
        found += flow_problems(
            list(self.flow), dict(self.columns), self.label, multiclass=self.problem == "multiclass"
        )
        return found

    def _columns_named(self) -> list[tuple[str, str]]:
        named = [("label", self.label), *(("facets", facet.column) for facet in self.facets)]
        named += [("fairness.group_variable", self.fairness.group_variable)] * bool(
            self.fairness.group_variable
        )
        return [*named, ("split.order_by", self.split.order_by)] if self.split.order_by else named


class Config(Record):
    """Everything that building a pipeline needs to know."""

    environment_name: str
    environment: Environment
    usecase: UseCase
    pipeline: PipelineName = "training"

    @property
    def pipeline_name(self) -> str:
        """``<use case>-training``, or ``-inference``, after the environment's name where it has one."""
        return f"{self.called}-{self.pipeline}"

    @property
    def called(self) -> str:
        """The use case's name in this environment."""
        return self.environment.called(self.usecase.name)

    @property
    def group(self) -> str:
        """The model package group of the use case in this environment."""
        return self.environment.called(self.usecase.registry.group)

    @property
    def endpoint(self) -> str:
        """The endpoint that serves the use case in this environment."""
        return self.environment.deploy.name(self.called)

    @property
    def tags(self) -> Tags:
        """The project's and the use case's tags, and those of the environment."""
        environment = self.environment
        own = {"project": environment.prefix.split("/")[0], "usecase": self.usecase.name}
        return Tags({**own, **environment.tags})

    @property
    def deployment(self) -> dict[str, Any]:
        """``deployment.json``: which endpoint serves the newest approved package of the group, and how."""
        environment = self.environment
        return environment.deploy.document(
            usecase=self.called,
            group=self.group,
            role=environment.roles.model or environment.role,
            keys=environment.keys,
            network=environment.network,
            tags=self.tags,
            root=environment.root,
        )

    @property
    def deployer_arn(self) -> str:
        """The function that deploys, in this account and region."""
        environment = self.environment
        partition = environment.role.split(":")[1]
        name = function(self.endpoint)
        return f"arn:{partition}:lambda:{environment.region}:{environment.account}:function:{name}"

    def without_search(self) -> Config:
        """The same, but for one training job with the fixed hyperparameters where it searches."""
        tuning = replace(self.usecase.tuning, enabled=False)
        return self.model_copy(update={"usecase": self.usecase.model_copy(update={"tuning": tuning})})


def load(environment: str = "local", usecase: str = "roaming", pipeline: PipelineName = "training") -> Config:
    """Read the settings named ``environment`` and ``usecase``; a name is one of ours, or the path of a TOML file."""
    environment_file = _find(environment, ENVIRONMENTS, "environment")
    usecase_file = _find(usecase, USECASES, "use case")
    problems: list[str] = []
    read_environment = _read(environment_file, Environment, problems)
    read_usecase = _read(usecase_file, UseCase, problems)
    if read_usecase is not None:
        problems += [f"{usecase_file.name}: {problem}" for problem in read_usecase.cross_checks()]
        if pipeline == "inference":
            problems += [f"{usecase_file.name}: {problem}" for problem in batch_checks.problems(read_usecase)]
    if read_environment is not None and read_usecase is not None:
        problems += [f"{environment_file.name}: {each}" for each in _misfits(read_environment, read_usecase)]
    if problems or read_environment is None or read_usecase is None:
        raise SettingsError(problems)
    return Config(
        environment_name=environment_file.stem,
        environment=read_environment,
        usecase=read_usecase,
        pipeline=pipeline,
    )


def _misfits(environment: Environment, usecase: UseCase) -> list[str]:
    """What an environment asks for that a use case cannot do, or that cannot be deployed as it asks."""
    found = []
    if usecase.problem == "multiclass" and environment.checks.explainability == "native":
        found.append(
            "checks.explainability: 'native' asks for one number a row, and a multiclass model has one for each class; "
            "choose 'processing'"
        )
    return [*found, *(f"deploy.{each}" for each in _undeployable(environment, usecase))]


def _undeployable(environment: Environment, usecase: UseCase) -> Iterator[str]:
    """What of the table [deploy] does not go with itself or with the other tables."""
    deploy, hosts = environment.deploy, environment.registry.instances
    yield from deploy.problems(environment.called(usecase.name), environment.network)
    if deploy.form == "off" or deploy.serverless:
        return
    if deploy.instance_type not in hosts:
        yield (
            f"instance_type: '{deploy.instance_type}' is not among registry.instances ({', '.join(hosts)}), "
            "on which the package may be hosted"
        )
    image = environment.images.serving or environment.images.training
    if deploy.isolated and "/" not in image:
        yield (
            f"isolated: {image} fetches its program from S3 when it starts, for which it needs "
            "a network; an image of your own may have it inside"
        )


def names(folder: Path) -> list[str]:
    """The names of the settings files in ``folder``."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def _find(name: str, folder: Path, kind: str) -> Path:
    ours = folder / f"{name}.toml"
    if ours.is_file():
        return ours
    if name.endswith(".toml"):
        if Path(name).is_file():
            return Path(name)
        raise UsageError(f"There is no {kind} file '{name}'.")
    raise UsageError(
        f"There is no {kind} '{name}'. {suggestion(name, names(folder))} Or give the path of a TOML file."
    )


def _read(file: Path, record: type[R], problems: list[str]) -> R | None:
    """``file`` as a ``record``; what is wrong with it goes to ``problems``."""
    try:
        return record.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{file.name}: is not valid TOML: {error}")
    except ValidationError as error:
        problems += [f"{file.name}: {_explain(record, detail)}" for detail in error.errors(include_url=False)]
    return None


def _explain(record: type[Record], detail: ErrorDetails) -> str:
    """One of pydantic's errors in the words of a settings file."""
    place = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            known = _known(record, detail["loc"][:-1])
            return f"unknown setting '{place}'. {suggestion(str(detail['loc'][-1]), known)}"
        case "missing":
            return f"'{place}' is missing"
        case "value_error":
            return f"{place}: {detail['ctx']['error']}" if place else str(detail["ctx"]["error"])
        case _:
            return f"{place}: {detail['msg'][0].lower()}{detail['msg'][1:]}, got {detail['input']!r}"


def _known(record: Any, place: tuple[int | str, ...]) -> list[str]:
    """The names that the table at ``place`` may hold."""
    for part in place:
        if isinstance(part, int):  # one of several tables of a kind, such as the facets
            record = get_args(record)[0]
            continue
        fields = get_type_hints(_table(record))
        inner = fields[str(part)] if part in fields else record
        # A table of tables, such as the ranges of a search: what is below it has a name of the user's.
        record = get_args(inner)[-1] if get_origin(inner) is Mapping else inner
    return [
        name for name in get_type_hints(_table(record)) if not name.startswith("_") and name != "model_config"
    ]


def _table(record: Any) -> Any:
    """The record, where it is one that need not be there."""
    return next((each for each in get_args(record) if each is not type(None)), record)

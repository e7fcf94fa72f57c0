"""One tuning job on its way: starts trials, follows their logs, stops those that lag behind, and ends.

One thread for each tuning job. It wakes when a trial ends, and every few hundredths of a second while there are
logs to follow. Everything it knows is in the records, so a new process carries on where a killed one was.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local_sagemaker import logs
from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.errors import AwsError
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.jobs.shared_inputs import SharedInputs
from local_sagemaker.jobs.training import TrainingJobs
from local_sagemaker.records import Closed, Missing, Records
from local_sagemaker.settings import Settings
from local_sagemaker.tuning import completion, early_stopping, trials
from local_sagemaker.tuning.curve import Curve
from local_sagemaker.tuning.plan import Plan, training_request
from local_sagemaker.tuning.progress import Progress
from local_sagemaker.tuning.strategies import STRATEGIES, Draw, Past
from local_sagemaker.tuning.trials import Trial
from local_sagemaker.tuning.warm_start import Inheritance

Document = dict[str, Any]

_FOLLOWING = 0.03  # seconds between two looks at the logs
_PATIENCE = 5  # trials without any objective value, after which AWS gives a tuning job up
_LINES = 5  # of a log, in a reason


@dataclass(frozen=True)
class Ending:
    """How a tuning job ended; ``fields`` are further keys of its document."""

    status: str
    reason: str = ""
    fields: Document | None = None
    at_once: bool = True  # stop the trials that still run, rather than wait for them


class Run:
    """The life of one tuning job. ``stop`` and ``abandon`` may be called from any thread."""

    def __init__(
        self,
        document: Document,
        plan: Plan,
        inherited: Inheritance,
        *,
        settings: Settings,
        records: Records,
        control_plane: ControlPlane,
        runner: ProcessRunner,
        training_jobs: TrainingJobs,
    ) -> None:
        self._name: str = document["HyperParameterTuningJobName"]
        self._arn: str = document["HyperParameterTuningJobArn"]
        self._seed: int = document["_Seed"]
        self._started: float = document["CreationTime"]
        self._plan = plan
        self._inherited = inherited
        self._settings = settings
        self._records = records
        self._call = control_plane.call
        self._runner = runner
        self._training_jobs = training_jobs
        self._inputs = SharedInputs(inputs_folder(settings) / self._name)
        self._progress = Progress(
            logs.log_path(settings.logs, document["_LogGroup"], document["_LogStream"]), plan
        )
        # More at a time than there are cores would only queue, each chosen without knowing how the others end.
        self._parallel = min(plan.parallel, max(1, settings.cores))
        self._family = _task(f"{self._name}-")  # how the runner's names of the trials begin
        self._rule = _rule(plan)
        self._trials = [trials.read(each) for each in trials.summaries(records, self._name)]
        self._finished = [trial.name for trial in self._trials if trial.ended]  # in the order of their ends
        self._curves: dict[str, Curve] = {}
        self._verdicts: dict[str, early_stopping.Verdict] = {}
        self._told_to_stop: set[str] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._abandoned = threading.Event()

    def stop(self) -> None:
        """Start no more trials, and stop those that run."""
        self._stopping.set()
        self._wake.set()

    def abandon(self) -> None:
        """Leave everything as it is: the process goes down, and the next one carries on."""
        self._abandoned.set()
        self._wake.set()

    def live(self) -> Ending | None:
        """From the first trial to the last; None when it was abandoned. Raises Closed."""
        try:
            ending = self._live()
        finally:
            self._runner.expect(self._family, 0)
        if ending is not None:  # an abandoned run has trials that still read
            self._inputs.close()
        return ending

    def _live(self) -> Ending | None:
        self._progress.begin(self._inherited)
        for trial in self._trials:
            self._follow(trial)
        over: Ending | None = None
        while not self._abandoned.is_set():
            self._wake.clear()
            self._look()
            over = over or self._enough()
            running = self._running()
            if over is None:
                self._fill(len(running))
            elif not running:
                return self._last_word(over)
            elif over.at_once or self._stopping.is_set():
                for trial in running:
                    self._stop_trial(trial)
            self._wake.wait(self._pause())
        return None

    def give_up(self) -> None:
        """Something unforeseen ended the run: leave no trial behind."""
        for trial in self._running():
            self._stop_trial(trial)
            change = {"TrainingJobStatus": "Stopped", "ObjectiveStatus": "Failed"}
            self._records.update(trials.kind(self._name), trial.name, change)
        self._inputs.close()

    # What the trials do.

    def _running(self) -> list[Trial]:
        return [trial for trial in self._trials if not trial.ended]

    def _look(self) -> None:
        for index, trial in enumerate(self._trials):
            if trial.ended:
                continue
            job = self._records.get("TrainingJob", trial.name) or _gone(trial)
            if job["TrainingJobStatus"] not in trials.RUNNING:
                self._trials[index] = self._ended(trial, job)
            elif self._rule and trial.name in self._curves and trial.name not in self._told_to_stop:
                self._judge(trial, self._curves[trial.name], self._rule)

    def _judge(self, trial: Trial, curve: Curve, rule: early_stopping.Rule) -> None:
        curve.read()
        # AWS compares with the averages of earlier jobs; Hyperband's rungs are open to all, and compare values.
        others = (
            [each.values for name, each in self._curves.items() if name != trial.name]
            if self._plan.resources
            else [each.averages for each in self._curves.values() if each.number < trial.number]
        )
        verdict = early_stopping.judge(rule, curve.values, curve.judged, others)
        curve.judged = len(curve.values)
        if verdict:
            self._verdicts[trial.name] = verdict
            self._stop_trial(trial)

    def _stop_trial(self, trial: Trial) -> None:
        if trial.name not in self._told_to_stop:
            self._told_to_stop.add(trial.name)
            with suppress(AwsError):  # it has just ended
                self._call("StopTrainingJob", {"TrainingJobName": trial.name})

    def _ended(self, trial: Trial, job: Document) -> Trial:
        """Write down how a trial ended."""
        curve = self._curves.get(trial.name)
        if curve:
            curve.read()
        objective = self._plan.definitions[trial.definition].objective
        outcome = trials.outcome(
            job, curve.last if curve else None, objective.metric, minimize=objective.minimize
        )
        verdict = self._verdicts.get(trial.name)
        if verdict and job["TrainingJobStatus"] == "Stopped":
            outcome["_StoppedEarly"] = {"Round": verdict.round, "Value": verdict.value, "Bar": verdict.bar}
        summary = self._records.update(trials.kind(self._name), trial.name, outcome)
        self._records.update("HyperParameterTuningJob", self._name, {"LastModifiedTime": time.time()})
        self._finished.append(trial.name)
        self._progress.ended(summary, trials.summaries(self._records, self._name))
        return trials.read(summary)

    # New trials.

    def _fill(self, running: int) -> None:
        """Start as many trials as there is room for."""
        left = self._plan.trials - self._counted()
        room = min(self._parallel - running, left)
        self._runner.expect(self._family, min(self._parallel, running + left))
        new = [self._propose() for _ in range(room)]
        for trial in new:  # all before the first starts: a job alone would take every core
            self._runner.announce(_task(trial.name))
        for trial in new:
            self._start(trial)

    def _counted(self) -> int:
        """Trials that count towards the limit: one that was lost does not, until it has been repeated."""
        return len({trial.number for trial in self._trials}) - len(self._to_repeat())

    def _to_repeat(self) -> list[Trial]:
        """Trials that were lost, and not repeated yet. What is lost twice is not tried a third time."""
        repeated = {trial.retries for trial in self._trials}
        return [
            trial for trial in self._trials if trial.lost and not trial.retries and trial.name not in repeated
        ]

    def _propose(self) -> Trial:
        lost = next(iter(self._to_repeat()), None)
        if lost:
            draw, number = Draw(lost.definition, lost.values), lost.number
        else:
            number = 1 + max((trial.number for trial in self._trials), default=-1)
            propose = STRATEGIES[self._plan.strategy]
            minimize = self._plan.minimize
            draw = propose(self._plan.space, self._history(), number, self._seed, minimize=minimize)
        name = f"{self._name}-{len(self._trials) + 1:03}-{secrets.token_hex(4)}"
        trial = Trial(name, number, draw.definition, draw.values, retries=lost.name if lost else "")
        self._trials.append(trial)
        return trial

    def _history(self) -> list[Past]:
        own = [
            Past(Draw(trial.definition, trial.values), trial.objective)
            for trial in self._trials
            if trial.objective is not None or not trial.ended
        ]
        return [*self._inherited.history, *own]

    def _start(self, trial: Trial) -> None:
        summary = trials.summary(trial, self._arn)
        self._records.create(trials.kind(self._name), trial.name, summary)
        definition = self._plan.definitions[trial.definition]
        self._training_jobs.lend(self._inputs, trial.name)
        try:
            self._call("CreateTrainingJob", training_request(definition, trial.name, trial.values))
        except AwsError as error:
            self._training_jobs.take_back(trial.name)
            self._runner.withdraw(_task(trial.name))
            job = {"TrainingJobStatus": "Failed", "FailureReason": f"ClientError: {error.message}"}
            self._trials[self._trials.index(trial)] = self._ended(trial, job)
            self._wake.set()
            return
        self._records.update("TrainingJob", trial.name, {"TuningJobArn": self._arn})
        self._follow(trial)

    def _follow(self, trial: Trial) -> None:
        """Find the trial's log, and wake up at its end."""
        job = self._records.get("TrainingJob", trial.name)
        if job is None:
            return
        log = logs.log_path(self._settings.logs, job["_LogGroup"], job["_LogStream"])
        objective = self._plan.definitions[trial.definition].objective
        self._curves[trial.name] = Curve(log, objective.found_by, trial.number)
        if not trial.ended:
            name = f"await {trial.name}"
            threading.Thread(target=self._await, args=(trial.name,), name=name, daemon=True).start()
        elif self._rule:  # later trials are measured by it
            self._curves[trial.name].read()

    def _await(self, name: str) -> None:
        """Wake the run when the training job has ended."""
        with suppress(Missing, Closed):
            self._records.wait(
                "TrainingJob", name, lambda job: job["TrainingJobStatus"] not in trials.RUNNING
            )
        self._wake.set()

    # When it is enough.

    def _enough(self) -> Ending | None:
        """How the tuning job ends, once it needs no more trials."""
        if self._stopping.is_set():
            return Ending("Stopped")
        if self._fruitless():
            return Ending("Failed")
        if self._plan.seconds is not None and self._seconds_left() <= 0:
            return Ending("Completed", fields={"_CompletedBecause": "MaxRuntimeInSeconds is over"})
        reached = self._criterion()
        if reached:
            return Ending("Completed", fields=reached)
        return Ending("Completed", at_once=False) if self._counted() >= self._plan.trials else None

    def _last_word(self, ending: Ending) -> Ending:
        """Without one objective value, a tuning job has failed."""
        if ending.status == "Stopped" or self._values():
            return ending
        return replace(ending, status="Failed", reason=self._why_nothing())

    def _values(self) -> list[float]:
        """The objectives, in the order in which the trials ended."""
        found = {trial.name: trial.objective for trial in self._trials}
        return [value for name in self._finished if (value := found[name]) is not None]

    def _criterion(self) -> Document:
        """What is to be said of the completion criterion that is met; empty while none is."""
        values, minimize = self._values(), self._plan.minimize
        dimensions = max(len(each.ranges) for each in self._plan.definitions.values())
        reached = completion.reached(self._plan.criteria, values, dimensions, minimize=minimize)
        if not reached:
            return {}
        details: Document = {
            "NumberOfTrainingJobsObjectiveNotImproving": completion.not_improving(values, minimize=minimize)
        }
        if self._plan.criteria.convergence and completion.converged(values, dimensions, minimize=minimize):
            details["ConvergenceDetectedTime"] = time.time()
        return {"TuningJobCompletionDetails": details, "_CompletedBecause": reached}

    def _fruitless(self) -> bool:
        """Whether it is of no use to try on."""
        ended = sum(trial.ended for trial in self._trials)
        return ended >= min(_PATIENCE, self._plan.trials) and not self._values() and not self._to_repeat()

    def _why_nothing(self) -> str:
        failed = [trial for trial in self._trials if trial.status == "Failed"]
        if failed:
            return (
                f"No training job succeeded after {len(self._trials)} attempts. The first that failed, "
                f"{failed[0].name}: {failed[0].reason}"
            )
        if not self._trials:
            return "No training job was started in the time that there was."
        first = self._trials[0]
        objective = self._plan.definitions[first.definition].objective
        curve = self._curves.get(first.name)
        printed = "\n".join(logs.tail(curve.log, _LINES)) if curve else ""
        return (
            f"No training job printed the objective metric {objective.metric!r}: nothing in their logs matches the "
            f"regular expression {objective.found_by.pattern.pattern!r}. The last lines that {first.name} printed:\n"
            f"{printed or '(none)'}"
        )

    def _pause(self) -> float | None:
        """Seconds to sleep, unless something happens."""
        if self._rule is not None and self._running():
            return _FOLLOWING
        return max(0.01, self._seconds_left()) if self._plan.seconds is not None else None

    def _seconds_left(self) -> float:
        return self._started + (self._plan.seconds or 0) - time.time()


def inputs_folder(settings: Settings) -> Path:
    """Where the data lies that the trials of each tuning job share, for as long as it runs."""
    return settings.jobs / "hyper-parameter-tuning-job"


def _rule(plan: Plan) -> early_stopping.Rule | None:
    if plan.resources:
        return early_stopping.successive_halving(*plan.resources, minimize=plan.minimize)
    return early_stopping.against_median(minimize=plan.minimize) if plan.early_stopping else None


def _task(training_job: str) -> str:
    """What the runner calls a training job."""
    return f"training-job/{training_job}"


def _gone(trial: Trial) -> Document:
    """For a trial whose training job was never made: the server was killed between the two."""
    return {
        "TrainingJobName": trial.name,
        "TrainingJobStatus": "Failed",
        "FailureReason": "InternalServerError: The local SageMaker was stopped before this job began.",
    }

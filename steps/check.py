"""A check as an ordinary processing job: what AWS's check steps do, for accounts in which they are closed."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.functions import Join

from containers import checks
from containers.checks import Check
from steps.checked import Checked, Files, Switches
from steps.context import StepContext
from steps.processing import output_uri, processing_step
from steps.settings import Code, Machine


def check_step(
    context: StepContext,
    check: Check,
    image: str,
    machine: Machine,
    code: Code,
    *,
    group: str,
    switches: Switches,
    inputs: Mapping[str, StrPipeVar],
) -> Checked:
    """Compare ``inputs`` with the baseline that the latest approved package of ``group`` carries.

    The job asks the registry itself, so it keeps its network; and it is not cached, for the registry may have changed.
    Its report is there even when a violation fails it.
    """
    step = processing_step(
        context,
        check.name,
        module="check",
        package="containers.analyzer",
        image=image,
        machine=machine,
        code=code,
        inputs=inputs,
        outputs=[checks.OUTPUT],
        arguments=[
            *("--check", check.name, "--group", group),
            *("--skip", switches.skip.to_string(), "--register", switches.register.to_string()),
            *("--fail", switches.fail.to_string()),
        ],
        reaches_out=True,
        cached=False,
        upload="Continuous",
    )
    output = output_uri(step, checks.OUTPUT)
    config = None if check.statistics_file else f"{code.settings}/{check.settings_file}"
    return Checked(check, step, _files(check, output), _files(check, output, checks.BASELINE), config)


def _files(check: Check, *folders: StrPipeVar) -> Files:
    def file(name: str) -> Join:
        return Join(on="/", values=[*folders, name])

    return Files(file(check.constraints_file), file(check.statistics_file) if check.statistics_file else None)

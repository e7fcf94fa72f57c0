"""One invocation of a function as a process: its code, its environment, its limits, its log, its answer."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_sagemaker.errors import AwsError, UnsupportedOperation
from local_sagemaker.functions import bootstrap
from local_sagemaker.jobs import container
from local_sagemaker.settings import Settings

LOG_TAIL = 4096  # bytes of the log that an answer may carry
_MEGABYTE = 1024 * 1024
_LOOK = 0.05  # seconds between two looks at a process's memory


@dataclass(frozen=True)
class Function:
    """One version of a function."""

    name: str
    arn: str
    version: str
    runtime: str
    handler: str
    code: bytes  # the zip file
    timeout: float  # seconds
    memory: int  # megabytes
    environment: Mapping[str, str]
    role: str = ""  # its ARN


@dataclass(frozen=True)
class Invocation:
    """What came of it: ``payload`` is the answer, or the error where ``error`` says Handled or Unhandled."""

    payload: bytes
    log: str
    version: str
    error: str = ""


def invoke(function: Function, payload: bytes, settings: Settings) -> Invocation:
    """Run it and wait. Raises AwsError where it cannot be run at all."""
    _check(function)
    code = _unpacked(function, settings)
    request = str(uuid.uuid4())
    with tempfile.TemporaryDirectory(prefix="invocation-") as scratch:
        answer, log = Path(scratch, "answer"), Path(scratch, "log")
        started = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, bootstrap.__file__, str(answer)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=code,
                env=_environment(function, code, request, settings),
                start_new_session=True,
            )
            with _ended(process), _memory_watched(process, function.memory) as exceeded:
                killed = _feed(process, payload, function.timeout)
        text = log.read_text(encoding="utf-8", errors="replace")
        took = (time.monotonic() - started) * 1000
        whole = f"START RequestId: {request} Version: {function.version}\n{text}" + (
            "" if text.endswith("\n") or not text else "\n"
        )
        whole += f"END RequestId: {request}\nREPORT RequestId: {request}\tDuration: {took:.2f} ms\t"
        whole += f"Memory Size: {function.memory} MB\n"
        if killed:
            message = f"RequestId: {request} Error: Task timed out after {function.timeout:.2f} seconds"
            return _failed(function, whole, "Sandbox.Timedout", message)
        if exceeded.is_set() or not answer.is_file():
            how = _how(process.returncode)
            return _failed(
                function,
                whole,
                "Runtime.ExitError",
                f"RequestId: {request} Error: Runtime exited with error: {how}",
            )
        error = "Unhandled" if process.returncode else ""
        return Invocation(answer.read_bytes(), whole, function.version, error)


def _check(function: Function) -> None:
    if not function.runtime.startswith("python"):
        raise UnsupportedOperation(
            f"The local SageMaker runs Lambda functions of Python runtimes; {function.name} is of {function.runtime!r}."
        )


def _unpacked(function: Function, settings: Settings) -> Path:
    """The function's code as files: once for each content."""
    folder = settings.folder / "functions" / hashlib.sha256(function.code).hexdigest()[:32]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        with zipfile.ZipFile(io.BytesIO(function.code)) as archive:
            archive.extractall(building)  # zipfile keeps every member below the folder
    except zipfile.BadZipFile as error:
        shutil.rmtree(building, ignore_errors=True)
        raise AwsError(
            f"The code of {function.name} is no zip file: {error}", code="InvalidZipFileException", status=502
        ) from None
    try:
        building.rename(folder)
    except OSError:  # another invocation was faster
        shutil.rmtree(building, ignore_errors=True)
    return folder


def _environment(function: Function, code: Path, request: str, settings: Settings) -> dict[str, str]:
    stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{request.replace('-', '')}"
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": tempfile.gettempdir(),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        **container.environment(settings, network=True, role=function.role),
        **function.environment,
        "LAMBDA_TASK_ROOT": str(code),
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "_LOCAL_INVOKED_ARN": function.arn,
        "_LOCAL_REQUEST_ID": request,
        "_LOCAL_TIMEOUT": str(function.timeout),
    }


def _feed(process: subprocess.Popen[bytes], payload: bytes, seconds: float) -> bool:
    """Hand over the event and wait; whether the time was not enough."""
    try:
        process.communicate(payload or b"{}", timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens, nothing of the invocation is left."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def _memory_watched(process: subprocess.Popen[bytes], megabytes: int) -> Iterator[threading.Event]:
    """Kill the process where it takes more than it may; the event says whether that was done."""
    exceeded, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK):
            if _resident(process.pid) > megabytes * _MEGABYTE:
                exceeded.set()
                process.kill()
                return

    thread = threading.Thread(target=watch, name="memory of a function", daemon=True)
    thread.start()
    try:
        yield exceeded
    finally:
        over.set()
        thread.join()


def _resident(pid: int) -> int:
    """Bytes in memory; 0 where nobody says (a process that has ended, macOS)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _how(code: int) -> str:
    return f"signal: {signal.strsignal(-code).lower()}" if code < 0 else f"exit status {code}"  # type: ignore[union-attr]


def _failed(function: Function, log: str, kind: str, message: str) -> Invocation:
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return Invocation(payload, f"{log}{message}\n", function.version, "Unhandled")

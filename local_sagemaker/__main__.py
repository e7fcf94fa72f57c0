"""The command line: ``python -m local_sagemaker serve | env | status | stop | reset``."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import logging
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

from local_sagemaker.environment import environment, exports, past_proxies, to_unset
from local_sagemaker.front import HEALTH
from local_sagemaker.project_images import project_images, project_serving
from local_sagemaker.settings import Settings
from local_sagemaker.state_folder import Server, SettingsError, StateFolder

FOLDER = Path(".local-sagemaker")
_LOG = "server.log"
_STOPPING = 30.0  # seconds: jobs get a moment to end
_STARTING = 60.0
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # kill, Ctrl-C, a closed terminal

_EPILOG = """examples:
  python -m local_sagemaker serve                     serve until Ctrl-C
  python -m local_sagemaker serve --background        serve, and return when ready
  python -m local_sagemaker serve --enforce-iam       … and refuse what the caller's policies do not allow
  eval "$(python -m local_sagemaker env)"             point this shell's AWS clients at it
  python -m local_sagemaker env --shell fish | source
  aws sagemaker list-pipelines                        … which then works, as do boto3 and the SDK
  python -m local_sagemaker stop
  python -m local_sagemaker reset --yes               delete all of its state
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # a folder's name may have letters that LANG=C has not
    chosen = _parser().parse_args(arguments)
    chosen.folder = chosen.folder.resolve()
    try:
        status: int = chosen.run(chosen)
    except SettingsError as error:
        print(f"local_sagemaker: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a folder that may not be written, a full disk
        print(f"local_sagemaker: {error.filename or 'the output'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def serve(chosen: argparse.Namespace) -> int:
    """Serve until told to stop."""
    settings = Settings(
        chosen.folder,
        port=chosen.port,
        region=chosen.region,
        images=project_images(Path.cwd()),
        serving=project_serving(Path.cwd()),
        project=Path.cwd(),
        **({"cores": chosen.cores} if chosen.cores else {}),
        loaded_models=chosen.loaded_models,
        enforce_iam=chosen.enforce_iam,
    )
    return _in_background(settings) if chosen.background else _in_foreground(settings)


def env(chosen: argparse.Namespace) -> int:
    """Print what a shell needs."""
    folder, server = _running(chosen.folder)
    if server is None:
        return 1
    variables = {**environment(folder.settings(), server.url), **past_proxies(os.environ)}
    print(exports(variables, to_unset(os.environ), chosen.shell))
    return 0


def status(chosen: argparse.Namespace) -> int:
    """Say what runs; 1 if nothing does."""
    folder, server = _running(chosen.folder)
    if server is None:
        return 1
    try:
        with urlopen(f"{server.url}{HEALTH}", timeout=5) as answer:  # noqa: S310 - our own loopback address
            health = json.load(answer)
    except OSError as error:
        print(
            f"process {server.pid} holds {folder.path} but {server.url} does not answer: {error}",
            file=sys.stderr,
        )
        return 1
    print(f"local SageMaker {health['version']} at {server.url}")
    print(f"process {health['pid']}, up {health['uptime_seconds']:.0f} s, state in {folder.path}")
    return 0


def stop(chosen: argparse.Namespace) -> int:
    """End the server that serves the folder, and wait until it has ended."""
    folder, server = _running(chosen.folder)
    if server is None:
        return 0
    if server.embedded:
        print(
            f"it is served from inside process {server.pid} (a test or notebook): end it there",
            file=sys.stderr,
        )
        return 1
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(server.pid, signal.SIGTERM)
    if not folder.wait_until_free(_STOPPING):
        print(f"process {server.pid} has not ended within {_STOPPING:.0f} s", file=sys.stderr)
        return 1
    print(f"stopped process {server.pid}")
    return 0


def reset(chosen: argparse.Namespace) -> int:
    """Delete the state folder."""
    folder = StateFolder(chosen.folder)
    if not folder.path.exists():
        print(f"nothing to delete: {folder.path} does not exist")
        return 0
    if not chosen.yes and not _agrees(folder.path):
        print("nothing deleted")
        return 1
    folder.wipe()
    print(f"deleted {folder.path}")
    return 0


def _agrees(path: Path) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError("reset asks before it deletes, and nobody can answer here; say --yes")
    return input(f"Delete {path} with every bucket, job and pipeline in it? [y/N] ").strip().lower() in (
        "y",
        "yes",
    )


def _running(path: Path) -> tuple[StateFolder, Server | None]:
    folder = StateFolder(path)
    server = folder.server()
    if server is None:
        print(
            f"no local SageMaker is running on {path}; start one: python -m local_sagemaker serve --background",
            file=sys.stderr,
        )
    return folder, server


def _in_foreground(settings: Settings) -> int:
    from local_sagemaker.application import LocalSageMaker  # the other commands do without its 0.3 s

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # A pipe, not a threading.Event: a handler runs in the thread that waits, perhaps while that holds the event's lock.
    ended, end = os.pipe()
    local = LocalSageMaker(settings)
    for number in _ENDING:
        signal.signal(number, lambda *_: os.write(end, b"!"))
    try:
        local.start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise SettingsError(f"{error.strerror}; choose another with --port") from None
    except ValueError as error:
        raise SettingsError(str(error)) from None
    except sqlite3.Error as error:
        raise SettingsError(f"{settings.database}: {error}") from None
    print(f"local SageMaker ready at {local.url}, state in {settings.folder}", flush=True)
    os.read(ended, 1)
    for number in _ENDING:  # a second one ends it at once
        signal.signal(number, signal.SIG_DFL)
    local.stop()
    return 0


def _in_background(settings: Settings) -> int:
    folder = StateFolder(settings.folder)
    folder.prepare(settings)
    command = [sys.executable, "-m", "local_sagemaker", "serve", "--folder", str(settings.folder)]
    command += ["--port", str(settings.port), "--region", settings.region, "--cores", str(settings.cores)]
    command += ["--loaded-models", str(settings.loaded_models)]
    command += ["--enforce-iam"] if settings.enforce_iam else []
    log = settings.folder / _LOG
    child: subprocess.Popen[bytes] | None = None
    try:
        with log.open("a") as output, _deferred(signal.SIGINT):
            start = output.tell()
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        return _until_ready(folder, child, log, start)
    except BaseException:  # Ctrl-C as well: what is not ready must not be left behind
        if child is not None:
            child.terminate()
        raise


@contextlib.contextmanager
def _deferred(number: signal.Signals) -> Iterator[None]:
    """A signal that comes meanwhile is dealt with afterwards."""
    came: list[int] = []
    before = signal.signal(number, lambda *_: came.append(number))
    try:
        yield
    finally:
        signal.signal(number, before)
    if came:
        signal.raise_signal(number)


def _until_ready(folder: StateFolder, child: subprocess.Popen[bytes], log: Path, start: int) -> int:
    deadline = time.monotonic() + _STARTING
    while time.monotonic() < deadline:
        server = folder.server()
        if server is not None and server.pid == child.pid:
            print(f"local SageMaker ready at {server.url}, state in {folder.path}, log in {log}")
            return 0
        if child.poll() is not None:
            sys.stderr.write(log.read_bytes()[start:].decode(errors="replace"))
            return child.returncode
        time.sleep(0.02)
    raise SettingsError(f"the local SageMaker did not become ready within {_STARTING:.0f} s; its log: {log}")


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return read


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a region's name, such as us-east-1")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_sagemaker",
        description="A local SageMaker: one process on loopback that speaks the AWS API and really runs every job.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__, help=text, description=text[:1].upper() + text[1:] + ".")
        added.add_argument(
            "--folder",
            type=Path,
            default=FOLDER,
            metavar="PATH",
            help=f"the state folder (default: {FOLDER})",
        )
        added.set_defaults(run=run)
        return added

    serving = command(serve, "serve until Ctrl-C or stop")
    serving.add_argument(
        "--port", type=_number(0, 65535), default=7077, help="0 takes a free one (default: 7077)"
    )
    serving.add_argument(
        "--region",
        type=_region,
        default="us-east-1",
        help="the region it pretends to be (default: us-east-1)",
    )
    serving.add_argument(
        "--cores", type=_number(1, 4096), help="what all jobs together may use (default: all)"
    )
    serving.add_argument(
        "--loaded-models",
        type=_number(1, 4096),
        default=16,
        metavar="N",
        help="what a multi-model container holds at a time (default: 16)",
    )
    serving.add_argument(
        "--enforce-iam",
        action="store_true",
        help="let IAM's policies decide about requests to S3 and SageMaker (default: everybody may do everything)",
    )
    serving.add_argument(
        "--background", action="store_true", help=f"return when ready; log in <folder>/{_LOG}"
    )
    printing = command(env, "print the environment that points AWS clients at the running server")
    printing.add_argument("--shell", choices=("sh", "fish", "json"), default="sh", help="(default: sh)")
    command(status, "say what is running")
    command(stop, "end the running server")
    resetting = command(reset, "delete the state folder with everything in it")
    resetting.add_argument("--yes", action="store_true", help="do not ask")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The local cloud in the foreground, until Ctrl-C: `make up`, `usher local up`, `python -m usher_local.cloud`."""

import argparse
import logging
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

from usher_local.clock import Clock
from usher_local.cloud.disk import FullDisk, full_disk, remedy
from usher_local.paths import stack_folder

LAST_PORT = 65535
UNITS = {"ms": 0.001, "s": 1.0}
SWITCH = {"on": True, "off": False}
OUTPUTS = {"API": "ApiUrl", "BUCKET": "BucketName", "TABLE": "TableName"}
"""Environment variables of the line `ready`, with the stack's outputs as their values."""
PORTS = {"AWS_PORT": 4566, "API_PORT": 3000, "UI_PORT": 8080}
PAUSE_SECONDS = 2
"""The real seconds that a person needs between two files."""


def end_once(ended: threading.Event) -> None:
    """End at the first signal and ignore later ones, which would deadlock on the Event's lock."""
    handle_signals(signal.SIG_IGN)
    ended.set()


def handle_signals(handler: Any) -> None:
    """Set one handler for Ctrl-C and SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def run(options: argparse.Namespace) -> int:
    """Run the local cloud. Returns the exit status.

    0 after Ctrl-C or SIGTERM; 2 if a port is taken, the disk is full, or the template or the machine does not fit.
    `options` are those of `add_options`.
    """
    # Before the imports below, which take most of the start, so that a signal ends it meanwhile, too.
    ended = threading.Event()
    handle_signals(lambda *_: end_once(ended))
    os.umask(0o077)  # only this user may read files of this process, in STATE and elsewhere
    disk, handler = FullDisk(ended, options.state), logging.StreamHandler(sys.stdout)
    handler.addFilter(disk)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=[handler])
    logging.getLogger("usher_local").setLevel(logging.INFO)
    # It logs the whole state of a state machine for each error; `step_functions.executions` logs one line.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    from usher_local.cloud.aws_lambda.python import chosen

    try:
        python = chosen()
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    stack = options.template.name if options.template else "without a stack"
    runs = f"functions run on Python {python.version} ({python.executable}) in a {options.account} account"
    minute = f"a simulated minute takes {60 / options.speed.speed:.3g} s"
    say(f"starting {stack}; {runs}; {minute}; SEED={options.seed}")
    from usher_local.cloud import page
    from usher_local.cloud.aws_lambda.limits import ACCOUNTS
    from usher_local.cloud.http_api.apis import PortTakenError
    from usher_local.cloud.server import LocalCloud
    from usher_local.personalize import Pacing

    try:
        with LocalCloud(
            options.template,
            options.aws_port,
            options.api_port,
            options.speed,
            parameters=parameters_of(options.template, options.speed),
            state=options.state,
            limits=ACCOUNTS[options.account],
            seed=options.seed,
            pacing=Pacing(options.latency, options.serving_latency, options.throttle),
        ) as cloud:
            outputs = {name: cloud.outputs[output] for name, output in OUTPUTS.items() if output in cloud.outputs}
            exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in (cloud.environment | outputs).items())
            if cloud.found:
                say(f"found in {options.state}: {cloud.found}")
            named = " ".join(f"{name}={cloud.outputs[name]}" for name in OUTPUTS.values() if name in cloud.outputs)
            say(f"ready export {exports} # {named}".removesuffix(" # "))
            with (
                page.serving(options.ui_port, cloud.environment, say) if is_ushers(options.template) else nullcontext()
            ):
                ended.wait()
                say("stopping")
            if disk.remedy:
                raise OSError(disk.remedy)
    except PortTakenError as error:
        names = {options.aws_port: "AWS_PORT", options.api_port: "API_PORT"}
        name, port = names[error.port], error.port + 1
        option = f"--{name.lower().replace('_', '-')} {port}"
        print(f"{error}; choose another: make up {name}={port}, or {option}", file=sys.stderr)  # noqa: T201
        return 2
    except Exception as error:
        full = full_disk(error)
        if not disk.remedy and not full and not isinstance(error, OSError):
            raise
        print(disk.remedy or (remedy(full, options.state) if full else error), file=sys.stderr)  # noqa: T201
        return 2
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`; most have an environment variable of the same name as their default."""
    stack = parser.add_mutually_exclusive_group()
    stack.add_argument(
        "--template", type=Path, default=stack_folder() / "template.yaml", help="the SAM template; default: Usher's"
    )
    stack.add_argument(
        "--no-stack", dest="template", action="store_const", const=None, help="start without a stack, for `sam deploy`"
    )
    for name, port in PORTS.items():
        option = f"--{name.lower().replace('_', '-')}"
        parser.add_argument(
            option, type=port_number, default=os.environ.get(name, str(port)), help=f"default {port}; 0 for any"
        )
    parser.add_argument(
        "--speed",
        type=speed,
        default=os.environ.get("SPEED", "600"),
        help="the speed of simulated minutes: a factor, `real` or `instant`; default 600",
    )
    parser.add_argument("--state", type=Path, default=os.environ.get("STATE"), help="a folder that keeps all data")
    parser.add_argument(
        "--account",
        type=account,
        default=os.environ.get("ACCOUNT", "new"),
        help="Lambda's quotas: those of a `new` account, or `raised` ones",
    )
    parser.add_argument(
        "--seed", type=int, default=os.environ.get("SEED", "1"), help="the seed of the random numbers; default 1"
    )
    for option, default, read, help_text in (
        ("--latency", "0s", seconds, "the time of a call of Personalize, such as 100ms"),
        ("--serving-latency", None, seconds, "the time of recommendations and events; default: that of --latency"),
        ("--throttle", "off", switch, "`on`: Personalize throttles as AWS does"),
    ):
        name = option.removeprefix("--").replace("-", "_").upper()
        parser.add_argument(option, type=argument(read), default=os.environ.get(name, default), help=help_text)


def is_ushers(template: Path | None) -> bool:
    """Whether the stack is Usher's own."""
    return template == stack_folder() / "template.yaml"


def parameters_of(template: Path | None, clock: Clock) -> dict[str, str]:
    """The parameters of Usher's own stack: a person needs real time, however fast the simulated minutes pass.

    A drop ends after two real seconds without another file, if these are longer than the usual simulated minute.
    """
    if not is_ushers(template):
        return {}
    return {"SettleSeconds": str(round(min(max(clock.simulated_seconds(PAUSE_SECONDS), 60), 3600)))}


def speed(text: str) -> Clock:
    """A clock. ArgumentTypeError if the text is not a speed."""
    try:
        return Clock.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a speed: use a factor above 0, `real` or `instant`") from None


def seconds(text: str) -> float:
    """The seconds of a duration such as `100ms` or `0.5s`. ValueError for other text."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", text)
    if not match:
        raise ValueError(f"{text} is not a duration: use one such as 100ms or 0.5s")
    return float(match[1]) * UNITS[match[2]]


def switch(text: str) -> bool:
    """The value of `on` or `off`. ValueError for other text."""
    if text not in SWITCH:
        raise ValueError(f"{text} is neither on nor off")
    return SWITCH[text]


def argument(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """`read` with ArgumentTypeError instead of ValueError, so that argparse shows the message."""

    def value(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return value


def account(text: str) -> str:
    """An account profile. ArgumentTypeError for other text."""
    if text not in ("new", "raised"):
        raise argparse.ArgumentTypeError(f"{text} is not an account profile: use `new` or `raised`")
    return text


def port_number(text: str) -> int:
    """A TCP port. ArgumentTypeError for other text."""
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a port: use a number from 0 (any) to {LAST_PORT}")
    return int(text)


def say(line: str) -> None:
    """Print a line for the user at once."""
    print(line, flush=True)  # noqa: T201


def leave(status: int) -> NoReturn:
    """End the process at once: the interpreter would first wait for the threads of imports."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

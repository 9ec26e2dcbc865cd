"""`python -m usher_local.cloud` as a process."""

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from usher_local.cloud.aws_lambda.python import chosen
from usher_local.cloud.foreground import add_options

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "tests/unit/cloud/fixtures/stack/template.yaml"
COMMAND = [sys.executable, "-m", "usher_local.cloud", "--template", str(TEMPLATE)]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def server(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    state = {"STATE": str(tmp_path / "state")}
    environment = {
        **os.environ,
        **state,
        "AWS_PORT": "0",
        "API_PORT": "0",
        "PYTHONPATH": f"{ROOT}:{ROOT}/layers/core/python",
    }
    with subprocess.Popen(COMMAND, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield process
        process.kill()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_when_it_is_ready_and_leaves_nothing_when_it_is_stopped(
    server: "subprocess.Popen[str]", end: signal.Signals, tmp_path: Path
) -> None:
    assert server.stdout
    assert f"functions run on Python {chosen().version} ({chosen().executable}) in a new account" in next(server.stdout)
    ready = next(line for line in server.stdout if line.startswith("ready"))
    words = dict(word.split("=", 1) for word in shlex.split(ready.replace(" # ", " ")) if "=" in word)
    session = boto3.Session(
        words["AWS_ACCESS_KEY_ID"], words["AWS_SECRET_ACCESS_KEY"], None, words["AWS_DEFAULT_REGION"]
    )
    client = session.client("lambda", endpoint_url=words["AWS_ENDPOINT_URL"])
    session.client("personalize", endpoint_url=words["AWS_ENDPOINT_URL"]).create_dataset_group(name="films")
    assert words["API"] == words["ApiUrl"]
    assert words["API"].startswith("http://127.0.0.1:")
    assert words["BUCKET"].startswith("usher-bucket-")
    assert words["TABLE"].startswith("usher-Table-")
    name = next(one["FunctionName"] for one in client.list_functions()["Functions"] if "Work" in one["FunctionName"])
    client.invoke(FunctionName=name, Payload=b"{}")
    client.close()
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").parent.parent.glob("*/children")
    workers = [int(pid) for path in children for pid in path.read_text().split()]
    assert workers
    server.send_signal(end)
    server.send_signal(end)  # people press Ctrl-C twice
    assert server.wait(20) == 0
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    kept = {path.name: path.stat().st_mode for path in (tmp_path / "state").rglob("*")}
    assert {"cloud.db", "personalize.db"} <= kept.keys()
    assert not any(mode & 0o077 for mode in kept.values()), "other users may read what it has kept"


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*COMMAND, "--aws-port", "0", "--api-port", port]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert result.returncode == 2
    assert f"port {port} of 127.0.0.1 is taken; choose another: make up API_PORT=" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--aws-port", "99999", "99999 is not a port: use a number from 0 (any) to 65535"),
        ("--api-port", "http", "http is not a port"),
        ("--speed", "fast", "fast is not a speed: use a factor above 0, `real` or `instant`"),
        ("--speed", "0", "0 is not a speed"),
        ("--account", "old", "old is not an account profile: use `new` or `raised`"),
        ("--latency", "100", "100 is not a duration: use one such as 100ms or 0.5s"),
        ("--serving-latency", "fast", "fast is not a duration"),
        ("--throttle", "yes", "yes is neither on nor off"),
        ("--seed", "x", "invalid int value"),
    ],
)
def test_a_wrong_setting_is_reported_with_the_allowed_values(
    capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse([option, value])
    assert said in capsys.readouterr().err


def test_a_python_that_does_not_run_is_reported() -> None:
    environment = {**os.environ, "LAMBDA_PYTHON": "/no/such/python", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert result.returncode == 2
    assert "LAMBDA_PYTHON=/no/such/python does not run" in result.stderr


def test_latency_and_throttling_are_options_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    options = parse([])
    assert (options.latency, options.serving_latency, options.throttle) == (0, None, False)
    for name, value in (("LATENCY", "100ms"), ("SERVING_LATENCY", "20ms"), ("THROTTLE", "on")):
        monkeypatch.setenv(name, value)
    options = parse(["--latency", "1s"])
    assert (options.latency, options.serving_latency, options.throttle) == (1, pytest.approx(0.02), True)

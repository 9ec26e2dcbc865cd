"""`make rehearse`: the whole life of a deployment on the local cloud, by the commands that README gives for AWS.

The rehearsal builds, deploys, drops data and calls the API; changes a line of the layer and deploys again; deploys a
second stack beside the first; deletes both. It works on a copy of the project, and ends at the first failure.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from usher_local.cloud.aws_lambda.forks import die_with_parent
from usher_local.demo.caller import Caller, CallError
from usher_local.demo.synthetic import interactions
from usher_local.demo.watch import cause, watch

ROOT = Path(__file__).parents[1]
E2E = Path("tests/e2e")
SAM = ["sam"]
START_SECONDS = 120.0
STOP_SECONDS = 60.0
SPEED = "6000"
# A stack's folder in its bucket is a dataset group, and each stack must have its own.
GROUPS = {"usher": "rehearsal", "usher-prod": "rehearsal-prod"}
CONFIG = "solutions:\n  popular: {recipe: aws-popularity-count}\n"
LAYER = Path("layers/core/python/usher/serving/reading.py")
LINE = "        return {route.list_name "
CHANGED = '        return {"rehearsed": True} | {route.list_name '


class WrongError(Exception):
    """A deployment did not leave the expected state."""


@dataclass(frozen=True)
class Rehearsal:
    """The copy of the project, and the environment in which its commands run."""

    project: Path
    environment: Mapping[str, str]
    console: Console

    def run(self, *command: str, answer: str = "") -> None:
        """Run a command, and show its output. Raises WrongError if it fails."""
        self.console.rule(f"$ {shlex.join(command)}", align="left")
        sys.stdout.flush()
        done = subprocess.run(  # noqa: S603 - our own commands
            command, cwd=self.project, env=self.environment, input=answer, text=True, check=False
        )
        if done.returncode:
            raise WrongError(f"{shlex.join(command)} ended with {done.returncode}")

    def say(self, text: str) -> None:
        """Print a check that passed."""
        self.console.print(f"[green]ok[/] {text}", highlight=False)

    def client(self, service: str) -> Any:
        """A boto3 client of the local cloud."""
        return self._session.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])

    @property
    def _session(self) -> Any:
        given = self.environment
        return boto3.Session(
            given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], region_name=given["AWS_DEFAULT_REGION"]
        )

    def outputs(self, stack: str) -> dict[str, str]:
        """A stack's outputs. Raises WrongError unless the stack is deployed."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        if not re.fullmatch("(CREATE|UPDATE)_COMPLETE", found["StackStatus"]):
            raise WrongError(f"{stack} is {found['StackStatus']}: {found.get('StackStatusReason')}")
        return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}

    def resources(self, stack: str) -> set[tuple[str, str]]:
        """The type and physical ID of each resource of a stack."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        found = (one for page in pages for one in page["StackResourceSummaries"])
        return {(one["ResourceType"], one["PhysicalResourceId"]) for one in found}

    def ask(self, stack: str) -> dict[str, Any]:
        """Recommendations for a user of the stack's group."""
        caller = Caller(
            self.outputs(stack)["ApiUrl"], self.environment["AWS_DEFAULT_REGION"], self._session.get_credentials()
        )
        answer: dict[str, Any] = caller.get(f"/{GROUPS[stack]}/recommendations/u1", numResults=5)
        return answer

    def versions(self) -> list[str]:
        """The ARN of every solution version in Personalize."""
        pages = self.client("personalize").get_paginator("list_solution_versions").paginate()
        return sorted(one["solutionVersionArn"] for page in pages for one in page["solutionVersions"])


def rehearse(rehearsal: Rehearsal) -> None:
    """The whole rehearsal. Raises WrongError."""
    rehearsal.run(*SAM, "build")
    rehearsal.run(*SAM, "deploy", answer="y\n")
    smoke(rehearsal, "usher")
    e2e(rehearsal, "usher")
    change_a_line(rehearsal)
    rehearsal.run(*SAM, "deploy", "--config-env", "prod", answer="y\n")
    smoke(rehearsal, "usher-prod")
    stand_side_by_side(rehearsal)
    for stack, command in (("usher-prod", ("--config-env", "prod")), ("usher", ())):
        delete(rehearsal, stack, command)


def smoke(rehearsal: Rehearsal, stack: str) -> None:
    """Drop data, wait for the run, and ask the API for recommendations."""
    outputs, group = rehearsal.outputs(stack), GROUPS[stack]
    s3, states = rehearsal.client("s3"), rehearsal.client("stepfunctions")

    def causes() -> set[str]:
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=outputs["PipelineArn"])
        found = (one["executionArn"] for page in pages for one in page["executions"])
        return {cause(states.describe_execution(executionArn=arn)) for arn in found}

    before, files = causes(), {"usher.yaml": CONFIG, "interactions.csv": interactions()}
    for name, content in files.items():
        s3.put_object(Bucket=outputs["BucketName"], Key=f"{group}/{name}", Body=content)
    deadline = time.monotonic() + START_SECONDS
    while len(causes() - before) < len(files):
        if time.monotonic() > deadline:
            raise WrongError(f"the drop into {outputs['BucketName']} started no run")
        time.sleep(0.5)
    record = watch(states, s3, outputs["PipelineArn"], outputs["BucketName"], group, rehearsal.console)
    if record["outcome"] != "SUCCEEDED":
        raise WrongError(f"the run of {group} ended as {record['outcome']}: {record['summary']}")
    items = rehearsal.ask(stack)["itemList"]
    if not items:
        raise WrongError(f"the API of {stack} recommends nothing")
    rehearsal.say(f"{stack}: after a drop, its API returned {len(items)} recommendations")


def e2e(rehearsal: Rehearsal, stack: str) -> None:
    """Run the suite that works against any deployed stack."""
    if (rehearsal.project / E2E).exists():
        rehearsal.run(sys.executable, "-m", "pytest", "-q", str(E2E), "--stack", stack)


def change_a_line(rehearsal: Rehearsal) -> None:
    """Check that a changed line of the layer reaches the API by the next deployment, which trains nothing."""
    path = rehearsal.project / LAYER
    text = path.read_text()
    if LINE not in text:
        raise WrongError(
            f"{LAYER} has no line that begins with {LINE.strip()}; name another one in usher_local/rehearsal.py"
        )
    path.write_text(text.replace(LINE, CHANGED, 1))
    before, had = rehearsal.versions(), rehearsal.resources("usher")
    rehearsal.run(*SAM, "build")
    rehearsal.run(*SAM, "deploy", answer="y\n")
    if not rehearsal.ask("usher").get("rehearsed"):
        raise WrongError("the API still serves the former line: its alias points at an old version")
    rehearsal.say("usher: the API serves the new line")
    smoke(rehearsal, "usher")
    if rehearsal.versions() != before:
        raise WrongError(f"the deployment trained: {sorted({*rehearsal.versions()} - {*before})}")
    rehearsal.say(f"usher: nothing was trained again ({len(before)} version)")
    lost = {kind for kind, _ in had - rehearsal.resources("usher")}
    if unexpected := {kind for kind in lost if not kind.startswith("AWS::Lambda::")}:
        raise WrongError(f"the deployment replaced more than code: {sorted(unexpected)}")


def stand_side_by_side(rehearsal: Rehearsal) -> None:
    """Check that two stacks share no resource, and that each has an API of its own."""
    one, other = (rehearsal.resources(stack) for stack in GROUPS)
    same = {(kind, name) for kind, name in one & other if name != "$default"}  # a stage's name is unique in its API
    if same:
        raise WrongError(f"both stacks have {sorted(same)}")
    for stack in GROUPS:
        rehearsal.ask(stack)
    rehearsal.say(f"usher has {len(one)} resources and usher-prod {len(other)}, none of them the same")


def delete(rehearsal: Rehearsal, stack: str, options: tuple[str, ...]) -> None:
    """Delete a stack, and check that none of its functions, roles and state machines remains."""
    url, had = rehearsal.outputs(stack)["ApiUrl"], rehearsal.resources(stack)
    rehearsal.run(sys.executable, "-m", "usher_cli", "--stack", stack, "remove", GROUPS[stack], "--yes")
    rehearsal.run(*SAM, "delete", "--no-prompts", *options)
    stacks = rehearsal.client("cloudformation").list_stacks()["StackSummaries"]
    (status,) = (one["StackStatus"] for one in stacks if one["StackName"] == stack)
    if status != "DELETE_COMPLETE":
        raise WrongError(f"{stack} is {status}")
    functions = {one["FunctionName"] for one in rehearsal.client("lambda").list_functions()["Functions"]}
    roles = {one["RoleName"] for one in rehearsal.client("iam").list_roles()["Roles"]}
    machines = {
        one["stateMachineArn"] for one in rehearsal.client("stepfunctions").list_state_machines()["stateMachines"]
    }
    if left := sorted({name for _, name in had} & (functions | roles | machines)):
        raise WrongError(f"{stack} is deleted, but these resources remain: {left}")
    kept = sorted(name for kind, name in had if kind == "AWS::S3::Bucket")
    buckets = {one["Name"] for one in rehearsal.client("s3").list_buckets()["Buckets"]}
    if lost := sorted({*kept} - buckets):
        raise WrongError(f"{stack} deleted its data: {lost}")
    rehearsal.say(f"{stack}: deleted with its functions, roles, state machines and API; {kept} is kept")
    try:
        Caller(url, rehearsal.environment["AWS_DEFAULT_REGION"], None).get("/")
    except (CallError, OSError):
        return
    raise WrongError(f"{url} still answers")


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the project's own files, in a folder that is deleted at the end."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git is first on PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        project = Path(folder, "project")
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, project / name)
        yield project


@contextmanager
def cloud(environment: Mapping[str, str], log: Path) -> Iterator[dict[str, str]]:
    """A local cloud without a stack, as a process; gives the environment variables for its clients."""
    command = [
        sys.executable,
        "-m",
        "usher_local.cloud",
        "--no-stack",
        "--aws-port",
        "0",
        "--api-port",
        "0",
        "--speed",
        SPEED,
    ]
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, preexec_fn=die_with_parent
        )
    try:
        yield exported(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            ended = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            ended = process.wait()
    if ended:
        raise WrongError(f"the local cloud ended with {ended}")


def exported(process: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    """The environment variables in the log's line `ready`. Raises WrongError if the cloud does not start."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if line.startswith("ready export "):
                return dict(word.split("=", 1) for word in shlex.split(line.partition(" #")[0])[2:])
        time.sleep(0.1)
    raise WrongError(f"the local cloud does not start: {log.read_text()}")


def own_environment(home: Path) -> dict[str, str]:
    """This environment without AWS's variables, and with a home of its own, so that no personal setting counts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    uv = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache/uv"))
    return {**kept, "HOME": str(home), "UV_CACHE_DIR": uv, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}


def main() -> int:
    """Rehearse. Returns the exit status: 0, or 1 after printing the failure."""
    console, started = Console(), time.monotonic()
    with ExitStack() as stack:
        project = stack.enter_context(copied())
        home = project.parent / "home"
        home.mkdir()
        environment = own_environment(home)
        log = project.parent / "cloud.log"
        try:
            ready = stack.enter_context(cloud(environment, log))
            rehearse(Rehearsal(project, environment | ready, console))
            stack.close()
        except (WrongError, CallError) as error:
            console.print(log.read_text()[-4000:], highlight=False, markup=False)
            console.print(f"[red]{error}[/]", highlight=False)
            return 1
    console.print(f"[green]The rehearsal passed[/] in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

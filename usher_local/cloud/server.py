"""The local cloud as one context manager: servers on ports of 127.0.0.1, stacks, and an orderly end."""

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from botocore.config import Config
from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from usher_local import personalize
from usher_local.authorization import Record
from usher_local.clock import Clock
from usher_local.cloud.access import credentials, iam
from usher_local.cloud.aws_lambda import event_source_mappings, triggers
from usher_local.cloud.aws_lambda.functions import Lambdas
from usher_local.cloud.aws_lambda.limits import NEW, Limits
from usher_local.cloud.aws_lambda.service import running
from usher_local.cloud.cloudformation.api import CloudFormation, answering
from usher_local.cloud.cloudformation.provider import Place
from usher_local.cloud.cloudwatch.alarms import Alarms
from usher_local.cloud.core.ticking import ticking
from usher_local.cloud.eventbridge.rules import ruling
from usher_local.cloud.eventbridge.scheduler import TICK_SECONDS, Scheduler, checking, utc_now
from usher_local.cloud.eventbridge.sources import flowing
from usher_local.cloud.eventbridge.targets import Deliveries
from usher_local.cloud.http_api.apis import Apis, listening, serving
from usher_local.cloud.http_api.connections import Connection
from usher_local.cloud.http_api.gateway import nothing_found
from usher_local.cloud.http_api.request_gate import signed_only
from usher_local.cloud.measurements import measuring
from usher_local.cloud.services import (
    applications,
    atomic_items,
    consistency,
    faster_moto,
    notices,
    refusals,
    service_quotas,
)
from usher_local.cloud.state.folder import FILE, State
from usher_local.cloud.step_functions.interpreter import executing, join
from usher_local.paths import stack_folder
from usher_local.store import Store

STACK = "usher"
NOT_AWS = ("moto_api", "instance_metadata")
"""moto's servers that AWS does not have: pages that show and change its state, and an instance's credentials."""
RARELY = 100
"""The young collections per old collection; an old one stops every request for a time that grows with the data."""
WEEK_SECONDS = 7 * 86400
"""The longest lifetime of a signed address."""
NOTHING: Mapping[str, str] = MappingProxyType({})


class LocalCloud:
    """`with LocalCloud(...) as cloud:` runs until the block ends, with a template's stack or none. Port 0: any.

    `seed` determines the random parts of AWS's behaviour (`usher_local.cloud.services.consistency`). `executor` fits
    Personalize's models, by default a process for each training. `state` is a folder that keeps every change at once,
    for the next process; StateError if it is in use or damaged.

    One at a time in a process: it patches moto and keeps its state there.
    """

    endpoint: str
    outputs: dict[str, str]
    environment: dict[str, str]
    scheduler: Scheduler
    decisions: Record
    """The decisions by policies."""
    found: str
    """The state of an earlier process in `state`, in words; empty without any."""
    alarms: Alarms
    functions: Lambdas

    def __init__(
        self,
        template: Path | None = stack_folder() / "template.yaml",  # noqa: B008 - a constant
        aws_port: int = 4566,
        api_port: int = 3000,
        clock: Clock = Clock(),  # noqa: B008 - immutable
        parameters: Mapping[str, str] = NOTHING,
        now: Callable[[], datetime] = utc_now,
        state: Path | None = None,
        limits: Limits = NEW,
        seed: int = consistency.SEED,
        pacing: personalize.Pacing | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._template = template.resolve() if template else None
        self._ports = aws_port, api_port
        self._clock = clock
        self._parameters = parameters
        self._now = now
        self._state = state
        self._limits = limits
        self._seed = seed
        self._pacing = pacing
        self._executor = executor
        self._open = ExitStack()
        self.outputs = {}

    def __enter__(self) -> Self:
        try:
            self._start(self._open)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def _start(self, stack: ExitStack) -> None:
        stack.callback(gc.unfreeze)
        stack.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(*gc.get_threshold()[:2], RARELY)
        gc.freeze()
        aws, api = (stack.enter_context(listening(port)) for port in self._ports)
        port = str(aws.getsockname()[1])
        self.endpoint = f"http://127.0.0.1:{port}"
        region = {"AWS_DEFAULT_REGION": credentials.REGION}
        reset_moto()
        # At the end without `managed_policies`: moto would make AWS's policies only to forget them.
        stack.callback(reset_moto)
        stack.enter_context(iam.managed_policies())
        stack.enter_context(environ({"MOTO_PORT": port, "SAM_CLI_TELEMETRY": "0", **region}))
        store = stack.enter_context(closing(Store(self._state / FILE))) if self._state else None
        state = State(store)
        personalize.install(self._clock, self._state, self._executor, self._pacing)
        stack.callback(personalize.shutdown)
        self._developer = credentials.create_developer(store)
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self._developer.access_key,
            "AWS_SECRET_ACCESS_KEY": self._developer.secret_key,
            **region,
        }
        self.alarms = stack.enter_context(measuring())
        self.functions = runner = Lambdas(self.endpoint, self._clock, self._limits, state.invocations)

        def invoke(arn: str, event: str, role: str, source: str) -> tuple[str, bool]:
            _, _, _, region, account, _ = arn.split(":", 5)
            if role:
                iam.check_role(role, "apigateway.amazonaws.com", source, "lambda:InvokeFunction", arn)
            else:
                iam.check_function(arn, "apigateway.amazonaws.com", source)
            answer = runner.invoke(lambda_backends[account][region].get_function(arn), event, arn)
            return answer.body, answer.errored

        # Before the server: a late call of a function then gets the answer that the cloud is ending.
        stack.enter_context(running(runner))
        stack.enter_context(event_source_mappings.checking())
        stack.enter_context(state.keeping())
        stack.enter_context(faster_moto.faster())
        services = DomainDispatcherApplication(service_app)
        stack.enter_context(serving(aws, signed_only(services, credentials.find), Connection))
        stack.callback(join)
        stack.callback(runner.close)
        stack.enter_context(executing(self.endpoint, self._clock))
        stack.enter_context(state.keeping_executions())
        deliveries = stack.enter_context(Deliveries(self._clock))
        stack.enter_context(ruling(deliveries))
        stack.enter_context(checking())
        draws = consistency.Draws(self._seed)
        stack.enter_context(consistency.eventual(draws, self._clock))
        stack.enter_context(atomic_items.atomic())
        disorder = stack.enter_context(consistency.Disorder(draws, self._clock))
        stack.enter_context(flowing(disorder, state.events))
        stack.enter_context(refusals.limited())
        stack.enter_context(notices.shown(self.address))
        stack.enter_context(service_quotas.listed())
        self.decisions = stack.enter_context(iam.enforced())
        served = Apis(api, invoke)
        stack.callback(served.shut)
        root = self._template.parent if self._template else Path.cwd()
        place = Place(
            DEFAULT_ACCOUNT_ID, credentials.REGION, root, runner.asynchronous.submit, served, cache(self.client)
        )
        self._cloudformation = CloudFormation(place, state.stacks)
        stack.enter_context(answering(self._cloudformation))
        if self._template:
            self.outputs = self.deploy(STACK, self._template, self._parameters)
        self._cloudformation.restore()
        self.found = state.restore(runner)
        queues = stack.enter_context(closing(triggers.Triggers(runner.invoke, self._clock)))
        stack.enter_context(ticking("triggers", triggers.TICK_SECONDS, queues.tick))
        self.scheduler = Scheduler(deliveries, self._now)
        stack.enter_context(ticking("scheduler", TICK_SECONDS, self.scheduler.tick))
        stack.callback(personalize.halt)  # first of all: a running import would delay the rest of the end
        gc.freeze()  # the present objects stay: to look for garbage among them would stop every request for 0.2 s

    def deploy(self, name: str, template: Path, parameters: Mapping[str, str] = NOTHING) -> dict[str, str]:
        """Create a stack, as `sam deploy` would, from the folders that its template names. Returns its outputs."""
        made = self._cloudformation.deploy(name, template, parameters)
        return {output["OutputKey"]: output["OutputValue"] for output in made.outputs}

    def client(self, service: str) -> Any:
        """A boto3 client of the local cloud, for the local developer."""
        return credentials.client(service, self.endpoint, self._developer)

    def address(self, bucket: str, key: str) -> str:
        """The URL of an object for a browser, valid for a week."""
        client = credentials.client("s3", self.endpoint, self._developer, Config(signature_version="s3v4"))
        params = {"Bucket": bucket, "Key": key}
        address: str = client.generate_presigned_url("get_object", Params=params, ExpiresIn=WEEK_SECONDS)
        return address


@contextmanager
def environ(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables of this process inside the block; moto and SAM read them there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def service_app(service: Any) -> Any:
    """The WSGI application of one of moto's services."""
    return nothing_found if service in NOT_AWS else applications.service_app(service)


def reset_moto() -> None:
    """Empty all of moto's memory."""
    BackendDict.reset()
    reset_model_data()

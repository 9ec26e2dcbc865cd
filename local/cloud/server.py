"""The local cloud as one context manager: servers on two ports of 127.0.0.1, the stack, and an orderly end."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, TracebackType
from typing import Any, Self

from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from local import personalize
from local.clock import Clock
from local.cloud import (
    cloudformation,
    consistency,
    credentials,
    events,
    http,
    iam,
    lambdas,
    rules,
    stepfunctions,
)
from local.cloud.providers import Place
from local.cloud.scheduler import Scheduler, utc_now
from local.cloud.targets import Deliveries

STACK = "usher"
NOTHING: Mapping[str, str] = MappingProxyType({})


class PortTakenError(Exception):
    """Something else listens on a port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of 127.0.0.1 is taken")
        self.port = port


class LocalCloud:
    """`with LocalCloud(...) as cloud:` runs a template's stack until the block ends. Port 0 is any free port.

    `seed` draws what AWS leaves to chance (`local.cloud.consistency`); the same seed draws the same.

    One at a time in a process: it patches moto and keeps its state there.
    """

    endpoint: str
    outputs: dict[str, str]
    environment: dict[str, str]
    scheduler: Scheduler

    def __init__(
        self,
        template: Path = Path("template.yaml"),
        aws_port: int = 4566,
        api_port: int = 3000,
        clock: Clock = Clock(),  # noqa: B008 - immutable
        parameters: Mapping[str, str] = NOTHING,
        now: Callable[[], datetime] = utc_now,
        state: Path | None = None,
        seed: int = consistency.SEED,
    ) -> None:
        self._template = template.resolve()
        self._ports = aws_port, api_port
        self._clock = clock
        self._parameters = parameters
        self._now = now
        self._state = state
        self._seed = seed
        self._open = ExitStack()

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
        aws, api = (stack.enter_context(listening(port)) for port in self._ports)
        self.endpoint, api_url = (f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in (aws, api))
        port = str(aws.getsockname()[1])
        region = {"AWS_DEFAULT_REGION": credentials.REGION}
        settings = {"MOTO_PORT": port, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "SAM_CLI_TELEMETRY": "0"}
        forget()
        stack.callback(forget)  # at the end without these settings: moto would load AWS's policies only to forget them
        stack.enter_context(environ(settings | region))
        temporary = Path(stack.enter_context(TemporaryDirectory(prefix="local-cloud-", ignore_cleanup_errors=True)))
        personalize.install(self._clock, self._state or temporary)
        stack.callback(personalize.shutdown)
        if self._state:
            stack.callback(personalize.save)
        self._developer = credentials.create_developer()
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self._developer.access_key,
            "AWS_SECRET_ACCESS_KEY": self._developer.secret_key,
            **region,
        }
        runner = lambdas.Lambdas(self.endpoint)
        place = Place(DEFAULT_ACCOUNT_ID, credentials.REGION, self._template.parent, runner, api_url)
        stack.enter_context(serving(aws, DomainDispatcherApplication(create_backend_app), MotoRequestHandler))
        stack.callback(stepfunctions.join)
        stack.enter_context(lambdas.running(runner))
        stack.enter_context(stepfunctions.executing(self.endpoint, self._clock))
        deliveries = stack.enter_context(Deliveries(self._clock))
        stack.enter_context(rules.ruling(deliveries))
        draws = consistency.Draws(self._seed)
        stack.enter_context(consistency.eventual(draws, self._clock))
        disorder = stack.enter_context(consistency.Disorder(draws, self._clock))
        stack.enter_context(events.flowing(disorder))
        stack.enter_context(iam.enforced())
        stack.enter_context(cloudformation.complete(place))
        template = cloudformation.load(self._template, self._parameters)
        made = cloudformation.create_stack(STACK, template, self._parameters, place)
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in made.outputs}
        functions = cloudformation.function_arns(made, template)

        def invoke(logical_id: str, event: str) -> tuple[str, bool]:
            backend = lambda_backends[place.account][place.region]
            return runner.invoke(backend.get_function(functions[logical_id]), event)

        api_routes = http.routes(self._template, self._parameters)
        stage = http.stage(template, made.resource_map)
        app = http.HttpApi(api_routes, http.signed_routes(template), invoke, api.getsockname()[1], stage).app
        stack.enter_context(serving(api, app, WSGIRequestHandler))
        self.scheduler = Scheduler(deliveries, self._now)
        stack.enter_context(self.scheduler.ticking())
        stack.callback(personalize.halt)  # first of all: an import under way would slow down the rest of the end

    def client(self, service: str) -> Any:
        """A boto3 client of the local cloud, for the local developer."""
        return credentials.client(service, self.endpoint, self._developer)


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A listening socket on a port of 127.0.0.1; PortTakenError where it is not free."""
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
    except OSError as error:
        raise PortTakenError(port) from error
    with listener:
        yield listener


@contextmanager
def serving(listener: socket.socket, app: Any, handler: type[WSGIRequestHandler]) -> Iterator[None]:
    """Serve a WSGI application, one thread per request: requests nest (task -> function -> service)."""
    host, port = listener.getsockname()
    quiet = type("Quiet", (handler,), {"log_request": lambda *_: None})
    server = make_server(host, port, app, threaded=True, request_handler=quiet, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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


def forget() -> None:
    """Empty all of moto's memory."""
    BackendDict.reset()
    reset_model_data()

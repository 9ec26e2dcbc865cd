"""Deploys template.yaml into this process, as a simulated stack."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import boto3
import time_machine
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.s3 import notifications

from usher_local import personalize
from usher_local.clock import Clock
from usher_local.cloud.access import iam
from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.aws_lambda.event_source_mappings import checking
from usher_local.cloud.cloudformation.api import CloudFormation, answering
from usher_local.cloud.cloudformation.provider import Place
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.http_api.apis import Apis
from usher_local.cloud.server import STACK, environ
from usher_local.cloud.services import faster_moto, refusals, service_quotas
from usher_local.cloud.state.stacks import KeptStacks
from usher_local.personalize.core import environment
from usher_local.simulation.stack import LAUNCH, Inline, Stack
from usher_local.simulation.transport import in_process

TEMPLATE = Path("template.yaml")
MACHINES = ("Pipeline", "Exports")
"""The simulated state machines, by their names in the template."""


@contextmanager
def deployed() -> Iterator[Stack]:
    """The stack of the template, on a clock that moves only for the pipeline's waits."""
    with ExitStack() as stack:
        clock = stack.enter_context(time_machine.travel(LAUNCH, tick=False))
        stack.enter_context(environ({"AWS_DEFAULT_REGION": REGION}))
        stack.callback(personalize.shutdown)
        personalize.install(Clock(1), None, Inline())
        environment.current.__dict__.update(jobs=Inline(), trainings=Inline())
        stack.enter_context(mock_aws())
        stack.enter_context(faster_moto.faster())
        stack.enter_context(in_process())
        # The caller decides which events of S3 arrive.
        stack.enter_context(replaced(notifications, "_send_event_bridge_message", lambda *_: None))
        stack.enter_context(iam.managed_policies())
        stack.enter_context(iam.enforced())
        stack.enter_context(refusals.limited())
        stack.enter_context(checking())
        stack.enter_context(service_quotas.listed())
        made = Stack(clock)
        unserved = dict.fromkeys(("stage", "change", "close"), lambda *_: None)
        apis = cast(Apis, SimpleNamespace(open=lambda *_: "http://localhost", **unserved))
        root = TEMPLATE.resolve().parent
        place = Place(ACCOUNT, REGION, root, made.submit, apis, cache(boto3.client))
        cloudformation = CloudFormation(place, KeptStacks())
        stack.enter_context(answering(cloudformation))
        made.stacks = cloudformation.stacks
        resources = cloudformation.deploy(STACK, TEMPLATE, {}).resources
        made.join()
        made.bucket, made.table = (resources[one].physical_id for one in ("Bucket", "Table"))
        made.machines = {name: resources[name].physical_id for name in MACHINES}
        for name, arn in made.machines.items():
            machine = place.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
            made.definitions[name] = json.loads(machine["definition"])
        stack.enter_context(_listening(made))
        stack.enter_context(_one_call_at_a_time())
        yield made


@contextmanager
def _one_call_at_a_time() -> Iterator[None]:
    """Make functions that call services in threads call them in order, so that each run has the same boundaries."""
    from usher.catalogue import loading
    from usher.planning import input_copies

    with ExitStack() as stack:
        for module in (loading, input_copies):
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", lambda _: Inline()))
        yield


@contextmanager
def _listening(to: Stack) -> Iterator[None]:
    """Report the calls of every client that the block makes."""
    from usher.aws import client

    boto3.setup_default_session()
    session: Any = boto3.DEFAULT_SESSION
    session.events.register_first("before-call", to.before_call)
    session.events.register_last("after-call", to.after_call)
    client.cache_clear()
    try:
        yield
    finally:
        client.cache_clear()
        boto3.DEFAULT_SESSION = None

"""The folder STATE: every change is saved at once, and loaded at the next start."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID

from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.aws_lambda.functions import Lambdas
from usher_local.cloud.core.pending import Pending
from usher_local.cloud.eventbridge import sources
from usher_local.cloud.state.buckets import Buckets
from usher_local.cloud.state.executions import Executions
from usher_local.cloud.state.queues import Queues
from usher_local.cloud.state.schedules import Schedules
from usher_local.cloud.state.stacks import KeptStacks
from usher_local.cloud.state.tables import Tables
from usher_local.personalize.models import personalize_backends
from usher_local.store import Store

FILE = "cloud.db"


class State:
    """The saved state of the whole cloud, or none without a store.

    Personalize saves its own.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.stacks = KeptStacks(store)
        self.events = Pending("event", store)
        self.invocations = Pending("invocation", store)
        self._parts = [part(store) for part in (Buckets, Tables, Schedules, Queues)] if store else []
        self._executions = [Executions(store)] if store else []

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Save the changes inside the block, except those of executions."""
        with ExitStack() as stack:
            for part in self._parts:
                stack.enter_context(part.keeping())
            yield

    @contextmanager
    def keeping_executions(self) -> Iterator[None]:
        """Save the changes of executions inside the block; stops after it are not saved."""
        with ExitStack() as stack:
            for part in self._executions:
                stack.enter_context(part.keeping())
            yield

    def restore(self, lambdas: Lambdas) -> str:
        """Restore the resources that no stack makes, and continue unfinished work. Returns the numbers, in words.

        Call it after the stacks are restored.
        """
        found: Counter[str] = Counter()
        for part in self._parts:
            found.update(part.restore())
        if self._executions:
            found.update(resume_personalize())
        for executions in self._executions:
            found.update(executions.restore())
        events = self.events.rows()
        for key, event in events:
            sources.deliver(self.events, key, event)
        found["undelivered events"] = len(events) + lambdas.asynchronous.resume(function_of)
        return "; ".join(f"{what}: {count:,}" for what, count in found.items() if count)


def resume_personalize() -> dict[str, int]:
    """Make Personalize load its saved state and continue its work. Returns the numbers of resources."""
    resources = [one for one in personalize_backends[DEFAULT_ACCOUNT_ID][REGION].resources.values() if one.number]
    return {"resources of Personalize": len(resources), "resources in progress": sum(one.busy for one in resources)}


def function_of(arn: str) -> Any:
    """The function of an ARN; None if it was deleted."""
    with suppress(UnknownFunctionException):
        return lambda_backends[DEFAULT_ACCOUNT_ID][REGION].get_function(arn)
    return None

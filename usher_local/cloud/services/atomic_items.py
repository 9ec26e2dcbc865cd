"""Atomic conditional writes of DynamoDB: of two that exclude each other, one fails.

The gap upstream: moto (5.2.5) checks a condition, and writes later; other threads of its server run in between.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

from usher_local.cloud.core.patching import replaced

OPERATIONS = ("get_item", "put_item", "update_item", "delete_item", "batch_get_item", "transact_write_items")


@contextmanager
def atomic() -> Iterator[None]:
    """Run these operations one after the other inside the block."""
    lock = threading.RLock()

    def alone(operation: Any) -> Any:
        @wraps(operation)
        def one_by_one(*arguments: Any, **named: Any) -> Any:
            with lock:
                return operation(*arguments, **named)

        return one_by_one

    with ExitStack() as stack:
        for name in OPERATIONS:
            stack.enter_context(replaced(DynamoDBBackend, name, alone(vars(DynamoDBBackend)[name])))
        yield

"""AWS clients, created once when first needed; digests, and the time."""

import functools
import hashlib
import json
import threading
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

from usher.clients import ClientMaker

# The newer modes also retry LimitExceededException, Personalize's code for quotas: retries of seconds do not help.
RETRIES = Config(retries={"mode": "legacy", "total_max_attempts": 4})
# Personalize throttles an account as a whole, and a plan needs every answer: so each call is retried for up to a
# minute.
PATIENT = Config(retries={"mode": "legacy", "total_max_attempts": 7})
# A caller waits for the answer: with botocore's own 60 seconds, the function would time out instead.
PROMPT = Config(retries={"mode": "legacy", "total_max_attempts": 2}, connect_timeout=1, read_timeout=2)
# A creation whose response is lost may have succeeded, and Personalize takes no client token: callers look first.
NO_RETRY = Config(retries={"mode": "legacy", "total_max_attempts": 1})
# An evaluation gets thousands of predictions from a campaign. This mode backs off for up to 20 seconds at a time if
# requests are throttled, and does not retry while most requests fail (AWS SDKs and Tools, "Retry behavior").
STEADY = Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=1, read_timeout=2)
CONFIGS = {"personalize": PATIENT, "personalize-events": PROMPT, "personalize-runtime": PROMPT}

MAKING = threading.Lock()
"""Held while a client is created, which boto3's default session can't do in two threads at once (boto3, "Clients")."""


@functools.cache
def within(seconds: float, attempts: int = 1) -> Config:
    """The configuration of calls with a deadline: `seconds` for the connection, and again for the answer."""
    return Config(
        retries={"mode": "legacy", "total_max_attempts": attempts},
        connect_timeout=seconds,
        read_timeout=seconds,
        # Without one, botocore composes it anew for each call: a seventh of a call's work.
        user_agent="usher",
    )


@functools.cache
def _client(service: str, config: Config | None = None) -> Any:
    make: Any = boto3.client
    with MAKING:
        return make(service, config=config or CONFIGS.get(service, RETRIES))


client: ClientMaker = _client
"""The process's one client of a service, or of a service and a configuration other than its own."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def digest(value: object, length: int = 12) -> str:
    """A short SHA-256 of a JSON-serialisable value: equal values have equal digests."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def error_code(error: BaseException) -> str:
    """The service's error code in a botocore ClientError; empty for any other exception."""
    response: dict[str, Any] = getattr(error, "response", None) or {}  # that of botocore's time-outs is None
    return str(response.get("Error", {}).get("Code", ""))


def error_kind(error: BaseException) -> str:
    """The code of an error, or its class, for the log: the message may have the caller's data, such as IDs of users."""
    return error_code(error) or getattr(error, "code", "") or type(error).__name__

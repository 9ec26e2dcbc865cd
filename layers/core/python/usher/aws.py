"""AWS clients, made late and once, and the digests and times that Usher writes down."""

import functools
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

# The newer modes also retry LimitExceededException, Personalize's word for quotas that no retry of seconds gets past.
PATIENT = Config(retries={"mode": "legacy", "total_max_attempts": 4})
PROMPT = Config(retries={"mode": "legacy", "total_max_attempts": 2}, connect_timeout=1, read_timeout=2)
"""For requests that somebody waits for: with botocore's own 60 seconds, the function would time out instead."""
PROMPT_SERVICES = {"personalize-events", "personalize-runtime"}


@functools.cache
def client(service: str) -> Any:
    """The process's one client of a service."""
    make: Any = boto3.client
    return make(service, config=PROMPT if service in PROMPT_SERVICES else PATIENT)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def digest(value: object, length: int = 12) -> str:
    """A short SHA-256 of a JSON-serialisable value: equal values, equal digest."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def error_code(error: Exception) -> str:
    """The service's error code in a botocore ClientError; empty for any other exception."""
    response: dict[str, Any] = getattr(error, "response", None) or {}  # botocore's time-outs have one that is None
    return str(response.get("Error", {}).get("Code", ""))

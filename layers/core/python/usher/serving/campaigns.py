"""Calls of campaigns and recommenders with a deadline, however Personalize fails."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ParamValidationError,
    ReadTimeoutError,
)

from usher.aws import error_code
from usher.clients import PersonalizeRuntimeClient
from usher.errors import UsherError
from usher.serving.breaker import Breakers, RetryBudget

FAST_SECONDS = 0.05
"""The seconds within which a failed call is repeated, if the budget allows it: the request is still
answered in time.
"""
REASONS = {
    "ResourceNotFoundException": "NotFound",
    "ThrottlingException": "Throttled",
    "TooManyRequestsException": "Throttled",
}
"""The reason for each of the service's error codes. Others are ServerError or, by their status, Refused: AccessDenied
and the like.
"""
CALLERS_FAULTS = {"InvalidInputException", "ValidationException"}
MIN_SERVER_ERROR = 500
RETRIED = {"Unreachable", "ServerError", "Malformed"}
PARSING = (AttributeError, TypeError, ValueError)
"""Errors that botocore raises on answers of another shape than its model's: `[]`, `null`, or bytes that are
not UTF-8.
"""


class OutageError(UsherError):
    """A campaign or recommender does not answer, for a reason other than the request."""

    def __init__(self, reason: str, retry_after: float, open_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        """Timeout, Unreachable, Throttled, ServerError, Malformed, Refused or NotFound."""
        self.retry_after = retry_after
        """The seconds until the next call is allowed. An error without a `__cause__` means that no call was made, as
        the breaker is open.
        """
        self.open_seconds = open_seconds
        """The seconds for which its breaker has been open."""
        self.why_no_stored = ""
        """The reason why there is no stored answer instead, as a sentence for the caller; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The campaigns and recommenders that this process calls. `runtime`: a boto3 client that does not retry."""

    runtime: PersonalizeRuntimeClient
    breakers: Breakers = field(default_factory=Breakers)
    budget: RetryBudget = field(default_factory=RetryBudget)
    clock: Callable[[], float] = time.monotonic

    def ask(self, operation: str, arn: str, list_name: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
        """Personalize's answer. `arn`: of the campaign or recommender; `list_name`: the list in the answer.

        Raises OutageError, or botocore's error if the request is invalid.
        """
        self.budget.count_request()
        if not self.breakers.allow(arn):
            raise OutageError(self.breakers.reason(arn), self.breakers.seconds_until_call(arn))
        start = self.clock()
        try:
            return self._call(operation, arn, list_name, members)
        except OutageError as outage:
            is_fast = self.clock() - start <= FAST_SECONDS
            if (
                outage.reason not in RETRIED
                or not is_fast
                or not self.breakers.allow(arn)
                or not self.budget.take_retry()
            ):
                raise
        return self._call(operation, arn, list_name, members)

    def _call(self, operation: str, arn: str, list_name: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            output: Mapping[str, Any] = getattr(self.runtime, operation)(**members)
            _check_list(output.get(list_name))
        except (BotoCoreError, ClientError, *PARSING) as error:
            reason = outage_reason(error)
            if not reason:
                self.breakers.succeeded(arn)
                raise
            if reason != "NotFound":
                self.breakers.failed(arn, reason)
            raise OutageError(reason, self.breakers.seconds_until_call(arn), self.breakers.open_seconds(arn)) from error
        self.breakers.succeeded(arn)
        return output


def outage_reason(error: Exception) -> str:
    """The reason of a call's failure, in a word; empty if the caller's request is invalid. Pure."""
    code = error_code(error)
    if isinstance(error, ParamValidationError) or code in CALLERS_FAULTS:
        return ""
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return "Timeout"
    if isinstance(error, PARSING):
        return "Malformed"
    if not isinstance(error, ClientError):
        return "Unreachable"
    is_refusal = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) < MIN_SERVER_ERROR
    return REASONS.get(code, "Refused" if is_refusal else "ServerError")


def _check_list(items: Any) -> None:
    """Raise ValueError for a list that callers could not use: botocore does not check the types of an answer."""
    if not isinstance(items, list):
        raise ValueError("The answer has no list.")
    for item in items:
        if not isinstance(item.get("itemId", item.get("actionId")), str):
            raise ValueError("An entry of the list has no ID.")

"""Prevent the deletion of the stack while it has dataset groups in Personalize.

In: a request of CloudFormation about the custom resource DeletionProtection. The answer goes to the address in it.
"""

from typing import Any

from usher.aws import client
from usher.resources.protection import answer, refusal


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation, which would wait for an answer until the time is up."""
    answer(event, refusal(client("personalize"), event))

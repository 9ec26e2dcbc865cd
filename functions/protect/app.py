"""Prevent the deletion of the stack while it has dataset groups in Personalize.

In: a request of CloudFormation about the custom resource DeletionProtection. The answer is sent to the URL in it.
"""

from typing import Any

from usher.aws import client
from usher.resources.protection import answer, refusal


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation, which would otherwise wait until its time-out."""
    answer(event, refusal(client("personalize"), event))

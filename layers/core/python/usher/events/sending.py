"""Sends a message to Personalize: it is taken, refused for good, or to be sent again later."""

from botocore.exceptions import ClientError, ParamValidationError

from usher.aws import error_code
from usher.clients import PersonalizeEventsClient
from usher.events.messages import Message, call_of

LASTING = frozenset({"InvalidInputException", "ResourceNotFoundException", "ValidationException"})
"""Errors that the same message would cause again."""


def send(personalize_events: PersonalizeEventsClient, message: Message) -> str:
    """Send a message by boto3's client; return Personalize's message if it refuses it for good, or "".

    Raises ClientError or BotoCoreError if it may take the message later.
    """
    method, members = call_of(message)
    try:
        getattr(personalize_events, method)(**members)
    except ParamValidationError as error:
        return str(error)
    except ClientError as error:
        if error_code(error) not in LASTING:
            raise
        return error.response["Error"]["Message"]
    return ""

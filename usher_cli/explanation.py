"""What a person is told of an error."""

from botocore.exceptions import BotoCoreError, ClientError
from usher.errors import UsherError

TOLD = (UsherError, BotoCoreError, ClientError, OSError)
"""Errors that are told in a line where they happen; others are faults of this program."""

EXTRAS = {"nicegui": "ui"}
"""By package, the extra of Usher that installs it; of all others `local`, the local cloud."""


def explanation(error: Exception) -> str:
    """What happened, in one line."""
    match error:
        case ClientError():
            return f"AWS refuses {error.operation_name}: {error.response['Error']['Message']}"
        case ModuleNotFoundError():
            extra = EXTRAS.get(error.name or "", "local")
            return f"{error.name} is not installed. Install Usher with its extra: pip install 'usher[{extra}]'"
    return str(error)

"""The message of an error: one line with the cause and the remedy."""

import os
from urllib.error import URLError

from botocore import exceptions
from usher.aws import error_code
from usher.errors import UsherError

EXPLAINED = (UsherError, exceptions.BotoCoreError, exceptions.ClientError, OSError)
"""Errors that one line explains; others are bugs."""

EXTRAS = {"nicegui": "ui", "uvicorn": "ui"}
"""The extra of Usher that installs a package; other packages are in `local`, the local cloud."""
SIGN_IN = "Sign in again: aws sso login, or aws configure; for the local cloud, export what make up prints."
CHOOSE = "Set AWS_PROFILE, or run aws configure or aws sso login; for the local cloud, export what make up prints."
REGION = "Set AWS_DEFAULT_REGION, or a region in your profile."
EXPIRED = f"Your AWS credentials have expired. {SIGN_IN}"
UNKNOWN = f"AWS does not know these credentials. {CHOOSE}"
NONE = f"There are no AWS credentials. {CHOOSE}"
NO_REGION = f"No AWS region is named. {REGION}"
PERMISSIONS = "Ask for this permission: docs/cli.md#permissions."

CODES = {
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "RequestExpired"), EXPIRED),
    **dict.fromkeys(
        (
            "InvalidClientTokenId",
            "InvalidAccessKeyId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "AuthFailure",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "InvalidToken",
        ),
        UNKNOWN,
    ),
}
"""The explanation of AWS's error codes. https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""
TRACEBACK = "USHER_TRACEBACK"
"""The environment variable that makes errors show their traceback, too."""
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
TYPES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((exceptions.NoCredentialsError,), NONE),
    ((exceptions.PartialCredentialsError,), f"The AWS credentials are incomplete. {CHOOSE}"),
    (
        (
            exceptions.UnauthorizedSSOTokenError,
            exceptions.SSOTokenLoadError,
            exceptions.TokenRetrievalError,
            exceptions.CredentialRetrievalError,
        ),
        EXPIRED,
    ),
    ((exceptions.ProfileNotFound,), "{error}. Choose another with AWS_PROFILE: aws configure list-profiles."),
    ((exceptions.NoRegionError,), NO_REGION),
    ((exceptions.InvalidRegionError,), f"{{error}}. {REGION}"),
)
"""The explanation of botocore's errors, by type."""


def explanation(error: Exception) -> str:
    """The cause and the remedy, in one line."""
    match error:
        case exceptions.ClientError():
            return _refusal(error)
        case exceptions.EndpointConnectionError() | exceptions.HTTPClientError():
            return _unreachable(str(error))
        case URLError():
            return _unreachable(f"The API can't be reached: {error.reason}")
        case ValueError() if "Invalid endpoint" in str(error):  # botocore's, for an empty region
            return NO_REGION
        case ModuleNotFoundError():
            extra = EXTRAS.get(error.name or "", "local")
            return f"{error.name} is not installed. In Usher's folder: pip install '.[{extra}]'"
        case _ if not isinstance(error, EXPLAINED):
            return f"usher itself has failed: {type(error).__name__}: {error}. Report its traceback ({TRACEBACK}=1)."
    message = next((text for types, text in TYPES if isinstance(error, types)), "")
    return message.replace("{error}", str(error).rstrip(".")) if message else str(error)


def _refusal(error: exceptions.ClientError) -> str:
    code, message = error_code(error), error.response["Error"].get("Message", "")
    if code in CODES:
        return CODES[code]
    remedy = f" {PERMISSIONS}" if code in DENIED else ""
    return f"AWS refuses {error.operation_name}: {message or code}{'' if message.endswith('.') else '.'}{remedy}"


def _unreachable(message: str) -> str:
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    remedy = (
        f"AWS_ENDPOINT_URL is {endpoint}: start the local cloud (make up), or unset it to use AWS."
        if endpoint
        else f"Check this machine's network, and that the region exists. {REGION}"
    )
    return f"{message.rstrip('.')}. {remedy}"

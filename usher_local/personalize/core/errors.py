"""The service's errors; the codes are the shapes of botocore's models, which also give the HTTP status."""

from moto.core.exceptions import ServiceException


class PersonalizeError(ServiceException):  # type: ignore[misc]
    """Base of all errors that a caller gets."""


class InvalidInputError(PersonalizeError):
    """A field has no valid value, or the request contradicts the state of what it names."""

    code = "InvalidInputException"


class InvalidNextTokenError(PersonalizeError):
    """The token is not one that this service gave out for this list."""

    code = "InvalidNextTokenException"
    message = "The token is not valid."


class LimitExceededError(PersonalizeError):
    """A quota is used up."""

    code = "LimitExceededException"


class ResourceAlreadyExistsError(PersonalizeError):
    """The ARN that the request would create is taken."""

    code = "ResourceAlreadyExistsException"


class ResourceInUseError(PersonalizeError):
    """Something is still in progress, or still depends on the resource."""

    code = "ResourceInUseException"


class ResourceNotFoundError(PersonalizeError):
    """There is nothing at this ARN."""

    code = "ResourceNotFoundException"


class TooManyTagKeysError(PersonalizeError):
    """A request names more than 50 tags to remove."""

    code = "TooManyTagKeysException"


class TooManyTagsError(PersonalizeError):
    """A resource would have more than 50 tags."""

    code = "TooManyTagsException"


class KilledError(Exception):
    """The service ends, or a training is stopped, before the work has ended."""


class JobFailedError(Exception):
    """Work in the background failed; the text becomes the resource's failureReason."""

"""The service's errors. Their codes are shapes of botocore's models, which also define the HTTP status."""

from moto.core.exceptions import ServiceException


class PersonalizeError(ServiceException):  # type: ignore[misc]
    """Base of all errors that a caller gets."""


class InvalidInputError(PersonalizeError):
    """A field has an invalid value, or the request contradicts the state of a resource that it names."""

    code = "InvalidInputException"


class InvalidNextTokenError(PersonalizeError):
    """The service did not issue this token for this list."""

    code = "InvalidNextTokenException"
    message = "The token is not valid."


class LimitExceededError(PersonalizeError):
    """A quota is exhausted."""

    code = "LimitExceededException"


class ResourceAlreadyExistsError(PersonalizeError):
    """A resource with this ARN or name exists already."""

    code = "ResourceAlreadyExistsException"


class ResourceInUseError(PersonalizeError):
    """A change is in progress, or another resource depends on this one."""

    code = "ResourceInUseException"


class ResourceNotFoundError(PersonalizeError):
    """No resource has this ARN."""

    code = "ResourceNotFoundException"


class TooManyTagKeysError(PersonalizeError):
    """A request names more than 50 tags to remove."""

    code = "TooManyTagKeysException"


class TooManyTagsError(PersonalizeError):
    """A resource would have more than 50 tags."""

    code = "TooManyTagsException"


class KilledError(Exception):
    """The service closed, or a training was stopped, before the work ended."""


class JobFailedError(Exception):
    """Background work failed; the text becomes the resource's failureReason."""

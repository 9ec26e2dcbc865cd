"""The operations of the three APIs that botocore knows, and whether they are implemented."""

from typing import NamedTuple

from moto.core.utils import get_service_model

from usher_local.personalize.responses import PersonalizeEventsResponse, PersonalizeResponse, PersonalizeRuntimeResponse

RESPONSES = {
    "personalize": PersonalizeResponse,
    "personalize-runtime": PersonalizeRuntimeResponse,
    "personalize-events": PersonalizeEventsResponse,
}


class Row(NamedTuple):
    """One operation."""

    service: str
    operation: str
    implemented: bool


def coverage() -> list[Row]:
    """Every operation that botocore knows, by service and name."""
    return [
        Row(service, name, name in response.operations)
        for service, response in RESPONSES.items()
        for name in sorted(get_service_model(service).operation_names)
    ]

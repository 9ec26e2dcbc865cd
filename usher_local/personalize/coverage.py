"""The implemented operations of the three APIs, as rows for documents and tests."""

from typing import NamedTuple

from moto.core.utils import get_service_model

from usher_local.personalize.responses import PersonalizeEventsResponse, PersonalizeResponse, PersonalizeRuntimeResponse

RESPONSES = {
    "personalize": PersonalizeResponse,
    "personalize-runtime": PersonalizeRuntimeResponse,
    "personalize-events": PersonalizeEventsResponse,
}
NOTES = {
    "CreateBatchInferenceJob": "THEME_GENERATION is refused: this service generates no themes",
    "CreateDatasetExportJob": "one CSV file, named after the job",
    "CreateDatasetGroup": "nothing is encrypted; a key needs a role, as in the service",
    "CreateMetricAttribution": "permissions and expressions are checked; no reports are written",
    "CreateSolution": "AutoML and HPO really search; automatic training follows the clock",
    "StartRecommender": "nothing is trained again",
}
"""The operations whose answer differs from the service's, or may seem to."""


class Row(NamedTuple):
    """One operation."""

    service: str
    operation: str
    implemented: bool
    note: str


def coverage() -> list[Row]:
    """Every operation that botocore knows, by service and name."""
    return [
        Row(service, name, name in response.operations, NOTES.get(name, ""))
        for service, response in RESPONSES.items()
        for name in sorted(get_service_model(service).operation_names)
    ]

"""The documented limits, where botocore's models of the services know them, too."""

from typing import Any

import pytest
from botocore.session import get_session
from usher import limits

SESSION = get_session()


def member(service: str, operation: str, name: str) -> Any:
    """The shape of a member of an operation's input."""
    model: Any = SESSION.get_service_model(service)
    return model.operation_model(operation).input_shape.members[name]


@pytest.mark.parametrize(
    ("limit", "service", "operation", "name"),
    [
        (limits.SERVICE_NAME_LENGTH, "personalize", "CreateSolution", "name"),
        (limits.SERVICE_NAME_LENGTH, "personalize", "CreateBatchInferenceJob", "jobName"),
        (limits.MAX_SCHEMA_LENGTH, "personalize", "CreateSchema", "schema"),
        (limits.MAX_ID_LENGTH, "personalize-runtime", "GetRecommendations", "userId"),
        (limits.MAX_ID_LENGTH, "personalize-events", "PutEvents", "userId"),
    ],
)
def test_a_limit_is_that_of_the_services_model(limit: int, service: str, operation: str, name: str) -> None:
    assert member(service, operation, name).metadata["max"] == limit

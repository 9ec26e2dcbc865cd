"""The checks of `usher doctor` about queues."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from moto import mock_aws
from usher.aws import client

from usher_cli.deployed_stack import DeployedStack
from usher_cli.doctor.checks import no_event_was_lost, no_event_was_refused, region_has_personalize
from usher_cli.doctor.examination import Deployment, ProblemError


class Queues(Deployment):
    """A stack that only has queues."""

    def physical_id_of(self, logical_id: str) -> str:
        return str(client("sqs").get_queue_url(QueueName=logical_id)["QueueUrl"])


@pytest.fixture
def queues() -> Iterator[Queues]:
    with mock_aws():
        client.cache_clear()
        for name in ("Kept", "Pending", "DeadLetterQueue", "RefusedEvents"):
            client("sqs").create_queue(QueueName=name)
        yield Queues(DeployedStack("usher"), None, lambda: (Counter(), Counter()))
    client.cache_clear()


def test_events_on_their_way_are_no_problem(queues: Queues) -> None:
    for name in ("Kept", "Pending"):
        client("sqs").send_message(QueueUrl=queues.physical_id_of(name), MessageBody="{}")
    assert (no_event_was_lost(queues), no_event_was_refused(queues)) == ("none", "none")


@pytest.mark.parametrize(
    ("name", "check"), [("DeadLetterQueue", no_event_was_lost), ("RefusedEvents", no_event_was_refused)]
)
def test_a_lost_or_refused_event_is_a_problem(queues: Queues, name: str, check: Callable[[Deployment], str]) -> None:
    client("sqs").send_message(QueueUrl=queues.physical_id_of(name), MessageBody="{}")
    with pytest.raises(ProblemError, match=f"1 in {name}"):
        check(queues)


@pytest.mark.parametrize(
    ("place", "is_there"),
    [("aws:states:us-east-1", True), ("aws:states:eu-north-1", False), ("aws-cn:states:cn-north-1", True)],
)
def test_a_region_without_personalize_is_a_problem(place: str, *, is_there: bool) -> None:
    class Elsewhere(DeployedStack):
        @property
        def outputs(self) -> dict[str, str]:
            return {"PipelineArn": f"arn:{place}:123456789012:stateMachine:usher-pipeline"}

    deployment = Deployment(Elsewhere("usher"), None, lambda: (Counter(), Counter()))
    if is_there:
        assert region_has_personalize(deployment) == place.rpartition(":")[2]
    else:
        with pytest.raises(ProblemError, match="Personalize is not in eu-north-1, but in ap-northeast-1"):
            region_has_personalize(deployment)

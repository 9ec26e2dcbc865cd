"""Send queued events to Personalize, in the order of each session.

In: messages of the queue Pending (usher.events.messages). Out: the messages that remain in the queue.
"""

import os
from typing import Any

from usher.aws import client
from usher.events.arrivals import Arrivals
from usher.events.measures import measure
from usher.events.replay import Queues, Replay
from usher.events.sessions import Sessions
from usher.storage.table import Table

table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
queues = Queues(
    client("sqs"), os.environ["PENDING_QUEUE_URL"], os.environ["REFUSED_QUEUE_URL"], os.environ["KEPT_QUEUE_URL"]
)
replay = Replay(queues, Sessions(table), Arrivals(table), client("personalize-events"))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send a batch, write its metrics, and report the messages that remain."""
    again, settled = replay.run(event["Records"])
    measure(settled, replay.clock())
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in again]}

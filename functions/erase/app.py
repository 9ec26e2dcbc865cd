"""Take the next step of a run that erases users from Personalize and from everything that Usher keeps.

In: `{group, run}`. Out: `{settled, waitSeconds}`: whether it is done, and the seconds until the next step if not. The
run's record has the progress.
"""

import os
from typing import Any

from usher.aws import NO_RETRY, client
from usher.erasure.erasure import Erasure
from usher.erasure.messages import WaitingEvents
from usher.erasure.personalize import DeletionJobs
from usher.runs.record import Run
from usher.storage.bucket import Bucket
from usher.storage.table import Table

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
erasure = Erasure(
    bucket,
    Table(client("dynamodb"), os.environ["TABLE_NAME"]),
    WaitingEvents(
        client("sqs"),
        os.environ["PENDING_QUEUE_URL"],
        [os.environ["KEPT_QUEUE_URL"], os.environ["REFUSED_QUEUE_URL"]],
    ),
    DeletionJobs(client("personalize", NO_RETRY), os.environ["PERSONALIZE_ROLE_ARN"], os.environ["STACK_ARN"]),
)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take a step."""
    wait = erasure.step(Run(bucket, event["group"], event["run"]))
    return {"settled": wait is None, "waitSeconds": wait}

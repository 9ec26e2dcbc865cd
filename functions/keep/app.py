"""Write accepted events to the bucket; once a day, compact each finished day into one file.

In: messages of the queue Kept (usher.events.messages), or a scheduled event.
"""

import os
from functools import partial
from typing import Any

from usher.aws import client, now
from usher.errors import UsherError
from usher.events.compaction import compact_all
from usher.events.kept import keep_messages
from usher.events.messages import decode
from usher.independent_steps import raise_errors, run_all
from usher.storage.bucket import Bucket

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Write a batch of messages, or compact the kept ones."""
    if "Records" in event:
        keep_messages(bucket, (decode(record["body"]) for record in event["Records"]))
    else:
        raise_errors(run_all({group: partial(compact, group) for group in bucket.folders()}))


def compact(group: str) -> None:
    """Compact a group's finished days. Raises UsherError for days that are too large."""
    if too_large := compact_all(bucket, group, now().date().isoformat()):
        raise UsherError(f"{group} has more events than one function can compact on: {', '.join(too_large)}.")

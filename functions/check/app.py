"""Check a part of a group's data, one of many that are checked at the same time.

In: `{part, run, error}`; the part as `plan` has written it. With an error, the part could not be checked: note that.
"""

import os
from typing import Any

from usher.aws import client, error_code
from usher.datasets import profile_cache
from usher.datasets.byte_ranges import part_of
from usher.storage.bucket import Bucket

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
REPLACED = {"PreconditionFailed", "NoSuchKey"}
"""S3's words for an object that is no longer what it was. `plan` sees that, too, and has the new one checked."""


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Check one part, or note why it could not be checked."""
    part = part_of(event["part"])
    if event["error"]:
        return profile_cache.fail(bucket, part, event["run"], event["error"])
    try:
        return profile_cache.check(bucket, part)
    except bucket.s3.exceptions.ClientError as error:
        if error_code(error) not in REPLACED:
            raise

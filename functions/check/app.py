"""Profile a part of a group's data; many parts are profiled in parallel.

In: `{part, run, error}`; the part as `plan` has written it. With an error, the part could not be profiled.
"""

import os
from typing import Any

from usher.aws import client
from usher.datasets.byte_ranges import read_part
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.read_limits import ReadLimits
from usher.storage.bucket import Bucket

profiles = ProfileCache(Bucket(client("s3"), os.environ["BUCKET_NAME"]), ReadLimits.from_env(os.environ))


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Store the part's profile, or record the reason why it could not be profiled."""
    part = read_part(event["part"], profiles.limits)
    if event["error"]:
        profiles.add_failure(part, event["run"], event["error"])
    else:
        profiles.add(part)

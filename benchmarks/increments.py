"""A year of increments, dropped at once, on the local cloud, with 100 ms for each call of Personalize.

Run it with `python -m benchmarks.increments [FILES]`. Functions, state machine and timeouts are real; Personalize's
minutes pass 6,000 times as fast.
"""

import sys
import time
from datetime import UTC, datetime, timedelta

from usher.run_record import RunRecord
from usher.runs.record import Run
from usher.storage.bucket import Bucket

from benchmarks.report import report
from usher_local.clock import Clock
from usher_local.cloud.server import LocalCloud
from usher_local.demo.synthetic import interactions
from usher_local.personalize import Pacing

GROUP = "shop"
CONFIG = "solutions: {popular: {recipe: aws-popularity-count}}\nexports: false\n"
LATENCY = 0.1
SPEED = 6000
DEADLINE_SECONDS = 1800


def longest(cloud: LocalCloud, function: str) -> float:
    """The seconds of a function's longest invocation, by CloudWatch's metric."""
    names = (one["FunctionName"] for one in cloud.client("lambda").list_functions()["Functions"])
    (name,) = (name for name in names if f"-{function}-" in name)
    until = datetime.now(UTC) + timedelta(minutes=1)
    (found,) = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Duration",
        Dimensions=[{"Name": "FunctionName", "Value": name}],
        StartTime=until - timedelta(days=1),
        EndTime=until,
        Period=86400,
        Statistics=["Maximum"],
    )["Datapoints"]
    return float(found["Maximum"]) / 1000


def record(bucket: Bucket) -> RunRecord | None:
    """The group's newest record with resources, or None."""
    keys = [key for key in bucket.keys(f"{GROUP}/out/runs/") if key.endswith("/run.json")]
    records = (Run(bucket, GROUP, key.split("/")[-2]).read() for key in reversed(keys))
    return next((one for one in records if one.get("resources")), None)


def main(files: int) -> None:
    """Run it, and print the row."""
    with LocalCloud(aws_port=0, api_port=0, clock=Clock(SPEED), pacing=Pacing(latency=LATENCY)) as cloud:
        bucket = Bucket(cloud.client("s3"), cloud.outputs["BucketName"])
        for day in range(files):
            content = interactions(seed=day + 1).encode()
            bucket.write(f"{GROUP}/interactions/incremental/{day:03}.csv", content)
        bucket.write(f"{GROUP}/usher.yaml", CONFIG.encode())
        began = time.monotonic()
        bucket.write(f"{GROUP}/interactions/all.csv", interactions().encode())
        while not (found := record(bucket)) or found["outcome"] == "RUNNING":
            if time.monotonic() - began > DEADLINE_SECONDS:
                raise TimeoutError(f"not ended after {DEADLINE_SECONDS} s: {found}")
            time.sleep(1)
        seconds = time.monotonic() - began
        row = {
            "increments": files,
            "outcome": found["outcome"],
            "ready": sum(one["status"] == "READY" for one in found["resources"]),
            "s": round(seconds),
            "longest Plan s": round(longest(cloud, "Plan"), 1),
            "longest pass s": round(longest(cloud, "Reconcile"), 1),
        }
    report("increments", [row])


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 365)

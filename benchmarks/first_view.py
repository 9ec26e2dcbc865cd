"""The first view of `usher ui`, and `usher status`, on the local cloud with 10 groups and 200 runs.

Run it with `python -m benchmarks.first_view`; it needs chromium on PATH. One group is really trained; the others, and
its other runs, are copies of its objects in the bucket and of its items in the table. A view's time is from the request
of the page until the browser shows every group's row.
"""

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from playwright.sync_api import sync_playwright

from benchmarks.report import report
from usher_local.clock import Clock
from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.server import LocalCloud, environ
from usher_local.demo.synthetic import interactions

GROUPS, RUNS, VIEWS = 10, 200, 10
FIRST = "group0"
CONFIG = {"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False}
LIMIT_SECONDS = {"first view": 1.0, "usher status": 2.0}


def fill(cloud: LocalCloud) -> None:
    """Train the first group, and copy it."""
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key=f"{FIRST}/usher.yaml", Body=json.dumps(CONFIG))
    s3.put_object(Bucket=bucket, Key=f"{FIRST}/interactions.csv", Body=interactions())
    runs = f"{FIRST}/out/runs/"
    while not (found := [one for one in _keys(s3, bucket, runs) if one.endswith("run.json")]) or (
        _json(s3, bucket, found[-1])["outcome"] == "RUNNING"
    ):
        time.sleep(1)
    record, name = _json(s3, bucket, found[-1]), found[-1].split("/")[-2]
    if record["outcome"] != "SUCCEEDED":
        raise RuntimeError(record["summary"])
    files = {key.rpartition("/")[2]: _text(s3, bucket, key) for key in _keys(s3, bucket, f"{runs}{name}/")}
    kept = s3_backends[ACCOUNT]["aws"]
    table = dynamodb_backends[ACCOUNT][REGION].get_table(cloud.outputs["TableName"])
    items = [one.to_json()["Attributes"] for one in table.all_items()]
    for number in range(GROUPS):
        group = f"group{number}"
        for run in range(RUNS // GROUPS - (group == FIRST)):
            older = f"20200101T{run:06}000Z-0000"
            for file, text in files.items():
                copied = text.replace(name, older).replace(FIRST, group)
                kept.put_object(bucket, f"{group}/out/runs/{older}/{file}", copied.encode())
        for item in items:
            if item["group"]["S"] == FIRST and group != FIRST:
                table.put_item(json.loads(json.dumps(item).replace(FIRST, group)))


@contextmanager
def page() -> Iterator[str]:
    """The address of `usher ui` in a process of its own."""
    command = [sys.executable, "-m", "usher_cli", "ui", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - its own command
        try:
            yield cast(IO[str], process.stdout).readline().split()[0]
        finally:
            process.terminate()


def first_views(address: str) -> list[float]:
    """The seconds of each view until all groups are visible."""
    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(VIEWS):
            visited = browser.new_page()
            begun = time.perf_counter()
            visited.goto(address, wait_until="commit")
            visited.get_by_role("link", name=f"group{GROUPS - 1}", exact=True).wait_for()
            seconds.append(time.perf_counter() - begun)
            visited.close()
        browser.close()
    return seconds


def statuses() -> list[float]:
    """The seconds of each `usher status`, including Python's start."""
    seconds = []
    for _ in range(VIEWS):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "usher_cli", "status"], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - begun)
    return seconds


def row(name: str, seconds: list[float]) -> dict[str, float | str]:
    """The figures of a row. The first time includes opening connections and making clients."""
    cold, *warm = seconds
    return {
        "what": name,
        "first s": round(cold, 2),
        "median s": round(statistics.median(warm), 2),
        "limit s": LIMIT_SECONDS[name],
    }


def main() -> None:
    """Measure and report."""
    with LocalCloud(aws_port=0, api_port=0, clock=Clock(60_000)) as cloud, environ(cloud.environment):
        fill(cloud)
        with page() as address:
            views = first_views(address)
        report("first_view", [row("first view", views), row("usher status", statuses())])


def _keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [one["Key"] for page in pages for one in page.get("Contents", [])]


def _text(s3: Any, bucket: str, key: str) -> str:
    return str(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def _json(s3: Any, bucket: str, key: str) -> Any:
    return json.loads(_text(s3, bucket, key))


if __name__ == "__main__":
    main()

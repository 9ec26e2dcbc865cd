"""The cost of updating the table from a catalogue, by the catalogue's size: reading, comparing, writing.

Run it with `python -m benchmarks.catalogue`. The files are in moto's S3. The table is in this process and checks the
condition of each write, so the figures are those of the step alone; DynamoDB's writes take additional time.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from moto import mock_aws
from usher.aws import client
from usher.catalogue.entries import Catalogues
from usher.catalogue.load_plan import Form, LoadPlan, write_load_plan
from usher.catalogue.loading import Loader
from usher.datasets.reading import Source
from usher.runs.record import Run
from usher.storage.bucket import Bucket

from benchmarks.memory import peak_megabytes
from benchmarks.report import report

SIZES = (10_000, 100_000, 1_000_000)
COLUMNS = ("TITLE", "PRICE")
GROUP = "shop"
CHANGED = 0.01


class MemoryTable:
    """A table that accepts writes of entries, conditional or in batches, as DynamoDB does."""

    name = "table"

    def __init__(self) -> None:
        self.dynamodb = self
        self.items: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.writes = 0

    def put(self, group: str, item: str, attributes: Mapping[str, Any], *_: Any) -> bool:
        """Write an item, unless there is a newer one."""
        self.writes += "#" in group
        if self.items.get((group, item), {}).get("at", 0) > attributes.get("at", 0):
            return False
        self.items[group, item] = attributes
        return True

    def batch_write_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Write items."""
        for request in RequestItems[self.name]:
            item = request["PutRequest"]["Item"]
            self.put(item["group"]["S"], item["item"]["S"], {"at": int(item["at"]["N"])})
        return {}

    def get(self, group: str, item: str, **_: Any) -> Mapping[str, Any]:
        """An item; empty if there is none."""
        return self.items.get((group, item), {})

    def delete(self, group: str, item: str, _: str, values: Mapping[str, Any], *__: Any) -> bool:
        """Delete an item, unless there is a newer one."""
        self.writes += 1
        if self.items.get((group, item), {}).get("at", 0) > values[":at"]:
            return False
        self.items.pop((group, item), None)
        return True


def catalogue(items: int, changed: int) -> bytes:
    """A catalogue in which the first `changed` items have another price, and as many have left for new ones."""
    rows = (
        f"i{number},A title of a thing of some length {number},{number % 977}.{'5' if number < 2 * changed else '0'},"
        f"Garden|Kitchen,{1_700_000_000 + number}\n"
        for number in range(changed, items + changed)
    )
    return ("ITEM_ID,TITLE,PRICE,CATEGORY,CREATION_TIMESTAMP\n" + "".join(rows)).encode()


def load(bucket: Bucket, table: Any, planned: int) -> tuple[int, float]:
    """Calls, and processor seconds, of a load of the current file."""
    sources = {"items": Source(bucket.files(f"{GROUP}/items.csv"))}
    types = {"TITLE": "string", "PRICE": "float"}
    run = Run(bucket, GROUP, f"run-{planned}")
    write_load_plan(run, LoadPlan(planned, sources, {"items": Form(COLUMNS, "", types)}, {"items": str(planned)}))
    loader = Loader(bucket, Catalogues(table), sleep=lambda _: None)
    calls, begun = 1, time.process_time()
    while loader.load(run)["more"]:
        calls += 1
    return calls, time.process_time() - begun


def measure(items: int) -> dict[str, float | str]:
    """The figures of a first load, of one of an unchanged file, and of one with few changed items."""
    s3, table, changed = client("s3"), MemoryTable(), int(items * CHANGED)
    s3.create_bucket(Bucket="benchmark")
    bucket = Bucket(s3, "benchmark")
    figures: dict[str, float | str] = {"items": items}
    for planned, (name, part) in enumerate({"all": 0, "none": 0, "some": changed}.items(), start=1):
        content = catalogue(items, part)
        bucket.write(f"{GROUP}/items.csv", content)
        before = table.writes
        calls, seconds = load(bucket, table, planned)
        figures["MB"] = round(len(content) / 1e6, 1)
        figures |= {f"{name}: writes": table.writes - before, f"{name}: calls": calls, f"{name}: s": round(seconds, 1)}
    kept = sum(file.size for file in bucket.files(f"{GROUP}/out/catalogue/items"))
    return figures | {"snapshot MB": round(kept / 1e6, 1)}


def main() -> None:
    """Print a row for each size, measured in a process of its own."""
    rows = []
    for items in SIZES:
        command = [sys.executable, "-m", "benchmarks.catalogue", str(items)]
        rows.append(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))  # noqa: S603
    report("catalogue", rows)


if __name__ == "__main__":
    if sys.argv[1:]:
        with mock_aws():
            row = measure(int(sys.argv[1]))
        print(json.dumps(row | {"peak MB": round(peak_megabytes())}))
    else:
        main()

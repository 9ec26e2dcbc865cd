"""A temporary local cloud with given files."""

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from usher.aws import client
from usher.errors import UsherError
from usher.storage.layout import CONFIGS, is_input

from usher_cli.deployed_stack import DeployedStack
from usher_cli.ratings import RatingsError, read_ratings

EVERY = {"recipes": ["all"]}
FREE = dict.fromkeys(("MaxRunDollars", "MaxMonthlyDollars", "MaxExportLines"), "1000000000")
"""The local cloud is free; the run's page has the cost in AWS."""
SPEED = 6000
"""The factor by which the local Personalize is faster than AWS."""


@dataclass(frozen=True, slots=True)
class OfflineStack:
    """A stack on this machine."""

    stack: DeployedStack
    request: Mapping[str, Any]
    """The input of its evaluation."""


@contextmanager
def offline_stack(data: Path, console: Console) -> Iterator[OfflineStack]:
    """A stack on this machine with the files at a path, in a group of the path's name; it has not started to work.

    `data`: a folder in the layout of a group's in the bucket, or a file of ratings that usher_cli.ratings reads.
    Without a config, every recipe that suits the data is compared. Raises UsherError if there is nothing to read.
    """
    files, group = files_of(data), name_of(data)
    console.print("Starting the local cloud: the stack of template.yaml, without AWS")
    from usher_local.clock import Clock
    from usher_local.cloud.server import STACK, LocalCloud, environ

    logging.getLogger("moto").setLevel(logging.CRITICAL)  # show.scores prints failures
    here = LocalCloud(aws_port=0, api_port=0, clock=Clock(SPEED), parameters=FREE)
    with here as cloud, environ(cloud.environment):
        client.cache_clear()
        boto3.setup_default_session()  # boto3's session keeps the keys that it has read: each local cloud has its own
        for rule in client("events").list_rules()["Rules"]:  # no ordinary run is to start
            client("events").disable_rule(Name=rule["Name"])
        stack = DeployedStack(STACK)
        for key, content in files.items():
            stack.bucket.write(f"{group}/{key}", content)
        own = any(key in CONFIGS for key in files)
        try:
            yield OfflineStack(
                stack, {"group": group, "live": False, "requestsPerSecond": 1000, **({} if own else EVERY)}
            )
        finally:
            client.cache_clear()


def name_of(data: Path) -> str:
    """The name of the group for a path: that of the folder or of the file."""
    path = data.resolve()
    name = re.sub(r"[^a-zA-Z0-9\-_]", "-", path.name if path.is_dir() else path.stem).lstrip("-_")
    return name[:35] or "data"


def files_of(data: Path) -> dict[str, bytes]:
    """The files of the group's folder, by key. Raises UsherError if there is nothing to read."""
    return _folder(data) if data.is_dir() else _ratings(data)


def _folder(data: Path) -> dict[str, bytes]:
    keys = [path.relative_to(data).as_posix() for path in sorted(data.rglob("*")) if path.is_file()]
    used = [key for key in keys if is_input(f"group/{key}")]
    if not any(key.startswith("interactions") for key in used):
        raise UsherError(
            f"{data} has no interactions.csv, and no interactions/*.csv. Lay it out as in the bucket "
            f"({', '.join(CONFIGS)} and the CSVs), or name a file of ratings."
        )
    return {key: (data / key).read_bytes() for key in used}


def _ratings(data: Path) -> dict[str, bytes]:
    try:
        ratings = read_ratings(data)
    except RatingsError as error:
        raise UsherError(str(error)) from None
    columns = ratings.users, ratings.items, ratings.timestamps
    files = {"interactions.csv": _csv(["USER_ID", "ITEM_ID", "TIMESTAMP"], zip(*columns, strict=True))}
    if ratings.about:
        rows = ((item, *about) for item, about in ratings.about.items())
        files["items.csv"] = _csv(["ITEM_ID", "TITLE", "GENRES"], rows)
    return files


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()

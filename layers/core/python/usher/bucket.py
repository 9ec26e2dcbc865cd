"""Where things are in the bucket. The first folder of every key is the dataset group.

<group>/usher.yaml (or usher.json)         what is wanted
<group>/interactions.csv, interactions/*.csv   data; likewise items and users
<group>/export/<solution>/users.jsonl      optional: for whom to export
<group>/out/...                            what Usher writes
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, is_dataclass
from typing import IO, Any

from usher.aws import error_code

DATASETS = ("interactions", "items", "users")
CONFIGS = ("usher.yaml", "usher.json")
GROUP_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,34}\Z")
"""Personalize allows 63 characters; the names of what belongs to a group add up to 28 to its own."""


def is_input(key: str) -> bool:
    """Whether an object with this key is config or data (and not, say, an export that looks like it)."""
    match key.split("/"):
        case [_, name]:
            return name in CONFIGS or (name.endswith(".csv") and name[:-4] in DATASETS)
        case [_, folder, name]:
            return folder in DATASETS and name.endswith(".csv")
    return False


def is_foreign(key: str) -> bool:
    """Whether an object in a group's folder is none that Usher reads or writes: a misspelt name, most likely."""
    _, _, rest = key.partition("/")
    return not is_input(key) and not key.endswith("/") and not rest.startswith(("out/", "export/"))


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket, with the few ways in which Usher reads and writes it. `s3` is a boto3 client."""

    s3: Any
    name: str

    def url(self, key: str) -> str:
        """The s3:// address of a key."""
        return f"s3://{self.name}/{key}"

    def keys(self, prefix: str) -> list[str]:
        """All keys below a prefix, sorted."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def open(self, key: str) -> IO[bytes]:
        """An object's bytes as a stream."""
        body: IO[bytes] = self.s3.get_object(Bucket=self.name, Key=key)["Body"]
        return body

    def read(self, key: str) -> bytes | None:
        """An object's bytes; None where there is none."""
        try:
            return self.open(key).read()
        except self.s3.exceptions.ClientError as error:
            if error_code(error) in {"NoSuchKey", "404"}:
                return None
            raise

    def lines(self, key: str) -> Iterator[bytes]:
        """An object's lines, streamed."""
        body: Any = self.open(key)
        yield from body.iter_lines()

    def write(self, key: str, content: bytes) -> None:
        """Write an object."""
        self.s3.put_object(Bucket=self.name, Key=key, Body=content)

    def read_json(self, key: str) -> Any:
        """A JSON object's value; None where there is none."""
        content = self.read(key)
        return None if content is None else json.loads(content)

    def write_json(self, key: str, value: object) -> None:
        """Write a value as indented JSON: people open these files."""
        self.write(key, json.dumps(value, indent=2, default=_plain).encode())


def _plain(value: Any) -> Any:
    """Dataclasses as objects, without what is empty; all else, such as times, as text."""
    return {name: part for name, part in asdict(value).items() if part} if is_dataclass(value) else str(value)  # type: ignore[arg-type]


def config_keys(group: str) -> list[str]:
    """Where a group's config may be."""
    return [f"{group}/{name}" for name in CONFIGS]


def data_keys(keys: list[str], group: str, dataset: str) -> list[str]:
    """The keys, of all those below a group, that hold a dataset's CSVs."""
    return [key for key in keys if is_input(key) and key.endswith(".csv") and _dataset(key, group) == dataset]


def _dataset(key: str, group: str) -> str:
    return key.removeprefix(f"{group}/").removesuffix(".csv").split("/")[0]


def data_location(group: str, dataset: str, keys: list[str]) -> str:
    """What Personalize is told to import: the one file, or the folder."""
    single = f"{group}/{dataset}.csv"
    return single if keys == [single] else f"{group}/{dataset}/"


def export_prefix(group: str, solution: str) -> str:
    """Where a solution's exports are."""
    return f"{group}/out/export/{solution}/"

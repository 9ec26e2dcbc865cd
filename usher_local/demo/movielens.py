"""MovieLens 100K as files that Personalize can import.

The licence of the data (Harper and Konstan, "The MovieLens Datasets", 2015) does not let Usher distribute them. The
wheel of the library recbole contains them; pip fetches it from the package index that this machine uses.
"""

import csv
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

REQUIREMENT = "recbole==1.2.1"
WHEEL = "recbole-1.2.1-py3-none-any.whl"
FOLDER = "recbole/dataset_example/ml-100k"
INTERACTIONS, ITEMS, USERS = "ml-100k.inter", "ml-100k.item", "ml-100k.user"
DIGESTS = {  # SHA-256 of the files in the wheel's FOLDER
    INTERACTIONS: "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    ITEMS: "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    USERS: "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
}


class DownloadError(Exception):
    """MovieLens 100K is not available; the message says what to do by hand."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The prepared files, and the title with year of each film by item ID."""

    interactions: Path
    items: Path
    users: Path
    titles: dict[str, str]


def fetch(cache: Path, digests: Mapping[str, str] = DIGESTS) -> Path:
    """Make sure that `cache` has the files of `digests`, and return it. A wheel in `cache` saves the download.

    Raises DownloadError if the files cannot be downloaded or have other digests.
    """
    cache.mkdir(parents=True, exist_ok=True)
    if all(_is_intact(cache / name, digest) for name, digest in digests.items()):
        return cache
    by_hand = cache / WHEEL
    if by_hand.exists():
        _unpack(by_hand, cache, digests)
    else:
        with tempfile.TemporaryDirectory() as folder:
            _download(Path(folder), by_hand)
            _unpack(Path(folder, WHEEL), cache, digests)
    return cache


def prepare(source: Path, target: Path) -> Dataset:
    """Write interactions.csv, items.csv and users.csv into `target` from the files of `fetch` in `source`.

    Every rating becomes an event `watch` whose value is the rating.
    """
    target.mkdir(parents=True, exist_ok=True)
    films = {item: (*_split(title, year), genres) for item, title, year, genres in _read(source / ITEMS)}
    return Dataset(
        _write(
            target / "interactions.csv",
            ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE"),
            ((user, item, time, "watch", rating) for user, item, rating, time in _read(source / INTERACTIONS)),
        ),
        _write(
            target / "items.csv",
            ("ITEM_ID", "TITLE", "GENRES", "YEAR"),
            # One entry of MovieLens stands for an unidentified film: it has no attributes, so it gets no row.
            ((item, title, genres.replace(" ", "|"), year) for item, (title, year, genres) in films.items() if year),
        ),
        _write(
            target / "users.csv",
            ("USER_ID", "AGE", "GENDER", "OCCUPATION"),
            ((user, age, gender, occupation) for user, age, gender, occupation, _ in _read(source / USERS)),
        ),
        {item: f"{title} ({year})" if year else "(unknown film)" for item, (title, year, _) in films.items()},
    )


def _split(title: str, year: str) -> tuple[str, str]:
    """The title and the year; recbole left some years in the title. The year is empty if there is none."""
    if match := re.fullmatch(r"(.*) \((\d{4})\)", title):
        return match[1], match[2]
    return title, year if year.isdigit() else ""


def _is_intact(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _download(folder: Path, by_hand: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), REQUIREMENT]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 nothing in it is foreign
    if result.returncode:
        raise DownloadError(
            f"MovieLens 100K is missing: pip could not download {REQUIREMENT}, which contains it.\n"
            f"Connect this machine to its package index, or get the file {WHEEL} elsewhere and put it here:\n"
            f"  {by_hand.resolve()}\n"
            f"pip said: {result.stderr.strip()}"
        )


def _unpack(wheel: Path, cache: Path, digests: Mapping[str, str]) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in digests:
                (cache / name).write_bytes(archive.read(f"{FOLDER}/{name}"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise DownloadError(f"{wheel} is not the wheel of {REQUIREMENT}: {error}") from error
    if wrong := [name for name, digest in digests.items() if not _is_intact(cache / name, digest)]:
        raise DownloadError(f"{wheel} is not the wheel of {REQUIREMENT}: {', '.join(wrong)} has another SHA-256")


def _read(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        yield from rows


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path

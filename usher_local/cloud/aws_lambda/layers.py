"""The content of a layer for functions: its own files, and its packages for this machine.

A layer is a zip archive in one of two forms. A source folder has `requirements.txt`, locked with hashes, and its own
files in `python/`. The output of `sam build` has packages for Lambda's processor in `python/`, which can't run here:
the same versions are installed for this machine, without the files that the build removed.
"""

import csv
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from usher_local.cloud.aws_lambda.python import Interpreter, installed

RECORD = re.compile(r"python/([^/]+)-([^/-]+)\.dist-info/RECORD")


@dataclass(frozen=True, slots=True)
class Layer:
    """Folders for the function's `sys.path`, and the unzipped size of the archive in bytes."""

    search_path: tuple[Path, ...]
    size: int


def unpacked(archive: bytes, folder: Path, python: Interpreter) -> Layer:
    """Unpack a layer's own files below `folder`, and install its packages. Raises PackagesError."""
    with zipfile.ZipFile(io.BytesIO(archive)) as layer:
        names = {name for name in layer.namelist() if not name.endswith("/")}
        requirements, recorded = packages(layer)
        packaged = {f"python/{name}" for name in recorded}
        own = unzipped(layer, sorted(name for name in names - packaged if name.startswith("python/")), folder)
        size = sum(one.file_size for one in layer.infolist())
    removed = {name for name in recorded if f"python/{name}" not in names and not name.startswith("../")}
    search_path = [own / "python"]
    if requirements:
        search_path.append(installed(requirements, python, removed))
    return Layer(tuple(search_path), size)


def packages(layer: zipfile.ZipFile) -> tuple[str, set[str]]:
    """The requirements of a layer, and the files below `python/` that belong to its packages."""
    found = [match for name in sorted(layer.namelist()) if (match := RECORD.fullmatch(name))]
    if not found:
        names = layer.namelist()
        return layer.read("requirements.txt").decode() if "requirements.txt" in names else "", set()
    pins = "\n".join(f"{match[1]}=={match[2]}" for match in found)
    records = (layer.read(match[0]).decode().splitlines() for match in found)
    return pins, {row[0] for record in records for row in csv.reader(record)}


def unzipped(archive: zipfile.ZipFile, names: list[str], folder: Path) -> Path:
    """Unpack members into a folder named by their content, unless it exists; return it."""
    content = hashlib.sha256(repr([(name, archive.getinfo(name).CRC) for name in names]).encode()).hexdigest()
    target = folder / content[:32]
    if not target.exists():
        target.mkdir(parents=True)
        archive.extractall(target, names)
    return target

"""The checks of a group's data. What was found in parts of large data is kept, so that only new parts are read.

It is at `<group>/out/checks/<edition>/`, a file for each part, with a tag by which the bucket lets it expire.
"""

import json
import logging
import os
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from usher.aws import digest
from usher.datasets import (
    byte_ranges,
    csv_reader,
    diagnosis,
    distinct_ids,
    files,
    hash_sample,
    hashing,
    profile,
    profile_file,
    schemas,
)
from usher.datasets.byte_ranges import Part
from usher.errors import InputError, Problem, lambda_error_message
from usher.formats import content_kind, typed_json
from usher.formats.typed_json import UnfitError, fit, parse
from usher.storage.bucket import Bucket, File, TooLargeError
from usher.storage.layout import dataset_of, group_of, is_data

log = logging.getLogger(__name__)

PARALLEL_BYTES = int(os.environ.get("PARALLEL_BYTES", 1 << 29))
"""More than so much that was not checked before is checked in parallel."""
MODULES = (
    content_kind,
    csv_reader,
    profile,
    diagnosis,
    hashing,
    distinct_ids,
    files,
    byte_ranges,
    hash_sample,
    schemas,
    profile_file,
    typed_json,
)
"""What is found depends on them."""
EDITION = digest([Path(str(module.__file__)).read_text() for module in MODULES])
"""Other code may find something else: what was found with it does not count."""
TAG = "usher=check"


def table(bucket: Bucket, dataset: str, files: Sequence[File], there: Container[str]) -> profile.Table:
    """What is known of a dataset's files; what is not there (`there`: the keys of the bucket) is found out."""
    return profile.gather(
        dataset, ((part.key, _found(bucket, part, there)) for file in files for part in byte_ranges.cut(file))
    )


def _found(bucket: Bucket, part: Part, there: Container[str]) -> profile.Table:
    """What was found in a part; found anew where what is kept can't be that."""
    size = part.end - part.start
    if kept_at(part) in there:
        try:
            kept = bucket.read(kept_at(part), profile_file.most_bytes(size))
            if kept is not None:
                return profile_file.load(kept, dataset_of(part.key), part.key, size)
        except (UnfitError, TooLargeError):
            log.warning("%s is not what Usher has written there", kept_at(part))
    return byte_ranges.scan(bucket, part)


def outstanding(bucket: Bucket, group: str, run: str) -> list[Part]:
    """The parts of a group's data that are to be checked in parallel; none where there is little to check.

    Raises InputError for those that could not be checked in this run.
    """
    there = {file.key: file for file in bucket.files_of(group)}
    left = [
        part
        for key, file in there.items()
        if is_data(key)
        for part in byte_ranges.cut(file)
        if kept_at(part) not in there
    ]
    if failed := [part for part in left if failed_at(part, run) in there]:
        raise InputError([_failure(part, bucket.read(failed_at(part, run)) or b"") for part in failed])
    return left if sum(part.end - part.start for part in left) > PARALLEL_BYTES else []


def check(bucket: Bucket, part: Part) -> None:
    """Scan a part, and keep what is found."""
    bucket.write(kept_at(part), profile_file.dump(byte_ranges.scan(bucket, part)), Tagging=TAG)


def fail(bucket: Bucket, part: Part, run: str, error: Mapping[str, str]) -> None:
    """Note for a run that a part could not be checked. `error`: what Step Functions tells."""
    bucket.write(failed_at(part, run), json.dumps(error).encode(), Tagging=TAG)


def kept_at(part: Part) -> str:
    """The key under which is kept what was found in a part."""
    return f"{group_of(part.key)}/out/checks/{EDITION}/{_name(part)}.table"


def failed_at(part: Part, run: str) -> str:
    """The key under which is noted that a part could not be checked in a run."""
    return f"{group_of(part.key)}/out/checks/{run}/{_name(part)}.json"


def _name(part: Part) -> str:
    return f"{dataset_of(part.key)}-{digest(asdict(part), 32)}"


@dataclass(frozen=True, slots=True)
class _Failure:
    """What Step Functions tells of a step that failed."""

    Error: str = ""
    Cause: str = ""


def _failure(part: Part, content: bytes) -> Problem:
    try:
        error = fit(_Failure, parse(content), strict=False)
    except UnfitError as unfit:
        error = _Failure("UnfitError", str(unfit))
    place = f"{part.key} bytes {part.start} to {part.end}"
    said = f"could not be checked: {error.Error}: {lambda_error_message(error.Cause)[:500].rstrip('. ')}."
    return Problem(place, said, "Drop a file again to try once more; if it recurs, see the logs.")

"""The profiles of a group's data, kept by part, so that only new parts are read.

They are at `<group>/out/checks/v<CODE_VERSION>/`, one file for each part, with a tag by which a lifecycle rule of the
bucket lets them expire.
"""

import json
import logging
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass

from usher.aws import digest, error_code
from usher.datasets.byte_ranges import Part, parts_of, profile_part, read_blocks
from usher.datasets.csv_writer import write_csv
from usher.datasets.profile import DatasetProfile, merge_parts
from usher.datasets.profile_file import dump_profile, load_profile, max_file_bytes
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.datasets.reading import PLAIN, Reading
from usher.errors import InputError, Problem, lambda_error_message
from usher.formats.typed_json import UnfitError, as_type, parse_json
from usher.storage.bucket import REPLACED, Bucket, File, TooLargeError
from usher.storage.layout import dataset_of, group_of, is_data

log = logging.getLogger(__name__)

CODE_VERSION = 4
"""Profiles of other versions are ignored. Increase it when the same data gets another profile:
tests/unit/usher/datasets/test_code_version.py fails then.
"""
TAG = "usher=check"
PACKED = 4
"""The factor by which another format takes longer to read than a CSV, for each byte."""
NO_READINGS: Mapping[str, Reading] = {}


@dataclass(frozen=True, slots=True)
class ProfileCache:
    """The profiles in a bucket."""

    bucket: Bucket
    limits: ReadLimits = LIMITS
    code_version: int = CODE_VERSION

    def profile(
        self, dataset: str, files: Sequence[File], existing: Container[str], reading: Reading = PLAIN
    ) -> DatasetProfile:
        """The profile of a dataset's files; parts without a stored one are read. `existing`: the keys in the bucket."""
        parts = (part for file in files for part in parts_of(file, self.limits, reading))
        return merge_parts(dataset, ((part.key, self._profile(part, existing)) for part in parts), self.limits)

    def _profile(self, part: Part, existing: Container[str]) -> DatasetProfile:
        key, size = self.key(part), part.max_bytes(self.limits)
        if key in existing:
            try:
                content = self.bucket.read(key, max_file_bytes(size))
                if content is not None:
                    return load_profile(content, dataset_of(part.key), part.key, size)
            except (UnfitError, TooLargeError):
                log.warning("%s was not written by Usher: %s is read again", key, part.key)
        return profile_part(self.bucket, part, self.limits)

    def missing_parts(self, group: str, run: str, readings: Mapping[str, Reading] = NO_READINGS) -> list[Part]:
        """The parts of a group's data to profile in parallel; none if there is little new data.

        `readings`: the Reading of each dataset. Raises InputError for parts that could not be profiled in this run.
        """
        files = self.bucket.files_of(group)
        existing = {file.key for file in files}
        parts = [
            part
            for file in files
            if is_data(file.key)
            for part in parts_of(file, self.limits, readings.get(dataset_of(file.key), PLAIN))
        ]
        missing = [part for part in parts if self.key(part) not in existing]
        if failed := [part for part in missing if failure_key(part, run) in existing]:
            raise InputError([_failure(part, self.bucket.read(failure_key(part, run)) or b"") for part in failed])
        size = sum((part.end - part.start) * (1 if part.is_csv else PACKED) for part in missing)
        return missing if size > self.limits.parallel_bytes else []

    def add(self, part: Part) -> None:
        """Profile a part and store its profile and, if Personalize does not take the part as it is, a CSV of its rows.

        A part of an object that has been replaced or deleted is ignored.
        """
        try:
            profile = profile_part(self.bucket, part, self.limits)
            if not part.is_csv and not part.reading.deduplicate and not profile.read_errors:
                write_csv(self.bucket, self.csv_key(part), read_blocks(self.bucket, part, self.limits), TAG)
        except self.bucket.s3.exceptions.ClientError as error:
            if error_code(error) not in REPLACED:
                raise
        else:
            self.bucket.write(self.key(part), dump_profile(profile), Tagging=TAG)

    def add_failure(self, part: Part, run: str, error: Mapping[str, str]) -> None:
        """Record that a part could not be profiled in a run. `error`: `{Error, Cause}` of Step Functions."""
        self.bucket.write(failure_key(part, run), json.dumps(error).encode(), Tagging=TAG)

    def csv_key(self, part: Part) -> str:
        """The key of the CSV of a part in another format; it does not exist if the part has no rows."""
        return f"{self.key(part).removesuffix('.profile')}.csv"

    def key(self, part: Part) -> str:
        """The key of a part's profile."""
        return f"{self.folder(part.key)}{_name(part)}.profile"

    def folder(self, key: str) -> str:
        """The folder of the profiles of the group of a file."""
        return f"{group_of(key)}/out/checks/v{self.code_version}/"


def failure_key(part: Part, run: str) -> str:
    """The key of the error with which profiling a part failed in a run."""
    return f"{group_of(part.key)}/out/checks/{run}/{_name(part)}.json"


def _name(part: Part) -> str:
    return f"{dataset_of(part.key)}-{digest(asdict(part), 32)}"


@dataclass(frozen=True, slots=True)
class _Failure:
    """The error of a failed step, as Step Functions reports it."""

    Error: str = ""
    Cause: str = ""


def _failure(part: Part, content: bytes) -> Problem:
    try:
        error = as_type(_Failure, parse_json(content), strict=False)
    except UnfitError as unfit:
        error = _Failure("UnfitError", str(unfit))
    place = f"{part.key} bytes {part.start} to {part.end}"
    message = f"could not be checked: {error.Error}: {lambda_error_message(error.Cause)[:500].rstrip('. ')}."
    return Problem(place, message, "Drop a file again to retry; if it recurs, see the log of the function `check`.")

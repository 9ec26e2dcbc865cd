"""Copies of the files that Personalize reads in a run: the files as they were checked, counted and priced.

`<group>/out/input/<run>/<digest of the reader and the content>/<file>`, where only Usher writes. A file that replaces
another after the plan counts for the next run, and this run costs what was estimated. A folder holds the files of one
attempt at the plan: an attempt with other files has another folder. A tag lets the bucket delete them soon. Files that
Personalize would not take (another format, other names of columns, other times, duplicates) are written as CSV instead
of being copied.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from boto3.s3.transfer import TransferConfig

from usher.aws import digest
from usher.config.model import JOBS
from usher.datasets.byte_ranges import Part, parts_of, read_blocks
from usher.datasets.csv_writer import write_csv
from usher.datasets.duplicates import read_distinct
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.read_limits import ReadLimits
from usher.datasets.reading import PLAIN, Reading, Source
from usher.errors import InputError, Problem
from usher.limits import MIN_ROWS
from usher.planning.draft import Draft
from usher.resources.decisions import UNCHANGING
from usher.resources.kinds import Resource
from usher.runs.record import Run
from usher.storage.bucket import Bucket, File
from usher.storage.layout import dataset_of

TAG = "usher=input"
MAX_COPY_BYTES = 5 << 30
"""The most bytes that S3 copies in one request: CopyObject's API reference."""
PART_BYTES = 1 << 29
CONCURRENCY = 16
"""Files of an import that are copied at a time."""
Sources = Mapping[str, Source]
"""The Source of each import, by s3:// address (Inputs.sources)."""


def copy_inputs(run: Run, drafted: Draft, profiles: ProfileCache) -> list[Resource]:
    """Copy the files of the run's imports and batch jobs; return the plan's resources with the copies.

    `profiles`: with the CSVs of large files in other formats. Raises InputError if a job's file has grown since its
    lines were counted, or a dataset has too few rows without duplicates, and S3's PreconditionFailed if a file is not
    the one that was checked: the step is then repeated with a new plan.
    """
    changing = {state.id for state in drafted.states if state.action not in UNCHANGING}
    resources = drafted.plan.resources if drafted.plan else []
    try:
        return [_with_copies(run, one, drafted, profiles) if one.id in changing else one for one in resources]
    except InputError as error:
        raise InputError(error.problems, drafted.findings.get("data")) from None


def copy_import(run: Run, job: Resource, sources: Sources, profiles: ProfileCache) -> Resource:
    """An import with copies of its files, if they are among the sources."""
    source = sources.get(job.params["dataSource"]["dataLocation"])
    if not source:
        return job
    folder = copy_files(run, job.id, source, profiles)[0].rpartition("/")[0]
    return replace(job, params={**job.params, "dataSource": {"dataLocation": run.bucket.url(f"{folder}/")}})


def copy_files(run: Run, reader: str, source: Source, profiles: ProfileCache) -> list[str]:
    """Copy a reader's files in Personalize's form; return the keys, in order. `reader`: such as an import's id.

    A part without rows, such as Spark's empty partitions, has no copy: Personalize refuses empty files. Raises as
    `copy_inputs` does.
    """
    folder = _folder(run, reader, source.files, source.reading)
    parts = [part for file in source.files for part in parts_of(file, profiles.limits, source.reading)]
    if source.reading.deduplicate:
        return [_write_distinct(run.bucket, parts, f"{folder}00000.csv", profiles.limits)]
    files = {file.key: file for file in source.files}
    converted = {file.key: file for file in run.bucket.files(profiles.folder(parts[0].key))}

    def copy(number: int, part: Part) -> str | None:
        copied = f"{folder}{number:05}.csv"
        if part.is_csv:
            _copy(run, files[part.key], copied)
        elif profiles.csv_key(part) in converted:
            _copy(run, converted[profiles.csv_key(part)], copied)
        elif not write_csv(run.bucket, copied, read_blocks(run.bucket, part, profiles.limits), TAG):
            return None
        return copied

    wanted = [part for part in parts if not part.is_csv or not part.start]
    with ThreadPoolExecutor(CONCURRENCY) as executor:
        return list(filter(None, executor.map(copy, range(len(wanted)), wanted)))


def _write_distinct(bucket: Bucket, parts: Sequence[Part], key: str, limits: ReadLimits) -> str:
    rows = write_csv(bucket, key, read_distinct(bucket, parts, limits), TAG)
    dataset = dataset_of(parts[0].key)
    if rows < MIN_ROWS.get(dataset, 0):
        message = f"has {rows} rows without duplicates; Personalize imports {MIN_ROWS[dataset]} or more."
        raise InputError([Problem(parts[0].key, message, "Add more rows.")])
    return key


def _with_copies(run: Run, resource: Resource, drafted: Draft, profiles: ProfileCache) -> Resource:
    if resource.kind == "dataset_import_job":
        return copy_import(run, resource, drafted.sources, profiles)
    if resource.kind in JOBS.values():
        return _copy_job(run, resource, drafted.size.lines[resource.id])
    return resource


def _copy_job(run: Run, job: Resource, lines: int) -> Resource:
    key = str(job.params["jobInput"]["s3DataSource"]["path"]).removeprefix(run.bucket.url(""))
    files = [file for file in run.bucket.files(key) if file.key == key]
    copy = f"{_folder(run, job.id, files)}{key.rpartition('/')[2]}"
    for file in files:
        _copy(run, file, copy)
    if run.bucket.count_lines(copy, lines) > lines:
        message = f"has grown beyond the {lines:,d} lines that the run was planned with."
        raise InputError([Problem(key, message, "The next run counts them again.")])
    return replace(job, params={**job.params, "jobInput": {"s3DataSource": {"path": run.bucket.url(copy)}}})


def _folder(run: Run, reader: str, files: Sequence[File], reading: Reading = PLAIN) -> str:
    content = [(file.key, file.etag) for file in files], reading.facts()
    return f"{run.group}/out/input/{run.name}/{digest([reader, content])}/"


def _copy(run: Run, file: File, copy: str) -> None:
    """Copy an object of any size, if it has not changed since it was listed."""
    run.bucket.s3.copy(
        {"Bucket": run.bucket.name, "Key": file.key},
        run.bucket.name,
        copy,
        ExtraArgs={"CopySourceIfMatch": file.etag, "TaggingDirective": "REPLACE", "Tagging": TAG},
        Config=TransferConfig(
            multipart_threshold=MAX_COPY_BYTES,
            multipart_chunksize=PART_BYTES,
            use_threads=file.size > MAX_COPY_BYTES,
        ),
    )

"""Copies of the files that a run's imports and batch jobs read: the files as they were checked, counted and priced.

`<group>/out/input/<run>/<digest of the import or job>/<file>`, where only Usher writes. A file that replaces another
after the plan counts for the next run, and this run costs what was estimated. A tag lets the bucket delete the copies
soon. What Personalize would not take as it is (another format, other names of columns, other times, duplicates) is
written as CSV instead of being copied.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from boto3.s3.transfer import TransferConfig

from usher.aws import digest
from usher.config.model import JOBS
from usher.datasets.byte_ranges import is_plain_csv, parts_of, read_blocks
from usher.datasets.csv_writer import write_csv
from usher.datasets.duplicates import read_distinct
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.reading import Source
from usher.errors import InputError, Problem
from usher.limits import MIN_ROWS
from usher.planning.draft import IDLE, Draft
from usher.resources.kinds import Resource
from usher.runs.record import Run
from usher.storage.bucket import Bucket, File
from usher.storage.layout import dataset_of

TAG = "usher=input"
MAX_COPY_BYTES = 5 << 30
"""S3 copies no more in one request: CopyObject's API reference."""
PART_BYTES = 1 << 29
CONCURRENCY = 16
"""Files of an import that are copied at a time."""


def copy_inputs(run: Run, drafted: Draft, profiles: ProfileCache) -> list[Resource]:
    """Copy the files of each import and batch job that the run makes; return the plan's resources with the copies.

    `profiles`: where the CSVs of large files in other formats are. Raises InputError where a job's file has grown since
    its lines were counted, or a dataset has too few rows without duplicates, and S3's PreconditionFailed where a
    file is not the one that was checked: the step is repeated then, and plans anew.
    """
    changing = {state.id for state in drafted.states if state.action not in IDLE}
    resources = drafted.plan.resources if drafted.plan else []
    return [_with_copies(run, one, drafted, profiles) if one.id in changing else one for one in resources]


def _with_copies(run: Run, resource: Resource, drafted: Draft, profiles: ProfileCache) -> Resource:
    folder = f"{run.group}/out/input/{run.name}/{digest(resource.id, 6)}/"
    if resource.kind == "dataset_import_job":
        source = drafted.sources[resource.params["dataSource"]["dataLocation"]]
        copy_source(run.bucket, source, folder, profiles)
        return replace(resource, params={**resource.params, "dataSource": {"dataLocation": run.bucket.url(folder)}})
    if resource.kind in JOBS.values():
        return _copy_job(run, resource, drafted.lines[resource.id], folder)
    return resource


def copy_source(bucket: Bucket, source: Source, folder: str, profiles: ProfileCache, tag: str = TAG) -> None:
    """Write the rows of a dataset's files into a folder, as Personalize imports them: copied where they are so already.

    `tag`: of the copies; empty: none. Raises as `copy_inputs` does.
    """
    parts = {file: parts_of(file, profiles.limits, source.reading) for file in source.files}
    if source.reading.deduplicate:
        whole = [part for some in parts.values() for part in some]
        rows = write_csv(bucket, f"{folder}00000.csv", read_distinct(bucket, whole, profiles.limits), tag)
        dataset = dataset_of(whole[0].key)
        if rows < MIN_ROWS.get(dataset, 0):
            message = f"has {rows} rows without duplicates; Personalize imports {MIN_ROWS[dataset]} or more."
            raise InputError([Problem(whole[0].key, message, "Add more rows.")])
        return
    converted = {file.key: file for file in bucket.files(profiles.folder(source.files[0].key))}

    def write(number: int, file: File) -> None:
        if is_plain_csv(file.key, source.reading):
            _copy(bucket, file, f"{folder}{number:05}.csv", tag)
            return
        for place, part in enumerate(parts[file]):
            copy, key = f"{folder}{number:05}-{place:05}.csv", profiles.csv_key(part)
            if key not in converted:
                write_csv(bucket, copy, read_blocks(bucket, part, profiles.limits), tag)
            elif converted[key].size:
                _copy(bucket, converted[key], copy, tag)

    with ThreadPoolExecutor(CONCURRENCY) as executor:
        list(executor.map(write, range(len(source.files)), source.files))


def _copy_job(run: Run, job: Resource, lines: int, folder: str) -> Resource:
    key = str(job.params["jobInput"]["s3DataSource"]["path"]).removeprefix(run.bucket.url(""))
    copy = f"{folder}{key.rpartition('/')[2]}"
    for file in run.bucket.files(key):
        if file.key == key:
            _copy(run.bucket, file, copy)
    if run.bucket.count_lines(copy, lines) > lines:
        message = f"has grown beyond the {lines:,d} lines that the run was planned with."
        raise InputError([Problem(key, message, "The next round of the run counts them anew.")])
    return replace(job, params={**job.params, "jobInput": {"s3DataSource": {"path": run.bucket.url(copy)}}})


def _copy(bucket: Bucket, file: File, copy: str, tag: str = TAG) -> None:
    """Copy an object of any size, if it is still as it was listed."""
    bucket.s3.copy(
        {"Bucket": bucket.name, "Key": file.key},
        bucket.name,
        copy,
        ExtraArgs={
            "CopySourceIfMatch": file.etag,
            "TaggingDirective": "REPLACE",
            **({"Tagging": tag} if tag else {}),
        },
        Config=TransferConfig(
            multipart_threshold=MAX_COPY_BYTES,
            multipart_chunksize=PART_BYTES,
            use_threads=file.size > MAX_COPY_BYTES,
        ),
    )

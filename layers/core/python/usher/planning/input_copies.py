"""Copies of the files that a run's imports and batch jobs read: the files as they were checked, counted and priced.

`<group>/out/input/<run>/<digest of the import or job>/<file>`, where only Usher writes. A file that replaces another
after the plan counts for the next run, and this run costs what was estimated. A tag lets the bucket delete the copies
soon.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from boto3.s3.transfer import TransferConfig

from usher.aws import digest
from usher.config.model import JOBS
from usher.errors import InputError, Problem
from usher.planning.draft import IDLE, Draft
from usher.resources.kinds import Resource
from usher.runs.record import Run
from usher.storage.bucket import File

TAG = "usher=input"
MAX_COPY_BYTES = 5 << 30
"""S3 copies no more in one request: CopyObject's API reference."""
PART_BYTES = 1 << 29
CONCURRENCY = 16
"""Files of an import that are copied at a time."""


def copy_inputs(run: Run, drafted: Draft) -> list[Resource]:
    """Copy the files of each import and batch job that the run makes; return the plan's resources with the copies.

    Raises InputError where a job's file has grown since its lines were counted, and S3's PreconditionFailed where a
    file is not the one that was checked: the step is repeated then, and plans anew.
    """
    changing = {state.id for state in drafted.states if state.action not in IDLE}
    resources = drafted.plan.resources if drafted.plan else []
    return [_with_copies(run, one, drafted) if one.id in changing else one for one in resources]


def _with_copies(run: Run, resource: Resource, drafted: Draft) -> Resource:
    folder = f"{run.group}/out/input/{run.name}/{digest(resource.id, 6)}/"
    if resource.kind == "dataset_import_job":
        files = drafted.sources[resource.params["dataSource"]["dataLocation"]]
        return _copy_import(run, resource, files, folder)
    if resource.kind in JOBS.values():
        return _copy_job(run, resource, drafted.size.lines[resource.id], folder)
    return resource


def _copy_import(run: Run, job: Resource, files: Sequence[File], folder: str) -> Resource:
    with ThreadPoolExecutor(CONCURRENCY) as executor:
        copies = (f"{folder}{number:05}.csv" for number in range(len(files)))
        list(executor.map(lambda file, copy: _copy(run, file, copy), files, copies))
    return replace(job, params={**job.params, "dataSource": {"dataLocation": run.bucket.url(folder)}})


def _copy_job(run: Run, job: Resource, lines: int, folder: str) -> Resource:
    key = str(job.params["jobInput"]["s3DataSource"]["path"]).removeprefix(run.bucket.url(""))
    copy = f"{folder}{key.rpartition('/')[2]}"
    for file in run.bucket.files(key):
        if file.key == key:
            _copy(run, file, copy)
    if run.bucket.count_lines(copy, lines) > lines:
        message = f"has grown beyond the {lines:,d} lines that the run was planned with."
        raise InputError([Problem(key, message, "The next round of the run counts them anew.")])
    return replace(job, params={**job.params, "jobInput": {"s3DataSource": {"path": run.bucket.url(copy)}}})


def _copy(run: Run, file: File, copy: str) -> None:
    """Copy an object of any size, if it is still as it was listed."""
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

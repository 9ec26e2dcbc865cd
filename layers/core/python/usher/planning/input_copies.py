"""What a run's imports and batch jobs read: copies of the group's files, as they were checked, counted and estimated.

`<group>/out/input/<run>/<digest of the import or job>/<file>`, where only Usher writes. What anybody puts in a file's
place after the plan thus counts for the next run, and this one costs what it was estimated at. A tag lets the bucket
delete the copies soon.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from boto3.s3.transfer import TransferConfig

from usher.aws import digest
from usher.config.model import JOBS
from usher.errors import InputError, Problem
from usher.planning.planner import IDLE, Draft
from usher.resources.kinds import Resource
from usher.runs.record import Run
from usher.storage.bucket import File

TAG = "usher=input"
AT_ONCE = 5 << 30
"""Bytes that S3 copies in one request at most: CopyObject's API reference."""
PART = 1 << 29
AT_A_TIME = 16
"""Files of an import."""


def copy_inputs(run: Run, drafted: Draft) -> list[Resource]:
    """Copy what each import and batch job that is to be made reads; return the plan's resources with the copies.

    Raises InputError where a job's file has grown since its lines were counted, and S3's PreconditionFailed where a
    file is not the one that was checked: another try of the step plans anew.
    """
    made = {state.id for state in drafted.findings["resources"] if state.action not in IDLE}
    resources: Sequence[Resource] = drafted.plan["resources"] if drafted.plan else []
    return [_kept(run, one, drafted) if one.id in made else one for one in resources]


def _kept(run: Run, one: Resource, drafted: Draft) -> Resource:
    folder = f"{run.group}/out/input/{run.name}/{digest(one.id, 6)}/"
    if one.kind == "dataset_import_job":
        return _import(run, one, drafted.sources[one.params["dataSource"]["dataLocation"]], folder)
    return _job(run, one, drafted.lines[one.id], folder) if one.kind in JOBS.values() else one


def _import(run: Run, one: Resource, files: Sequence[File], folder: str) -> Resource:
    with ThreadPoolExecutor(AT_A_TIME) as executor:
        names = (f"{folder}{number:05}.csv" for number in range(len(files)))
        list(executor.map(lambda file, to: _copy(run, file, to), files, names))
    return replace(one, params={**one.params, "dataSource": {"dataLocation": run.bucket.url(folder)}})


def _job(run: Run, job: Resource, lines: int, folder: str) -> Resource:
    key = str(job.params["jobInput"]["s3DataSource"]["path"]).removeprefix(run.bucket.url(""))
    copy = f"{folder}{key.rpartition('/')[2]}"
    for file in _named(run, key):
        _copy(run, file, copy)
    if run.bucket.count_lines(copy, lines) > lines:
        said = f"has grown beyond the {lines:,d} lines that the run was planned with."
        raise InputError([Problem(key, said, "The next round of the run counts them anew.")])
    return replace(job, params={**job.params, "jobInput": {"s3DataSource": {"path": run.bucket.url(copy)}}})


def _named(run: Run, key: str) -> Iterator[File]:
    return (file for file in run.bucket.files(key) if file.key == key)


def _copy(run: Run, file: File, to: str) -> None:
    """Copy an object of any size, if it is still as it was listed."""
    large = file.size > AT_ONCE
    run.bucket.s3.copy(
        {"Bucket": run.bucket.name, "Key": file.key},
        run.bucket.name,
        to,
        ExtraArgs={"CopySourceIfMatch": file.etag, "TaggingDirective": "REPLACE", "Tagging": TAG},
        Config=TransferConfig(multipart_threshold=AT_ONCE, multipart_chunksize=PART, use_threads=large),
    )

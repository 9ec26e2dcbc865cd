"""Copies of the files that Personalize reads in a run: the files as they were checked, counted and priced.

`<group>/out/input/<run>/<digest of what reads them, and of their content>/<file>`, where only Usher writes. A file that
replaces another after the plan counts for the next run, and this run costs what was estimated. A folder holds the files
of one attempt at the plan: another attempt, at other files, has another folder. A tag lets the bucket delete them soon.
"""

from collections.abc import Mapping, Sequence
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
Sources = Mapping[str, Sequence[File]]
"""The files of each import as they were checked, by s3:// address (Inputs.sources)."""


def copy_inputs(run: Run, drafted: Draft) -> list[Resource]:
    """Copy the files of each import and batch job that the run makes; return the plan's resources with the copies.

    Raises InputError where a job's file has grown since its lines were counted, and S3's PreconditionFailed where a
    file is not the one that was checked: the step is repeated then, and plans anew.
    """
    changing = {state.id for state in drafted.states if state.action not in IDLE}
    resources = drafted.plan.resources if drafted.plan else []
    return [_with_copies(run, one, drafted) if one.id in changing else one for one in resources]


def copy_import(run: Run, job: Resource, sources: Sources) -> Resource:
    """An import with copies of its files, if they are among the sources."""
    files = sources.get(job.params["dataSource"]["dataLocation"])
    if not files:
        return job
    folder = copy_files(run, job.id, files)[0].rpartition("/")[0]
    return replace(job, params={**job.params, "dataSource": {"dataLocation": run.bucket.url(f"{folder}/")}})


def copy_files(run: Run, reader: str, files: Sequence[File]) -> list[str]:
    """Copy CSVs for what reads them, such as an import's id; return the keys of the copies, in the same order."""
    folder = _folder(run, reader, files)
    copies = [f"{folder}{number:05}.csv" for number in range(len(files))]
    with ThreadPoolExecutor(CONCURRENCY) as executor:
        list(executor.map(lambda file, copy: _copy(run, file, copy), files, copies))
    return copies


def _with_copies(run: Run, resource: Resource, drafted: Draft) -> Resource:
    if resource.kind == "dataset_import_job":
        return copy_import(run, resource, drafted.sources)
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
        raise InputError([Problem(key, message, "The next round of the run counts them anew.")])
    return replace(job, params={**job.params, "jobInput": {"s3DataSource": {"path": run.bucket.url(copy)}}})


def _folder(run: Run, reader: str, files: Sequence[File]) -> str:
    content = [(file.key, file.etag) for file in files]
    return f"{run.group}/out/input/{run.name}/{digest([reader, content])}/"


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

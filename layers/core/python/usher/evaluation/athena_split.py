"""The splits of splits.py for interactions that do not fit into a Lambda's memory: Athena makes CSVs from CSVs.

Athena gets a table over exactly these files and a query for each part. Its output files have no headers, so each is
copied behind one: a Lambda reads only the first megabytes of a file, and S3 copies the rest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usher.aws import digest
from usher.clients import AthenaClient, CompletedPartTypeDef
from usher.errors import InputError, Problem
from usher.evaluation.files import HOLDOUT, STAGING, TRAIN
from usher.evaluation.splits import Split
from usher.storage.bucket import Bucket

SQL: Mapping[str, str] = {
    name: text.strip()
    for name, text in re.findall(
        r"^-- ([a-z -]+)\n((?:(?!-- ).*\n)+)", Path(__file__).with_name("athena_split.sql").read_text(), re.M
    )
}
"""The statements in athena_split.sql, by name."""
PARTS = {TRAIN: "not usher_held_out", HOLDOUT: "usher_held_out"}
"""The condition for the events of each part."""
STEPS = (("create",), tuple(PARTS), ("drop",))
"""The queries in order; those of one step run at the same time."""
MIN_PART_BYTES = 5 << 20
"""S3's minimum for a part of a multipart upload, except the last one."""
COPY_BYTES = 1 << 30
"""The bytes of one copy. S3 copies up to 5 GB at a time; smaller copies are quicker, and 10,000 of them still hold 10
TB.
"""


@dataclass(frozen=True, slots=True)
class Athena:
    """A boto3 client of Athena, and the settings of its queries."""

    client: AthenaClient
    database: str
    workgroup: str


@dataclass(frozen=True, slots=True)
class SplitJob:
    """The files to split, and the destinations of the parts."""

    folder: str
    """The run's folder in the bucket, with a slash at its end. Each run has its own: Athena writes into no other."""
    files: Sequence[str]
    """The keys of the CSVs."""
    header: Sequence[str]
    """The columns of the files."""
    split: Split

    @property
    def staging(self) -> str:
        """The folder of temporary files."""
        return f"{self.folder}{STAGING}/"


def select(table: str, header: Sequence[str], split: Split, part: str) -> str:
    """The query for the lines of one of PARTS, without a header."""
    columns = [f'"{name.lower()}"' for name in header]
    kind = "global with a cut" if split.kind == "global" and split.cut is not None else split.kind
    condition = SQL[kind].format(train_share=f"{1 - split.share:.16e}", cut=split.cut)
    line = " || ',' || ".join(SQL["cell"].format(column=column) for column in columns)
    return SQL["part"].format(table=table, columns=", ".join(columns), split=condition, line=line, part=PARTS[part])


def statements(bucket: Bucket, job: SplitJob) -> dict[str, str]:
    """The queries of all STEPS. Raises InputError for columns that no query can name."""
    invalid = [name for name in job.header if not re.fullmatch(r"\w+", name, re.ASCII)]
    if invalid:
        message = f"has columns that Athena can't name: {', '.join(invalid)}."
        raise InputError([Problem(job.files[0], message, "Use letters, digits and underscores.")])
    table = f"holdout_{digest(job.folder)}"
    fields = ", ".join(f"`{name.lower()}` string" for name in job.header)
    manifest = bucket.url(f"{job.staging}files/")
    unloads = {
        part: SQL["unload"].format(
            select=select(table, job.header, job.split, part), target=bucket.url(f"{job.staging}{part}/")
        )
        for part in PARTS
    }
    create = SQL["create"].format(table=table, fields=fields, manifest=manifest)
    return {"create": create, **unloads, "drop": SQL["drop"].format(table=table)}


def advance(athena: Athena, bucket: Bucket, job: SplitJob, started: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Start the queries of the current step. Returns the ids of all started queries, and whether all have succeeded.

    Call it again until they have. `started`: the ids that the last call returned. Raises InputError if a query failed.
    """
    queries, ids = statements(bucket, job), dict(started)
    if not ids:
        manifest = "".join(f"{bucket.url(key)}\n" for key in job.files)
        bucket.write(f"{job.staging}files/manifest.txt", manifest.encode())
    for step in STEPS:
        for name in step:
            ids[name] = ids.get(name) or _start(athena, bucket, job, queries[name], name)
        if not all(_has_succeeded(athena, ids[name]) for name in step):
            return ids, False
    return ids, True


def drop_table(athena: Athena, bucket: Bucket, job: SplitJob) -> None:
    """Drop the table after a failure, as no later query will."""
    _start(athena, bucket, job, statements(bucket, job)["drop"], "drop")


def _start(athena: Athena, bucket: Bucket, job: SplitJob, query: str, name: str) -> str:
    """Start a query, once even if called again; return its id."""
    started = athena.client.start_query_execution(
        QueryString=query,
        ClientRequestToken=digest([job.folder, name], 64),
        QueryExecutionContext={"Database": athena.database},
        WorkGroup=athena.workgroup,
        ResultConfiguration={"OutputLocation": bucket.url(f"{job.staging}results/")},
    )
    return str(started["QueryExecutionId"])


def _has_succeeded(athena: Athena, query: str) -> bool:
    """Whether a query has succeeded. Raises InputError if it failed."""
    status = athena.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
    if status["State"] in {"FAILED", "CANCELLED"}:
        message = f"is {status['State']}: {status.get('StateChangeReason', 'Athena gives no reason')}."
        remedy = "Look at the query in Athena's history, and evaluate again."
        raise InputError([Problem(f"Athena query {query}", message, remedy)])
    return bool(status["State"] == "SUCCEEDED")


def finish(bucket: Bucket, job: SplitJob) -> Iterator[str]:
    """Copy Athena's files to their places, each behind a header; yield each key once it is written.

    It may be interrupted and called again: existing files are not written again. Raises InputError for an empty part.
    """
    header = ",".join(job.header).encode() + b"\n"
    for part in PARTS:
        existing = {*bucket.keys(f"{job.folder}{part}/")}
        sources = bucket.keys(f"{job.staging}{part}/")
        if not sources:
            message = f"leaves the part {part} empty."
            raise InputError([Problem(f"the split {job.split.kind}", message, "Use another share or cut.")])
        for number, source in enumerate(sources):
            key = f"{job.folder}{part}/{number:05}.csv"
            if key not in existing:
                copy_with_header(bucket, source, key, header)
            yield key


def copy_with_header(bucket: Bucket, source: str, target: str, header: bytes, copy_bytes: int = COPY_BYTES) -> None:
    """Copy an object behind a header: its first bytes are uploaded, S3 copies the rest, `copy_bytes` at a time."""
    s3 = bucket.s3
    old: dict[str, Any] = {"Bucket": bucket.name, "Key": source}
    new: dict[str, Any] = {"Bucket": bucket.name, "Key": target}
    size = s3.head_object(**old)["ContentLength"]
    first = header + s3.get_object(**old, Range=f"bytes=0-{MIN_PART_BYTES - 1}")["Body"].read() if size else header
    if size <= MIN_PART_BYTES:
        s3.put_object(**new, Body=first)
        return
    upload = {**new, "UploadId": s3.create_multipart_upload(**new)["UploadId"]}
    try:
        tags = [s3.upload_part(**upload, PartNumber=1, Body=first)["ETag"]]
        for number, start in enumerate(range(MIN_PART_BYTES, size, copy_bytes), start=2):
            piece = f"bytes={start}-{min(start + copy_bytes, size) - 1}"
            copied = s3.upload_part_copy(
                **upload,
                PartNumber=number,
                CopySource={"Bucket": bucket.name, "Key": source},
                CopySourceRange=piece,
            )
            tags.append(copied["CopyPartResult"]["ETag"])
        parts: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, start=1)
        ]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except BaseException:
        s3.abort_multipart_upload(**upload)
        raise

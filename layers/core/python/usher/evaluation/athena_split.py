"""The same split for data that no Lambda can hold, by Athena: from the group's CSVs to the CSVs of both parts.

A table over exactly these files, a query for each part, and then a header for each file that it wrote: Athena writes
none. Nothing is read by a Lambda but the first megabytes of each file; S3 copies the rest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usher.aws import digest
from usher.errors import InputError, Problem
from usher.evaluation.splits import Split
from usher.storage.bucket import Bucket

SQL: Mapping[str, str] = {
    name: text.strip()
    for name, text in re.findall(
        r"^-- ([a-z -]+)\n((?:(?!-- ).*\n)+)", Path(__file__).with_name("athena_split.sql").read_text(), re.M
    )
}
"""What holdout.sql has under each name."""
PARTS = {"train": ("not usher_held", "train/"), "holdout": ("usher_held", "holdout/")}
"""Which events each part has, and where its files go."""
STEPS = (("create",), tuple(PARTS), ("drop",))
"""The queries, in an order in which those of one step may run at once."""
STAGING = "staging"
FIRST_BYTES = 5 << 20
"""The least that S3 takes as a part of an upload that is not the last."""
COPIED_BYTES = 1 << 30
"""S3 copies up to 5 GB at a time; less is quicker, and a copy of 10,000 parts still has 10 TB."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where queries run."""

    database: str
    workgroup: str


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be split, and where to."""

    folder: str
    """The run's folder in the bucket, with a slash at its end. Each run has its own: Athena writes into no other."""
    files: Sequence[str]
    """The keys of the CSVs."""
    header: Sequence[str]
    """Their columns."""
    split: Split

    @property
    def staging(self) -> str:
        """The folder for what is of no use afterwards."""
        return f"{self.folder}{STAGING}/"


def select(table: str, header: Sequence[str], split: Split, part: str) -> str:
    """The query for the lines of one of PARTS, without a header."""
    columns = [f'"{name.lower()}"' for name in header]
    kind = "global with a cut" if split.kind == "global" and split.cut is not None else split.kind
    parted = SQL[kind].format(learnt=f"{1 - split.share:.16e}", cut=split.cut)
    line = " || ',' || ".join(SQL["cell"].format(column=column) for column in columns)
    filled = {"table": table, "columns": ", ".join(columns), "split": parted, "line": line, "part": PARTS[part][0]}
    return SQL["part"].format(**filled)


def statements(bucket: Bucket, work: Work) -> dict[str, str]:
    """The queries of all STEPS. Raises InputError for columns that can't be in one."""
    odd = [name for name in work.header if not re.fullmatch(r"\w+", name, re.ASCII)]
    if odd:
        said, remedy = f"has columns that Athena can't name: {', '.join(odd)}.", "Use letters, digits and underscores."
        raise InputError([Problem(work.files[0], said, remedy)])
    table = f"holdout_{digest(work.folder)}"
    fields = ", ".join(f"`{name.lower()}` string" for name in work.header)
    manifest = bucket.url(f"{work.staging}files/")
    unloads = {
        part: SQL["unload"].format(
            select=select(table, work.header, work.split, part), target=bucket.url(f"{work.staging}{part}/")
        )
        for part in PARTS
    }
    create = SQL["create"].format(table=table, fields=fields, manifest=manifest)
    return {"create": create, **unloads, "drop": SQL["drop"].format(table=table)}


def advance(
    athena: Any, bucket: Bucket, work: Work, at: Setting, started: Mapping[str, str]
) -> tuple[dict[str, str], bool]:
    """Start the queries that can be started now. Returns the ids of all that were, and whether all are done.

    `started`: the ids that it returned before. To be called again until they are. `athena` is a boto3 client. Raises
    InputError where a query failed.
    """
    queries, ids = statements(bucket, work), dict(started)
    if not ids:
        files = "".join(f"{bucket.url(key)}\n" for key in work.files)
        bucket.write(f"{work.staging}files/manifest.txt", files.encode())
    for step in STEPS:
        for name in step:
            ids[name] = ids.get(name) or _start(athena, bucket, work, at, queries[name], name)
        if not all(_succeeded(athena, ids[name]) for name in step):
            return ids, False
    return ids, True


def abandon(athena: Any, bucket: Bucket, work: Work, at: Setting) -> None:
    """Drop the table, as no query that is to come will."""
    _start(athena, bucket, work, at, statements(bucket, work)["drop"], "drop")


def _start(athena: Any, bucket: Bucket, work: Work, at: Setting, query: str, name: str) -> str:
    """The id of a query that is started, once even if it is asked for again."""
    started = athena.start_query_execution(
        QueryString=query,
        ClientRequestToken=digest([work.folder, name], 64),
        QueryExecutionContext={"Database": at.database},
        WorkGroup=at.workgroup,
        ResultConfiguration={"OutputLocation": bucket.url(f"{work.staging}results/")},
    )
    return str(started["QueryExecutionId"])


def _succeeded(athena: Any, query: str) -> bool:
    """Whether a query is done."""
    status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
    if status["State"] in {"FAILED", "CANCELLED"}:
        said = f"is {status['State']}: {status.get('StateChangeReason', 'no reason is given')}."
        raise InputError([Problem(f"Athena query {query}", said, "See it in Athena's history, and evaluate again.")])
    return bool(status["State"] == "SUCCEEDED")


def finish(bucket: Bucket, work: Work) -> Iterator[str]:
    """Give the files that Athena wrote a header, and their names; yield each key as it is there.

    May be left and begun again: what is there is not written again. Raises InputError for a part without a file.
    """
    header = ",".join(work.header).encode() + b"\n"
    for part, (_, folder) in PARTS.items():
        there = {*bucket.keys(f"{work.folder}{folder}")}
        sources = bucket.keys(f"{work.staging}{part}/")
        if not sources:
            said, remedy = f"leaves nothing for the part {part}.", "Use another share or cut."
            raise InputError([Problem(f"the split {work.split.kind}", said, remedy)])
        for number, source in enumerate(sources):
            key = f"{work.folder}{folder}{number:05}.csv"
            if key not in there:
                with_header(bucket, source, key, header)
            yield key


def with_header(bucket: Bucket, source: str, target: str, header: bytes) -> None:
    """Write a copy of an object that begins with a header: its first bytes by hand, the rest within S3."""
    s3, there, here = bucket.s3, {"Bucket": bucket.name, "Key": source}, {"Bucket": bucket.name, "Key": target}
    size = s3.head_object(**there)["ContentLength"]
    first = header + s3.get_object(**there, Range=f"bytes=0-{FIRST_BYTES - 1}")["Body"].read() if size else header
    if size <= FIRST_BYTES:
        s3.put_object(**here, Body=first)
        return
    upload = {**here, "UploadId": s3.create_multipart_upload(**here)["UploadId"]}
    try:
        tags = [s3.upload_part(**upload, PartNumber=1, Body=first)["ETag"]]
        for number, start in enumerate(range(FIRST_BYTES, size, COPIED_BYTES), start=2):
            piece = f"bytes={start}-{min(start + COPIED_BYTES, size) - 1}"
            copied = s3.upload_part_copy(**upload, PartNumber=number, CopySource=there, CopySourceRange=piece)
            tags.append(copied["CopyPartResult"]["ETag"])
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, start=1)]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except BaseException:
        s3.abort_multipart_upload(**upload)
        raise

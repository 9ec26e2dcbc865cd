"""Athena's SQL gives the rows of the split in memory and of pandas; its files become CSVs with a header.

The queries run on DuckDB, which supports this part of Trino's SQL. The parts that only Athena supports, the table over
files and UNLOAD, are compared as text.
"""

import io
from collections import Counter
from collections.abc import Iterator

import boto3
import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.athena.models import athena_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_api import state_manager
from usher.errors import InputError
from usher.evaluation import athena_split
from usher.evaluation.athena_split import MIN_PART_BYTES, PARTS, Athena, SplitJob
from usher.evaluation.interactions import read_interactions, write_parts
from usher.evaluation.splits import SPLITS, Split
from usher.storage.bucket import Bucket

from tests.quick_aws import quick_aws

HEADER = ["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "SIZE"]
Row = tuple[str, ...]
texts = st.text(st.sampled_from('ab,"\\ é'), max_size=3)
rows = st.lists(
    st.tuples(st.sampled_from(["u", "v,w", 'x"']), st.sampled_from("ijk"), st.integers(0, 20).map(str), texts, texts),
    min_size=1,
    max_size=40,
)
kinds_of_splits = st.one_of(
    st.builds(Split, st.just("last-tenth"), st.sampled_from([0.1, 0.2, 0.25, 0.3, 1e-6])),
    st.builds(Split, st.just("global"), st.sampled_from([0.1, 0.2, 0.5])),
    st.builds(Split, st.just("global"), cut=st.integers(0, 21)),
    st.just(Split("last-one")),
)


def lines_of(found: list[Row], split: Split) -> dict[str, Counter[str]]:
    """The results of the queries, run on a table that also has the header and an empty line, as the files do."""
    table = [*found, tuple(HEADER), ("", *[None] * 4)]
    columns = {name.lower(): pa.array([row[place] for row in table], pa.string()) for place, name in enumerate(HEADER)}
    with duckdb.connect() as database:
        database.register("interactions", pa.table(columns))
        return {
            part: Counter(
                line for (line,) in database.sql(athena_split.select("interactions", HEADER, split, part)).fetchall()
            )
            for part in PARTS
        }


def in_memory(found: list[Row], split: Split) -> dict[str, Counter[str]]:
    """The split in memory, with equal times in the order of the item and of the other columns."""

    def cell(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'

    content = [",".join(HEADER), *(",".join(map(cell, row)) for row in sorted(found, key=lambda row: row[1:]))]
    file = "\n".join(content).encode()
    (events,) = read_interactions([("one.csv", io.BytesIO(file))])
    train, rest = io.BytesIO(), io.BytesIO()
    write_parts([("one.csv", io.BytesIO(file))], SPLITS[split.kind](events, split), train, rest)
    parts = zip(PARTS, (train, rest), strict=True)
    return {part: Counter(written.getvalue().decode().split("\n")[1:-1]) for part, written in parts}


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(rows, kinds_of_splits)
def test_the_queries_give_the_rows_of_the_split_in_memory(found: list[Row], split: Split) -> None:
    assert lines_of(found, split) == in_memory(found, split)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(rows)
def test_the_queries_give_the_rows_of_pandas_ranks(found: list[Row]) -> None:
    plain = [tuple(cell.translate(dict.fromkeys(map(ord, ',"\\'))) for cell in row) for row in found]
    frame = pd.DataFrame(plain, columns=HEADER).sort_values(HEADER[1:], ignore_index=True)
    ranks = frame.TIMESTAMP.astype(int).groupby(frame.USER_ID).rank(pct=True, method="first")
    lines = frame.apply(",".join, axis=1)
    expected = {"train": Counter(lines[ranks <= 0.9]), "holdout": Counter(lines[ranks > 0.9])}
    assert lines_of(plain, Split()) == expected


JOB = SplitJob("g/out/evaluation/r1/", ["g/interactions/1.csv", "g/interactions/2.csv"], HEADER, Split())


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with quick_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="data")
        yield Bucket(s3, "data")


@pytest.fixture
def athena(bucket: Bucket) -> Iterator[Athena]:  # noqa: ARG001
    """An Athena whose queries are reported as running twice before they succeed."""
    state_manager.set_transition("athena::execution", {"progression": "manual", "times": 2})
    client = boto3.client("athena")
    client.create_work_group(Name="evaluation")
    yield Athena(client, "usher", "evaluation")
    state_manager.unset_transition("athena::execution")


def test_the_table_is_over_exactly_the_files(bucket: Bucket) -> None:
    created = athena_split.statements(bucket, JOB)["create"]
    assert "(`user_id` string, `item_id` string, `timestamp` string, `event_type` string, `size` string)" in created
    assert created.endswith("location 's3://data/g/out/evaluation/r1/staging/files/'")
    assert "'escapeChar' = '\\\\'" in created


def test_each_part_is_unloaded_as_plain_text(bucket: Bucket) -> None:
    found = athena_split.statements(bucket, JOB)
    for part in PARTS:
        assert found[part].startswith("unload (select line from (with events as (")
        target = f"s3://data/g/out/evaluation/r1/staging/{part}/"
        assert found[part].endswith(f") as lines) to '{target}' with (format = 'TEXTFILE', compression = 'NONE')")
    assert found["drop"] == f"drop table if exists {found['create'].split()[6]}"


def test_columns_that_sql_can_t_name_are_refused(bucket: Bucket) -> None:
    odd = SplitJob(JOB.folder, JOB.files, ["USER_ID", 'X" from secrets --'], Split())
    with pytest.raises(InputError, match=r"g/interactions/1.csv: has columns that Athena can't name"):
        athena_split.statements(bucket, odd)


def test_queries_follow_each_other_and_none_is_started_twice(bucket: Bucket, athena: Athena) -> None:
    ids: dict[str, str] = {}
    history = []
    for _ in range(20):
        ids, done = athena_split.advance(athena, bucket, JOB, ids)
        history.append(list(ids))
        if done:
            break
    assert done
    assert (
        bucket.read(f"{JOB.staging}files/manifest.txt")
        == b"s3://data/g/interactions/1.csv\ns3://data/g/interactions/2.csv\n"
    )
    assert list(dict.fromkeys(map(tuple, history))) == [
        ("create",),
        ("create", "train", "holdout"),
        ("create", "train", "holdout", "drop"),
    ]
    assert len(athena.client.list_query_executions()["QueryExecutionIds"]) == 4
    first = athena.client.get_query_execution(QueryExecutionId=ids["train"])["QueryExecution"]
    assert (first["WorkGroup"], first["QueryExecutionContext"]) == ("evaluation", {"Database": "usher"})
    assert first["ResultConfiguration"]["OutputLocation"].startswith("s3://data/g/out/evaluation/r1/staging/results/")


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_failed_query_is_reported(bucket: Bucket, athena: Athena, state: str) -> None:
    ids, _ = athena_split.advance(athena, bucket, JOB, {})
    athena_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].executions[ids["create"]].status = state
    with pytest.raises(InputError, match=f"Athena query {ids['create']}: is {state}: Athena gives no reason"):
        athena_split.advance(athena, bucket, JOB, ids)


@pytest.mark.parametrize("size", [0, 9, MIN_PART_BYTES, MIN_PART_BYTES + 1, 3 * MIN_PART_BYTES + 7])
def test_a_header_is_put_before_a_file_of_any_size(bucket: Bucket, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    bucket.write("source", content)
    athena_split.copy_with_header(bucket, "source", "target", b"A,B\n", copy_bytes=MIN_PART_BYTES)
    assert bucket.open("target").read() == b"A,B\n" + content


def test_a_copy_that_fails_leaves_no_upload_behind(bucket: Bucket) -> None:
    bucket.write("source", b"x" * (MIN_PART_BYTES + 1))
    with pytest.raises(ValueError, match="range"):
        athena_split.copy_with_header(bucket, "source", "target", b"A,B\n", copy_bytes=0)
    assert "Uploads" not in bucket.s3.list_multipart_uploads(Bucket="data")


def test_files_get_their_names_and_none_is_written_twice(bucket: Bucket) -> None:
    for part in PARTS:
        for number in range(2):
            bucket.write(f"{JOB.staging}{part}/2026_{number}", f"{part}{number}\n".encode())
    keys = athena_split.finish(bucket, JOB)
    assert next(keys) == f"{JOB.folder}train/00000.csv"  # and here the time is up
    bucket.write(f"{JOB.folder}train/00000.csv", b"untouched")
    assert [key.removeprefix(JOB.folder) for key in athena_split.finish(bucket, JOB)] == [
        "train/00000.csv",
        "train/00001.csv",
        "holdout/00000.csv",
        "holdout/00001.csv",
    ]
    assert bucket.read(f"{JOB.folder}train/00000.csv") == b"untouched"
    assert bucket.read(f"{JOB.folder}holdout/00001.csv") == b"USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,SIZE\nholdout1\n"


def test_a_part_without_a_file_is_reported(bucket: Bucket) -> None:
    bucket.write(f"{JOB.staging}train/2026", b"u,i,1,x,y\n")
    with pytest.raises(InputError, match="the split last-tenth: leaves the part holdout empty"):
        list(athena_split.finish(bucket, JOB))

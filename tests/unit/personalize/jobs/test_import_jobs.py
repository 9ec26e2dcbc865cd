"""Valid imports, and the failures of others."""

import json
import threading

import pytest

from tests.unit.personalize.world import BUCKET, SCHEMAS, World, interactions, items
from tests.unit.personalize.world import schema as schema_text
from usher_local.personalize import Faults, inject
from usher_local.personalize.core.environment import Runtime
from usher_local.personalize.core.errors import JobFailedError, KilledError
from usher_local.personalize.core.schemas import parse_schema
from usher_local.personalize.jobs.import_jobs import read_csv

HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (interactions().replace("ITEM_ID", "ITEM"), r'Input CSV is missing the following columns:\["ITEM_ID"\]'),
        (interactions(users=10), "Dataset has fewer than 1000 interactions: 200 found."),
        (interactions().replace(",17", ",17000"), "TIMESTAMP must be in Unix epoch time in seconds"),
        (interactions().replace("watch", ""), "Column EVENT_TYPE has an empty value in line 2"),
        (interactions() + "u1,i1,yesterday,watch,1\n", "Invalid value 'yesterday' of column TIMESTAMP in line 1202"),
        (interactions() + "u1,i1,1.5,watch,1\n", "Invalid value '1.5' of column TIMESTAMP"),
        (interactions() + "u1,i1,1,watch,lots\n", "Invalid value 'lots' of column EVENT_VALUE in line 1202"),
        (interactions() + f"{'u' * 300},i1,1,watch,1\n", "Length cannot be more than 256 characters for USER_ID"),
        (interactions() + '"u1,i1,1,watch,1\n', "cannot be parsed"),
        (interactions() + "u1,i1,1,watch,1,2,3\n", "cannot be parsed"),
        ("", "is empty"),
        (HEADER, "has no records"),
        (interactions().encode() + b"\xff\xfe,i,1,watch,1\n", "is not UTF-8"),
    ],
)
def test_a_bad_file_fails_the_job_with_a_reason(world: World, body: str | bytes, reason: str) -> None:
    job = world.import_data(world.dataset(world.group()), world.put("bad.csv", body))
    assert job["status"] == "CREATE FAILED"
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(job["failureReason"])


def test_events_that_all_lack_a_type_fail_the_job(world: World) -> None:
    text = SCHEMAS["INTERACTIONS"].replace('"EVENT_TYPE", "type": "string"', '"EVENT_TYPE", "type": ["null", "string"]')
    dataset = world.dataset(world.group(), text=text)
    job = world.import_data(dataset, world.put("untyped.csv", interactions(event_type="")))
    assert job["failureReason"].startswith("All values in the event_type column are either reserved keywords or null")


def test_a_failed_import_leaves_the_data_as_it_was(world: World) -> None:
    group = world.loaded()
    dataset = world.personalize.list_datasets(datasetGroupArn=group)["datasets"][0]["datasetArn"]
    assert world.import_data(dataset, world.put("bad.csv", HEADER))["status"] == "CREATE FAILED"
    assert world.version(world.solution(group, "popularity-count"))["status"] == "ACTIVE"


def test_a_folder_is_read_on_its_first_level(world: World) -> None:
    world.put("data/deeper/bad.csv", "nonsense")
    world.put("data/1.csv", interactions(users=30))
    world.put("data/2.csv", interactions(users=30))
    job = world.import_data(world.dataset(world.group()), f"s3://{BUCKET}/data")
    assert job["status"] == "ACTIVE", job


@pytest.mark.parametrize("location", ["s3://nobody/x.csv", f"s3://{BUCKET}/nothing.csv"])
def test_an_import_from_nowhere_fails(world: World, location: str) -> None:
    job = world.import_data(world.dataset(world.group()), location)
    assert (job["status"], job["failureReason"]) == ("CREATE FAILED", "Invalid Data location.")


def test_an_import_needs_the_permission_of_the_bucket_and_of_the_role(world: World) -> None:
    denied = "Insufficient privileges for accessing data in Amazon S3"
    location = world.put("good.csv", interactions())
    dataset = world.dataset(world.group())
    assert world.import_data(dataset, location, world.make_role("poor"))["failureReason"] == denied
    world.allow_bucket("s3:PutObject")
    assert world.import_data(dataset, location)["failureReason"] == denied
    world.allow_bucket("s3:GetObject", "s3:ListBucket")
    assert world.import_data(dataset, location)["status"] == "ACTIVE"
    world.s3.delete_bucket_policy(Bucket=BUCKET)
    assert world.import_data(dataset, location)["failureReason"] == denied


def test_a_bucket_that_refuses_only_insecure_calls_can_be_read(world: World) -> None:
    location = world.put("good.csv", interactions())
    dataset = world.dataset(world.group())
    policy = json.loads(world.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    refusal = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    for secure, status in (("false", "ACTIVE"), ("true", "CREATE FAILED")):
        condition = {"Condition": {"Bool": {"aws:SecureTransport": secure}}}
        policy["Statement"] = [policy["Statement"][0], refusal | condition]
        world.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
        assert world.import_data(dataset, location)["status"] == status


@pytest.mark.parametrize(
    ("operator", "account", "unnamed", "status"),
    [
        ("StringEquals", "123456789012", False, "ACTIVE"),
        ("StringEquals", "210987654321", False, "CREATE FAILED"),
        ("StringEquals", "123456789012", True, "CREATE FAILED"),
        ("StringEqualsIfExists", "123456789012", False, "ACTIVE"),
        ("StringEqualsIfExists", "210987654321", False, "CREATE FAILED"),
        ("StringEqualsIfExists", "123456789012", True, "ACTIVE"),
    ],
)
def test_the_bucket_policy_may_check_the_source_account_if_personalize_sends_it(
    world: World, operator: str, account: str, unnamed: bool, status: str
) -> None:
    location, dataset = world.put("good.csv", interactions()), world.dataset(world.group())
    policy = json.loads(world.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    policy["Statement"][0]["Condition"] = {operator: {"aws:SourceAccount": account}}
    world.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    inject(Faults(unnamed=unnamed))
    assert world.import_data(dataset, location)["status"] == status


def test_a_bucket_that_grants_another_folder_is_too_narrow(world: World) -> None:
    location, dataset = world.put("in/good.csv", interactions()), world.dataset(world.group())
    policy = json.loads(world.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    for folder, status in (("out", "CREATE FAILED"), ("in", "ACTIVE")):
        policy["Statement"][0]["Resource"] = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/{folder}/*"]
        world.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
        assert world.import_data(dataset, location)["status"] == status


def test_a_role_that_personalize_may_not_assume_is_refused(world: World) -> None:
    dataset, location = world.dataset(world.group()), world.put("good.csv", interactions())
    other = world.make_role("other", "s3:*", trust={"Service": "lambda.amazonaws.com"})
    for role in (other, "arn:aws:iam::123456789012:role/nobody"):
        with pytest.raises(world.personalize.exceptions.InvalidInputException, match="cannot assume the role"):
            world.import_data(dataset, location, role)


def test_the_first_import_must_be_full_and_the_next_may_be_incremental(world: World) -> None:
    dataset, location = world.dataset(world.group()), world.put("good.csv", interactions())
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="must have the import mode FULL"):
        world.import_data(dataset, location, mode="INCREMENTAL")
    assert world.import_data(dataset, location)["status"] == "ACTIVE"
    assert world.import_data(dataset, location, mode="INCREMENTAL")["status"] == "ACTIVE"


def test_quotes_escapes_and_nulls_are_read_as_written() -> None:
    schema = parse_schema(SCHEMAS["ITEMS"])
    text = 'ITEM_ID,GENRES,YEAR,DESCRIPTION\n"a,b",,1999,"said \\"no\\""\nNA,Drama|War,2000,\n'
    frame = read_csv(text.encode(), schema)
    assert list(frame["ITEM_ID"]) == ["a,b", "NA"]
    assert frame["GENRES"].isna().tolist() == [True, False]
    assert frame["DESCRIPTION"][0] == 'said "no"'
    assert frame["YEAR"].tolist() == [1999, 2000]


def test_columns_may_come_in_any_order_and_others_are_left_out() -> None:
    frame = read_csv(b"X,YEAR,DESCRIPTION,GENRES,ITEM_ID\n1,1999,d,g,i\n", parse_schema(SCHEMAS["ITEMS"]))
    assert list(frame.columns) == ["ITEM_ID", "GENRES", "YEAR", "DESCRIPTION"]


def test_a_header_maps_to_the_schema_in_any_case_and_the_very_name_comes_first() -> None:
    schema = parse_schema(schema_text("Items", ("ITEM_ID", "string"), ("CREATION_TIMESTAMP", "long")))
    frame = read_csv(b"item_id,creation_timestamp\ni1,7\n", schema)
    assert (list(frame), frame["CREATION_TIMESTAMP"].tolist()) == (["ITEM_ID", "CREATION_TIMESTAMP"], [7])
    frame = read_csv(b"item_id,ITEM_ID,Creation_Timestamp\nwrong,i1,7\n", schema)
    assert list(frame["ITEM_ID"]) == ["i1"]
    with pytest.raises(JobFailedError, match=r'missing the following columns:\["CREATION_TIMESTAMP"\]'):
        read_csv(b"ITEM_ID,CREATIONTIMESTAMP\ni1,7\n", schema)


def test_long_texts_are_cut_and_long_categories_refused() -> None:
    schema = parse_schema(SCHEMAS["ITEMS"])
    frame = read_csv(f"ITEM_ID,GENRES,YEAR,DESCRIPTION\ni,g,1,{'d' * 30_000}\n".encode(), schema)
    assert len(frame["DESCRIPTION"][0]) == 20_000
    with pytest.raises(JobFailedError, match="Length cannot be more than 1000 characters for GENRES"):
        read_csv(f"ITEM_ID,GENRES,YEAR,DESCRIPTION\ni,{'g' * 1001},1,d\n".encode(), schema)


def test_items_and_users_need_no_thousand_rows(world: World) -> None:
    world.loaded(items(3), "ITEMS")


def test_the_end_does_not_wait_for_imports() -> None:
    runtime, begun, ended = Runtime(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        ended.wait(60)

    job = runtime.jobs.submit(work)
    assert begun.wait(60)
    runtime.close()
    assert not job.done()
    ended.set()


def test_an_import_ends_at_its_next_look_when_everything_ends() -> None:
    runtime = Runtime()
    runtime.halt()
    with pytest.raises(KilledError):
        read_csv(interactions().encode(), parse_schema(SCHEMAS["INTERACTIONS"]), check=runtime.check)

"""Stored events: the same batch is the same object, and a day becomes one file without a loss."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.events.compaction import compact, compact_all, merged
from usher.events.kept import KeptEvent, folder_of, keep_messages, read_messages
from usher.events.messages import Message
from usher.storage.bucket import Bucket

from tests.quick_aws import quick_aws

NAME = "the-bucket"
DAY = 1_700_000_000.0
"""A time on 2023-11-14."""
FOLDER = "g/out/events/date=2023-11-14/"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with quick_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=NAME)
        yield Bucket(s3, NAME)


def message(session: str, *event_ids: str, group: str = "g", arrived: float = DAY, **more: Any) -> Message:
    events: Any = [{"eventId": one, "eventType": "watch", "itemId": "i", "sentAt": arrived} for one in event_ids]
    made: Any = {"kind": "events", "group": group, "trackingId": "t", "sessionId": session, "arrived": arrived}
    return {**made, "events": events, **more}  # type: ignore[typeddict-item]


def kept(bucket: Bucket, group: str = "g") -> list[KeptEvent]:
    return [event for key in bucket.keys(folder_of(group)) for event in read_messages(bucket, key)]


def test_a_line_says_all_that_is_known_of_an_event(bucket: Bucket) -> None:
    keep_messages(bucket, [message("s", "a", userId="u")])
    [event] = kept(bucket)
    assert event == {
        "kind": "events",
        "eventId": "a",
        "eventType": "watch",
        "itemId": "i",
        "sentAt": DAY,
        "sessionId": "s",
        "userId": "u",
        "arrived": DAY,
    }


def test_groups_and_days_have_files_of_their_own(bucket: Bucket) -> None:
    keep_messages(bucket, [message("s", "a"), message("s", "b", group="h"), message("s", "c", arrived=DAY + 86_400)])
    folders = [key.rpartition("/")[0] for key in bucket.keys("")]
    assert folders == [
        "g/out/events/date=2023-11-14", "g/out/events/date=2023-11-15", "h/out/events/date=2023-11-14",
    ]  # fmt: skip


def test_a_batch_that_is_handed_over_again_replaces_itself(bucket: Bucket) -> None:
    batch = [message("s", "a"), message("t", "b")]
    keep_messages(bucket, batch)
    first = [(file.key, file.etag) for file in bucket.files("")]
    keep_messages(bucket, batch[::-1])
    assert [(file.key, file.etag) for file in bucket.files("")] == first


def test_a_finished_day_becomes_one_file_and_today_stays(bucket: Bucket) -> None:
    for day in (DAY, DAY + 86_400):
        keep_messages(bucket, [message("s", "a", arrived=day)])
        keep_messages(bucket, [message("s", "b", "a", arrived=day)])
    assert compact_all(bucket, "g", "2023-11-15") == []
    assert [event["eventId"] for event in kept(bucket)][:2] == ["a", "b"]
    assert len(bucket.keys(FOLDER)) == 1
    assert len(bucket.keys(folder_of("g", "2023-11-15"))) == 2
    assert compact_all(bucket, "g", "2023-11-15") == [], "there is nothing to do any more"


def test_late_events_join_their_day(bucket: Bucket) -> None:
    for name in "ab":
        keep_messages(bucket, [message("s", name)])
    compact_all(bucket, "g", "2023-11-20")
    keep_messages(bucket, [message("s", "c")])
    compact_all(bucket, "g", "2023-11-20")
    assert len(bucket.keys(FOLDER)) == 1
    assert [event["eventId"] for event in kept(bucket)] == ["a", "b", "c"]


@pytest.mark.parametrize("broken", ["before-call.s3.PutObject", "before-call.s3.DeleteObjects"])
def test_a_compaction_that_ends_midway_loses_nothing(bucket: Bucket, broken: str) -> None:
    class DiedError(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise DiedError

    for name in "ab":
        keep_messages(bucket, [message("s", name)])
    bucket.s3.meta.events.register(broken, die)
    with pytest.raises(DiedError):
        compact_all(bucket, "g", "2023-11-20")
    bucket.s3.meta.events.unregister(broken, die)
    assert {event["eventId"] for event in kept(bucket)} == {"a", "b"}
    compact_all(bucket, "g", "2023-11-20")
    assert [event["eventId"] for event in kept(bucket)] == ["a", "b"]


def test_a_day_that_is_too_large_is_unchanged_and_reported(bucket: Bucket) -> None:
    for name in "ab":
        keep_messages(bucket, [message("s", name)])
    assert compact_all(bucket, "g", "2023-11-20", max_bytes=10) == ["2023-11-14"]
    assert len(bucket.keys(FOLDER)) == 2


def test_a_session_gets_the_user_who_logged_in_next_and_keeps_the_last_one() -> None:
    users = [None, "ann", None, "bob", None]
    events: Any = [
        {"eventId": str(number), "sessionId": "s", "sentAt": number, "arrived": 0, **({"userId": user} if user else {})}
        for number, user in enumerate(users)
    ]
    other: Any = {"eventId": "0", "sessionId": "guest", "sentAt": 0, "arrived": 0}
    found = list(merged([*events, other]))
    assert [one.get("userId") for one in found] == [None, "ann", "ann", "bob", "bob", "bob"]


@pytest.mark.parametrize("turn", [1, -1])
def test_a_refusal_of_an_event_is_kept_in_any_order_of_reports(turn: int) -> None:
    first: Any = {"eventId": "a", "sessionId": "s", "sentAt": 0, "arrived": 0}
    [found] = merged([first, {**first, "refused": "why"}][::turn])
    assert found["refused"] == "why"


@pytest.mark.parametrize("turn", [1, -1])
def test_an_event_that_was_refused_and_accepted_later_is_not_refused(turn: int) -> None:
    first: Any = {"eventId": "a", "sessionId": "s", "sentAt": 0, "arrived": 0, "refused": "why"}
    again: Any = {"eventId": "a", "sessionId": "s", "sentAt": 0, "arrived": 1}
    assert list(merged([first, again][::turn])) == [again]


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("stu"), st.integers(0, 30)), max_size=20), min_size=2, max_size=6))
def test_a_day_has_every_event_once_however_it_was_divided(files: list[list[tuple[str, int]]]) -> None:
    with quick_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=NAME)
        bucket = Bucket(s3, NAME)
        for number, some in enumerate(files):
            lines = "".join(
                json.dumps({"eventId": str(one), "sessionId": session, "sentAt": one, "arrived": 0}) + "\n"
                for session, one in some
            )
            bucket.write(f"{FOLDER}{number}.jsonl.gz", gzip.compress(lines.encode()))
        made = compact(bucket, bucket.keys(FOLDER))
        assert bucket.keys(FOLDER) == [made]
        found = [(event["sessionId"], int(event["eventId"])) for event in read_messages(bucket, made)]
        assert found == sorted({one for some in files for one in some})

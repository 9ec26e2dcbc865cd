"""A group's files as the pages see them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from moto import mock_aws
from usher.storage.bucket import Bucket, File

from usher_cli.ui.group_data import MAX_ROWS, DataCache, GroupData, Met, read_group_data

INTERACTIONS = """USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE
u1,i1,100,watch
u2,i1,200,watch
u1,i2,300,buy
u1,i9,50,watch
"""
ITEMS = """ITEM_ID,GENRES,TITLE,POSTER_URL
i1,Horror,Alien,https://pictures.example/alien.jpg
i2,Comedy|Drama,Fargo,
i2,Comedy|Crime,Fargo,javascript:alert(1)
"""


def data(max_rows: int = MAX_ROWS, **files: str) -> GroupData:
    with mock_aws():
        bucket = Bucket(boto3.client("s3", region_name="us-east-1"), "films")
        bucket.s3.create_bucket(Bucket="films")
        for name, content in files.items():
            bucket.write(f"films/{name.replace('_', '.')}", content.encode())
        return read_group_data(bucket, "films", max_rows)


def whole() -> GroupData:
    return data(interactions_csv=INTERACTIONS, items_csv=ITEMS)


def test_a_history_is_newest_first_and_has_counts() -> None:
    found = whole().interactions
    assert found.of_user("u1") == [
        Met("u1", "i2", 300, "buy"),
        Met("u1", "i1", 100, "watch"),
        Met("u1", "i9", 50, "watch"),
    ]
    assert [one.user for one in found.of_item("i1")] == ["u2", "u1"]
    assert found.of_user("nobody") == []
    assert found.by_user == {"u1": (3, 300), "u2": (1, 200)}
    assert found.event_types == ["watch", "buy"]


def test_the_last_row_of_an_id_counts() -> None:
    assert whole().items.values("i2")["GENRES"] == "Comedy|Crime"


def test_items_are_called_by_their_titles_and_found_by_any_word() -> None:
    found = whole()
    assert (found.title("i1"), found.title("i9")) == ("Alien", "i9")
    assert found.about("i2") == "Comedy, Crime"
    assert found.all_items == ["i1", "i2", "i9"]
    assert found.find_items("crime") == ["i2"]
    assert found.find_items("I9") == ["i9"]
    assert found.find_users(" ") == ["u1", "u2"]


def test_only_addresses_of_pictures_are_pictures() -> None:
    found = whole()
    assert found.picture("i1") == "https://pictures.example/alien.jpg"
    assert found.picture("i2") == ""


def test_files_are_read_as_the_config_says() -> None:
    config = "columns: {user: USER_ID, item: ITEM_ID, at: TIMESTAMP}\ntimestamps: {interactions: ms}\n"
    found = data(usher_yaml=config, interactions_csv="user,item,at\nu1,i1,100000\n")
    assert found.interactions.of_user("u1") == [Met("u1", "i1", 100, "")]


def test_a_group_without_files_is_empty() -> None:
    assert data().all_items == data().all_users == []


def test_rows_beyond_the_maximum_are_reported() -> None:
    assert whole().is_whole
    assert not data(max_rows=0, interactions_csv=INTERACTIONS).is_whole


def test_data_is_read_again_after_a_change_of_a_file() -> None:
    with mock_aws():
        bucket = Bucket(boto3.client("s3", region_name="us-east-1"), "films")
        bucket.s3.create_bucket(Bucket="films")
        bucket.write("films/items.csv", b"ITEM_ID\ni1\n")
        cache = DataCache()
        first = cache.of(bucket, "films")
        assert cache.of(bucket, "films") is first
        bucket.write("films/items.csv", b"ITEM_ID\ni2\n")
        assert cache.of(bucket, "films").all_items == ["i2"]


def test_a_slow_group_delays_no_other_and_is_read_once() -> None:
    begun, goes_on, reads = threading.Event(), threading.Event(), list[str]()

    def read(_: Bucket, group: str) -> GroupData:
        reads.append(group)
        if group == "long":
            begun.set()
            assert goes_on.wait(10)
        return data()

    class Empty(Bucket):
        def files_of(self, _: str) -> list[File]:
            return []

    nowhere: Any = None
    cache, bucket = DataCache(read), Empty(nowhere, "films")
    with ThreadPoolExecutor(2) as pool:
        long = [pool.submit(cache.of, bucket, "long") for _ in range(2)]
        assert begun.wait(10)
        assert cache.of(bucket, "short").all_items == []
        goes_on.set()
        assert long[0].result() is long[1].result()
    assert reads == ["long", "short"]

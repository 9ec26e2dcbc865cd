"""What was found in parts of large data is kept, and only what is new is read."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from usher.datasets import byte_ranges, profile_cache
from usher.datasets.profile import Table
from usher.errors import InputError
from usher.storage.bucket import File

from tests.unit.usher.world import STATES, World, call, interactions

ONE, TWO = "films/interactions/1.csv", "films/interactions/2.csv"


@pytest.fixture
def reads(world: World, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many parts were read of each file, in a world where much is 5,000 bytes."""
    monkeypatch.setattr(byte_ranges, "PART_BYTES", 5000)
    monkeypatch.setattr(profile_cache, "PARALLEL_BYTES", 5000)
    counted, scan = Counter[str](), byte_ranges.scan

    def counting(bucket: Any, part: byte_ranges.Part) -> Table:
        counted[part.key] += 1
        return scan(bucket, part)

    monkeypatch.setattr(byte_ranges, "scan", counting)
    world.put(ONE, interactions())
    world.put(TWO, interactions(users=70))
    return counted


def table(world: World, *keys: str) -> Table:
    there = {file.key: file for file in world.bucket.files("films/")}
    return profile_cache.table(world.bucket, "interactions", [there[key] for key in keys], there)


def check_all(world: World) -> list[byte_ranges.Part]:
    """Check whatever is outstanding, as the pipeline does."""
    left = profile_cache.outstanding(world.bucket, "films", "run")
    for part in left:
        profile_cache.check(world.bucket, part)
    return left


def test_what_was_checked_is_not_read_again(world: World, reads: Counter[str]) -> None:
    alone = table(world, ONE, TWO)
    reads.clear()
    assert len(check_all(world)) == reads.total() == 5 + 6
    reads.clear()
    together = table(world, ONE, TWO)
    assert (together.rows, together.digest, together.size) == (alone.rows, alone.digest, alone.size)
    assert (together.columns, len(together.ids)) == (alone.columns, 70)
    assert not reads
    assert profile_cache.outstanding(world.bucket, "films", "run") == []


def test_only_what_is_new_is_outstanding(world: World, reads: Counter[str]) -> None:
    check_all(world)
    reads.clear()
    world.put(TWO, interactions(users=80))
    world.put("films/interactions/incremental/3.csv", interactions())
    check_all(world)
    assert set(reads) == {TWO, "films/interactions/incremental/3.csv"}


def test_little_that_is_new_is_read_on_the_spot(world: World, reads: Counter[str]) -> None:
    check_all(world)
    reads.clear()
    world.put("films/interactions/3.csv", interactions(users=3))
    assert profile_cache.outstanding(world.bucket, "films", "run") == []
    assert table(world, ONE, TWO, "films/interactions/3.csv").rows == 1200 + 1400 + 60
    assert reads == {"films/interactions/3.csv": 1}


def test_other_code_counts_on_nothing_that_is_kept(
    world: World, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_all(world)
    reads.clear()
    monkeypatch.setattr(profile_cache, "EDITION", "other")
    assert len(profile_cache.outstanding(world.bucket, "films", "run")) == 11


def test_every_module_that_finds_something_is_in_the_edition() -> None:
    sources = [Path(str(module.__file__)).read_text() for module in profile_cache.MODULES]
    lines = [line for text in sources for line in re.findall(r"^from usher\.(\S+) import (.*)", text, re.MULTILINE)]
    imported = {
        name
        for package, names in lines
        for name in (
            [package] if "." in package or package == "errors" else [f"{package}.{one}" for one in names.split(", ")]
        )
    }
    finding = {module.__name__.removeprefix("usher.") for module in profile_cache.MODULES}
    assert imported - finding == {"errors", "storage.bucket", "storage.layout"}, "these find nothing"


def test_what_is_kept_has_the_tag_by_which_it_expires(world: World, reads: Counter[str]) -> None:
    check_all(world)
    kept = world.bucket.keys("films/out/checks/")
    assert len(kept) == reads.total()
    tags = world.s3.get_object_tagging(Bucket=world.bucket.name, Key=kept[0])["TagSet"]
    assert tags == [{"Key": "usher", "Value": "check"}]


@pytest.mark.usefixtures("reads")
def test_what_failed_is_told_in_that_run_and_outstanding_in_the_next(world: World) -> None:
    first = profile_cache.outstanding(world.bucket, "films", "run")[0]
    profile_cache.fail(
        world.bucket, first, "run", {"Error": "Sandbox.Timedout", "Cause": '{"errorMessage": "too late"}'}
    )
    with pytest.raises(InputError) as caught:
        profile_cache.outstanding(world.bucket, "films", "run")
    assert str(caught.value) == (
        f"{ONE} bytes 0 to 5000: could not be checked: Sandbox.Timedout: too late. "
        "Drop a file again to try once more; if it recurs, see the logs."
    )
    assert profile_cache.outstanding(world.bucket, "films", "run-again")[0] == first


def test_large_data_goes_through_the_functions(world: World, reads: Counter[str]) -> None:
    given = {"input": {"detail": {"object": {"key": ONE}}}, "execution": STATES + "e-0001"}
    planned = call("plan", **given, step="plan")
    assert planned["outcome"] == "CHECK"
    listed = world.bucket.read_json(f"films/out/runs/{planned['run']}/parts.json")
    assert len(listed) == 11
    started = world.bucket.read_json(f"films/out/runs/{planned['run']}/run.json")
    assert started["note"] == "11 parts of the data are being checked."
    for part in listed:
        call("check", part=part, run=planned["run"], error=None)
    reads.clear()
    again = call("plan", **given, step="plan")
    assert (again["outcome"], again["run"]) == ("GO", planned["run"])
    record = world.bucket.read_json(f"films/out/runs/{planned['run']}/run.json")
    assert record["startedAt"] == started["startedAt"]
    assert record["data"]["interactions"]["rows"] == 2600
    assert "note" not in record
    assert not reads


@pytest.mark.usefixtures("reads")
def test_a_part_of_a_file_that_was_replaced_or_removed_is_left_alone(world: World) -> None:
    key = world.bucket.files("films/interactions/")[0]
    for etag, name in (('"0"', ONE), (key.etag, "films/interactions/9.csv")):
        (part, *_) = byte_ranges.cut(File(name, key.size, etag))
        call("check", part={"key": part.key, "etag": part.etag, "start": 0, "end": part.end}, run="run", error=None)
    assert world.bucket.keys("films/out/checks/") == []

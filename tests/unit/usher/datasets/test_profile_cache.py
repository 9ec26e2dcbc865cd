"""The profiles of parts of large data are cached, and only new data is read."""

from dataclasses import replace
from typing import Any

import pytest
from usher.datasets.byte_ranges import Part, parts_of
from usher.datasets.profile import DatasetProfile
from usher.datasets.profile_cache import CODE_VERSION, ProfileCache
from usher.datasets.read_limits import ReadLimits
from usher.errors import InputError
from usher.storage.bucket import File
from usher.storage.layout import is_data

from tests.unit.usher.world import STATES, World, call, interactions

ONE, TWO = "films/interactions/1.csv", "films/interactions/2.csv"
LIMITS = ReadLimits(part_bytes=5000, parallel_bytes=5000)


@pytest.fixture
def reads(world: World, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The data files that were read, with 5,000 bytes as the size of large data."""
    monkeypatch.setenv("PART_BYTES", "5000")
    monkeypatch.setenv("PARALLEL_BYTES", "5000")
    noted = set[str]()

    def note(params: Any, **_: Any) -> None:
        if is_data(params["Key"]):
            noted.add(params["Key"])

    world.listen(world.s3, "provide-client-params.s3.GetObject", note)
    world.put(ONE, interactions())
    world.put(TWO, interactions(users=70))
    return noted


def cache(world: World) -> ProfileCache:
    return ProfileCache(world.bucket, LIMITS)


def profile(world: World, *keys: str) -> DatasetProfile:
    existing = {file.key: file for file in world.bucket.files("films/")}
    return cache(world).profile("interactions", [existing[key] for key in keys], existing)


def check_all(world: World) -> list[Part]:
    """Profile all missing parts, as the pipeline does."""
    missing = cache(world).missing_parts("films", "run")
    for part in missing:
        cache(world).add(part)
    return missing


def test_checked_data_is_not_read_again(world: World, reads: set[str]) -> None:
    alone = profile(world, ONE, TWO)
    reads.clear()
    assert len(check_all(world)) == 5 + 6
    assert reads == {ONE, TWO}
    reads.clear()
    together = profile(world, ONE, TWO)
    assert (together.rows, together.digest, together.size) == (alone.rows, alone.digest, alone.size)
    assert (together.columns, len(together.ids)) == (alone.columns, 70)
    assert not reads
    assert cache(world).missing_parts("films", "run") == []


def test_only_new_findings_are_outstanding(world: World, reads: set[str]) -> None:
    check_all(world)
    reads.clear()
    world.put(TWO, interactions(users=80))
    world.put("films/interactions/incremental/3.csv", interactions())
    check_all(world)
    assert reads == {TWO, "films/interactions/incremental/3.csv"}


def test_little_that_is_new_is_read_on_the_spot(world: World, reads: set[str]) -> None:
    check_all(world)
    reads.clear()
    world.put("films/interactions/3.csv", interactions(users=3))
    assert cache(world).missing_parts("films", "run") == []
    assert profile(world, ONE, TWO, "films/interactions/3.csv").rows == 1200 + 1400 + 60
    assert reads == {"films/interactions/3.csv"}


@pytest.mark.usefixtures("reads")
def test_profiles_by_other_code_are_ignored(world: World) -> None:
    check_all(world)
    other = replace(cache(world), code_version=CODE_VERSION + 1)
    assert len(other.missing_parts("films", "run")) == 11


@pytest.mark.usefixtures("reads")
def test_stored_objects_have_the_tag_by_which_they_expire(world: World) -> None:
    checked = check_all(world)
    kept = world.bucket.keys("films/out/checks/")
    assert len(kept) == len(checked)
    tags = world.s3.get_object_tagging(Bucket=world.bucket.name, Key=kept[0])["TagSet"]
    assert tags == [{"Key": "usher", "Value": "check"}]


@pytest.mark.usefixtures("reads")
def test_a_failure_is_reported_in_its_run_and_outstanding_in_the_next(world: World) -> None:
    first = cache(world).missing_parts("films", "run")[0]
    cache(world).add_failure(first, "run", {"Error": "Sandbox.Timedout", "Cause": '{"errorMessage": "too late"}'})
    with pytest.raises(InputError) as caught:
        cache(world).missing_parts("films", "run")
    assert str(caught.value) == (
        f"{ONE} bytes 0 to 5000: could not be checked: Sandbox.Timedout: too late. "
        "Drop a file again to retry; if it recurs, see the log of the function `check`."
    )
    assert cache(world).missing_parts("films", "run-again")[0] == first


def test_large_data_goes_through_the_functions(world: World, reads: set[str]) -> None:
    given = {"input": {"detail": {"object": {"key": ONE}}}, "execution": STATES + "e-0001"}
    planned = call("plan", **given, step="plan", waits=0)
    assert planned["outcome"] == "CHECK"
    listed = world.bucket.read_json(f"films/out/runs/{planned['run']}/parts.json")
    assert len(listed) == 11
    started = world.bucket.read_json(f"films/out/runs/{planned['run']}/run.json")
    assert started["note"] == "11 parts of the data are being checked."
    for part in listed:
        call("check", part=part, run=planned["run"], error=None)
    reads.clear()
    again = call("plan", **given, step="plan", waits=0)
    assert (again["outcome"], again["run"]) == ("LOAD", planned["run"])
    record = world.bucket.read_json(f"films/out/runs/{planned['run']}/run.json")
    assert record["startedAt"] == started["startedAt"]
    assert record["data"]["interactions"]["rows"] == 2600
    assert "note" not in record
    assert not reads


def test_no_data_is_checked_of_a_group_that_is_to_be_removed(reads: set[str]) -> None:
    execution = {"input": {"group": "films", "task": "remove"}, "execution": STATES + "e-0001"}
    call("plan", **execution, step="take", startedAt="2026-01-01T00:00:00+00:00")
    assert call("plan", **execution, step="plan", waits=0)["outcome"] == "GO"
    assert not reads


@pytest.mark.usefixtures("reads")
def test_a_part_of_a_file_that_was_replaced_or_removed_is_left_alone(world: World) -> None:
    key = world.bucket.files("films/interactions/")[0]
    for etag, name in (('"0"', ONE), (key.etag, "films/interactions/9.csv")):
        (part, *_) = parts_of(File(name, key.size, etag), LIMITS)
        call("check", part={"key": part.key, "etag": part.etag, "start": 0, "end": part.end}, run="run", error=None)
    assert world.bucket.keys("films/out/checks/") == []

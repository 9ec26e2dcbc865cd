"""The inputs of a run's imports."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from usher.datasets.profile_cache import ProfileCache
from usher.planning.draft import Draft
from usher.planning.input_copies import copy_inputs
from usher.planning.planner import Planner
from usher.resources.kinds import Resource
from usher.runs.record import Run

from tests.unit.usher.world import BUCKET, World, interactions, target
from usher_local.cloud.services.refusals import limited

CHECKED, ADDED, LARGE = interactions(), interactions(start=1_700_000_000), interactions(users=600)


@pytest.fixture
def site(world: World) -> World:
    world.put("films/usher.yaml", "solutions: {popular: {recipe: aws-popularity-count}}")
    world.put("films/interactions/a.csv", CHECKED)
    world.put("films/interactions/incremental/b.csv", ADDED)
    return world


def kept(world: World, drafted: Draft) -> list[Resource]:
    """The resources of a run's plan, with copies of the files to import."""
    return copy_inputs(Run(world.bucket, "films", "run-1"), drafted, ProfileCache(world.bucket))


def planned(world: World) -> Draft:
    return Planner(world.bucket, target(), world.inventory, {}).draft()


def read(world: World, resources: list[Resource]) -> dict[str, list[str]]:
    """The keys that each import reads, by id."""
    folders = {
        one.id: str(one.params["dataSource"]["dataLocation"])
        for one in resources
        if one.kind == "dataset_import_job"
    }  # fmt: skip
    return {id_: world.bucket.keys(folder.removeprefix(f"s3://{BUCKET}/")) for id_, folder in folders.items()}


def test_an_import_reads_the_checked_data_despite_later_writes(site: World) -> None:
    resources = kept(site, planned(site))
    for key in ("a.csv", "c.csv", "incremental/b.csv"):
        site.put(f"films/interactions/{key}", LARGE)
    assert {one.status for one in site.settle(resources).values()} == {"READY"}
    keys = read(site, resources)
    assert {id_: list(map(site.bucket.read, some)) for id_, some in keys.items()} == {
        "dataset_import_job/interactions": [CHECKED.encode()],
        "dataset_import_job/interactions/b.csv": [ADDED.encode()],
    }
    assert all(key.startswith("films/out/input/run-1/") for some in keys.values() for key in some)


def test_the_bucket_expires_copies(site: World) -> None:
    for (key,) in read(site, kept(site, planned(site))).values():
        tags: Any = site.s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
        assert tags == [{"Key": "usher", "Value": "input"}]


def test_a_file_that_changes_after_it_was_checked_is_not_copied(site: World) -> None:
    drafted = planned(site)
    site.put("films/interactions/a.csv", LARGE)
    with limited(), pytest.raises(ClientError, match="412"):
        kept(site, drafted)
    assert site.bucket.keys("films/out/") == []
    assert kept(site, planned(site)), "another try plans anew"


def test_imported_files_are_not_copied_again(site: World) -> None:
    site.settle(kept(site, planned(site)))
    site.bucket.delete(site.bucket.keys("films/out/"))
    kept(site, planned(site))
    assert site.bucket.keys("films/out/") == []


def test_another_attempt_at_the_plan_leaves_nothing_of_the_first_one_in_the_folder(site: World) -> None:
    """The first one broke off after its copies, and one of its files is gone."""
    site.put("films/interactions/gone.csv", LARGE)
    kept(site, planned(site))
    site.bucket.delete(["films/interactions/gone.csv"])
    keys = read(site, kept(site, planned(site)))
    assert list(map(site.bucket.read, keys["dataset_import_job/interactions"])) == [CHECKED.encode()]

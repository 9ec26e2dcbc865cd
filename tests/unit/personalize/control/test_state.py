"""A service's state is saved at any time, and loaded by the next process."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from tests.unit.personalize.conftest import service
from tests.unit.personalize.world import World, interactions, items
from usher_local.personalize.control.state import FILE, RESOURCE
from usher_local.personalize.models import personalize_backends
from usher_local.store import StateError, Store

SEEN = ("list_dataset_groups", "list_datasets", "list_filters", "list_solutions", "list_campaigns", "list_schemas")


def everything(world: World) -> list[object]:
    answers = [getattr(world.personalize, name)() for name in SEEN]
    return [{key: value for key, value in answer.items() if key != "ResponseMetadata"} for answer in answers]


def test_a_service_continues_where_it_was(tmp_path: Path, trainer: ThreadPoolExecutor) -> None:
    with service(tmp_path, trainer):
        world = World()
        group = world.loaded()
        world.loaded(items(), "ITEMS", group)
        world.make_filter(group, 'INCLUDE ItemID WHERE Items.GENRES IN ("Drama")')
        solution = world.solution(group)
        world.personalize.update_solution(solutionArn=solution, performAutoTraining=False)
        campaign = world.campaign(world.version(solution)["solutionVersionArn"], minProvisionedTPS=3)
        tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
        event = {"sentAt": 1_800_000_000, "eventType": "watch", "itemId": "i3"}
        world.events.put_events(trackingId=tracking, userId="new", sessionId="s", eventList=[event])
        world.personalize.tag_resource(resourceArn=group, tags=[{"tagKey": "a", "tagValue": "1"}])
        queries = [{"campaignArn": campaign, "userId": user} for user in ("u1", "new")]
        before = everything(world), [world.runtime.get_recommendations(**one)["itemList"] for one in queries]
    with service(tmp_path, trainer):
        world = World()
        assert (everything(world), [world.runtime.get_recommendations(**one)["itemList"] for one in queries]) == before
        assert world.personalize.list_tags_for_resource(resourceArn=group)["tags"] == [{"tagKey": "a", "tagValue": "1"}]
        world.events.put_events(trackingId=tracking, userId="u1", sessionId="s", eventList=[event])
        assert world.version(solution)["status"] == "ACTIVE"


def test_a_service_that_is_killed_after_any_answer_continues_where_it_was(
    tmp_path: Path, trainer: ThreadPoolExecutor
) -> None:
    folder = tmp_path / "state"
    states: list[object] = []

    def answered() -> None:
        """A copy of the disk after an answered call, as a kill leaves it."""
        copytree(folder, tmp_path / str(len(states)))
        states.append((everything(world), exported(group)))

    with service(folder, trainer):
        world = World()
        group = world.loaded()
        answered()
        tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)
        answered()
        for number in range(3):
            event = {"sentAt": 1_800_000_000, "eventType": "watch", "itemId": f"i{number}"}
            world.events.put_events(trackingId=tracker["trackingId"], userId="a", sessionId="s", eventList=[event])
            answered()
        world.loaded(items(), "ITEMS", group)
        answered()
        job = world.personalize.create_data_deletion_job(
            jobName="d",
            datasetGroupArn=group,
            dataSource={"dataLocation": world.put("d.csv", "USER_ID\na\nu1\n")},
            roleArn=world.role,
        )
        world.settled("dataDeletionJob", job["dataDeletionJobArn"])
        answered()
        world.personalize.delete_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])
        answered()
    for number, before in enumerate(states):
        with service(tmp_path / str(number), trainer):
            world = World()
            assert (everything(world), exported(group)) == before, f"after answer {number}"


def exported(group: str) -> object:
    """The data of a dataset group, sorted."""
    data = personalize_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].groups[group]
    rows = data.interactions.frame()[["USER_ID", "ITEM_ID", "TIMESTAMP"]]
    return sorted(map(tuple, rows.astype(str).to_numpy().tolist())), sorted(data.items.table.index)


def test_unfinished_work_begins_again(tmp_path: Path, trainer: ThreadPoolExecutor) -> None:
    with service(tmp_path, trainer):
        world = World()
        dataset = world.dataset(world.group())
        job = world.import_data(dataset, world.put("x.csv", interactions()))
    store = Store(next(tmp_path.rglob(FILE)))
    rows = dict(store.rows(RESOURCE))
    row = rows[job["datasetImportJobArn"]]
    row["life"]["worked"] = 0.0
    store.put(RESOURCE, job["datasetImportJobArn"], row)
    store.close()
    with service(tmp_path, trainer):
        world = World()
        world.put("x.csv", "nonsense")
        found = world.settled("datasetImportJob", job["datasetImportJobArn"])
        assert found["status"] == "CREATE FAILED"


def test_an_import_on_a_full_disk_leaves_the_earlier_data(
    tmp_path: Path, trainer: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with service(tmp_path, trainer):
        world = World()
        world.loaded()
        before = files(tmp_path)
        dataset = world.personalize.list_datasets()["datasets"][0]["datasetArn"]
        monkeypatch.setattr(os, "fsync", full)
        job = world.import_data(dataset, world.put("y.csv", interactions(users=70)))
        assert "No space left on device" in job["failureReason"]
    assert files(tmp_path) == before


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("data/**/*") if path.is_file()}


@pytest.mark.parametrize("damaged", [FILE, "interactions.npz"])
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, trainer: ThreadPoolExecutor, damaged: str) -> None:
    with service(tmp_path, trainer):
        World().loaded()
    file = next(tmp_path.rglob(damaged))
    file.write_bytes(b"nonsense" * 1000)
    said = rf"{damaged} can't be read \(.+\); restore the file, or set STATE to"
    with service(tmp_path, trainer), pytest.raises(StateError, match=said):
        personalize_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]


@pytest.mark.usefixtures("world")
def test_nothing_is_written_without_the_option(tmp_path: Path) -> None:
    assert list(tmp_path.rglob("*")) == []

"""What a service knows goes into a folder, and comes out of it in the next process."""

import errno
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from moto import mock_aws

from tests.unit.personalize.world import World, interactions, items
from usher_local.clock import Clock
from usher_local.personalize import install, save, shutdown
from usher_local.personalize.data.datasets import GroupData

SEEN = ("list_dataset_groups", "list_datasets", "list_filters", "list_solutions", "list_campaigns", "list_schemas")


def everything(world: World) -> list[object]:
    answers = [getattr(world.personalize, name)() for name in SEEN]
    return [{key: value for key, value in answer.items() if key != "ResponseMetadata"} for answer in answers]


def test_a_service_goes_on_where_it_was_saved(tmp_path: Path, trainer: ThreadPoolExecutor) -> None:
    with mock_aws():
        install(Clock(math.inf), tmp_path, trainer)
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
        asked = [{"campaignArn": campaign, "userId": user} for user in ("u1", "new")]
        before = everything(world), [world.runtime.get_recommendations(**one)["itemList"] for one in asked]
        save()
        shutdown()
    with mock_aws():
        install(Clock(math.inf), tmp_path, trainer)
        world = World()
        assert (everything(world), [world.runtime.get_recommendations(**one)["itemList"] for one in asked]) == before
        assert world.personalize.list_tags_for_resource(resourceArn=group)["tags"] == [{"tagKey": "a", "tagValue": "1"}]
        world.events.put_events(trackingId=tracking, userId="u1", sessionId="s", eventList=[event])
        assert world.version(solution)["status"] == "ACTIVE"
        shutdown()


def test_work_that_had_not_ended_begins_anew(tmp_path: Path, trainer: ThreadPoolExecutor) -> None:
    with mock_aws():
        install(Clock(math.inf), tmp_path, trainer)
        world = World()
        dataset = world.dataset(world.group())
        job = world.import_data(dataset, world.put("x.csv", interactions()))
        save()
        saved = next(tmp_path.rglob("resources.json"))
        rows = json.loads(saved.read_text())
        next(row for row in rows if row["kind"] == "DatasetImportJob")["life"]["worked"] = 0.0
        saved.write_text(json.dumps(rows))
        shutdown()
    with mock_aws():
        install(Clock(math.inf), tmp_path, trainer)
        world = World()
        world.put("x.csv", "nonsense")
        found = world.settled("datasetImportJob", job["datasetImportJobArn"])
        assert found["status"] == "CREATE FAILED"
        shutdown()


def test_a_disk_that_is_full_at_the_end_leaves_what_was_saved_before(
    tmp_path: Path, trainer: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(data: GroupData, folder: Path) -> None:
        written(data, folder)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    written = GroupData.save
    with mock_aws():
        install(Clock(math.inf), tmp_path, trainer)
        world = World()
        group = world.loaded()
        save()
        before = files(tmp_path)
        world.loaded(items(), "ITEMS", group)
        monkeypatch.setattr(GroupData, "save", full)
        with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}"):
            save()
        shutdown()
    assert files(tmp_path) == before


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("world")
def test_nothing_is_written_unless_told(tmp_path: Path) -> None:
    assert list(tmp_path.rglob("*.json")) == []

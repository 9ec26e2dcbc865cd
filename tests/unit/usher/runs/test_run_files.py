"""Every document of a run has its type, strictly."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from usher.formats.typed_json import UnfitError, as_type
from usher.serving.serving_map import ServingMap

from tests.unit.usher.run_files import DOCUMENTS, check_document, check_documents
from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Stack

CONFIG = {
    "solutions": {"popular": {"recipe": "aws-popularity-count"}, "similar": {"recipe": "aws-sims", "campaign": False}},
    "filters": {"some": "INCLUDE ItemID WHERE Items.ITEM_ID IN ($ITEMS)"},
    "exports": {"popular": {"table": True}},
    "schedules": {"retrain": "rate(7 days)"},
    "prices": {"importGB": 1},
}


def everything(stack: Stack) -> dict[str, Any]:
    """Every typed document in the bucket."""
    contents = {key: content for pattern in DOCUMENTS for key, content in stack.read(pattern).items()}
    check_documents(contents)
    return contents


def outcomes(stack: Stack) -> list[str]:
    records = [content for key, content in everything(stack).items() if key.endswith("run.json")]
    return [record["outcome"] for record in sorted(records, key=lambda record: str(record["startedAt"]))]


def test_documents_of_runs_have_the_members_of_their_types(stack: Stack) -> None:
    stack.reset()
    stack.put("films/usher.yaml", yaml.safe_dump(CONFIG))
    stack.drop("films/usher.yaml")
    assert outcomes(stack) == ["SUCCEEDED"], "there is nothing to do yet"
    stack.put("films/interactions.csv", interactions() + "u1,,1600000000\n")
    stack.drop("films/interactions.csv")
    assert outcomes(stack) == ["SUCCEEDED", "FAILED"]
    stack.put("films/interactions.csv", interactions())
    stack.put("films/new.txt", "")
    stack.drop("films/interactions.csv")
    assert outcomes(stack) == ["SUCCEEDED", "FAILED", "FAILED"], "the filter is about items, of which there are none"
    stack.put("films/items.csv", "ITEM_ID,GENRE\n" + "".join(f"i{item},drama\n" for item in range(40)))
    stack.drop("films/items.csv")
    assert outcomes(stack) == ["SUCCEEDED", "FAILED", "FAILED", "SUCCEEDED"]
    as_type(ServingMap, json.loads(stack.items("films")["serving"]["map"]["S"]))
    stack.run({"group": "films"}, "Exports")
    manifests = [key for key in everything(stack) if "/out/export/" in key]
    assert len(manifests) == 2
    stack.run({"group": "films", "task": "remove"})
    assert outcomes(stack) == ["SUCCEEDED", "FAILED", "FAILED", *["SUCCEEDED"] * 3]
    assert not stack.keys(r"films/out/export/.*")


@pytest.fixture(scope="module")
def written(stack: Stack) -> tuple[str, str]:
    """A run's record, as text, and its key."""
    stack.reset()
    stack.put("films/interactions.csv", interactions())
    stack.drop("films/interactions.csv")
    ((key, record),) = stack.read(r"films/out/runs/.*/run\.json").items()
    return key, json.dumps(record)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.update(waitSecond=1),
        lambda record: record["resources"][0].update(why="It is new."),
        lambda record: record["data"]["interactions"]["diagnosis"].update(repeated=0.5),
        lambda record: record["estimate"].pop("minutes"),
        lambda record: record["ceilings"].update(month="5"),
    ],
)
def test_a_misspelt_member_is_seen(written: tuple[str, str], change: Callable[[dict[str, Any]], Any]) -> None:
    key, text = written
    record = json.loads(text)
    check_document(key, record)
    change(record)
    with pytest.raises(UnfitError):
        check_document(key, record)

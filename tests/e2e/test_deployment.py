"""The main job on a deployed stack, in the order of a person's first use. Deletes all that it makes.

The group is small (60 users, 1,200 interactions, 40 items), its steps are the real ones: import, training, campaigns,
requests, events, an export, an evaluation, removal. `python -m tests.e2e` prints their duration and cost on AWS.
"""

import json
import time

import pytest

from tests.e2e.conftest import HOURS, Deployment, poll
from usher_local.demo.caller import CallError
from usher_local.demo.synthetic import interactions, items

pytestmark = pytest.mark.timeout(HOURS * 3600)

CONFIG = {
    "solutions": {
        "for-you": {"recipe": "aws-user-personalization-v2"},
        "similar": {"recipe": "aws-similar-items"},
        "ranked": {"recipe": "aws-personalized-ranking-v2"},
    },
    "filters": {"genre": "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"},
    "exports": {"for-you": {"numResults": 10, "formats": ["csv"]}},
}
ITEMS = {f"i{item}" for item in range(40)}


def test_a_drop_goes_live(deployment: Deployment) -> None:
    deployment.drop("usher.yaml", json.dumps(CONFIG))
    deployment.drop("items.csv", items())
    deployment.drop("interactions.csv", interactions())
    record = deployment.outcome()
    assert (record["outcome"], record["problems"]) == ("SUCCEEDED", [])


def test_the_api_recommends_filters_and_ranks(deployment: Deployment) -> None:
    answer = deployment.api.get(f"/{deployment.group}/recommendations/u1", numResults=5)
    assert len(answer["itemList"]) == 5
    assert {one["itemId"] for one in answer["itemList"]} <= ITEMS
    comedies = deployment.api.get(
        f"/{deployment.group}/recommendations/u1", filter="genre", filterValues='{"GENRE": "Comedy"}'
    )
    assert {int(one["itemId"][1:]) % 2 for one in comedies["itemList"]} == {1}
    similar = deployment.api.get(f"/{deployment.group}/similar-items/i1", numResults=5)
    assert {one["itemId"] for one in similar["itemList"]} <= ITEMS - {"i1"}
    ranked = deployment.api.post(f"/{deployment.group}/rankings", {"userId": "u1", "items": ["i1", "i2", "i3"]})
    assert {one["itemId"] for one in ranked["personalizedRanking"]} == {"i1", "i2", "i3"}


def test_the_api_refuses_unsigned_requests(deployment: Deployment) -> None:
    with pytest.raises(CallError) as refused:
        type(deployment.api)(deployment.api.url, deployment.api.region, None).get(
            f"/{deployment.group}/recommendations/u1"
        )
    assert refused.value.status == 403


def test_events_are_taken_in(deployment: Deployment) -> None:
    events = [{"eventType": "watch", "itemId": "i1", "sentAt": int(time.time())}]
    deployment.api.post(f"/{deployment.group}/events", {"userId": "u1", "sessionId": "s1", "events": events})
    with pytest.raises(CallError) as refused:
        deployment.api.post(f"/{deployment.group}/events", {"userId": "u1", "sessionId": "s1", "events": []})
    assert refused.value.status == 400


def test_the_same_bytes_train_nothing(deployment: Deployment) -> None:
    before = deployment.stack.runs(deployment.group)[-1]
    deployment.drop("interactions.csv", interactions())
    poll(lambda: deployment.stack.runs(deployment.group)[-1].name != before.name or None)
    record = deployment.outcome()
    assert record["outcome"] == "SUCCEEDED"
    assert {one["action"] for one in record["resources"]} == {"reuse"}


def test_an_export_has_a_line_for_everyone(deployment: Deployment) -> None:
    ended = deployment.start("ExportArn", solution="for-you")
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    latest = deployment.read_json("out/export/for-you/latest.json")
    assert (latest["lines"], latest["errors"], latest["rows"]) == (60, 0, 600)


def test_an_evaluation_compares_with_popularity_and_leaves_nothing(deployment: Deployment) -> None:
    ended = deployment.start("EvaluationArn", recipes=["aws-user-personalization-v2"], live=False)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    latest = deployment.read_json("out/evaluation/latest.json")
    report = json.loads(deployment.bucket.read(latest["report"].replace(".html", ".json")) or b"{}")
    assert {one["kind"] for one in report["contenders"]} == {"baseline", "trained"}
    assert not [name for name in deployment.left_in_personalize() if "-eval-" in name]


def test_removal_leaves_nothing_in_personalize(deployment: Deployment) -> None:
    ended = deployment.start("PipelineArn", task="remove")
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert deployment.left_in_personalize() == deployment.left_in_the_table() == []
    with pytest.raises(CallError) as refused:
        poll(lambda: deployment.api.get(f"/{deployment.group}/recommendations/u1") and None)
    assert refused.value.status == 404

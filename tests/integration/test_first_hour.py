"""A config with other names, whose campaigns must make room: callers of 20 requests a second notice nothing."""

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.conftest import Site, interactions
from usher_local.demo.caller import CallError

A_SECOND = 20


@contextmanager
def continuous_requests(site: Site, group: str) -> Iterator[Counter[Any]]:
    """Call every route inside the block. Yields the count of each answer: a solution, or an error."""
    answers, done = Counter[Any](), threading.Event()

    def ask(route: str) -> Any:
        match route:
            case "recommendations":
                return site.api.get(f"/{group}/recommendations/u1")
            case "similar-items":
                return site.api.get(f"/{group}/similar-items/i1")
        return site.api.post(f"/{group}/rankings", {"userId": "u1", "items": ["i1", "i2"]})

    def send_requests() -> None:
        for route in itertools.cycle(("recommendations", "similar-items", "rankings")):
            began = time.monotonic()
            try:
                answers[ask(route)["solution"]] += 1
            except CallError as error:
                answers[error.status, json.dumps(error.body)] += 1
            if done.wait(max(0, 1 / A_SECOND - (time.monotonic() - began))):
                return

    thread = threading.Thread(target=send_requests)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


def test_other_names_come_without_a_gap(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", interactions())
    assert site.run(group)["outcome"] == "SUCCEEDED"
    solutions = {
        "for-you": {"recipe": "aws-user-personalization-v2"},
        "popular": {"recipe": "aws-popularity-count"},
        "related": {"recipe": "aws-similar-items"},
        "rank": {"recipe": "aws-personalized-ranking-v2"},
    }
    with continuous_requests(site, group) as answers:
        site.drop(f"{group}/usher.yaml", json.dumps({"solutions": solutions, "prune": True}))
        record = site.run(group)
        time.sleep(0.5)
    assert record["outcome"] == "SUCCEEDED", record["summary"]
    assert set(answers) >= {
        "user-personalization",
        "similar-items",
        "personalized-ranking",
        "for-you",
        "related",
        "rank",
    }
    assert not [one for one in answers if not isinstance(one, str)], answers

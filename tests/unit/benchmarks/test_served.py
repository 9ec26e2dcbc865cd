"""Recipes of each kind, trained and called through boto3 over HTTP."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from benchmarks.recommenders.groups import Groups
from benchmarks.recommenders.holdout import Holdout
from benchmarks.recommenders.questions import NotApplicableError, Questions
from benchmarks.recommenders.served import served
from benchmarks.recommenders.synthetic import purchases
from benchmarks.service import Service
from usher_local.clock import Clock
from usher_local.personalize import install, shutdown
from usher_local.personalize.core.recipes import RECIPES

pytestmark = pytest.mark.exhaustive


BY_NAME = {recipe.name: recipe for recipe in RECIPES}
USERS, SAMPLE = 60, 20
LONG = {"TIMESTAMP": "long"}


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Groups]:
    install(Clock(math.inf))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "testing")
    service = Service({**keys, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": url}, os.getpid(), 10)
    ratings = purchases(users=USERS, items=60, days=200)
    yield Groups(service, ratings, Holdout.of(ratings), tmp_path_factory.mktemp("files"))
    with urlopen(Request(f"{url}/moto-api/reset", method="POST")):  # noqa: S310 - our own server
        server.stop()
    shutdown()


@pytest.fixture
def questions(groups: Groups) -> Questions:
    return Questions(groups.holdout, ["Bakery", "Dairy"], SAMPLE)


@pytest.mark.parametrize(
    ("name", "users"),
    [
        ("aws-hrnn", USERS),
        ("aws-sims", USERS),
        ("aws-personalized-ranking", USERS),
        ("aws-trending-now", SAMPLE),
        ("aws-vod-top-picks", SAMPLE),
    ],
)
def test_lists_are_scored_and_costs_reported(groups: Groups, questions: Questions, name: str, users: int) -> None:
    rows, costs = questions.measure(groups, BY_NAME[name])
    assert [(row["model"], row["form"], row["users"]) for row in rows] == [
        (name, form, users) for form in ("raw", "d25", "dedup")
    ]
    assert 0 < float(rows[0]["MRR"]) < 1
    assert bool(costs["batch lists/s"]) == (users == USERS)
    assert min(float(costs[column]) for column in ("training s", "peak MB", "p50 ms", "p99 ms")) > 0
    assert "MRR@25" in str(costs["own metrics"])


@pytest.mark.parametrize("name", ["aws-item-affinity", "aws-item-attribute-affinity"])
def test_segments_have_their_own_metrics(groups: Groups, questions: Questions, name: str) -> None:
    rows, costs = questions.measure(groups, BY_NAME[name])
    assert (rows, costs["p50 ms"]) == ([], "")
    assert float(costs["batch lists/s"]) > 0
    assert "recall@1%" in str(costs["own metrics"])


def test_actions_are_requested_one_by_one(groups: Groups, questions: Questions) -> None:
    rows, costs = questions.measure(groups, BY_NAME["aws-next-best-action"])
    assert (rows, costs["batch lists/s"]) == ([], "")
    assert float(costs["p50 ms"]) > 0


def test_recipes_about_metadata_need_it(groups: Groups, questions: Questions) -> None:
    with pytest.raises(NotApplicableError, match="needs titles and genres"):
        replace(questions, genres=()).measure(groups, BY_NAME["aws-semantic-similarity"])


def test_a_failure_has_its_reason(groups: Groups, tmp_path: Path) -> None:
    service = groups.service
    (tmp_path / "few.csv").write_text("USER_ID,ITEM_ID,TIMESTAMP\nu,i,1\n")
    group = service.make("dataset_group")
    dataset = service.dataset(group, "Interactions", dict.fromkeys(("USER_ID", "ITEM_ID"), "string") | LONG)
    with pytest.raises(RuntimeError, match="fewer than 1000 interactions"):
        service.load(dataset, service.upload(tmp_path / "few.csv"))
    recipe = BY_NAME["aws-sims"]
    with served(service, groups.of(recipe), recipe) as model, pytest.raises(RuntimeError, match="itemId is required"):
        model.batch({0: {"userId": "u1"}}, 5)

"""Every hyperparameter of every recipe changes the answers, or is documented as without effect."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from tests.unit.personalize.conftest import service
from tests.unit.personalize.modelling.test_actions import ACTIONS as ACTION_FIELDS
from tests.unit.personalize.modelling.test_actions import ANSWERS
from tests.unit.personalize.world import REGION, World, schema
from usher_local.personalize.core.algorithms import PARAMETERS, TRANSFORMATIONS
from usher_local.personalize.core.recipes import ACTIONS, RANKING, RECIPES, SEGMENTS
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.modelling import action_lists, item_lists, user_segments
from usher_local.personalize.modelling.model import Model
from usher_local.personalize.modelling.queries import Entry, Request
from usher_local.personalize.models import PersonalizeBackend, personalize_backends
from usher_local.recommenders.registry import INERT

DAY = 86400
NOW = 1_700_000_000
OTHERS = {
    "action_optimization_period": "1",
    "apply_recency_bias": "false",
    "bptt": "2",
    "cold_start_max_duration": "1.0",
    "cold_start_max_interactions": "1000",
    "cold_start_relative_from": "currentTime",
    "hidden_dimension": "32",
    "item_id_hidden_dim": "30",
    "item_metadata_hidden_dim": "30",
    "max_item_interaction_count_percentile": "0.5",
    "max_user_history_length_percentile": "0.5",
    "min_cointeraction_count": "10",
    "min_item_interaction_count_percentile": "0.5",
    "min_user_history_length_percentile": "0.5",
    "popularity_discount_factor": "1.0",
    "recency_mask": "false",
    "trend_discovery_frequency": "1 day",
}
"""Another value than the default for each hyperparameter."""
TABLE = [
    (recipe.name.removeprefix("aws-"), name, name in parameters)
    for recipe in RECIPES
    if not recipe.domain
    for parameters in [PARAMETERS.get(recipe.algorithm_name, {})]
    for name in (*parameters, *TRANSFORMATIONS.get(recipe.transformation or recipe.name, {}))
]


@dataclass
class Trained:
    """A group with all kinds of data, and the answers of each version of it."""

    world: World
    group: str
    backend: PersonalizeBackend
    defaults: dict[str, list[list[Entry]]] = field(default_factory=dict)

    def answers(self, recipe: str, **config: dict[str, str]) -> list[list[Entry]]:
        """The answers for some users and some items."""
        solution = self.world.solution(self.group, recipe, solutionConfig=config)
        version = self.world.version(solution)
        assert version["status"] == "ACTIVE", version
        resource = self.backend.get("SolutionVersion", version["solutionVersionArn"])
        model, data = self.backend.models.of(self.backend, resource), self.backend.data(resource)
        self.world.personalize.delete_solution(solutionArn=solution)  # the quota of a group is ten
        return [answer(model, data, f"u{number}", f"i{number}") for number in range(0, 40, 3)]


def answer(model: Model, data: GroupData, user: str, item: str) -> list[Entry]:
    request = Request(user, item, 50)
    if model.recipe.type == ACTIONS:
        return action_lists.recommend_actions(model, data, request)
    if model.recipe.type == SEGMENTS:
        return model.answer(user_segments.segment(model, data, [item], 50, None))
    if model.recipe.type == RANKING:
        return model.answer(item_lists.rank(model, data, request, [f"i{number}" for number in range(40)]))
    return model.answer(item_lists.recommend(model, data, request))


def events() -> str:
    """Users with different numbers of events, some hours apart; items of different popularity."""
    rows = ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE"]
    for user in range(60):
        for position in range(10 + user % 25):
            item = (user * 7 + position * position * (1 + user % 4)) % (40 if position % 2 else 12)
            rows.append(f"u{user},i{item},{NOW - position * (5 + user % 3) * 3600 - user * 60},watch,1")
    return "\n".join(rows)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[Trained]:
    with service(tmp_path_factory.mktemp("models"), trainer):
        world = World()
        group = world.loaded(events())
        fields = ("ITEM_ID", "string"), ("GENRES", "string"), ("CREATION_TIMESTAMP", "long")
        new = "".join(f"new{number},Comedy,{NOW - number * DAY}\n" for number in range(4))
        old = "".join(
            f"i{number},{'Comedy' if number % 2 else 'Drama'},{NOW - (3 if number < 9 else 99) * DAY}\n"
            for number in range(40)
        )
        answers = ["USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP"]
        answers += [
            f"u{user % 60},{action},{'TAKEN' if (user // 60 + user) % 3 else 'NOT_TAKEN'},{NOW - user * 3600}"
            for user in range(300)
            for action in ("join", "call")
        ]
        actions = "ACTION_ID,KIND,REPEAT_FREQUENCY,EXPIRATION_TIMESTAMP\njoin,club,,\ncall,phone,,\n"
        for kind, text, body in (
            ("ITEMS", schema("Items", *fields), f"ITEM_ID,GENRES,CREATION_TIMESTAMP\n{new}{old}"),
            ("ACTIONS", ACTION_FIELDS, actions),
            ("ACTION_INTERACTIONS", ANSWERS, "\n".join(answers)),
        ):
            job = world.import_data(world.dataset(group, kind, text), world.put(f"{kind}.csv", body))
            assert job["status"] == "ACTIVE", job
        yield Trained(world, group, personalize_backends[DEFAULT_ACCOUNT_ID][REGION])


@pytest.mark.exhaustive
@pytest.mark.parametrize(("recipe", "name", "tunable"), [row for row in TABLE if row[1] not in INERT])
def test_a_hyperparameter_changes_the_answers(trained: Trained, recipe: str, name: str, tunable: bool) -> None:
    if recipe not in trained.defaults:
        trained.defaults[recipe] = trained.answers(recipe)
    member = "algorithmHyperParameters" if tunable else "featureTransformationParameters"
    assert trained.answers(recipe, **{member: {name: OTHERS[name]}}) != trained.defaults[recipe]


@pytest.mark.parametrize(("recipe", "name", "tunable"), [row for row in TABLE if row[1] in INERT])
def test_one_without_effect_is_accepted(trained: Trained, recipe: str, name: str, tunable: bool) -> None:
    member = "algorithmHyperParameters" if tunable else "featureTransformationParameters"
    made = trained.world.solution(trained.group, recipe, solutionConfig={member: {name: OTHERS[name]}})
    assert json.dumps(trained.world.describe("solution", made)["solutionConfig"][member]) == json.dumps(
        {name: OTHERS[name]}
    )
    trained.world.personalize.delete_solution(solutionArn=made)

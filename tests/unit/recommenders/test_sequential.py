import numpy as np
import pytest
from numpy.typing import NDArray

from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.metrics import hold_out, measure, rank
from usher_local.recommenders.popularity import Popularity
from usher_local.recommenders.sequential import LESSONS, PRIOR, Sequential, lessons


def walks(users: int, again: float, seed: int = 0) -> Interactions:
    """Users that step from item to item in a circle of 100, or, with some chance, return to one of their own."""
    chance = np.random.default_rng(seed)
    who: list[str] = []
    what: list[str] = []
    for user in range(users):
        history = [int(chance.integers(100))]
        for _ in range(20):
            step = (history[-1] + int(chance.integers(1, 4))) % 100
            history.append(int(chance.choice(history)) if chance.random() < again else step)
        who += [f"{user:03}"] * len(history)
        what += [f"{item:02}" for item in history]
    return Interactions.of(who, what, range(len(who)))


@pytest.fixture(scope="module")
def once() -> Interactions:
    return walks(150, again=0)


def reciprocal_rank(model: Sequential | Popularity, interactions: Interactions) -> float:
    _, cases = hold_out(interactions)
    lists = [rank(model, case.query) for case in cases]
    return measure(lists, [case.truth for case in cases], len(interactions.item_ids))["mean_reciprocal_rank_at_25"]


@pytest.mark.parametrize("again", [0.0, 0.9])
def test_it_is_better_than_popularity_with_and_without_repeats(again: float) -> None:
    interactions = walks(150, again)
    learnt, _ = hold_out(interactions)
    model, popular = Sequential.fit(learnt, {}), Popularity.fit(learnt, {})
    assert reciprocal_rank(model, interactions) > 1.5 * reciprocal_rank(popular, interactions)


def test_repeat_behaviour_is_learnt() -> None:
    for again, wanted in ((0.0, False), (0.9, True)):
        interactions = walks(150, again)
        model = Sequential.fit(interactions, {})
        first = [rank(model, query)[0] in query.history for query in interactions.queries()]
        assert (np.mean(first) > 0.5) == wanted


def test_the_next_event_counts_at_once(once: Interactions) -> None:
    model = Sequential.fit(once, {})
    for seen in (3, 17):
        best = int(rank(model, Query(np.array([seen - 3, seen - 2, seen], np.int32)))[0])
        assert 1 <= (best - seen) % 100 <= 6


def test_weights_are_learnt_from_events_unseen_by_the_experts(once: Interactions) -> None:
    assert not np.allclose(Sequential.fit(once, {}).weights, PRIOR, atol=0.05)


def test_with_nothing_to_learn_from_the_weights_are_the_usual_ones() -> None:
    lonely = Interactions.of("abc", "xyz", range(3))  # nobody has a history before the newest event
    np.testing.assert_array_equal(Sequential.fit(lonely, {}).weights, PRIOR.astype(np.float32))


def test_a_refit_to_more_data_keeps_the_weights(once: Interactions) -> None:
    learnt, _ = hold_out(once)
    before = Sequential.fit(learnt, {})
    after = before.refit(once, {})
    np.testing.assert_array_equal(after.weights, before.weights)
    assert len(after.sessions.item) == len(once.item)


def test_only_so_many_users_teach_the_weights(once: Interactions) -> None:
    case = hold_out(once)[1][0]
    for users, teachers in ((1, 1), (LESSONS + 1, LESSONS)):
        assert len(list(lessons([case] * users, np.random.default_rng(0)))) == 2 * teachers


def test_the_seed_chooses_the_users_that_teach_the_weights() -> None:
    _, cases = hold_out(walks(3, again=0))
    one, other = (next(lessons(cases, np.random.default_rng(seed))).query for seed in (0, 1))
    assert one.history.tolist() != other.history.tolist()


def scores(parameters: dict[str, str], interactions: Interactions) -> NDArray[np.float32]:
    return Sequential.fit(interactions, parameters).score(interactions.queries()[0])


@pytest.mark.parametrize("parameter", [{"apply_recency_bias": "false"}, {"bptt": "2"}, {"recency_mask": "false"}])
def test_hyperparameters_have_an_effect(parameter: dict[str, str]) -> None:
    few = walks(30, again=0)
    assert not np.allclose(scores(parameter, few), scores({}, few))

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.cooccurrence import (
    BACKWARD,
    BUDGET,
    DECAY,
    KEPT,
    LAGS,
    NEWEST,
    Neighbours,
    SimilarItems,
    Sims,
    met_both,
    met_by,
    met_near,
)
from usher_local.recommenders.progress import listening
from usher_local.recommenders.registry import train

# a is met with p(opular) four times and with r(are) three times; p by everyone, r by nobody else; once with o(dd).
USERS = ["apr", "apr", "apr", "apo", "p", "p", "p", "p", "p"]


def build(histories: list[str]) -> Interactions:
    events = [(str(user), item) for user, history in enumerate(histories) for item in history]
    users, items = zip(*events, strict=True)
    return Interactions.of(users, items, range(len(events)))


def like(kind: type[Neighbours], histories: list[str], item: str, **parameters: str) -> str:
    """The items, most similar first, as one word."""
    interactions = build(histories)
    scores = kind.fit(interactions, parameters).score(Query(np.empty(0, np.int32), interactions.item_ids.index(item)))
    return "".join(interactions.item_ids[index] for index in np.argsort(-scores, kind="stable"))


@pytest.mark.parametrize("kind", [Sims, SimilarItems])
def test_the_discount_moves_popular_neighbours_down(kind: type[Neighbours]) -> None:
    assert like(kind, USERS, "a", popularity_discount_factor="0").startswith("pr")
    assert like(kind, USERS, "a", popularity_discount_factor="1", min_cointeraction_count="3").startswith("r")


@pytest.mark.parametrize("kind", [Sims, SimilarItems])
def test_an_item_is_never_like_itself(kind: type[Neighbours]) -> None:
    assert like(kind, ["aaab", "aaac"], "a", min_cointeraction_count="0").endswith("a")


def test_too_few_common_users_make_no_neighbours() -> None:
    histories = ["ao"] * 2 + ["p"] * 9
    assert like(Sims, histories, "a") == "poa"
    assert like(Sims, histories, "a", min_cointeraction_count="2") == "opa"


def test_a_user_counts_once_however_often_they_return() -> None:
    assert (
        like(Sims, ["abababab", "ac", "ac"], "a", min_cointeraction_count="0", popularity_discount_factor="0")[0] == "c"
    )


def test_the_defaults_are_those_of_the_service() -> None:
    defaults = {"popularity_discount_factor": "0.5", "min_cointeraction_count": "3"}
    np.testing.assert_array_equal(Sims.fit(build(USERS), {}).likeness, Sims.fit(build(USERS), defaults).likeness)


def test_near_events_make_likelier_neighbours_than_far_ones() -> None:
    ranked = like(SimilarItems, ["ab123456789c"], "a")
    assert ranked.index("b") < ranked.index("c")


def test_the_last_item_is_similar_to_the_items_before_it() -> None:
    assert like(SimilarItems, ["ab", "ab", "cd", "cd", "cd"], "b")[0] == "a"


def test_later_items_are_more_similar_than_earlier_ones() -> None:
    assert like(SimilarItems, ["abc", "abc"], "b")[0] == "c"


def test_an_unknown_item_is_answered_with_popular_ones() -> None:
    for kind in (Sims, SimilarItems):
        interactions = build(USERS)
        scores = kind.fit(interactions, {}).score(Query(np.empty(0, np.int32)))
        assert interactions.item_ids[scores.argmax()] == "p"


def counted(kind: type[Neighbours], histories: list[str], budget: int) -> NDArray[np.float32]:
    """The counts of all pairs of items."""
    interactions = build(histories)
    pairs = met_both(met_by(interactions), budget) if kind is Sims else met_near(interactions, budget)
    return np.asarray(pairs.strongest(np.ones(len(pairs.bound), np.float32)).toarray(), np.float32)


def expected(kind: type[Neighbours], histories: list[str]) -> NDArray[np.float64]:
    """The counts, made pair by pair."""
    items = sorted({*"".join(histories)})
    likeness = np.zeros((len(items), len(items)))
    for history in histories:
        if kind is Sims:
            for one, other in permutations({*history}, 2):
                likeness[items.index(one), items.index(other)] += 1
        else:
            for (place, one), (next_, other) in permutations(enumerate(history), 2):
                far, share = abs(place - next_), BACKWARD if next_ < place else 1
                likeness[items.index(one), items.index(other)] += share * np.exp((1 - far) / DECAY) * (far <= LAGS)
    np.fill_diagonal(likeness, 0)
    return likeness


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", [Sims, SimilarItems])
@given(
    histories=st.lists(st.text("abcdefgh", min_size=1, max_size=30), min_size=1, max_size=6),
    budget=st.integers(1, 300),
)
@settings(max_examples=50, deadline=None)
def test_counting_in_blocks_counts_every_pair(kind: type[Neighbours], histories: list[str], budget: int) -> None:
    wanted = expected(kind, histories)
    for size in (BUDGET, budget):
        np.testing.assert_allclose(counted(kind, histories, size), wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("popularity_discount_factor", "0.9"),
        ("min_cointeraction_count", "1"),
        ("min_user_history_length_percentile", "0.5"),
        ("max_user_history_length_percentile", "0.5"),
        ("min_item_interaction_count_percentile", "0.9"),
        ("max_item_interaction_count_percentile", "0.5"),
    ],
)
def test_every_hyperparameter_of_sims_has_an_effect(tmp_path: Path, name: str, value: str) -> None:
    for folder, parameters in (("tuned", {name: value}), ("default", {})):
        train("aws-sims", build([*USERS, "apr", "or"]), parameters, tmp_path / folder)
    tuned, default = (Sims.load(tmp_path / folder).likeness.tolist() for folder in ("tuned", "default"))
    assert tuned != default


def test_only_the_best_neighbours_are_stored() -> None:
    """An item has LAGS different neighbours before and after each of its events."""
    others = [chr(0x4E00 + number) for number in range(KEPT + 2 * LAGS)]
    met = ["a" + "".join(others[place : place + 2 * LAGS]) for place in range(0, len(others), 2 * LAGS)]
    model = SimilarItems.fit(build(["".join(met) + "a"]), {})
    kept = model.neighbour[model.start[0] : model.start[1]]
    assert len(kept) == KEPT
    assert set(range(1, len(others), 2 * LAGS)) < set(kept.tolist()), "the next ones"
    assert not set(range(LAGS + 1, len(others), 2 * LAGS)) & set(kept.tolist()), "those farthest before it"


@pytest.mark.parametrize(("between", "nearest"), [(NEWEST - 2, "b"), (NEWEST - 1, "d")])
def test_only_the_newest_events_of_a_user_make_pairs(between: int, nearest: str) -> None:
    histories = ["a" + "b" * between + "c", "d", "d"]
    assert like(Sims, histories, "a", min_cointeraction_count="0")[0] == nearest


def test_the_progress_of_the_counting_is_reported() -> None:
    shares = list[float]()
    with listening(shares.append):
        counted(Sims, USERS, 1)
    assert shares == [0.25, 0.5, 0.75, 1]

import numpy as np
import pytest

from local.recommenders import cooccurrence
from local.recommenders.base import Interactions, Query
from local.recommenders.cooccurrence import Neighbours, SimilarItems, Sims

# a is met with p(opular) four times and with r(are) three times; p by everyone, r by nobody else; once with o(dd).
USERS = ["apr", "apr", "apr", "apo", "p", "p", "p", "p", "p"]


def build(histories: list[str]) -> Interactions:
    events = [(str(user), item) for user, history in enumerate(histories) for item in history]
    users, items = zip(*events, strict=True)
    return Interactions.of(users, items, range(len(events)))


def like(kind: type[Neighbours], histories: list[str], item: str, **parameters: str) -> str:
    """The items, most alike first, as one word."""
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


def test_similarity_is_symmetric_in_time() -> None:
    assert like(SimilarItems, ["ab", "ab", "cd", "cd", "cd"], "b")[0] == "a"


def test_an_unknown_item_is_answered_with_popular_ones() -> None:
    for kind in (Sims, SimilarItems):
        interactions = build(USERS)
        scores = kind.fit(interactions, {}).score(Query(np.empty(0, np.int32)))
        assert interactions.item_ids[scores.argmax()] == "p"


def test_only_the_best_neighbours_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "KEPT", 2)
    model = SimilarItems.fit(build(["abcd", "abdc", "dbac"]), {})
    assert np.diff(model.start).max() == 2


def test_only_the_newest_events_of_a_user_make_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "NEWEST", 2)
    assert like(Sims, ["abc", "d", "d"], "c", min_cointeraction_count="0")[0] == "b"
    assert like(Sims, ["abc", "d", "d"], "a", min_cointeraction_count="0")[0] == "d"

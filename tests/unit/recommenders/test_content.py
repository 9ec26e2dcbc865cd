import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_local.recommenders.base import Interactions, Query
from usher_local.recommenders.content import BUDGET, NEAREST, Semantic, nearest, tfidf

TEXTS = {"a": "A space ship lost in space", "b": "Lost in a ship far in space", "c": "A wedding in Rome", "d": ""}


def like(item: str) -> list[str]:
    interactions = Interactions.of("u", "c", [0], known=TEXTS)
    texts = [TEXTS[name] for name in interactions.item_ids]
    model = Semantic.fit(_with(interactions, texts), {})
    scores = model.score(Query(np.empty(0, np.int32), interactions.item_ids.index(item)))
    return [interactions.item_ids[place] for place in np.argsort(-scores, kind="stable")]


def _with(interactions: Interactions, texts: list[str]) -> Interactions:
    kept = interactions
    return Interactions(kept.user, kept.item, kept.timestamp, kept.user_ids, kept.item_ids, kept.weight, (), texts)


def test_items_are_alike_by_their_words_and_never_like_themselves() -> None:
    assert like("a")[0] == "b"
    assert like("a")[-1] == "a"


def test_items_without_events_are_in_the_catalogue() -> None:
    assert set(like("c")) == set(TEXTS)


@given(st.lists(st.lists(st.sampled_from("xyz"), max_size=5), min_size=1, max_size=6))
def test_a_row_of_terms_has_length_one_or_none(documents: list[list[str]]) -> None:
    lengths = np.sqrt(tfidf(documents).power(2).sum(axis=1))
    np.testing.assert_allclose(lengths, [1.0 if document else 0.0 for document in documents], atol=1e-5)


@pytest.mark.parametrize("budget", [1, BUDGET])
def test_newcomers_inherit_from_the_items_they_are_most_like(budget: int) -> None:
    terms = tfidf([["comedy"], ["horror"], ["comedy"], ["horror"], []])
    weights = nearest(terms[2:], terms[:2], budget).toarray()
    np.testing.assert_allclose(weights, [[1, 0], [0, 1], [0, 0]], atol=1e-6)


def test_newcomers_inherit_from_no_more_items_than_help() -> None:
    terms = tfidf([["comedy"], ["comedy", "old"], *[["comedy"]] * NEAREST])
    weights = nearest(terms[:1], terms[1:]).toarray()
    np.testing.assert_allclose(weights, [[0, *[1 / NEAREST] * NEAREST]], atol=1e-6)


def test_fewer_items_than_a_newcomer_may_inherit_from_are_all_taken() -> None:
    terms = tfidf([["comedy", "old"], ["comedy"], ["comedy", "new"]])
    weights = nearest(terms[:1], terms[1:]).toarray()
    assert weights.sum() == pytest.approx(1)
    assert weights[0, 0] > weights[0, 1] > 0


def test_without_newcomers_there_is_nothing_to_inherit() -> None:
    terms = tfidf([["comedy"]])
    assert nearest(terms[1:], terms).shape == (0, 1)

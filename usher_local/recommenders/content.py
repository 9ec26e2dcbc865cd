"""Items by their descriptions and attributes: for items without events, and for aws-semantic-similarity."""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from usher_local.recommenders.base import TIE_BREAK, Interactions, Query, Recommender, count_users

NEAREST = 20  # known items whose scores a new item gets; more hardly help on MovieLens
BUDGET = 1 << 24  # similarities at a time in `nearest`: 64 MiB
WORD = re.compile(r"\w+")


def tfidf(documents: Iterable[Iterable[str]]) -> csr_array:
    """Log tf-idf vectors of the documents' terms (n, terms), of length 1, or 0 without terms (Salton, Buckley 1988)."""
    vocabulary: dict[str, int] = {}
    column, start = array("i"), array("q", [0])  # a list would take twice the memory, and long texts have many terms
    for document in documents:
        column.extend(vocabulary.setdefault(term, len(vocabulary)) for term in document)
        start.append(len(column))
    size = len(start) - 1, max(1, len(vocabulary))
    counts = csr_array((np.ones(len(column), np.float32), np.asarray(column), np.asarray(start)), size)
    counts.sum_duplicates()
    # The "+ 1" keeps terms that all documents have: a few items may share their only genre.
    rarity = np.log(size[0] / np.maximum(1, np.bincount(counts.indices, minlength=size[1]))) + 1
    counts.data = (1 + np.log(counts.data)) * rarity[counts.indices].astype(np.float32)
    lengths = np.sqrt(counts.power(2).sum(axis=1))
    counts.data /= np.repeat(np.maximum(lengths, np.finfo(np.float32).tiny), np.diff(counts.indptr)).astype(np.float32)
    return counts


def nearest(new: csr_array, known: csr_array, budget: int = BUDGET) -> csr_array:
    """Weights (n_new, n_known) of each new item's NEAREST most similar known items; the sum is 1, or 0 if none is
    similar."""
    block = budget // max(1, known.shape[0]) or 1
    rows = [_block(new[row : row + block], known) for row in range(0, new.shape[0], block)]
    return csr_array(vstack(rows, format="csr") if rows else (0, known.shape[0]), dtype=np.float32)


def _block(new: csr_array, known: csr_array) -> csr_array:
    likeness = (new @ known.T).toarray()
    kept = np.argpartition(-likeness, min(NEAREST, likeness.shape[1] - 1), axis=1)[:, :NEAREST]
    weights = np.take_along_axis(likeness, kept, axis=1)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    rows = np.repeat(np.arange(len(kept)), kept.shape[1])
    return csr_array((weights.ravel(), (rows, kept.ravel())), likeness.shape)


def words(texts: Sequence[str]) -> Iterable[list[str]]:
    """The words of each text in lower case."""
    return (WORD.findall(text.lower()) for text in texts)


@dataclass(frozen=True)
class Semantic(Recommender):
    """aws-semantic-similarity: the cosine of the texts, by TF-IDF; the service uses a language model."""

    start: NDArray[np.int32]  # (n_items + 1,) where each item's terms begin
    term: NDArray[np.int32]
    weight: NDArray[np.float32]
    popularity: NDArray[np.float32]  # (n_items,) users, divided by those of the most popular item

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Weigh the words; the interactions serve for popularity only. No hyperparameters."""
        terms = tfidf(words(interactions.texts or [""] * len(interactions.item_ids)))
        users = count_users(interactions)
        return cls(terms.indptr, terms.indices, terms.data, users / max(1, users.max(initial=0)))

    def score(self, query: Query) -> NDArray[np.float32]:
        """The similarity to `query.item`, which itself comes last; popularity if that item is unknown."""
        if query.item is None:
            return np.array(self.popularity)
        begin, end = self.start[query.item], self.start[query.item + 1]
        wanted = np.zeros(int(self.term.max(initial=0)) + 1, np.float32)
        wanted[self.term[begin:end]] = self.weight[begin:end]
        terms = csr_array((self.weight, self.term, self.start), (len(self.popularity), len(wanted)))
        scores: NDArray[np.float32] = terms @ wanted + self.popularity * TIE_BREAK
        scores[query.item] = -1
        return scores

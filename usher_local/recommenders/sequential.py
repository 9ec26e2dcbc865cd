"""The main model: four experts of different kinds and the user's own habits, pooled by weights learnt from the data.

The pool is a conditional logit (McFadden, 1974) over each expert's scores and their logarithms, hence a logarithmic
opinion pool (Genest and Zidek, Statistical Science 1986). It is fitted by stacking (Wolpert, 1992): experts fitted
without the newest tenth of each user's events predict that tenth; then the experts are fitted again on all events.
There are no user factors: an event counts in the very next request, and new users are served like known ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from usher_local.recommenders.base import Interactions, Query, Recommender
from usher_local.recommenders.labels import Labels
from usher_local.recommenders.linear import Steps, Taste
from usher_local.recommenders.metrics import Case, hold_out
from usher_local.recommenders.popularity import Popularity
from usher_local.recommenders.progress import part, report_progress
from usher_local.recommenders.sessions import Sessions

EXPERTS = 4
FLOOR, POPULARITY_FLOOR = 0.01, 0.001  # shares of the best score, below which a score counts as unknown
LESSONS = 1000  # users whose events the weights are learnt from, at most
CANDIDATES, REPEATS = 256, 32  # items that compete in a lesson: the best by score, and the newest of the history
PRIOR_WEIGHT = 1e-3  # strength of the pull of the weights to PRIOR, per lesson

# Each row of `_evidence` has a weight, and a slope by which it grows with the log of the history's length. These values
# are typical of MovieLens; they decide where there is too little data to learn from.
PRIOR = np.array(
    [
        *[(2.0, 0.0), (0.4, 0.0)],  # steps, their logarithm
        *[(0.0, 0.0), (0.5, 0.0)],  # taste
        *[(1.0, 0.0), (0.3, 0.0)],  # sessions
        *[(0.3, 0.0), (0.1, 0.0)],  # labels
        (0.0, 0.0),  # popularity
        *[(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)],  # met before, how often, how long ago
    ]
)


@dataclass(frozen=True)
class Sequential(Recommender):
    """Experts that each score all items, and the weights of their pool."""

    steps: Steps
    taste: Taste
    sessions: Sessions
    labels: Labels
    popularity: Popularity
    weights: NDArray[np.float32]  # (rows of evidence, 2) see PRIOR

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:
        """Learn the weights, then fit all experts anew; `seed` chooses the users for the weights.

        Obeys the hyperparameters of the experts.
        """
        learnt, cases = hold_out(interactions)
        weights = np.asarray(PRIOR, np.float32)
        if len(learnt.user):
            with part(0, 0.5):
                apprentice = cls._gather(learnt, parameters, weights)
            with part(0.5, 0.65):
                weights = apprentice._learn(lessons(cases, np.random.default_rng(seed)))
        with part(0.65, 1):
            return cls._gather(interactions, parameters, weights)

    def refit(self, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG002
        """Fit the experts anew and keep the weights."""
        return self._gather(interactions, parameters, np.asarray(self.weights))

    @classmethod
    def _gather(cls, interactions: Interactions, parameters: Mapping[str, str], weights: NDArray[np.float32]) -> Self:
        steps = Steps.fit(interactions, parameters)
        report_progress(0.7)
        return cls(
            steps,
            Taste.fit(interactions, parameters),
            Sessions.fit(interactions, parameters),
            Labels.fit(interactions, parameters),
            Popularity.fit(interactions, parameters),
            weights,
        )

    def score(self, query: Query) -> NDArray[np.float32]:
        """The log-odds that an item is next, up to a constant; popularity for an empty history."""
        if not query.history.size:
            return self.popularity.score(query)
        weights: NDArray[np.float32] = self.weights @ _circumstances(query)
        scores = np.zeros(len(self.popularity.users), np.float32)
        for weight, row in zip(weights, self._evidence(query), strict=True):
            scores += weight * row
        return scores

    def _evidence(self, query: Query) -> list[NDArray[np.float32]]:
        """The evidence for each item: rows (n_items,) in the order of PRIOR."""
        experts: tuple[Recommender, ...] = (self.steps, self.taste, self.sessions, self.labels)
        shares = [_share(expert.score(query)) for expert in experts]
        rows = [row for share in shares for row in (share, np.log1p(share / np.float32(FLOOR)))]
        rows.append(np.log1p(_share(self.popularity.score(query)) / np.float32(POPULARITY_FLOOR)))
        habits = np.zeros((3, len(rows[0])), np.float32)
        met, last, times = np.unique(query.history[::-1], return_index=True, return_counts=True)
        habits[:, met] = np.ones(len(met)), np.log(times), np.log1p(last)
        return [*rows, *habits]

    def _learn(self, lessons: Iterator["Lesson"]) -> NDArray[np.float32]:
        """The weights that maximise the likelihood of the true next items."""
        evidence, truth = [], []
        for lesson in lessons:
            found = self._evidence(lesson.query)
            promise = np.sum(found[: 2 * EXPERTS : 2], axis=0)
            promise[lesson.query.history[-REPEATS:]] = np.inf
            promise[lesson.hidden] = -np.inf
            size = min(CANDIDATES, len(promise) - 1)
            chosen = np.argpartition(-promise, size)[: size + 1]
            hits = np.isin(chosen, lesson.truth)
            if hits.any():
                rows = np.stack([row[chosen] for row in found], axis=1)[:, :, None] * _circumstances(lesson.query)
                evidence.append(rows.reshape(len(chosen), -1))
                truth.append(hits / np.sqrt(hits.sum()))
        return _fit_logit(np.stack(evidence), np.stack(truth)) if evidence else self.weights


@dataclass(frozen=True, slots=True)
class Lesson:
    """A user's history, whole or its end only, and the items that came next; `hidden` are the items before that end."""

    query: Query
    truth: NDArray[np.int32]
    hidden: NDArray[np.int32]


def lessons(cases: Sequence[Case], chance: np.random.Generator) -> Iterator[Lesson]:
    """Two lessons for each chosen user: the history before the newest events, and only its end, as of a newer user."""
    for user in chance.permutation(len(cases))[:LESSONS]:
        query, truth = cases[user].query, cases[user].truth
        history = query.history
        if history.size:
            yield Lesson(query, truth, history[:0])
            end = history[-int(len(history) ** chance.random()) :]
            yield Lesson(replace(query, history=end), truth, np.setdiff1d(history, end))


def _fit_logit(evidence: NDArray[np.float32], truth: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weights (rows, 2) from evidence (lessons, candidates, rows * 2) and the weight `truth` of each candidate."""
    prior, flat = PRIOR.ravel(), evidence.reshape(-1, evidence.shape[2])
    total = truth.sum(axis=1, keepdims=True)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        likelihood = log_softmax((flat @ weights.astype(np.float32)).reshape(truth.shape), axis=1)
        slope: NDArray[np.float64] = (total * np.exp(likelihood) - truth).astype(np.float32).ravel() @ flat
        away = weights - prior
        value = PRIOR_WEIGHT * away @ away / 2 - (truth * likelihood).sum() / len(truth)
        return float(value), PRIOR_WEIGHT * away + slope / len(truth)

    found = minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": 200})
    weights: NDArray[np.float32] = np.asarray(found.x, np.float32).reshape(PRIOR.shape)
    return weights


def _circumstances(query: Query) -> NDArray[np.float32]:
    """The variables of the weights: a constant, and the log of the history's length."""
    return np.array([1, np.log(len(query.history)) - 4], np.float32)


def _share(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores as shares of the best one; those below 0 count as 0."""
    positive: NDArray[np.float32] = np.maximum(scores, 0)
    positive /= max(positive.max(), np.finfo(np.float32).tiny)
    return positive

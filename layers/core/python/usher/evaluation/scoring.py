"""Scores of all contenders: their recommendation lists against the held-out interactions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from usher.errors import InputError, Problem
from usher.evaluation.interactions import Codes, Interactions, rank_by_time
from usher.evaluation.metrics import (
    DEPTH,
    METRICS,
    InteractionSet,
    Ints,
    Mask,
    batches,
    compute_metrics,
    coverage,
    summarize,
)
from usher.evaluation.predictions import Predictions
from usher.evaluation.resampling import MAX_BLOCKS_OF_TESTS, Blocks, Values, blocks_of, compare
from usher.reports.evaluation_report import (
    DECISIVE_METRICS,
    DEDUP,
    EXPLORATION_ON,
    MIN_ANSWERED,
    RAW,
    Comparison,
    ContenderSummary,
    MetricValue,
    ReportItem,
    SampleUser,
    Score,
    Scores,
    SegmentScore,
    SplitSummary,
)
from usher.run_record import ProblemRecord

MIN_WARM_EVENTS = 10
"""Users with fewer events in the training part are cold."""
HEAD_SHARE = 0.8
"""The head is the smallest set of items that together have this share of the training part's events."""
SAMPLE_USERS = 5
MAX_REPORTED_HISTORY = 10
MAX_REPEATS = 0.5
"""The share of repeats among the held-out events above which lists as recommended are decisive."""
DECISIVE_COLUMNS = [[*METRICS].index(metric) for metric in DECISIVE_METRICS]


def _raw(lists: Codes, history: InteractionSet, first: int) -> Codes:  # noqa: ARG001
    """The lists as recommended."""
    return lists[:, :DEPTH]


def _dedup(lists: Codes, history: InteractionSet, first: int) -> Codes:
    """The items that the user has not met before, then the others, both in their order."""
    rank = np.where(lists < 0, 2, history.contains(lists, first)).astype(np.int8)
    return np.take_along_axis(lists, np.argsort(rank, axis=1, kind="stable")[:, :DEPTH], axis=1)


FORMS: Mapping[str, Callable[[Codes, InteractionSet, int], Codes]] = {RAW: _raw, DEDUP: _dedup}
"""The forms in which lists are scored, as functions of the lists of some successive users (n, any), the history of all
users, and the row of the first of those users in it; each returns lists (n, up to DEPTH). Both forms are those of the
samples' notebook.
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """Some of the users, and the items that count as hits for them."""

    name: str
    users: Mask
    """A mask of all scored users (n,)."""
    items: Mask
    """A mask of all items, by code."""
    truth: InteractionSet
    """Each user's items of the segment in the held-out part."""


@dataclass(frozen=True, slots=True)
class TestSet:
    """The data that all contenders are scored on. Its rows are the users with held-out events, by their codes."""

    train: Interactions
    held_out: Interactions
    item_ids: pa.StringArray
    """The IDs of the interactions' items, then of other recommended items."""
    users: Codes
    """The codes of the users (n,)."""
    newest: Codes
    """Each user's last item in the training part (n,); -1 for none."""
    history: InteractionSet
    """Each user's items in the training part."""
    repeats: float
    """The share of the held-out events whose item is in the user's history."""
    self_information: Values
    """-log2 of the share of the training part's users who met the item (of at least one user), by the item's code."""
    segments: Sequence[Segment]

    @classmethod
    def of(cls, train: Interactions, held_out: Interactions, predictions: Sequence[Predictions]) -> "TestSet":
        """The test set of two parts of one reading. Raises InputError if one of them is empty."""
        for name, part in (("training part", train), ("held-out part", held_out)):
            if not len(part.time):
                remedy = "Hold out another share, or use a cut that lies within the data."
                raise InputError([Problem(f"the {name}", "is empty.", remedy)])
        item_ids = pa.concat_arrays([train.item_ids, *(one.lists.item_ids for one in predictions)]).unique()
        width, users = len(item_ids), np.unique(held_out.user)
        row = np.full(len(train.user_ids), -1, np.int32)
        row[users] = np.arange(len(users))
        rank, size = rank_by_time(train.user, train.time)
        is_scored, is_last = row[train.user] >= 0, (row[train.user] >= 0) & (rank == size)
        newest = np.full(len(users), -1, np.int32)
        newest[row[train.user[is_last]]] = train.item[is_last]
        truth = InteractionSet.of(row[held_out.user], held_out.item, width)
        history = InteractionSet.of(row[train.user[is_scored]], train.item[is_scored], width)
        popularity = np.bincount(InteractionSet.of(train.user, train.item, width).keys % width, minlength=width)
        self_information = -np.log2(np.maximum(popularity, 1) / np.count_nonzero(np.bincount(train.user)))
        segments = [segment for segment in _segments(train, users, truth) if segment.users.any()]
        is_repeat = history.contains_pairs(row[held_out.user], held_out.item)
        return cls(
            train, held_out, item_ids, users, newest, history, float(is_repeat.mean()), self_information, segments
        )

    def lists(self, predictions: Predictions, form: str) -> Codes:
        """A contender's list for every user, in one of FORMS (n, DEPTH)."""
        users = self.train.user_ids.take(pa.array(self.users))
        newest = self.item_ids.take(pa.array(self.newest, mask=self.newest < 0))
        codes, row_of = predictions.lists.codes(self.item_ids), predictions.lists.rows_of(users, newest)
        lists = np.full((len(users), DEPTH), -1, np.int32)
        for rows in batches(len(users)):
            formed = FORMS[form](codes[row_of[rows]], self.history, rows.start)
            lists[rows, : formed.shape[1]] = formed
        return lists


def _segments(train: Interactions, users: Codes, truth: InteractionSet) -> Iterator[Segment]:
    """All users and items, then the segments."""
    events = np.bincount(train.user, minlength=len(train.user_ids))[users]
    all_users, all_items = np.ones(len(users), np.bool_), np.ones(truth.width, np.bool_)
    yield Segment("", all_users, all_items, truth)
    yield Segment("cold users", events < MIN_WARM_EVENTS, all_items, truth)
    yield Segment("warm users", events >= MIN_WARM_EVENTS, all_items, truth)
    popularity = np.bincount(train.item, minlength=truth.width)
    order = np.argsort(-popularity, kind="stable")
    head = np.zeros(truth.width, np.bool_)
    head[order] = np.cumsum(popularity[order]) - popularity[order] < HEAD_SHARE * len(train.item)
    for name, items in (("head items", head), ("tail items", ~head)):
        part = truth.of_items(items)
        yield Segment(name, part.counts(len(users)) > 0, items, part)


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of one contender."""

    summary: ContenderSummary
    scores: Sequence[Score]
    segments: Sequence[SegmentScore]
    decisive: Blocks
    """Sums of the decisive metrics, in the decisive form (blocks, len(DECISIVE_METRICS))."""
    samples: Codes
    """The lists of the sample users, in the decisive form."""

    def mean(self, column: int = 0) -> float:
        """The mean of a decisive metric over users."""
        return float(self.decisive.totals[:, column].sum() / self.decisive.sizes.sum())


def score_predictions(
    kind: str,
    train: Interactions,
    held_out: Interactions,
    predictions: Sequence[Predictions],
    titles: Mapping[str, str],
    one_in: int = 1,
) -> Scores:
    """Score all contenders on the held-out part of one reading, segment by segment.

    `kind`: of the split; `titles`: of items, by ID; `one_in`: n if one in n users was read. Ranked contenders come
    first, the best of them at the top. Segments without a user are left out. Raises InputError if a part is empty.
    """
    test_set = TestSet.of(train, held_out, predictions)
    form = RAW if test_set.repeats > MAX_REPEATS else DEDUP
    sample = np.sort(np.random.default_rng(0).permutation(len(test_set.users))[:SAMPLE_USERS])
    scored = [_score(test_set, contender, form, sample) for contender in predictions]
    scored.sort(key=lambda one: (not one.summary["ranked"], -one.mean()))
    sample_lists = {one.summary["name"]: one.samples for one in scored}
    return {
        "split": _split_summary(kind, test_set, one_in),
        "contenders": [one.summary for one in scored],
        "decisiveForm": form,
        "scores": [score for one in scored for score in one.scores],
        "comparisons": list(_comparisons([one for one in scored if one.summary["ranked"]])),
        "segments": [score for one in scored for score in one.segments],
        "samples": [_sample_user(test_set, row, place, sample_lists, titles) for place, row in enumerate(sample)],
        "problems": [_without_lists(one.summary["name"]) for one in scored if not one.summary["answered"]],
    }


def _score(test_set: TestSet, predictions: Predictions, decisive_form: str, sample: Ints) -> Scored:
    """The scores of a contender in all forms and segments; none if it has no list for any user."""
    is_trained = np.bincount(test_set.train.item, minlength=len(test_set.item_ids)) > 0
    scores: list[Score] = []
    segments: list[SegmentScore] = []
    truth: InteractionSet | None = None
    for form in FORMS:
        lists = test_set.lists(predictions, form)
        is_answered = lists[:, 0] >= 0
        for segment in test_set.segments:
            if segment.truth is not truth:
                truth, values = segment.truth, compute_metrics(lists, segment.truth, test_set.self_information)
            covered = round(coverage(lists[segment.users], segment.items & is_trained), 6)
            score: Score = {
                "contender": predictions.contender,
                "form": form,
                "users": int(segment.users.sum()),
                "answered": int(is_answered[segment.users].sum()),
                "metrics": _with_coverage(summarize(values[segment.users]), covered),
            }
            if segment.name:
                segments.append({"segment": segment.name, **score})
            else:
                scores.append({**score, "short": int((lists[:, -1] < 0).sum())})
                if form == decisive_form:
                    random = np.random.default_rng(0)
                    decisive = blocks_of(values[:, DECISIVE_COLUMNS], random, MAX_BLOCKS_OF_TESTS)
                    samples = lists[sample]
    summary = _summary(predictions, int(is_answered.sum()), len(is_answered))
    if not summary["answered"]:
        scores, segments = [], []
    return Scored(summary, scores, segments, decisive, samples)


def _with_coverage(metrics: dict[str, MetricValue], covered: float) -> dict[str, MetricValue]:
    novelty = metrics.pop("novelty")
    return {**metrics, "coverage": {"value": covered}, "novelty": novelty}


def _comparisons(ranked: Sequence[Scored]) -> Iterator[Comparison]:
    """All pairs of contenders, by each decisive metric; the better one comes first."""
    for column, metric in enumerate(DECISIVE_METRICS):
        best_first = sorted(ranked, key=lambda one: -one.mean(column))
        totals = [one.decisive.totals[:, column] for one in best_first]
        for one in compare(Blocks(np.stack(totals, axis=1), ranked[0].decisive.sizes)) if totals else []:
            yield {
                "metric": metric,
                "contenders": [best_first[place].summary["name"] for place in one.pair],
                "difference": round(one.mean, 6),
                "low": round(one.low, 6),
                "high": round(one.high, 6),
                "p": round(one.p, 6),
            }


def _split_summary(kind: str, test_set: TestSet, one_in: int) -> SplitSummary:
    train, held_out = test_set.train, test_set.held_out
    return {
        "kind": kind,
        "events": len(train.time) + len(held_out.time),
        "heldOut": len(held_out.time),
        "users": len(test_set.users),
        "items": len(np.unique(train.item)),
        "from": datetime.fromtimestamp(int(held_out.time.min()), UTC).isoformat(),
        "to": datetime.fromtimestamp(int(held_out.time.max()), UTC).isoformat(),
        "repeats": round(test_set.repeats, 6),
        "oneIn": one_in,
    }


def _summary(predictions: Predictions, answered: int, users: int) -> ContenderSummary:
    errors, known, missing = predictions.lists.errors, predictions.known, users - answered
    share = f"{known:.0%}" if known >= 0.01 else "under 1%"
    marks = {
        f"may know {share} of the held-out events": known > 0,
        f"no list for {missing:,} of {users:,} users": missing > 0,
        f"learns from {predictions.event_type} events only": predictions.event_type != "",
        "explores": predictions.exploration == EXPLORATION_ON,
    }
    return {
        "name": predictions.contender,
        "kind": predictions.kind,
        "recipe": predictions.recipe,
        "exploration": predictions.exploration,
        "answered": answered,
        "missing": missing,
        "ranked": known == 0 and answered >= MIN_ANSWERED * users,
        "marks": [mark for mark, applies in marks.items() if applies],
        "notes": [*predictions.notes, *([f"{errors} lines of its output are errors."] if errors else [])],
    }


def _without_lists(contender: str) -> ProblemRecord:
    message, remedy = "has no list for any scored user.", "See the errors in its batch job's output."
    return {"place": contender, "message": message, "remedy": remedy}


def _sample_user(
    test_set: TestSet, row: int, place: int, sample_lists: Mapping[str, Codes], titles: Mapping[str, str]
) -> SampleUser:
    """The history and the held-out events of the user in a row, and the lists at a place of the samples."""
    user = test_set.users[row]
    truth = set(test_set.held_out.item[test_set.held_out.user == user].tolist())

    def item(code: int) -> ReportItem:
        id_ = test_set.item_ids[code].as_py()
        return {"id": id_, "title": titles[id_]} if id_ in titles else {"id": id_}

    def newest(interactions: Interactions, limit: int) -> list[ReportItem]:
        events = np.flatnonzero(interactions.user == user)
        order = np.argsort(interactions.time[events], kind="stable")[::-1][:limit]
        return [item(code) for code in interactions.item[events[order]].tolist()]

    return {
        "user": test_set.train.user_ids[user].as_py(),
        "history": newest(test_set.train, MAX_REPORTED_HISTORY),
        "heldOut": newest(test_set.held_out, DEPTH),
        "lists": {
            name: [{**item(code), "hit": code in truth} for code in lists[place].tolist() if code >= 0]
            for name, lists in sample_lists.items()
        },
    }

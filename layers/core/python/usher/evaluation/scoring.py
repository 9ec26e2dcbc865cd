"""The content of an evaluation's report: every contender's lists against what was held back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from usher.errors import InputError, Problem
from usher.evaluation.metrics import DEPTH, Mask, Pairs, Values, coverage, measure, slices, summary
from usher.evaluation.predictions import Contender
from usher.evaluation.splits import Codes, Events, places

COLD = 10
"""Users with fewer events to learn from are cold."""
HEAD_SHARE = 0.8
"""The most popular items that together have this share of the events to learn from are the head."""
SAMPLES = 5
SHOWN_HISTORY = 10

Block = dict[str, Any]


def _raw(lists: Codes, history: Pairs, first: int) -> Codes:  # noqa: ARG001
    """As recommended."""
    return lists[:, :DEPTH]


def _dedup(lists: Codes, history: Pairs, first: int) -> Codes:
    """What the user has not met before, then the rest, both in their order."""
    rank = np.where(lists < 0, 2, history.hold(lists, first)).astype(np.int8)
    return np.take_along_axis(lists, np.argsort(rank, axis=1, kind="stable")[:, :DEPTH], axis=1)


FORMS: Mapping[str, Callable[[Codes, Pairs, int], Codes]] = {"raw": _raw, "dedup": _dedup}
"""What is judged of lists, those of the rows from `first` on, given what every row's user has met before.

Both are the samples' notebook's.
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """Some users, and the items they are to be recommended."""

    name: str
    users: Mask
    """Of all that are judged (n,)."""
    items: Mask
    """Of all that are known, by code."""
    truth: Pairs
    """Which of them each user met later."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What all contenders are judged by. Rows are users of whom something is held back, by their codes."""

    train: Events
    held: Events
    item_ids: pa.StringArray
    """Of the events, and then of what else is recommended."""
    users: Codes
    """Their codes (n,)."""
    newest: Codes
    """The item each user met last before (n,); -1 for none."""
    history: Pairs
    """What each of them met before."""
    surprise: Values
    """Of each item, by code: -log2 of the share of users in the training who met it; of one user if none did."""
    segments: Sequence[Segment]

    @classmethod
    def of(cls, train: Events, held: Events, contenders: Sequence[Contender]) -> "Trial":
        """From two parts of the same reading. Raises InputError where one of them is empty."""
        for part, events in (("training", train), ("hold-out", held)):
            if not len(events.time):
                said, remedy = "is empty.", "Hold back another share, or a cut that lies within the data."
                raise InputError([Problem(f"the {part}", said, remedy)])
        item_ids = pa.concat_arrays([train.item_ids, *(one.lists.item_ids for one in contenders)]).unique()
        width, users = len(item_ids), np.unique(held.user)
        row = np.full(len(train.user_ids), -1, np.int32)
        row[users] = np.arange(len(users))
        place, size = places(train.user, train.time)
        known, last = row[train.user] >= 0, (row[train.user] >= 0) & (place == size)
        newest = np.full(len(users), -1, np.int32)
        newest[row[train.user[last]]] = train.item[last]
        truth = Pairs.of(row[held.user], held.item, width)
        history = Pairs.of(row[train.user[known]], train.item[known], width)
        met = np.bincount(Pairs.of(train.user, train.item, width).keys % width, minlength=width)
        surprise = -np.log2(np.maximum(met, 1) / np.count_nonzero(np.bincount(train.user)))
        segments = [segment for segment in _segments(train, users, truth) if segment.users.any()]
        return cls(train, held, item_ids, users, newest, history, surprise, segments)

    def formed(self, contender: Contender, form: str) -> Codes:
        """A contender's list for every user, in a form (n, DEPTH)."""
        users = self.train.user_ids.take(pa.array(self.users))
        newest = self.item_ids.take(pa.array(self.newest, mask=self.newest < 0))
        lists, whose = contender.lists.codes(self.item_ids), contender.lists.of_whom(users, newest)
        formed = np.full((len(users), DEPTH), -1, np.int32)
        for rows in slices(len(users)):
            found = FORMS[form](lists[whose[rows]], self.history, rows.start)
            formed[rows, : found.shape[1]] = found
        return formed


def _segments(train: Events, users: Codes, truth: Pairs) -> Iterator[Segment]:
    """Everyone, and the parts that are told apart."""
    events = np.bincount(train.user, minlength=len(train.user_ids))[users]
    everyone, everything = np.ones(len(users), np.bool_), np.ones(truth.width, np.bool_)
    yield Segment("", everyone, everything, truth)
    yield Segment("cold users", events < COLD, everything, truth)
    yield Segment("warm users", events >= COLD, everything, truth)
    popularity = np.bincount(train.item, minlength=truth.width)
    order = np.argsort(-popularity, kind="stable")
    head = np.zeros(truth.width, np.bool_)
    head[order] = np.cumsum(popularity[order]) - popularity[order] < HEAD_SHARE * len(train.item)
    for name, items in (("head items", head), ("tail items", ~head)):
        part = truth.where(items)
        yield Segment(name, part.counts(len(users)) > 0, items, part)


def report(
    kind: str, train: Events, held: Events, contenders: Sequence[Contender], titles: Mapping[str, str]
) -> dict[str, Any]:
    """The report's content. `kind`: of the split; `train` and `held`: the two parts, of one reading; `titles`: by item.

    Segments without a user are left out. Raises InputError where a part is empty.
    """
    trial = Trial.of(train, held, contenders)
    chosen = np.sort(np.random.default_rng(0).permutation(len(trial.users))[:SAMPLES])
    told: list[Block] = []
    scores: list[Block] = []
    segments: list[Block] = []
    shown: dict[str, Codes] = {}
    for contender in contenders:
        for form in FORMS:
            lists = trial.formed(contender, form)
            about = {"contender": contender.name, "form": form}
            (_, whole), *parts = _scores(trial, lists)
            scores.append({**about, "short": int((lists[:, -1] < 0).sum()), **whole})
            segments += [{"segment": name, **about, **part} for name, part in parts]
            shown[contender.name] = lists[chosen]
        told.append(_told(contender, int((lists[:, 0] >= 0).sum()), len(lists)))
    return {
        "split": _split(kind, trial),
        "contenders": told,
        "scores": scores,
        "segments": segments,
        "samples": [_sample(trial, row, place, shown, titles) for place, row in enumerate(chosen)],
        "problems": [_silence(one["name"]) for one in told if not one["answered"]],
    }


def _split(kind: str, trial: Trial) -> Block:
    train, held = trial.train, trial.held
    return {
        "kind": kind,
        "events": len(train.time) + len(held.time),
        "heldOut": len(held.time),
        "users": len(trial.users),
        "items": len(np.unique(train.item)),
        "from": datetime.fromtimestamp(int(held.time.min()), UTC).isoformat(),
        "to": datetime.fromtimestamp(int(held.time.max()), UTC).isoformat(),
    }


def _told(contender: Contender, answered: int, users: int) -> Block:
    errors = contender.lists.errors
    notes = [*contender.notes, *([f"{errors} lines of the answer are errors"] if errors else [])]
    about = {"name": contender.name, "kind": contender.kind, "recipe": contender.recipe}
    return {**about, "answered": answered, "missing": users - answered, "notes": notes}


def _silence(name: str) -> Block:
    said, remedy = "has no list for any user who is judged.", "See the errors in its batch job's output."
    return {"place": name, "message": said, "remedy": remedy}


def _scores(trial: Trial, lists: Codes) -> Iterator[tuple[str, Block]]:
    """What lists score in each segment, everyone first."""
    learnt = np.bincount(trial.train.item, minlength=len(trial.item_ids)) > 0
    truth: Pairs | None = None
    for segment in trial.segments:
        if segment.truth is not truth:
            truth, values = segment.truth, measure(lists, segment.truth, trial.surprise)
        metrics = summary(values[segment.users])
        novelty = metrics.pop("novelty")
        covered = round(coverage(lists[segment.users], segment.items & learnt), 6)
        metrics |= {"coverage": {"value": covered}, "novelty": novelty}
        yield segment.name, {"users": int(segment.users.sum()), "metrics": metrics}


def _sample(trial: Trial, row: int, place: int, shown: Mapping[str, Codes], titles: Mapping[str, str]) -> Block:
    """One user: the history and what is held back, newest first, and the lists."""
    user = trial.users[row]
    true = set(trial.held.item[trial.held.user == user].tolist())

    def item(code: int) -> Block:
        found = trial.item_ids[code].as_py()
        return {"id": found, **({"title": titles[found]} if found in titles else {})}

    def newest(events: Events, most: int) -> list[Block]:
        mine = np.flatnonzero(events.user == user)
        order = np.argsort(events.time[mine], kind="stable")[::-1][:most]
        return [item(code) for code in events.item[mine[order]].tolist()]

    return {
        "user": trial.train.user_ids[user].as_py(),
        "history": newest(trial.train, SHOWN_HISTORY),
        "heldOut": newest(trial.held, DEPTH),
        "lists": {
            name: [{**item(code), "hit": code in true} for code in lists[place].tolist() if code >= 0]
            for name, lists in shown.items()
        },
    }

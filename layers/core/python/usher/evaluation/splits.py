"""Split strategies: which interactions are held out to judge recommendations that are learnt from the others.

Meng et al., "Exploring data splitting strategies for the evaluation of recommendation models", RecSys 2020, compare all
three. Equal times are in the order of the files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from usher.errors import InputError, Problem
from usher.evaluation.interactions import Interactions, Mask, rank_by_time


@dataclass(frozen=True, slots=True)
class Split:
    """A strategy, by its name in SPLITS, and its settings."""

    kind: str = "last-tenth"
    share: float = 0.1
    """The share of each user's events, or of all, that is held out."""
    cut: float | None = None
    """The Unix second from which on `global` holds out all events; without it, the share decides."""


def hold_out(interactions: Interactions, split: Split) -> Mask:
    """A mask of the held-out events (n,). Raises InputError if the split selects no event, or all."""
    place = f"the split {split.kind}"
    mask = SPLITS[split.kind](interactions, split) if len(interactions.time) else np.zeros(0, np.bool_)
    if mask.all():
        remedy = "Give a later cut, or a longer history."
        raise InputError([Problem(place, "leaves nothing to train on.", remedy)])
    if not mask.any():
        remedy = "Give an earlier cut or a larger share, or users with several interactions."
        raise InputError([Problem(place, "holds nothing out.", remedy)])
    return mask


def temporal_user_split(interactions: Interactions, split: Split) -> Mask:
    """The newest share of each user's events, at least one: pandas' `rank(pct=True, method="first") > 1 - share`."""
    rank, size = rank_by_time(interactions.user, interactions.time)
    return np.asarray(rank / size > 1 - split.share)


def temporal_global_split(interactions: Interactions, split: Split) -> Mask:
    """All events from the cut on; without a cut, from the first second of the newest share of all events on."""
    cut = split.cut
    if cut is None:
        rank, size = rank_by_time(np.zeros(len(interactions.time), np.int8), interactions.time)
        cut = interactions.time[rank / size > 1 - split.share].min()
    return np.asarray(interactions.time >= cut)


def leave_one_last_split(interactions: Interactions, _: Split) -> Mask:
    """The newest event of each user who has two or more."""
    rank, size = rank_by_time(interactions.user, interactions.time)
    return np.asarray((rank == size) & (size > 1))


SPLITS: Mapping[str, Callable[[Interactions, Split], Mask]] = {
    "last-tenth": temporal_user_split,
    "global": temporal_global_split,
    "last-one": leave_one_last_split,
}

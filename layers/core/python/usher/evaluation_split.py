"""Hold back a part of a group's interactions, and write down what models are asked about the users in it."""

from collections.abc import Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from usher import baselines, holdout
from usher.asking import lines, write_lines
from usher.errors import InputError, Problem
from usher.evaluation_plan import Home
from usher.holdout import Events
from usher.rules import MIN_INTERACTIONS


def split(home: Home, plan: Mapping[str, Any]) -> None:
    """Write the two parts, and the inputs of batch inference jobs. Raises InputError where a part is too small."""
    options = plan["options"]
    train, held = _hold_out(home, plan["files"], holdout.Split(options["split"], options["share"], options["cut"]))
    if len(train.time) < MIN_INTERACTIONS:
        said = f"leaves {len(train.time)} interactions to train on; Personalize needs {MIN_INTERACTIONS}."
        raise InputError([Problem(f"the split {options['split']}", said, "Hold back less, or add more history.")])
    _write_inputs(home, {one["input"] for one in plan["entrants"]}, train, held)


def _hold_out(home: Home, keys: Sequence[str], how: holdout.Split) -> tuple[Events, Events]:
    """Write the two parts of the interactions, and return them."""

    def files() -> Iterator[tuple[str, IO[bytes]]]:
        return ((key, home.bucket.open(key)) for key in keys)

    (events,) = holdout.read(files())
    held = holdout.hold_out(events, how)
    with TemporaryFile() as learnt, TemporaryFile() as future:
        holdout.write(files(), held, learnt, future)
        for name, file in (("train/0.csv", learnt), ("holdout/0.csv", future)):
            file.seek(0)
            home.bucket.s3.upload_fileobj(file, home.bucket.name, home.key(name))
    return events.where(~held), events.where(held)


def _write_inputs(home: Home, kinds: set[str], train: Events, held: Events) -> None:
    """Write what is asked about everyone of whom something is held back."""
    users = train.user_ids.take(np.unique(held.user)).to_pylist()
    place, size = holdout.places(train.user, train.time)
    last = place == size
    ids = train.user_ids.take(train.user[last]).to_pylist(), train.item_ids.take(train.item[last]).to_pylist()
    newest, popular = dict(zip(*ids, strict=True)), baselines.contenders(train)[0].lists.item_ids.to_pylist()
    for kind in sorted(kinds):
        write_lines(home, kind, lines(kind, users, newest, popular))

"""The synthetic shop has repeats at each item's pace, seasons, new items, and a few items that sell most."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.recommenders.offers import KINDS, OFFERED, actions, answers
from benchmarks.recommenders.synthetic import AISLES, DAY, START, purchases, stock
from usher_cli.ratings import Ratings


@pytest.fixture(scope="module")
def small() -> Ratings:
    return purchases(users=120, items=150)


def test_the_same_seed_gives_the_same_purchases(small: Ratings) -> None:
    assert purchases(users=120, items=150) == small
    assert purchases(users=120, items=150, seed=1) != small


def test_most_purchases_are_repeats(small: Ratings) -> None:
    different = len(set(zip(small.users, small.items, strict=True)))
    assert 0.5 < 1 - different / len(small.users) < 0.9


def test_no_customer_buys_an_item_twice_at_a_time(small: Ratings) -> None:
    assert len(set(zip(small.users, small.items, small.timestamps, strict=True))) == len(small.users)
    assert list(small.timestamps) == sorted(small.timestamps)


def test_a_thing_returns_at_its_own_pace(small: Ratings) -> None:
    shop = stock(150, 365, np.random.default_rng(0))
    last: dict[tuple[str, str], int] = {}
    gaps: dict[str, list[float]] = {}
    for user, item, timestamp in zip(small.users, small.items, small.timestamps, strict=True):
        if (user, item) in last:
            gaps.setdefault(item, []).append((timestamp - last[user, item]) / DAY)
        last[user, item] = timestamp
    known = [item for item, found in gaps.items() if len(found) >= 20]
    medians = [float(np.median(gaps[item])) for item in known]
    assert np.corrcoef(medians, [shop.period[int(item[1:])] for item in known])[0, 1] > 0.8


def test_weekdays_and_seasons_matter(small: Ratings) -> None:
    days = (np.array(small.timestamps) - START) // DAY
    week = np.bincount(days % 7, minlength=7)
    assert week.argmax() == 5
    assert week.max() > 2 * week.min()
    aisle = np.array([AISLES.index(small.about[item][1]) for item in small.items])
    for number in range(len(AISLES)):
        high = (np.cos(2 * np.pi * (days / 365 - number / len(AISLES))) > 0)[aisle == number]
        assert high.mean() > 0.6


def test_new_things_come_and_few_sell_most(small: Ratings) -> None:
    first = dict(zip(small.items[::-1], small.timestamps[::-1], strict=True))
    late = [item for item, timestamp in first.items() if timestamp > START + 90 * DAY]
    assert len(late) > 15
    sold = sorted(Counter(small.items).values(), reverse=True)
    assert sum(sold[:15]) > 0.3 * sum(sold)


def test_offers_are_taken_by_taste() -> None:
    users = [f"u{number}" for number in range(200)]
    rows = list(answers(users, 10**9))
    assert rows == list(answers(users, 10**9))
    assert len(list(actions())) == OFFERED
    taken = Counter((user, int(action[1:]) % len(KINDS)) for user, action, kind, _ in rows if kind == "TAKEN")
    shares = [sorted(taken[user, kind] for kind in range(len(KINDS))) for user in users]
    assert np.mean([best for *_, best in shares]) > 2 * np.mean([middle for _, middle, _ in shares])

"""A synthetic shop: customers buy items again, at each item's own pace, by weekday and season; new items arrive."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from usher_cli.ratings import Ratings

START, DAY, MINUTE = 1_700_006_400, 86400, 60  # a midnight
AISLES = ("Bakery", "Dairy", "Drinks", "Frozen", "Fruit", "Garden", "Grill", "Household", "Snacks", "Spices")
WEEK = np.array([0.12, 0.1, 0.12, 0.14, 0.24, 0.34, 0.08])  # chance of a trip by day of the week
SWING = 0.8  # how much a season moves demand
TRIED = 0.7  # number of items new to the customer per trip
KEPT = 0.35  # share of these that is bought again and again
LATE = 0.3  # share of items that arrive after the first day


@dataclass(frozen=True, slots=True)
class Shop:
    """The n items of the shop."""

    weight: NDArray[np.float64]  # (n,) popularity, by a power law
    aisle: NDArray[np.intp]  # (n,)
    born: NDArray[np.intp]  # (n,) first day
    period: NDArray[np.float64]  # (n,) days until the item is bought again

    def season(self, day: int) -> NDArray[np.float64]:
        """The demand (n,) for the items on a day, 0 for those that have not arrived; each aisle has its high season."""
        phase = 2 * np.pi * (day / 365 - np.arange(len(AISLES)) / len(AISLES))
        demand: NDArray[np.float64] = (1 + SWING * np.cos(phase))[self.aisle] / (1 + SWING)
        return np.where(self.born <= day, demand, 0)


def stock(items: int, days: int, chance: np.random.Generator) -> Shop:
    """Make the items of a shop."""
    born = np.where(chance.random(items) < LATE, chance.integers(1, days, items), 0)
    period = np.clip(chance.lognormal(np.log(14), 0.6, items), 4, 90)
    weight = np.arange(1, items + 1) ** -0.8
    return Shop(chance.permutation(weight), chance.integers(0, len(AISLES), items), born, period)


def purchases(users: int = 2000, items: int = 1000, days: int = 365, seed: int = 0) -> Ratings:
    """All purchases in the order of time, equal for equal arguments."""
    chance = np.random.default_rng(seed)
    shop = stock(items, days, chance)
    seasons = np.stack([shop.season(day) for day in range(days)])
    events = sorted(event for user in range(users) for event in _life(user, shop, seasons, chance))
    timestamps, who, what = zip(*events, strict=True)
    about = {f"i{item}": (f"{AISLES[aisle]} no. {item}", AISLES[aisle]) for item, aisle in enumerate(shop.aisle)}
    return Ratings("repeat-purchases", [f"u{n}" for n in who], [f"i{n}" for n in what], timestamps, about)


def _life(
    user: int, shop: Shop, seasons: NDArray[np.float64], chance: np.random.Generator
) -> list[tuple[int, int, int]]:
    """One customer's purchases: (timestamp, user, item)."""
    days = len(seasons)
    taste = shop.weight * chance.gamma(0.5, size=len(AISLES))[shop.aisle]
    eager, hour = chance.gamma(4, 0.18), int(chance.integers(8 * 60, 20 * 60))
    trips = np.flatnonzero(chance.random(days) < np.minimum(0.9, eager * WEEK[np.arange(days) % 7]))
    due: dict[int, float] = {}  # the next day on which the customer wants each repeated item
    events: list[tuple[int, int, int]] = []
    for day in trips.tolist():
        season = seasons[day]
        wanted = [item for item, when in due.items() if when <= day]
        basket = [item for item in wanted if chance.random() < season[item]]  # otherwise it is not bought
        demand = taste * season
        tried = dict.fromkeys(chance.choice(len(demand), chance.poisson(TRIED), p=demand / demand.sum()).tolist())
        new = [item for item in tried if item not in due]
        basket += new
        wanted += [item for item in new if chance.random() < KEPT]
        due |= {item: day + shop.period[item] * chance.lognormal(0, 0.2) for item in wanted}
        events += [(START + day * DAY + (hour + place) * MINUTE, user, item) for place, item in enumerate(basket)]
    return events

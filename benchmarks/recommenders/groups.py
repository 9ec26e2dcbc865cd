"""One data set's dataset groups in a service: one without a domain, others by domain and type of event."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.recommenders import offers
from benchmarks.recommenders.holdout import Holdout
from benchmarks.service import Service
from usher_cli.ratings import Ratings
from usher_local.personalize.core.recipes import SHOP, Recipe
from usher_local.personalize.core.use_cases import use_case

INTERACTIONS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}
ITEMS = {
    "ITEM_ID": "string",
    "GENRES": {"type": ["null", "string"], "categorical": True},
    "DESCRIPTION": {"type": ["null", "string"], "textual": True},
}
SEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'


@dataclass(frozen=True, slots=True)
class Group:
    """A dataset group with data, and its filter of seen items."""

    arn: str
    seen: str


@dataclass
class Groups:
    """Dataset groups, made on demand with the training events; files go through `folder`."""

    service: Service
    ratings: Ratings
    holdout: Holdout
    folder: Path
    _made: dict[tuple[str | None, str], Group] = field(default_factory=dict)

    def of(self, recipe: Recipe) -> Group:
        """The group in which a recipe is trained; in a domain, with events of the type that counts for the recipe."""
        usual = "View" if recipe.domain == SHOP else "Watch"
        key = recipe.domain, use_case(recipe).learns or usual
        if key not in self._made:
            self._made[key] = self._fill(*key)
        return self._made[key]

    def _fill(self, domain: str | None, event_type: str) -> Group:
        scope: dict[str, Any] = {"domain": domain} if domain else {}
        group = self.service.make("dataset_group", **scope)
        self._load(group, "Interactions", INTERACTIONS, self._events(event_type), **scope)
        if not domain:
            rows = ((item, genres, f"{title} {genres}") for item, (title, genres) in self.ratings.about.items())
            if self.ratings.about:
                self._load(group, "Items", ITEMS, rows)
            users, newest = self.holdout.learnt.user_ids, int(self.holdout.learnt.timestamp.max())
            self._load(group, "Actions", offers.ACTIONS, offers.actions())
            self._load(group, "Action_Interactions", offers.ANSWERS, offers.answers(users, newest))
        return Group(group, self.service.make("filter", datasetGroupArn=group, filterExpression=SEEN))

    def _load(
        self, group: str, kind: str, fields: Mapping[str, object], rows: Iterable[Sequence[object]], **scope: str
    ) -> None:
        path = self.folder / f"{kind}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(fields)
            writer.writerows(rows)
        self.service.load(self.service.dataset(group, kind, fields, **scope), self.service.upload(path))

    def _events(self, event_type: str) -> Iterable[Sequence[object]]:
        learnt = self.holdout.learnt
        columns = learnt.user.tolist(), learnt.item.tolist(), learnt.timestamp.tolist()
        for user, item, timestamp in zip(*columns, strict=True):
            yield learnt.user_ids[user], learnt.item_ids[item], timestamp, event_type

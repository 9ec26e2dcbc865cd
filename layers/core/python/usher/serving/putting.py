"""Puts records into Personalize's datasets, and into the catalogue in the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from usher.aws import now
from usher.catalogue.entries import Catalogues, Entry, Facts, entry_of
from usher.serving.put_requests import KINDS, Record, dataset_of, put_calls, read_records
from usher.serving.serving_map import ServingMap


@dataclass(frozen=True, slots=True)
class Puts:
    """Puts records into Personalize and the catalogue."""

    catalogues: Catalogues
    personalize_events: Callable[[], Any]
    """Returns boto3's client."""

    def put(self, group: str, name: str, content: ServingMap, body: Mapping[str, Any]) -> dict[str, Any]:
        """Put the records of a request; return the answer.

        `name`: items, users or actions; `content`: the group's serving map. Raises RequestError, before anything is
        sent, if any record is invalid; and botocore's errors. A repeated request changes nothing.
        """
        kind, at = KINDS[name], int(now().timestamp() * 1000)
        dataset = dataset_of(content, kind)
        records, facts = read_records(body, kind, dataset), self.catalogues.facts(group)
        for some, members in put_calls(records, kind, dataset):
            getattr(self.personalize_events(), kind.operation)(**members)
            for record in some:
                if entry := _entry(name, record, facts):
                    self.catalogues.put(group, entry, at)
        return {"accepted": len(records)}


def _entry(name: str, record: Record, facts: Facts) -> Entry | None:
    """The table's entry for a record; None if it has none."""
    if name == "items" and facts["items"]:
        return entry_of("items", record.id, record.values, facts["columns"], facts["available"])
    if name == "users" and facts["users"]:
        return entry_of("users", record.id, record.values, facts["userColumns"])
    return None

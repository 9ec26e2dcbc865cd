"""The table's items of a removed group."""

from datetime import timedelta

from usher.access.keys import Keys
from usher.aws import now
from usher.catalogue.entries import Catalogues
from usher.costs.ledger import Spending
from usher.planning.pins import Pins
from usher.planning.tasks import Tasks
from usher.runs.pauses import resume
from usher.serving.demand import Demand
from usher.serving.popular_lists import PopularLists
from usher.storage.table import Table

REMEMBER_REMOVAL_DAYS = 30
"""The days for which the table remembers a group's removal: neither schedules nor promotions create the group again."""


def forget_group(table: Table, group: str) -> None:
    """Delete a removed group's items from the table, except its spending, for the ceilings and the ledger."""
    Tasks(table).clear(group, int((now() + timedelta(days=REMEMBER_REMOVAL_DAYS)).timestamp()))
    Pins(table).clear(group)
    resume(table, group)
    Catalogues(table).forget(group)
    PopularLists(table).remove(group)
    Demand(table).remove(group)
    Keys(table).remove(group)
    Spending(table).expire(group)

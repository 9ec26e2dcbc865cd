"""Notes on routes of the API that only a former solution answers after a run, or none. Pure."""

from collections.abc import Iterator, Sequence

from usher.errors import Problem
from usher.planning.next_serving_map import answering_names, next_map
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.run_record import StateRecord
from usher.serving.serving_map import ServingMap


def route_notes(plan: Plan, states: Sequence[State], serving: ServingMap) -> Iterator[Problem]:
    """A note for each route that is answered now, and that no name of the config answers."""
    ready: list[StateRecord] = [
        {"id": state.id, "action": state.action, "status": "READY", "arn": state.arn or state.id} for state in states
    ]
    desired = {name for name, facts in plan.solutions.items() if facts["campaign"]} | set(plan.recommenders)
    after = answering_names(next_map(plan, ready, serving))
    for route, names in answering_names(serving).items():
        place, first = f"{plan.group}/", next(iter(after.get(route, [])), "")
        if not first:
            message = f"will have no answer to {route}: the config names nothing for it, and {', '.join(names)} goes."
            yield Problem(place, message, "Name a solution or a recommender that answers it.")
        elif first not in desired:
            message = (
                f"has no campaign for {route} in the config; the campaign of {first} still answers it, and costs money."
            )
            yield Problem(
                place, message, f"Name a solution with a campaign for it; or have {first}'s deleted: prune: true."
            )

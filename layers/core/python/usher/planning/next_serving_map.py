"""The serving map after a run, derived from the former one: live resources serve, and former ones keep answering. Pure.

A request that names a solution or recommender is answered if that one exists; a request without a name, if any resource
answers its route.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from usher.filters.compiled import Rules
from usher.recipes import recipe_of
from usher.resources.plan import Plan
from usher.run_record import StateRecord
from usher.serving.serving_map import Entry, ServedDataset, ServedRecommender, ServedSolution, ServingMap, answering

PUT_DATASETS = ("items", "users", "actions")
"""The datasets into which single records can be put: PutItems, PutUsers, PutActions."""
ANSWERING = ("solutions", "recommenders")
"""The sections of the map whose entries answer requests."""
TRACKED = {"trackingId": "event_tracker/{}", "actionTrackingId": "dataset/action_interactions"}
"""The resources whose tracking IDs are members of the map."""


def next_map(plan: Plan, states: Sequence[StateRecord], former: ServingMap) -> ServingMap:
    """The map after a pass of a run.

    A resource that is not live yet, or failed, is served as before. Names that the plan no longer has stay until all of
    its resources serve: whatever fails, every request is answered that was answered before. After that, the only
    answers to a route stay unless they are deleted. `plan`: the run's; `states`: of its resources; `former`: the map
    until now, or an empty one.
    """
    ready = {state["id"]: state for state in states if state["status"] == "READY"}
    held = {state["id"].partition("/")[2] for state in states if state["status"] == "HELD"}
    live: dict[str, Mapping[str, Any]] = {
        "solutions": dict(_live_solutions(plan, ready)),
        "recommenders": dict(_live_recommenders(plan, ready)),
        "filters": {one: ready[f"filter/{one}"]["arn"] for one in plan.filters if f"filter/{one}" in ready},
    }
    desired = {"solutions": plan.solutions, "recommenders": plan.recommenders, "filters": plan.filters}
    before: Mapping[str, Any] = former
    is_done = all(
        name in live[section] or (name in held and name in before.get(section, {}))
        for section in live
        for name in desired[section]
    )
    served: dict[str, Any] = {
        section: _merged(live[section], before.get(section, {}), desired[section], is_done=is_done) for section in live
    }
    if rules := _rules(served["filters"], live["filters"], plan.filter_rules, former):
        served["filterRules"] = rules
    if plan.context:
        served["context"] = plan.context
    if is_done:
        _keep_last_of_routes(served, before, {one.arn for one in plan.to_delete})
    exports = {
        name: spec for name, spec in former.get("exports", {}).items() if not is_done and name not in plan.solutions
    }
    for member, resource in TRACKED.items():
        state = ready.get(resource.format(plan.group))
        details = (state and state.get("details")) or {}
        served[member] = details.get("trackingId") or before.get(member)
    served["events"] = plan.events
    served["exports"] = {**exports, **plan.exports}
    if datasets := {**former.get("datasets", {}), **dict(_live_datasets(plan, ready))}:
        served["datasets"] = datasets
    return without_leaving(cast(ServingMap, served), ())


def _rules(
    filters: Mapping[str, str], live: Mapping[str, Any], desired: Mapping[str, Any], former: ServingMap
) -> dict[str, Rules]:
    """The compiled served filters, by ARN: the plan's live ones, and those that serve as before."""
    known = {**former.get("filterRules", {}), **{live[name]: desired[name] for name in live if name in desired}}
    return {arn: known[arn] for arn in filters.values() if arn in known}


def without_leaving(content: ServingMap, leaving: Collection[str]) -> ServingMap:
    """The map in which others answer instead of resources that leave, and of those that have left before."""
    entries = [*content.get("solutions", {}).items(), *content.get("recommenders", {}).items()]
    staying = [
        (name, entry)
        for name, entry in entries
        if answering(entry) and "answeredBy" not in entry and not any(_uses(entry, arn) for arn in leaving)
    ]

    def replaced(name: str, entry: Entry) -> Any:
        is_lost = "answeredBy" in entry or any(_uses(entry, arn) for arn in leaving)
        return entry if (name, entry) in staying or not is_lost else _answered_by_another(entry, staying)

    solutions = {name: replaced(name, entry) for name, entry in content.get("solutions", {}).items()}
    recommenders = {name: replaced(name, entry) for name, entry in content.get("recommenders", {}).items()}
    return {**content, "solutions": solutions, "recommenders": recommenders}


def _answered_by_another(entry: Entry, staying: Sequence[tuple[str, Entry]]) -> dict[str, Any]:
    """An entry with another one's campaign or recommender, best of the same type; with none if no other has
    its route.
    """
    able = [one for one in staying if _route(entry) and _route(one[1]) == _route(entry)]
    name, other = min(able, key=lambda one: one[1]["type"] != entry["type"], default=("", ServedSolution()))
    return {
        **{member: value for member, value in entry.items() if member in {"type", "recipe", "solutionVersionArn"}},
        "campaignArn": other.get("campaignArn"),
        "recommenderArn": other.get("recommenderArn"),
        "answeredBy": name,
    }


def next_deletion(content: ServingMap, candidates: Sequence[str], going: Collection[str]) -> tuple[str, bool]:
    """The ARN of the next resource to delete for room, or ""; and whether only others to delete can answer instead.

    Resources that serve nothing come first, then those for which a staying one answers. The last one in the map comes
    before the others, as the first one answers requests without a name. Nothing answers for a filter, nor for a
    solution without a campaign. `candidates`: ARNs; `going`: the ARNs of all that are deleted.
    """
    entries = [*content.get("solutions", {}).values(), *content.get("recommenders", {}).values()]
    ranks = dict[str, tuple[bool, int]]()
    for arn in candidates:
        users = [place for place, entry in enumerate(entries) if _uses(entry, arn)]
        after = without_leaving(content, [arn])
        others = [[*after["solutions"].values(), *after["recommenders"].values()][place] for place in users]
        if all(map(answering, others)) and arn not in content.get("filters", {}).values():
            stays = all(not _uses(other, one) for other in others for one in going)
            ranks[arn] = not stays, -max(users, default=len(entries))
    arn = min(ranks, key=ranks.__getitem__, default="")
    return arn, bool(arn) and ranks[arn][0]


def answering_names(content: ServingMap) -> dict[str, list[str]]:
    """The names that answer each route; the first one answers requests without a name."""
    names = dict[str, list[str]]()
    for section in ANSWERING:
        entries: Mapping[str, Entry] = content.get(section, {})  # type: ignore[assignment]
        for name, entry in entries.items():
            if _route(entry) and answering(entry):
                names.setdefault(_route(entry), []).append(name)
    return names


def _route(entry: Entry) -> str:
    """The first route of an entry; empty if it has none. The second ones, `popular` and `trending`, need no other
    entry: the stored popular list answers them.
    """
    return next(iter(recipe_of(entry.get("recipe", ""), entry["type"]).routes), "")


def _uses(entry: Entry, arn: str) -> bool:
    """Whether an entry serves by a resource, or by a version of it."""
    return answering(entry) == arn or str(entry.get("solutionVersionArn")).startswith(f"{arn}/")


def _live_solutions(plan: Plan, ready: Mapping[str, StateRecord]) -> Iterator[tuple[str, ServedSolution]]:
    for name, facts in plan.solutions.items():
        version, campaign = ready.get(f"solution_version/{name}"), ready.get(f"campaign/{name}")
        if version and (campaign or not facts["campaign"]):
            details = (campaign or version).get("details") or {}
            served: ServedSolution = {
                "campaignArn": campaign["arn"] if campaign else None,
                "solutionVersionArn": details.get("solutionVersionArn") or version["arn"],
            }
            yield name, served | _recipe_facts(facts)


def _live_datasets(plan: Plan, ready: Mapping[str, StateRecord]) -> Iterator[tuple[str, ServedDataset]]:
    """The datasets that take records, if they are live."""
    schemas = {one.id: one.params["schema"] for one in plan.resources if one.kind == "schema"}
    for name in PUT_DATASETS:
        if f"dataset/{name}" in ready and f"schema/{name}" in schemas:
            fields = json.loads(schemas[f"schema/{name}"])["fields"]
            yield name, {"arn": ready[f"dataset/{name}"]["arn"], "fields": fields}


def _live_recommenders(plan: Plan, ready: Mapping[str, StateRecord]) -> Iterator[tuple[str, ServedRecommender]]:
    for name, facts in plan.recommenders.items():
        if f"recommender/{name}" in ready:
            served: ServedRecommender = {"recommenderArn": ready[f"recommender/{name}"]["arn"]}
            yield name, served | _recipe_facts(facts)


def _recipe_facts(facts: Mapping[str, Any]) -> Any:
    """A plan's facts about a recipe and its campaign; plans of former releases have the type alone."""
    return {member: facts[member] for member in ("type", "recipe", "metadata", "idle") if member in facts}


def _merged(
    live: Mapping[str, Any], former: Mapping[str, Any], desired: Collection[str], *, is_done: bool
) -> dict[str, Any]:
    """A section of the map. `is_done`: whether all of the plan's names serve, so that all others are dropped.

    Until then the former order stays, too, as the first name answers requests without one; and entries whose route
    changes, or whose campaign is removed, are served as before.
    """
    if is_done:
        return {name: live[name] if name in live else former[name] for name in desired}
    kept = {
        name: entry if name not in live or _loses_answer(live[name], entry) else live[name]
        for name, entry in former.items()
    }
    return {**kept, **{name: live[name] for name in desired if name in live and name not in former}}


def _keep_last_of_routes(served: dict[str, Any], former: Mapping[str, Any], going: Collection[str]) -> None:
    """Add to the map the former answers of a route that no name of the config answers. `going`: ARNs that
    are deleted.
    """
    answered = {_route(entry) for section in ANSWERING for entry in served[section].values() if answering(entry)}
    for section in ANSWERING:
        for name, entry in former.get(section, {}).items():
            is_last = _route(entry) not in {"", *answered} and not answering(served[section].get(name, {}))
            if is_last and answering(entry) and answering(entry) not in going and "answeredBy" not in entry:
                arns = {member: entry[member] for member in ("campaignArn", "recommenderArn") if member in entry}
                served[section][name] = {**entry, **served[section].get(name, {}), **arns}


def _loses_answer(live: Any, former: Any) -> bool:
    """Whether a former entry answered and the live one of the same name does not. Filters' entries are ARNs."""
    if isinstance(former, str) or not answering(former):
        return False
    return not answering(live) or _route(live) != _route(former)

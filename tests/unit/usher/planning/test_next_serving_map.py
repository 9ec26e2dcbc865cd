"""The serving map that follows another one: every answer remains, whatever fails."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from usher.errors import RequestError
from usher.planning.next_serving_map import next_deletion, next_map, without_leaving
from usher.planning.quota_check import Rehearsal, leaving_now
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.resources.unmanaged import Unmanaged
from usher.routes import ROUTES

from tests.unit.usher.reads import COUNTED, call_members

USER, POPULAR, RELATED, RANKED = "USER_PERSONALIZATION", "POPULAR_ITEMS", "RELATED_ITEMS", "PERSONALIZED_RANKING"
ACCOUNT = "arn:aws:personalize:us-east-1:1:"


def solution(name: str, type_: str = USER, *, campaign: bool = True, generation: str = "old") -> dict[str, Any]:
    arn = f"{ACCOUNT}campaign/{name}-{generation}" if campaign else None
    version = f"{ACCOUNT}solution/{name}-{generation}/1"
    return {"type": type_, "campaignArn": arn, "solutionVersionArn": version}


def recommender(name: str, type_: str = USER, generation: str = "old") -> dict[str, Any]:
    return {"type": type_, "recommenderArn": f"{ACCOUNT}recommender/{name}-{generation}"}


def state(id_: str, status: str = "READY") -> Any:
    kind, _, name = id_.partition("/")
    arn = f"{ACCOUNT}{kind}/{name}-new" if kind != "solution_version" else f"{ACCOUNT}solution/{name}-new/1"
    return {"id": id_, "status": status, "arn": arn}


def ready(*ids: str) -> list[Any]:
    return [state(id_) for id_ in ids]


def plan(**solutions: str) -> Plan:
    return Plan("shop", solutions={name: {"type": type_, "campaign": True} for name, type_ in solutions.items()})


def answers(content: Any) -> dict[tuple[str, str], str]:
    """The ARN that answers, by route and name ("" without a name)."""
    if not content:
        return {}
    names = ["", *content.get("solutions", {}), *content.get("recommenders", {})]
    found = {}
    for route in COUNTED:
        for name in names:
            with suppress(RequestError):
                _, members = call_members(content, route, {"solution": name} if name else {})
                found[route, name] = members.get("campaignArn") or members["recommenderArn"]
    return found


def test_a_renamed_solution_serves_under_its_former_name_until_the_new_one_does() -> None:
    former: Any = {"solutions": {"home": solution("home")}, "filters": {}}
    failed = [state("solution_version/for-you", "FAILED"), state("campaign/for-you", "SKIPPED")]
    assert next_map(plan(**{"for-you": USER}), failed, former)["solutions"] == former["solutions"]
    done = next_map(plan(**{"for-you": USER}), ready("solution_version/for-you", "campaign/for-you"), former)
    assert list(done["solutions"]) == ["for-you"]


def test_while_something_is_missing_the_former_answers_requests_that_name_none() -> None:
    former: Any = {"solutions": {"home": solution("home")}, "filters": {}}
    states = [*ready("solution_version/popular", "campaign/popular"), state("solution_version/for-you", "FAILED")]
    content = next_map(plan(popular=POPULAR, **{"for-you": USER}), states, former)
    assert list(content["solutions"]) == ["home", "popular"]


def test_resources_removed_from_the_config_go_after_the_rest_is_live() -> None:
    former: Any = {
        "solutions": {"home": solution("home"), "similar": solution("similar", USER)},
        "recommenders": {"top": recommender("top", POPULAR)},
        "filters": {"seen": "arn:seen", "new": "arn:new"},
        "exports": {"similar": {"table": True}},
    }
    wanted = replace(plan(home=USER), filters=["seen"])
    unfinished = next_map(wanted, ready("solution_version/home", "campaign/home"), former)
    assert {"similar"} <= set(unfinished["solutions"])
    assert (list(unfinished["recommenders"]), list(unfinished["filters"])) == (["top"], ["seen", "new"])
    assert unfinished["exports"] == {"similar": {"table": True}}
    done = next_map(wanted, ready("solution_version/home", "campaign/home", "filter/seen"), former)
    assert (list(done["solutions"]), done["recommenders"], list(done["filters"])) == (["home"], {}, ["seen"])
    assert done["exports"] == {}


def test_a_held_version_blocks_no_removal_from_the_map() -> None:
    former: Any = {"solutions": {"home": solution("home"), "popular": solution("popular", POPULAR)}, "filters": {}}
    held = [*ready("solution_version/home"), state("campaign/home", "HELD")]
    assert next_map(plan(home=USER), held, former)["solutions"] == {"home": solution("home")}


def test_a_campaign_that_is_no_longer_wanted_answers_until_the_rest_serves() -> None:
    former: Any = {"solutions": {"home": solution("home")}, "filters": {}}
    wanted = Plan("shop", solutions={"home": {"type": USER, "campaign": False}}, filters=["seen"])
    assert answers(next_map(wanted, ready("solution_version/home"), former)) == answers(former)
    done = next_map(deleting(wanted, former), ready("solution_version/home", "filter/seen"), former)
    assert done["solutions"]["home"]["campaignArn"] is None


def test_the_only_answer_of_a_route_stays_until_another_answers_or_it_is_deleted() -> None:
    former: Any = {
        "solutions": {"home": solution("home"), "related": solution("related", RELATED)},
        "recommenders": {"rank": recommender("rank", RANKED)},
        "exports": {"related": {}},
        "filters": {},
    }
    states = ready("solution_version/home", "campaign/home", "recommender/like")
    wanted = plan(home=USER)
    content = next_map(wanted, states, former)
    assert (list(content["solutions"]), content["recommenders"]) == (["home", "related"], former["recommenders"])
    assert content["exports"] == {}, "nobody asks for them any more"
    assert next_map(deleting(wanted, former), states, former)["recommenders"] == {}
    answered = next_map(replace(wanted, recommenders={"like": {"type": RELATED}}), states, former)
    assert list(answered["solutions"]) == ["home"]


def deleting(wanted: Plan, content: Any) -> Plan:
    """The plan with `prune: true`."""
    arns = [arn for arn in answers(content).values() if "/home-" not in arn or not wanted.solutions["home"]["campaign"]]
    return replace(wanted, to_delete=[Unmanaged(arn, "campaign", arn, "", True) for arn in arns])


def test_another_one_of_the_same_route_answers_in_the_place_of_what_leaves() -> None:
    content: Any = {
        "solutions": {"home": solution("home"), "popular": solution("popular", POPULAR)},
        "recommenders": {"top": recommender("top", POPULAR)},
        "filters": {},
    }
    popular, home = (content["solutions"][name]["campaignArn"] for name in ("popular", "home"))
    after = without_leaving(content, [popular])
    assert call_members(after, "recommendations", {"solution": "popular"}) == (
        "top", {"recommenderArn": content["recommenders"]["top"]["recommenderArn"]},
    )  # fmt: skip
    assert without_leaving(after, [home]) == without_leaving(content, [popular, home])


def test_resources_without_a_route_leave_first_and_then_the_last_ones() -> None:
    content: Any = {
        "solutions": {name: solution(name, type_) for name, type_ in {"a": USER, "b": USER, "c": RELATED}.items()},
        "filters": {"seen": "arn:filter"},
    }
    a, b, c = (entry["campaignArn"] for entry in content["solutions"].values())
    assert next_deletion(content, [a, b, c, "arn:unused"], {a, b, c}) == ("arn:unused", False)
    assert next_deletion(content, [a, b, c], {a, b, c}) == (b, True)
    assert next_deletion(content, [a, b], {a}) == (a, False)
    assert next_deletion(content, [c, "arn:filter"], {c}) == ("", False)
    assert next_deletion(content, [f"{ACCOUNT}solution/b-old"], {b})[0] == f"{ACCOUNT}solution/b-old"


NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
TYPES = st.sampled_from([USER, POPULAR, RELATED, RANKED, "USER_SEGMENTATION"])
STATUSES = st.sampled_from(["READY", "HELD", "FAILED", "SKIPPED", "PENDING", "WAITING", "PLANNED"])


@st.composite
def maps(draw: st.DrawFn) -> Any:
    """A serving map, possibly an empty one."""
    solutions = draw(st.dictionaries(NAMES, st.tuples(TYPES, st.booleans()), max_size=5))
    recommenders = draw(st.dictionaries(st.sampled_from("xyz"), TYPES, max_size=3))
    return {
        "solutions": {name: solution(name, type_, campaign=live) for name, (type_, live) in solutions.items()},
        "recommenders": {name: recommender(name, type_) for name, type_ in recommenders.items()},
        "filters": {name: f"arn:{name}" for name in draw(st.sets(NAMES))},
        "trackingId": draw(st.sampled_from([None, "t-1"])),
    }


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """The resources that a config names."""
    solutions = draw(st.dictionaries(NAMES, st.fixed_dictionaries({"type": TYPES, "campaign": st.booleans()})))
    recommenders = draw(st.dictionaries(st.sampled_from("xyz"), st.fixed_dictionaries({"type": TYPES})))
    return Plan("shop", solutions=solutions, recommenders=recommenders, filters=draw(st.lists(NAMES, unique=True)))


def ids_of(desired: Plan) -> list[str]:
    return [
        "event_tracker/shop",
        *(f"filter/{name}" for name in desired.filters),
        *(f"solution_version/{name}" for name in desired.solutions),
        *(f"campaign/{name}" for name, facts in desired.solutions.items() if facts["campaign"]),
        *(f"recommender/{name}" for name in desired.recommenders),
    ]


@given(former=maps(), desired=plans(), data=st.data())
def test_every_answered_request_keeps_an_answer_after_any_failure(
    former: Any, desired: Plan, data: st.DataObject
) -> None:
    states = [state(id_, data.draw(STATUSES)) for id_ in ids_of(desired)]
    content = next_map(desired, states, former)
    assert next_map(desired, states, content) == content, "a pass may be repeated"
    failed = {one["id"].partition("/")[2] for one in states[1:] if one["status"] not in {"READY", "HELD"}}
    gone = set(answers(former)) - set(answers(content))
    assert all(name for _, name in gone), "no route goes"
    if failed:
        assert not gone
        assert set(former["filters"]) <= set(content["filters"])
    live = {name: facts for name, facts in desired.solutions.items() if facts["campaign"]}
    by_name: Any = {**live, **desired.recommenders}
    kept = {
        (route, name) for name, facts in by_name.items() for route in COUNTED if ROUTES[route].is_answered_by(facts)
    }
    assert gone.isdisjoint(kept | {(route, "") for route, _ in kept})
    assert content["trackingId"] or not former["trackingId"]


@dataclass
class Account:
    """A dataset group with a quota, in which a run's passes create and delete."""

    desired: Plan
    quota: int
    serving: Any
    may_go: Sequence[Unmanaged]
    others: int
    """Campaigns without an owner."""
    statuses: dict[str, str]
    deleted: list[str]

    def number(self) -> int:
        created = [id_ for id_, status in self.statuses.items() if status in {"READY", "PENDING"}]
        return self.others + len(created) + len(self.may_go) - len(self.deleted)

    def states(self) -> list[State]:
        versions = [
            State(f"solution_version/{name}", "reuse", "READY", f"{ACCOUNT}solution/{name}-new/1")
            for name in self.desired.solutions
        ]
        campaigns = [
            State(id_, "create", status, state(id_)["arn"], lacks_room=status == "WAITING")
            for id_, status in self.statuses.items()
        ]
        return [*versions, *campaigns]

    def exists(self, arn: str) -> bool:
        return arn not in self.deleted

    def one_pass(self, outcome: str) -> bool:
        """Finish creations, create resources that have room, and make room. Returns False if nothing more can
        happen."""
        before = dict(self.statuses), list(self.deleted), self.serving
        for id_, status in self.statuses.items():
            if status == "PENDING":
                self.statuses[id_] = outcome
            elif status == "WAITING" and self.number() < self.quota:
                self.statuses[id_] = "PENDING"
        if "WAITING" in self.statuses.values():
            done: Any = [{"arn": arn, "status": "DELETED"} for arn in self.deleted]
            wanted = replace(self.desired, to_delete=self.may_go)
            leaving, content = leaving_now(wanted, self.states(), done, self.serving)
            if content == self.serving:
                self.deleted += [one.arn for one in leaving]
            elif leaving:
                self.serving = content
        return (self.statuses, self.deleted, self.serving) != before


@settings(max_examples=120)
@given(former=maps(), types=st.dictionaries(NAMES, TYPES, min_size=1), others=st.integers(0, 3), data=st.data())
def test_room_is_made_without_taking_an_answer_away(
    former: Any, types: Mapping[str, str], others: int, data: st.DataObject
) -> None:
    """Campaigns are replaced one by one within the quota, and any creation may fail."""
    account = account_of(former, types, others)
    answered_before = set(answers(former))
    while account.one_pass(data.draw(st.sampled_from(["READY", "FAILED"]))):
        assert account.number() <= account.quota
        answered = answers(account.serving)
        assert answered_before <= set(answered)
        assert all(map(account.exists, answered.values()))
    ended = next_map(account.desired, [as_record(one) for one in account.states()], account.serving)
    assert all(map(account.exists, answers(ended).values()))
    if set(account.statuses.values()) != {"READY"}:
        assert answered_before <= set(answers(ended))


@settings(max_examples=120)
@given(former=maps(), types=st.dictionaries(NAMES, TYPES, min_size=1), others=st.integers(0, 3))
def test_a_plan_that_is_rehearsed_well_has_room_if_nothing_fails(
    former: Any, types: Mapping[str, str], others: int
) -> None:
    account = account_of(former, types, others)
    rehearsal = Rehearsal(
        account.desired, account.states(), {"campaign": account.quota}, {"campaign": account.number()}, former
    )
    going, refused = rehearsal.run(account.may_go)
    while account.one_pass("READY"):
        pass
    assert ("WAITING" in account.statuses.values()) == bool(refused)
    assert set(account.deleted) == going


def account_of(former: Any, types: Mapping[str, str], others: int) -> Account:
    """An account whose quota is exhausted, or nearly so, in which all former campaigns may be deleted."""
    old = [entry["campaignArn"] for entry in former["solutions"].values() if entry["campaignArn"]]
    return Account(
        plan(**types), max(5, others + len(old)), former, [Unmanaged(arn, "campaign", arn, "", True) for arn in old],
        others, {f"campaign/{name}": "WAITING" for name in types}, [],
    )  # fmt: skip


def as_record(one: State) -> Any:
    return {"id": one.id, "status": one.status, "arn": one.arn}


def test_a_stored_filter_agrees_with_the_live_one() -> None:
    rules: Any = {"arn:old": ["old"], "arn:gone": ["gone"]}
    former: Any = {"solutions": {}, "filters": {"a": "arn:old"}, "filterRules": rules}
    desired = Plan("shop", filters=["a", "b"], filter_rules={"a": [{"effect": "new"}], "b": [{"effect": "b"}]})
    content: Any = next_map(desired, [state("filter/a", "PENDING"), state("filter/b")], former)
    arn_of_b = content["filters"]["b"]
    assert content["filterRules"] == {"arn:old": ["old"], arn_of_b: [{"effect": "b"}]}
    content = next_map(desired, ready("filter/a", "filter/b"), content)
    assert content["filterRules"] == {content["filters"]["a"]: [{"effect": "new"}], arn_of_b: [{"effect": "b"}]}

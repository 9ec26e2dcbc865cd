"""`decide` by cases; `advance` and `dry_run` against the local Personalize service."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from moto.core.models import botocore_stubber
from usher.config.model import Solution
from usher.resources.comparison import covers
from usher.resources.decisions import ONLY_ON_REQUEST, decide
from usher.resources.inventory import Existing
from usher.resources.kinds import FINGERPRINT_TAG, KINDS, Resource
from usher.resources.lookup import describe
from usher.resources.reconcile import MAX_WAIT_SECONDS, dry_run
from usher.resources.states import State

from tests.unit.usher.world import ACCOUNT, BUCKET, ROLE, World, interactions
from usher_local.personalize.models import personalize_backends

THEN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
POPULAR = Solution("popular", "aws-popularity-count")
SIMILAR = Solution("similar", "aws-sims")
HOPELESS = Solution("hopeless", "aws-popularity-count", {"eventType": "nobody-does-this"})


def test_missing_resources_are_created() -> None:
    assert decide(Resource("filter/a", "filter", "train"), None, {}, {}).action == "create"


@pytest.mark.parametrize(
    ("status", "fingerprint", "known_failures", "action"),
    [
        ("ACTIVE", "new", {}, "reuse"),
        ("ACTIVE", "old", {}, "retrain"),
        ("CREATE PENDING", "new", {}, "wait"),
        ("CREATE IN_PROGRESS", "new", {}, "wait"),
        ("CREATE IN_PROGRESS", "old", {}, "retrain"),
        ("DELETE IN_PROGRESS", "new", {}, "wait"),
        ("CREATE FAILED", "new", {}, "fail"),
        ("CREATE FAILED", "old", {}, "rebuild"),
        ("CREATE FAILED", "new", {"arn": str(THEN)}, "rebuild"),
        ("CREATE FAILED", "new", {"arn": str(LATER)}, "fail"),
        ("CREATE FAILED", "new", {"other": str(THEN)}, "fail"),
        ("CREATE STOPPED", "new", {}, "fail"),
        ("CREATE STOPPED", "new", {"arn": str(THEN)}, "rebuild"),
    ],
)
def test_a_version_is_judged_by_status_inputs_and_earlier_failures(
    status: str, fingerprint: str, known_failures: dict[str, str], action: str
) -> None:
    resource = Resource("solution_version/a", "solution_version", "train", fingerprint="new")
    found = Existing("arn", {"status": status, "creationDateTime": THEN}, {FINGERPRINT_TAG: fingerprint})
    assert decide(resource, found, {}, known_failures).action == action


LIVE = {"solutionVersionArn": "v1", "minProvisionedTPS": 1, "campaignConfig": {"itemExplorationConfig": {"a": "1"}}}


@pytest.mark.parametrize(
    ("wanted", "update", "known_failures", "action"),
    [
        ({"solutionVersionArn": "v1"}, None, {}, "reuse"),
        ({"solutionVersionArn": "v1", "campaignConfig": {"itemExplorationConfig": {}}}, None, {}, "reuse"),
        ({"solutionVersionArn": "v1", "campaignConfig": {"itemExplorationConfig": {"a": "2"}}}, None, {}, "update"),
        ({"solutionVersionArn": "v1", "minProvisionedTPS": 2}, None, {}, "update"),
        ({"solutionVersionArn": "v2"}, None, {}, "update"),
        ({"solutionVersionArn": "v2"}, {"solutionVersionArn": "v2", "status": "UPDATE IN_PROGRESS"}, {}, "wait"),
        ({"solutionVersionArn": "v3"}, {"solutionVersionArn": "v2", "status": "UPDATE IN_PROGRESS"}, {}, "update"),
        ({"solutionVersionArn": "v2"}, {"solutionVersionArn": "v2", "status": "ACTIVE"}, {}, "update"),
        ({"solutionVersionArn": "v2"}, {"solutionVersionArn": "v2", "status": "UPDATE FAILED"}, {}, "fail"),
        ({"solutionVersionArn": "v2"}, {"solutionVersionArn": "v2", "status": "UPDATE FAILED"}, {"arn": ""}, "fail"),
        (
            {"solutionVersionArn": "v2"},
            {"solutionVersionArn": "v2", "status": "UPDATE FAILED"},
            {"arn": str(LATER)},
            "update",
        ),
        ({"solutionVersionArn": "v3"}, {"solutionVersionArn": "v2", "status": "UPDATE FAILED"}, {}, "update"),
    ],
)
def test_a_campaign_is_updated_only_as_far_as_it_differs(
    wanted: dict[str, Any], update: dict[str, Any] | None, known_failures: dict[str, str], action: str
) -> None:
    details = {**LIVE, "status": "ACTIVE", "creationDateTime": THEN}
    if update:
        details["latestCampaignUpdate"] = {**update, "creationDateTime": LATER}
    campaign = Resource("campaign/a", "campaign", "train")
    assert decide(campaign, Existing("arn", details), {"name": "a", **wanted}, known_failures).action == action


@pytest.fixture
def films(world: World) -> World:
    """A world with interactions in the group `films`."""
    world.put("films/interactions.csv", interactions())
    return world


def test_a_run_brings_everything_up_once_and_the_next_has_nothing_to_do(films: World) -> None:
    wanted = films.plan(POPULAR, SIMILAR, filters={"seen": 'EXCLUDE ItemID WHERE INTERACTIONS.EVENT_TYPE IN ("*")'})
    states = films.settle(wanted)
    assert {state.status for state in states.values()} == {"READY"}
    assert list(states) == [resource.id for resource in wanted]
    assert states["event_tracker/films"].details
    assert films.creations().total() == len(wanted)
    again = films.plan(POPULAR, SIMILAR, filters={"seen": 'EXCLUDE ItemID WHERE INTERACTIONS.EVENT_TYPE IN ("*")'})
    seen = dry_run(films.inventory, again)
    assert {(state.action, state.status) for state in seen.states} == {("reuse", "READY")}
    assert not seen.known_failures
    films.settle(again)
    assert films.creations().total() == len(wanted)


def test_a_dry_run_changes_nothing(films: World) -> None:
    seen = dry_run(films.inventory, films.plan(POPULAR))
    assert {(state.action, state.status) for state in seen.states} == {("create", "PLANNED")}
    assert not seen.expected_seconds, "nothing is known of what never was"
    assert not films.creations()


def test_the_import_stage_leaves_training_alone(films: World) -> None:
    states = films.settle(films.plan(POPULAR), "import")
    assert set(films.creations()) == {
        f"Create{name}"
        for name in ("DatasetGroup", "Schema", "Dataset", "DatasetImportJob", "EventTracker", "Solution")
    }
    assert {state.id.split("/")[0] for state in states.values()} == {
        "dataset_group", "schema", "dataset", "dataset_import_job", "event_tracker", "solution",
    }  # fmt: skip


def test_a_run_that_is_cut_after_every_single_creation_creates_nothing_twice(films: World) -> None:
    films.cuts = True
    wanted = films.plan(POPULAR, SIMILAR)
    states = films.settle(wanted)
    assert {state.status for state in states.values()} == {"READY"}
    assert films.creations().total() == len(wanted)


def test_a_look_that_is_repeated_creates_nothing_twice(films: World) -> None:
    wanted = films.plan(POPULAR)
    films.settle(wanted, "import")
    films.hold()
    first, wait = films.look(wanted)
    before = films.creations()
    second, _ = films.look(wanted)
    assert wait
    assert films.creations() == before
    assert [state.status for state in first.values()] == [state.status for state in second.values()]


def test_pending_resources_are_waited_for_before_their_dependents(films: World) -> None:
    films.hold()
    wanted = films.plan(POPULAR)
    states, wait = films.look(wanted)
    assert wait == 60
    assert states["dataset_group/films"].status == "PENDING"
    assert states["schema/interactions"].status == "WAITING", "without the group, nothing of it is made"
    assert states["dataset/interactions"].status == "WAITING"
    assert states["campaign/popular"].status == "WAITING"
    states, wait = films.look(wanted, before=list(states.values()), elapsed=60)
    assert states["dataset_group/films"].waited == 60
    late = wait
    states, wait = films.look(wanted, before=list(states.values()), elapsed=540)
    assert states["dataset_group/films"].waited == 600
    assert 10 <= (late or 0) < (wait or 0)


def test_the_wait_follows_the_last_siblings_duration(films: World) -> None:
    films.settle(films.plan(POPULAR))
    for resource in personalize_backends[ACCOUNT]["us-east-1"].resources.values():
        resource.life.created -= 300  # while the import's work ended just now
    films.put("films/interactions.csv", interactions(users=61))
    films.hold()
    states, wait = films.look(films.plan(POPULAR, run="run-2"))
    assert states["dataset_import_job/interactions"].action == "create"
    states, wait = films.look(films.plan(POPULAR, run="run-2"))
    (newest, oldest) = films.personalize.list_dataset_import_jobs()["datasetImportJobs"]
    took = (oldest["lastUpdatedDateTime"] - oldest["creationDateTime"]).total_seconds()
    assert newest["status"] == "CREATE PENDING"
    assert took / 2 < (wait or 0) <= took


def test_a_failed_solution_stops_only_its_dependents(films: World) -> None:
    states = films.settle(films.plan(HOPELESS, POPULAR))
    failed = states["solution_version/hopeless"]
    assert (failed.status, failed.action) == ("FAILED", "fail")
    assert "fewer than 1000 interactions" in failed.reason
    assert "event type" in failed.remedy
    skipped = states["campaign/hopeless"]
    assert (skipped.status, skipped.reason) == ("SKIPPED", "solution_version/hopeless does not exist")
    assert states["campaign/popular"].status == "READY"


def test_everything_after_a_failed_import_is_skipped_and_nothing_is_spent(films: World) -> None:
    films.s3.delete_bucket_policy(Bucket=BUCKET)
    states = films.settle(films.plan(POPULAR))
    assert states["dataset_import_job/interactions"].status == "FAILED"
    assert "Redeploy the stack" in states["dataset_import_job/interactions"].remedy
    assert states["solution_version/popular"].status == "SKIPPED"
    assert states["campaign/popular"].status == "SKIPPED"
    assert not films.creations()["CreateSolutionVersion"]


def test_a_failure_from_before_the_run_is_rebuilt_once(films: World) -> None:
    wanted = films.plan(HOPELESS)
    films.settle(wanted)
    assert films.creations()["CreateSolutionVersion"] == 1
    wanted = films.plan(HOPELESS, run="run-2")
    seen = dry_run(films.inventory, wanted)
    assert list(seen.known_failures) == [
        films.personalize.list_solution_versions()["solutionVersions"][0]["solutionVersionArn"],
    ]
    assert next(state.action for state in seen.states if state.id == "solution_version/hopeless") == "rebuild"
    assert films.settle(wanted)["solution_version/hopeless"].status == "FAILED"
    assert films.creations()["CreateSolutionVersion"] == 2


def test_a_follow_up_round_does_not_rebuild_failures_of_the_first(films: World) -> None:
    wanted = films.plan(HOPELESS)
    films.settle(wanted)
    seen = dry_run(films.inventory, wanted, retry_failed=False)
    assert not seen.known_failures
    assert next(state.action for state in seen.states if state.id == "solution_version/hopeless") == "fail"


def test_a_failed_resource_with_a_name_is_deleted_and_created_anew(films: World) -> None:
    wanted = films.plan(POPULAR)
    arn = films.settle(wanted)["campaign/popular"].arn
    films.break_down("Campaign", arn, "Out of order")
    look, _ = films.look(wanted, before=[State("none", "none", "READY")])
    assert (look["campaign/popular"].status, look["campaign/popular"].reason) == ("FAILED", "Out of order")
    assert films.settle(wanted)["campaign/popular"].status == "READY"
    assert films.calls["DeleteCampaign"] == 1
    assert films.creations()["CreateCampaign"] == 2


def test_a_training_stopped_by_a_person_is_a_failure_and_repeated_by_the_next_run(films: World) -> None:
    wanted = films.plan(POPULAR)
    films.settle([one for one in wanted if one.kind not in {"solution_version", "campaign"}])
    films.hold()
    states, _ = films.look(wanted)
    films.personalize.stop_solution_version_creation(solutionVersionArn=states["solution_version/popular"].arn)
    films.let_go()
    states, _ = films.look(wanted, before=list(states.values()))
    assert states["solution_version/popular"].status == "FAILED"
    assert states["campaign/popular"].status == "SKIPPED"
    assert films.settle(films.plan(POPULAR, run="run-2"))["campaign/popular"].status == "READY"


def test_new_data_is_trained_on_and_the_same_campaign_updated(films: World) -> None:
    first = films.settle(films.plan(POPULAR))
    films.put("films/interactions.csv", interactions(users=61))
    second = films.settle(films.plan(POPULAR, run="run-2"))
    assert films.creations()["CreateDatasetImportJob"] == films.creations()["CreateSolutionVersion"] == 2
    assert films.creations()["CreateSolution"] == films.creations()["CreateCampaign"] == 1
    assert first["campaign/popular"].arn == second["campaign/popular"].arn
    campaign = films.personalize.describe_campaign(campaignArn=second["campaign/popular"].arn)["campaign"]
    assert campaign["solutionVersionArn"] == second["solution_version/popular"].arn
    assert films.calls["UpdateCampaign"] == 1


def test_another_throughput_is_an_update_and_trains_nothing(films: World) -> None:
    films.settle(films.plan(POPULAR))
    faster = Solution("popular", "aws-popularity-count", campaign={"minProvisionedTPS": 2})
    assert {state.status for state in films.settle(films.plan(faster)).values()} == {"READY"}
    assert (films.calls["UpdateCampaign"], films.calls["CreateSolutionVersion"]) == (1, 1)


def test_a_changed_filter_is_made_beside_the_old_one(films: World) -> None:
    once = films.settle(films.plan(filters={"some": 'INCLUDE ItemID WHERE INTERACTIONS.EVENT_TYPE IN ("a")'}))
    then = films.settle(films.plan(filters={"some": 'INCLUDE ItemID WHERE INTERACTIONS.EVENT_TYPE IN ("b")'}))
    assert once["filter/some"].arn != then["filter/some"].arn
    assert len(films.personalize.list_filters()["Filters"]) == 2


def test_a_refused_creation_is_a_failure_with_the_services_words(films: World) -> None:
    states = films.settle(films.plan(filters={"bad": "INCLUDE ItemID WHERE Items.NOWHERE IN (1)"}))
    assert states["filter/bad"].status == "FAILED"
    assert states["filter/bad"].reason.startswith("Personalize refuses it: ")
    assert states["event_tracker/films"].status == "READY"


def test_a_passing_quota_means_waiting(films: World) -> None:
    films.put("other/interactions.csv", interactions())
    other = films.settle(films.plan(group="other"), "import")
    wanted = films.plan()
    films.settle([one for one in wanted if one.kind != "dataset_import_job"], "import")
    films.hold()
    for number in range(5):
        films.personalize.create_dataset_import_job(
            jobName=f"job-{number}",
            datasetArn=other["dataset/interactions"].arn,
            dataSource={"dataLocation": f"s3://{BUCKET}/other/interactions.csv"},
            roleArn=ROLE,
        )
    states, wait = films.look(wanted, "import")
    state = states["dataset_import_job/interactions"]
    assert (state.status, state.action) == ("WAITING", "wait")
    assert "PENDING or IN_PROGRESS" in state.reason
    assert wait
    films.let_go()
    assert films.settle(wanted, "import")["dataset_import_job/interactions"].status == "READY"


def test_a_lasting_quota_is_a_failure_with_a_remedy(films: World) -> None:
    for number in range(5):
        films.personalize.create_dataset_group(name=f"group-{number}")
    states = films.settle(films.plan())
    assert states["dataset_group/films"].status == "FAILED"
    assert "higher quota" in states["dataset_group/films"].remedy
    assert states["dataset/interactions"].status == "SKIPPED"


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("ThrottlingException", 400, "WAITING"),
        ("ResourceInUseException", 400, "WAITING"),
        ("InternalFailure", 500, "WAITING"),
        ("AccessDeniedException", 403, "FAILED"),
    ],
)
def test_only_temporary_quotas_are_waited_for(films: World, code: str, status: int, outcome: str) -> None:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}

    def refuse(**_: Any) -> None:
        raise ClientError(answer, "CreateDatasetGroup")

    films.listen(films.creator, "before-call.personalize.CreateDatasetGroup", refuse)
    states, wait = films.look(films.plan())
    assert states["dataset_group/films"].status == outcome
    assert bool(wait) == (outcome == "WAITING")


@pytest.mark.parametrize(
    ("kind", "outcome"), [("DatasetImportJob", "WAITING"), ("Dataset", "FAILED"), ("EventTracker", "FAILED")]
)
def test_a_temporary_quota_is_recognised_by_its_kind_whatever_the_words(films: World, kind: str, outcome: str) -> None:
    metadata = {"HTTPStatusCode": 400}
    answer: Any = {"Error": {"Code": "LimitExceededException", "Message": "no"}, "ResponseMetadata": metadata}

    def refuse(**_: Any) -> None:
        raise ClientError(answer, f"Create{kind}")

    needed = {"dataset_group", "schema", *({"dataset"} if kind != "Dataset" else {})}
    films.settle([one for one in films.plan() if one.kind in needed], "import")
    films.listen(films.creator, f"before-call.personalize.Create{kind}", refuse)
    states, _ = films.look(films.plan(), "import")
    assert {one.status for name, one in states.items() if name.startswith(f"{xform_name(kind)}/")} == {outcome}


@pytest.mark.parametrize("lost", [ReadTimeoutError(endpoint_url="x"), ConnectionClosedError(endpoint_url="x")])
def test_a_training_whose_answer_is_lost_is_not_paid_for_twice(films: World, lost: Exception) -> None:
    wanted = films.plan(POPULAR)
    films.settle(wanted, "import")
    sent = []

    def lose(event_name: str, request: Any, **_: Any) -> None:
        sent.append(request)
        botocore_stubber(event_name, request)
        raise lost

    films.listen(films.creator, "before-send.personalize.CreateSolutionVersion", lose)
    with pytest.raises(type(lost)):
        films.look(wanted)
    assert len(sent) == 1
    assert films.settle(wanted)["campaign/popular"].status == "READY"
    assert len(films.personalize.list_solution_versions()["solutionVersions"]) == 1


def test_a_version_that_no_list_shows_yet_is_not_trained_again(films: World) -> None:
    wanted = films.plan(POPULAR)
    films.settle(wanted, "import")
    films.hold()
    films.look(wanted)

    def forget(parsed: dict[str, Any], **_: Any) -> None:
        parsed["solutionVersions"] = []

    films.listen(films.personalize, "after-call.personalize.ListSolutionVersions", forget)
    states, _ = films.look(wanted)
    version = states["solution_version/popular"]
    assert (version.status, "already exists" in version.reason) == ("WAITING", True)
    films.personalize.meta.events.unregister("after-call.personalize.ListSolutionVersions", forget)
    films.let_go()
    assert films.settle(wanted)["campaign/popular"].status == "READY"
    assert len(films.personalize.list_solution_versions()["solutionVersions"]) == 1


def test_a_name_that_another_group_has_is_waited_for_no_longer_than_lists_lag(films: World) -> None:
    wanted = films.plan()
    tracker = next(one for one in wanted if one.kind == "event_tracker")
    other = films.personalize.create_dataset_group(name="other")["datasetGroupArn"]
    films.personalize.create_event_tracker(name=tracker.params["name"], datasetGroupArn=other)
    films.settle([one for one in wanted if one.kind in {"dataset_group", "schema", "dataset"}])
    states, _ = films.look(wanted)
    for _ in range(3):
        assert states[tracker.id].status == "WAITING"
        states, _ = films.look(wanted, before=list(states.values()), elapsed=MAX_WAIT_SECONDS / 3)
    assert (states[tracker.id].status, states[tracker.id].action) == ("FAILED", "fail")
    assert "already exists" in states[tracker.id].reason
    assert "is not this group's" in states[tracker.id].remedy


def test_a_setting_that_differs_after_every_update_becomes_a_failure(films: World) -> None:
    wanted = films.plan(tags=[{"tagKey": "a", "tagValue": value} for value in ("x", "y")])
    states = films.settle([one for one in films.plan() if one.kind == "dataset_group"])
    for _ in range(3):
        assert (found := states["dataset_group/films"]).status != "FAILED"
        states, wait = films.look(wanted[:1], before=list(states.values()), elapsed=MAX_WAIT_SECONDS / 2)
    assert (found.action, states["dataset_group/films"].status, wait) == ("update", "FAILED", None)
    assert states["dataset_group/films"].reason == "It differs in tags after every update."


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("age", "rest", "status", "fingerprint", "wanted", "usable", "action"),
    [
        (HOUR, 7200, "ACTIVE", "old", "new", "v1", "keep"),
        (3 * HOUR, 7200, "ACTIVE", "old", "new", "v1", "retrain"),
        (HOUR, 0, "ACTIVE", "old", "new", "v1", "retrain"),
        (999 * HOUR, ONLY_ON_REQUEST, "ACTIVE", "old", "new", "v1", "keep"),
        (HOUR, ONLY_ON_REQUEST, "ACTIVE", "same@1", "same@1", "v1", "reuse"),
        (HOUR, ONLY_ON_REQUEST, "ACTIVE", "same", "same@1", "v1", "retrain"),
        (HOUR, ONLY_ON_REQUEST, "ACTIVE", "old@1", "new@1", "v1", "keep"),
        (HOUR, ONLY_ON_REQUEST, "CREATE IN_PROGRESS", "old", "new", "v1", "wait"),
        (HOUR, ONLY_ON_REQUEST, "CREATE FAILED", "old", "new", "", "rebuild"),
        (HOUR, ONLY_ON_REQUEST, "CREATE FAILED", "old", "new", "v1", "keep"),
    ],
)
def test_a_version_rests_by_its_policy_unless_a_training_is_requested(
    age: timedelta, rest: float, status: str, fingerprint: str, wanted: str, usable: str, action: str
) -> None:
    resource = Resource(
        "solution_version/a", "solution_version", "train", fingerprint=wanted, min_retrain_interval=rest
    )
    details = {"status": status, "creationDateTime": datetime.now(UTC) - age}
    decision = decide(resource, Existing("arn", details, {FINGERPRINT_TAG: fingerprint}, usable), {}, {})
    assert decision.action == action
    assert decision.reason
    assert bool(decision.resume_at) == (action == "keep" and rest < ONLY_ON_REQUEST)


def test_an_impossible_change_is_a_failure_with_a_remedy() -> None:
    group = Resource("dataset_group/a", "dataset_group", "import")
    decision = decide(group, Existing("arn", {"status": "ACTIVE", "domain": "ECOMMERCE"}), {"name": "a"}, {})
    assert decision.action == "fail"
    assert decision.reason == "Its domain can't be changed; use a new folder, which becomes a new group."


@pytest.mark.parametrize(
    ("there", "wanted", "covered"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": {"b": "1", "c": "2"}}, {"a": {"b": "1"}}, True),
        (None, {"a": {"b": "1"}}, False),
        ("arn:solution/a/1f", "arn:solution/a/$LATEST", True),
        ("arn:solution/b/1f", "arn:solution/a/$LATEST", False),
        ([{"a": 1}, {"b": 2}], [{"b": 2}, {"a": 1}], True),
        ([{"a": 1}], [{"b": 2}, {"a": 1}], False),
    ],
)
def test_only_desired_settings_are_compared(there: Any, wanted: Any, covered: bool) -> None:
    assert covers(there, wanted) == covered


def test_a_version_that_is_done_between_two_calls_is_usable(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    wanted = world.plan(POPULAR)
    states = world.settle(wanted, "import")
    world.hold()
    states, _ = world.look(wanted)
    version = next(one for one in wanted if one.kind == "solution_version")
    arns = {state.id: state.arn for state in states.values() if state.arn}

    def finish(model: Any, **_: Any) -> None:
        if model.name == "ListSolutionVersions":
            world.let_go()
            while describe(world.personalize, KINDS["solution_version"], arns[version.id])["status"] != "ACTIVE":
                time.sleep(0.01)

    world.listen(world.personalize, "after-call", finish)
    found = world.inventory.find(version, arns)
    assert found
    assert found.usable == found.arn == arns[version.id]


def events() -> str:
    """Interactions of the type `watch`."""
    header, *lines = interactions().splitlines()
    return "\n".join([f"{header},EVENT_TYPE", *(f"{line},watch" for line in lines)]) + "\n"


def weighted(weight: float, rate: str = "rate(7 days)") -> Solution:
    """The popularity solution with the weight of an event type and a training schedule."""
    events = {"eventParametersList": [{"eventType": "watch", "weight": weight}]}
    config = {"eventsConfig": events, "autoTrainingConfig": {"schedulingExpression": rate}}
    return replace(POPULAR, settings={**POPULAR.settings, "performAutoTraining": True, "solutionConfig": config})


def test_another_training_schedule_updates_the_solution_and_trains_nothing(films: World) -> None:
    films.put("films/interactions.csv", events())
    films.settle(films.plan(weighted(0.5)))
    created = films.creations()
    desired = films.plan(weighted(0.5, "rate(3 days)"))
    changed, *others = [state for state in dry_run(films.inventory, desired).states if state.action != "reuse"]
    assert not others
    assert (changed.id, changed.action) == ("solution/popular", "update")
    assert changed.reason == "It differs in solutionConfig.autoTrainingConfig."
    films.settle(desired)
    assert films.creations() == created
    assert {state.action for state in dry_run(films.inventory, desired).states} == {"reuse"}


def test_other_event_weights_update_the_solution_before_it_is_trained_again(films: World) -> None:
    films.put("films/interactions.csv", events())
    films.settle(films.plan(weighted(0.5)))
    created = films.creations()
    desired = films.plan(weighted(0.25), run="run-2")
    first, _ = films.look(desired)
    assert (first["solution/popular"].action, first["solution_version/popular"].status) == ("update", "WAITING")
    states = films.settle(desired)
    assert {state.status for state in states.values()} == {"READY"}
    assert films.creations() - created == {"CreateSolutionVersion": 1}
    version = films.personalize.describe_solution_version(solutionVersionArn=states["solution_version/popular"].arn)
    trained_on = version["solutionVersion"]["solutionConfig"]["eventsConfig"]["eventParametersList"]
    assert trained_on == [{"eventType": "watch", "weight": 0.25}]
    update = films.personalize.describe_solution(solutionArn=states["solution/popular"].arn)["solution"]
    assert set(update["latestSolutionUpdate"]["solutionUpdateConfig"]) == {"eventsConfig"}, "the timer is not reset"

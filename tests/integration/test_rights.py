"""Every permission of the stack's roles is used, and none is missing.

One scenario uses the whole stack. Every request of its roles is recorded with the statements that allowed it. Then each
statement, and each action and resource in it, is removed from the recorded policies: a recorded request must be refused
by that.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sqs.models import sqs_backends
from samcli.yamlhelper import yaml_parse
from usher.costs.ledger import Spending
from usher.events.messages import Message, encode, ordering
from usher.planning.tasks import Tasks
from usher.serving.demand import Demand
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

from tests.integration.conftest import ROOT, Site, interactions, items, slowed, wait_until
from tests.integration.test_evaluation import evaluate, left
from tests.integration.test_evaluation import start as start_evaluation
from tests.integration.test_export import export
from tests.integration.test_export import start as start_export
from tests.integration.test_large_data import small_parts as small_parts
from usher_local.authorization import Entry, Record, bucket_policy, parsed, queue_policy, recording
from usher_local.cloud.access.credentials import PARTITION, REGION, client
from usher_local.cloud.server import STACK
from usher_local.iam_policy import Request, Statement, context, decide, listed
from usher_local.personalize import Faults, inject

GROUP, SHOP = "rights", "rightsshop"
METRIC = "normalized_discounted_cumulative_gain_at_25"

MANY_RECIPES = [
    f"aws-{name}"
    for name in (
        "user-personalization", "user-personalization-v2", "popularity-count", "trending-now", "sims", "similar-items",
        "personalized-ranking", "personalized-ranking-v2", "hrnn", "hrnn-metadata", "hrnn-coldstart",
    )
]  # fmt: skip
"""One more than the quota of solutions of a dataset group."""

UNUSED: Mapping[tuple[str, str], str] = {
    ("EvaluateRole", "s3:AbortMultipartUpload"): "An upload in parts is given up only if it fails midway.",
    **{
        (
            "PlanRole",
            f"personalize:Describe{job}",
        ): "Of a job that is ACTIVE, List shows everything; others are described."
        for job in ("BatchInferenceJob", "BatchSegmentJob", "DatasetImportJob")
    },
    ("ReconcileRole", "personalize:CreateBatchSegmentJob"): (
        "Of the solution: the reference lists the job alone. It also lacks CreateSolution's recipe, which AWS asks for."
    ),
}
"""Permissions without a use here, by logical ID of the role and the action or resource, with the reason to keep
them."""

MAPS = "It sees to the executions of a distributed map; here they are not executions of their own."
LOGS = "It sets up the delivery of its logs; here they are not delivered."
ITSELF: Mapping[tuple[str, str], str] = {
    **{
        (role, f"states:{action}"): MAPS
        for role in ("PipelineRole", "ExportsRole")
        for action in ("DescribeExecution", "RedriveExecution", "StopExecution")
    },
    **{
        (role, f"logs:{action}"): LOGS
        for role in ("PipelineRole", "ExportsRole", "EvaluationsRole")
        for action in (
            "CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies",
            "GetLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery",
        )
    },
    ("KeepRole", "sqs:SendMessage"): "Its dead-letter queue gets what it failed at; here it fails at nothing.",
    ("WatchRole", "sqs:SendMessage"): "Its dead-letter queue gets what it failed at; here it fails at nothing.",
}  # fmt: skip
"""Actions of services that only AWS does, by logical ID of the role and action, with the reason."""


CONDITIONAL: Mapping[str, str] = {
    "EvaluateInAthena": "Only with a workgroup of Athena; nothing here runs its queries, so tests run them on DuckDB.",
}
"""Statements with a condition that is false here, with the reason."""

CLUBS = 'INCLUDE ActionID WHERE Actions.KIND IN ("club")'


def config(**more: Any) -> str:
    solutions = {
        "for-you": {
            "recipe": "aws-user-personalization-v2",
            "gate": {"metric": METRIC, "atLeast": 0.0001},
            "solutionConfig": weighted(1.0),
        },
        "popular": {"recipe": "aws-popularity-count", "campaign": False},
        "similar": {"recipe": "aws-sims"},
        "ranking": {"recipe": "aws-personalized-ranking-v2"},
        "fans": {"recipe": "aws-item-affinity", "campaign": False},
        "next": {"recipe": "aws-next-best-action"},
    }
    wanted = {
        "solutions": solutions,
        "filters": {"seen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")', "clubs": CLUBS},
        "exports": {"popular": {"table": True, "keep": 1, "numResults": 5}, "fans": {"items": ["i1"], "numResults": 5}},
        "metricAttribution": {
            "metrics": [{"eventType": "watch", "metricName": "watched", "expression": "SAMPLECOUNT()"}]
        },
        "schedules": {"retrain": "rate(2 days)", "export": "rate(2 days)"},
        "batch": {"letter": {"solution": "popular", "numResults": 3}},
        "segments": {"crowd": {"solution": "fans", "numResults": 3}},
        "tags": [{"tagKey": "team", "tagValue": "one"}],
        "catalogue": ["GENRES"],
    }
    return json.dumps(wanted | more)


def weighted(weight: float) -> dict[str, Any]:
    return {"eventsConfig": {"eventParametersList": [{"eventType": "watch", "weight": weight}]}}


def shop(rate: int) -> str:
    top = {
        "recipe": "aws-ecomm-popular-items-by-purchases",
        "recommenderConfig": {"minRecommendationRequestsPerSecond": rate},
    }
    return json.dumps({"group": {"domain": "ECOMMERCE"}, "recommenders": {"top": top}})


def drive(site: Site, record: Record) -> None:
    """Do everything that a stack can do; `record`: of its requests."""
    # Bad data, then a drop in parts, with others during its run; one of its files is deleted during the check.
    site.drop(f"{GROUP}/usher.yaml", "solutions: none")
    assert site.run(GROUP)["outcome"] == "FAILED"
    site.drop(f"{GROUP}/batch/letter.jsonl", '{"userId": "u1"}\n')
    site.drop(f"{GROUP}/segments/crowd.jsonl", '{"itemId": "i1"}\n')
    site.drop(f"{GROUP}/users.csv", "USER_ID,AGE\n" + "".join(f"u{user},{20 + user}\n" for user in range(60)))
    site.drop(f"{GROUP}/items.csv", items())
    site.drop(f"{GROUP}/actions.csv", "ACTION_ID,KIND\njoin,club\ncall,phone\n")
    site.drop(f"{GROUP}/interactions/1.csv", interactions())
    taken = (f"u{row % 60},join,TAKEN,{1_700_000_000 + row}\n" for row in range(1200))
    site.drop(f"{GROUP}/action_interactions.csv", "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP\n" + "".join(taken))
    site.drop(f"{GROUP}/usher.yaml", config())
    assert site.run(GROUP)["outcome"] == "SUCCEEDED"
    part = {"key": f"{GROUP}/interactions/gone.csv", "etag": "gone", "start": 0, "end": 9}
    functions = site.cloud.client("lambda")
    (check,) = (name for one in functions.list_functions()["Functions"] if "Check" in (name := one["FunctionName"]))
    functions.invoke(FunctionName=check, Payload=json.dumps({"part": part, "run": "gone", "error": None}))

    # The API.
    page = site.api.get(f"/{GROUP}/recommendations/u1", numResults="2")
    site.api.get(f"/{GROUP}/recommendations/u1", numResults="2", next=page["next"])
    site.api.get(f"/{GROUP}/recommendations/u1", filter="seen")
    site.api.get(f"/{GROUP}/actions/u1", filter="clubs")
    site.api.get(f"/{GROUP}/similar-items/i1")
    site.api.post(f"/{GROUP}/rankings", {"userId": "u1", "items": ["i1", "i2"], "filter": "seen"})
    site.api.post(f"/{GROUP}/rankings", {"userId": "u1", "items": ["i1", "i2"]})
    watched = {"userId": "u1", "sessionId": "s", "events": [{"eventType": "watch", "itemId": "i2", "eventId": "e1"}]}
    site.api.post(f"/{GROUP}/events", watched)
    acted = {"userId": "u1", "actionInteractions": [{"eventType": "TAKEN", "actionId": "join"}]}
    site.api.post(f"/{GROUP}/action-interactions", acted)
    genres = {"properties": {"GENRES": "Drama"}}
    site.api.put(f"/{GROUP}/items", {"items": [{"itemId": "i1", **genres}, {"itemId": "new", **genres}]})
    site.api.put(f"/{GROUP}/users", {"users": [{"userId": "new", "properties": {"AGE": 30}}]})
    site.api.put(f"/{GROUP}/actions", {"actions": [{"actionId": "write", "properties": {"KIND": "mail"}}]})
    inject(Faults(throttle=1))
    waiting = {"userId": "u2", "events": [{"eventType": "watch", "itemId": "i2"}]}
    assert site.api.post(f"/{GROUP}/events", waiting)["queued"] == 1
    inject(Faults())
    assert site.api.get(f"/{GROUP}/users/u1/events")["events"]
    key = site.api_keys.create(GROUP, "tool", ["GET recommendations", "POST rankings", "PUT items"], per_minute=100)
    ranked, put = {"userId": "u1", "items": ["i1"]}, {"items": [{"itemId": "new", **genres}]}
    assert site.send("KeyApiUrl", "GET", f"/{GROUP}/recommendations/u1", x_api_key=key)[0] == 200
    assert site.send("KeyApiUrl", "POST", f"/{GROUP}/rankings", ranked, x_api_key=key)[0] == 200
    assert site.send("KeyApiUrl", "PUT", f"/{GROUP}/items", put, x_api_key=key)[0] == 202

    wait_for_events(site)

    # Exports: two at once, one that makes the former ones go, one that fails.
    for _ in range(2):
        start_export(site, group=GROUP)
    wait_until(lambda: len(site.executions(GROUP, "ExportArn")) == 2)
    assert {one["status"] for one in site.settle(GROUP, "ExportArn")} == {"SUCCEEDED"}
    assert export(site, GROUP)["status"] == "SUCCEEDED"
    assert export(site, f"absent-{GROUP}")["status"] == "FAILED"

    # Resources beyond a quota: `plan` asks for the account's quotas.
    site.drop(f"{GROUP}/usher.yaml", json.dumps({"solutions": {f"s{n}": {"recipe": "aws-sims"} for n in range(6)}}))
    assert "has no room" in site.run(GROUP)["summary"]

    # All mutable settings change, replaced resources are deleted, and so is an item.
    head, *rows = items().splitlines()
    site.drop(f"{GROUP}/items.csv", "\n".join([f"{head},YEAR", *(f"{row},1999" for row in rows[:-1])]))
    site.drop(f"{GROUP}/interactions/incremental/2.csv", interactions(seed=2))
    changed = json.loads(config())["solutions"]
    changed["for-you"] |= {"campaign": {"minProvisionedTPS": 2}, "solutionConfig": weighted(0.5)}
    changed["for-you"]["gate"] = {"metric": METRIC, "versusLive": 1000}
    changed["similar"]["solutionConfig"] = {"algorithmHyperParameters": {"popularity_discount_factor": "0.7"}}
    purchases = [{"eventType": "buy", "metricName": "bought", "expression": "SAMPLECOUNT()"}]
    site.drop(
        f"{GROUP}/usher.yaml",
        config(
            solutions=changed,
            filters={"seen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")', "clubs": CLUBS},
            metricAttribution={"metrics": purchases},
            schedules={"retrain": "rate(3 days)", "export": "rate(2 days)"},
            tags=[{"tagKey": "team", "tagValue": "two"}],
            prune=True,
        ),
    )
    assert site.run(GROUP)["outcome"] == "HELD"

    # Schedules: the group's own, the stack's exports and its hourly look at the models' age.
    before = len(site.executions(GROUP))
    for days in (2, 1):  # an event that has been due for more than a day is dropped
        site.days[0] += days
        site.cloud.scheduler.tick()
    wait_until(lambda: len(site.executions(GROUP)) > before)
    site.settle(GROUP)
    site.settle(GROUP, "ExportArn")
    solutions = json.loads(config())["solutions"]
    solutions["for-you"]["solutionConfig"] = weighted(0.5)  # with other weights, it would be trained
    last = config(solutions=solutions, schedules={})
    site.drop(f"{GROUP}/usher.yaml", last)
    site.settle(GROUP)

    # A person's choice.
    task = {"group": GROUP, "solution": "for-you", "version": "previous", "who": "Ann", "why": "It was better."}
    pipeline(site, GROUP, task)

    # A deleted campaign is needed again.
    need_idle_campaign(site)
    (watch,) = (name for one in functions.list_functions()["Functions"] if "Watch" in (name := one["FunctionName"]))
    before = len(site.executions(GROUP))
    functions.invoke(FunctionName=watch, Payload='{"detail": {}}')
    wait_until(lambda: len(site.executions(GROUP)) > before)
    site.settle(GROUP)

    # Evaluations: with all options, and one that is stopped during its training.
    compared = evaluate(site, GROUP, recipes=["aws-trending-now", "aws-personalized-ranking"], requestsPerSecond=1000)
    assert compared["outcome"] == "SUCCEEDED", compared["summary"]
    assert "has no room" in evaluate(site, GROUP, recipes=MANY_RECIPES)["summary"]
    with slowed(100):
        stopped = start_evaluation(site, GROUP, live=False)
        wait_until(lambda: bool(site.arns("-eval-", "solution_version")))
        site.stepfunctions.stop_execution(executionArn=stopped)
        wait_until(lambda: asks(record, "personalize:StopSolutionVersionCreation", "-eval-"))
    wait_until(lambda: left(site) == [])

    # A shop with an import longer than the pause between two passes, so that the second pass checks its status.
    with slowed(100):
        site.drop(f"{SHOP}/interactions.csv", interactions().replace("watch", "Purchase"))
        site.drop(f"{SHOP}/usher.yaml", shop(1))
        wait_until(lambda: asks(record, "personalize:DescribeDatasetImportJob", SHOP))
    assert site.run(SHOP)["outcome"] == "SUCCEEDED"
    site.drop(f"{SHOP}/usher.yaml", shop(2))
    assert site.run(SHOP)["outcome"] == "SUCCEEDED"
    site.api.get(f"/{SHOP}/recommendations/u1")
    functions.invoke(FunctionName=watch, Payload='{"detail": {}}')
    (protect,) = (name for one in functions.list_functions()["Functions"] if "Protect" in (name := one["FunctionName"]))
    request = dict.fromkeys(("RequestId", "LogicalResourceId"), STACK) | {"ResponseURL": "http://127.0.0.1:9"}
    stack_id = site.cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
    request |= {"RequestType": "Delete", "StackId": stack_id}
    functions.invoke(FunctionName=protect, Payload=json.dumps(request))  # nothing receives its answer

    forget(site, last)
    for group in (GROUP, SHOP):
        removed = pipeline(site, group, {"group": group, "task": "remove"})
        assert removed["outcome"] == "SUCCEEDED", removed["summary"]

    lose(site)


def asks(record: Record, action: str, group: str) -> bool:
    """Whether a group's execution has made a request."""
    return any(one.request.action == action and group in one.request.resource for one in record.entries())


def forget(site: Site, good: str) -> None:
    """Erase almost all users, who are in files of every kind, in a record's message and in a refused event.

    `good`: the current config.
    """
    sqs = site.cloud.client("sqs")
    site.drop(f"{GROUP}/usher.yaml", "solutions: u1")
    wait_until(lambda: any("u1" in record.get("summary", "") for record in site.records(GROUP)))
    site.drop(f"{GROUP}/usher.yaml", good)
    site.run(GROUP)
    for user in ("u1", "stays"):
        refused: Any = {**message("events", user, time.time()), "userId": user, "sessionId": user}
        sqs.send_message(QueueUrl=queue_url(site, "RefusedEvents"), MessageBody=encode(refused), **ordering(refused))
    users = "".join(f"u{number}\n" for number in range(59))
    site.s3.put_object(Bucket=site.bucket, Key=f"{GROUP}/erase/all.csv", Body=f"USER_ID\n{users}")
    pipeline(site, GROUP, {"group": GROUP, "task": "erase", "list": "all"})
    (record,) = (one for one in site.records(GROUP) if "erasure" in one)
    assert record["outcome"] == "SUCCEEDED", record["summary"]


def need_idle_campaign(site: Site) -> None:
    """Write the items of a plan and of a request that only a campaign can answer."""
    table = Table(site.cloud.client("dynamodb"), site.cloud.outputs["TableName"])
    Spending(table).note_settings(GROUP, None, {}, ["popular"])
    Tasks(table).request(GROUP, {"task": "idle", "solution": "popular"}, "2020-01-01")
    serving = ServingMaps(table)
    content = serving.read(GROUP)
    solutions = {**content["solutions"], "popular": {**content["solutions"]["popular"], "idle": True}}
    serving.write(GROUP, {**content, "solutions": solutions})  # type: ignore[typeddict-item]
    Demand(table).note(GROUP, "popular")


def wait_for_events(site: Site) -> None:
    """Let events wait for Personalize and be refused by it, store some on two occasions of a day, and compact them."""
    sqs, functions = site.cloud.client("sqs"), site.cloud.client("lambda")
    (keep,) = (name for one in functions.list_functions()["Functions"] if "Keep" in (name := one["FunctionName"]))
    old, folder = 86_400.0, f"{GROUP}/out/events/date=1970-01-02/"

    def files() -> int:
        return int(site.s3.list_objects_v2(Bucket=site.bucket, Prefix=folder)["KeyCount"])

    for number in (1, 2):
        sqs.send_message(QueueUrl=queue_url(site, "Kept"), MessageBody=encode(message("events", f"e{number}", old)))
        wait_until(lambda number=number: files() == number)  # type: ignore[misc]
    functions.invoke(FunctionName=keep, Payload="{}")
    assert files() == 1

    inject(Faults(down=True))
    kinds: tuple[Kind, ...] = ("events", "action-interactions")
    for kind in kinds:
        waiting = message(kind, "e", time.time())
        sqs.send_message(QueueUrl=queue_url(site, "Pending"), MessageBody=encode(waiting), **ordering(waiting))
    waiting_queue = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues[queue_url(site, "Pending").rpartition("/")[2]]
    wait_until(lambda: all(one.approximate_receive_count > 1 for one in waiting_queue._messages))
    inject(Faults())
    wait_until(lambda: not waiting_queue._messages)


Kind = Literal["events", "action-interactions"]


def message(kind: Kind, event_id: str, arrived: float) -> Message:
    """A message for a tracker that Personalize does not have."""
    named = "itemId" if kind == "events" else "actionId"
    event: Any = {"eventId": event_id, "eventType": "watch", named: "i1", "sentAt": arrived}
    return {
        "kind": kind,
        "group": GROUP,
        "trackingId": "gone",
        "sessionId": kind,
        "userId": "u1",
        "arrived": arrived,
        "events": [event],
    }


def lose(site: Site) -> None:
    """Let an event of a rule, and one of each schedule, fail to reach a target, and check the dead-letter queue."""

    def gone(arn: str, *_: object) -> None:
        raise LookupError(f"{arn} does not exist")

    sqs, found = site.cloud.client("sqs"), set[str]()
    queue = queue_url(site)

    def lost() -> bool:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for message in answer.get("Messages", []):
            attributes = {name: one["StringValue"] for name, one in message.get("MessageAttributes", {}).items()}
            found.update(
                attributes[name] for name in ("RULE_ARN", "SCHEDULE_ARN") if name in attributes
            )  # a function's: neither
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        kinds = [arn.split(":")[5].split("/")[0] for arn in found]
        return "rule" in kinds and kinds.count("schedule") == 3 and not answer.get("Messages")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site.cloud.scheduler.deliveries, "deliver", gone)
        site.s3.put_object(Bucket=site.bucket, Key="lost/usher.yaml", Body="solutions: none")
        site.days[0] += 1
        site.cloud.scheduler.tick()
        wait_until(lost)


def queue_url(site: Site, queue: str = "DeadLetterQueue") -> str:
    described = site.cloud.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=queue)
    return str(described["StackResourceDetail"]["PhysicalResourceId"])


def pipeline(site: Site, group: str, task: Mapping[str, str]) -> dict[str, Any]:
    """The record of a run that a person starts."""
    site.stepfunctions.start_execution(stateMachineArn=site.cloud.outputs["PipelineArn"], input=json.dumps(task))
    site.dropped[group] += 1
    return site.run(group)


@pytest.fixture(scope="module")
def record(site: Site) -> Iterator[Record]:
    with recording() as found:
        drive(site, found)
    yield found


@dataclass(frozen=True)
class Owner:
    """A role of the stack, its bucket or its queue, with the statements of its policies, without AWS's managed ones."""

    id: str
    statements: list[Statement]


def owners(site: Site) -> list[Owner]:
    resources = site.cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    names = {
        one["PhysicalResourceId"]: one["LogicalResourceId"]
        for page in resources
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == "AWS::IAM::Role"
    }
    found = [
        Owner(names[role.name], [
            statement
            for name, document in role.policies.items()
            for statement in parsed(document, f"{role.name}/{name}")
        ])
        for role in iam_backends[DEFAULT_ACCOUNT_ID][PARTITION].roles.values()
        if role.name in names
    ]  # fmt: skip
    queue = f"arn:{PARTITION}:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:{queue_url(site).rpartition('/')[2]}"
    return [
        *found,
        Owner("BucketPolicy", bucket_policy(DEFAULT_ACCOUNT_ID, PARTITION, site.bucket)),
        Owner("DeadLetterQueuePolicy", queue_policy(queue)),
    ]


def parts(statement: Statement) -> Iterator[tuple[str, Statement | None]]:
    """The removable parts of a statement, each with the rest of the statement."""
    body = statement.body
    for element in ("Action", "Resource"):
        values = listed(body[element])
        for value in values:
            rest = [one for one in values if one != value]
            yield value, replace(statement, body={**body, element: rest}) if rest else None


def unneeded(owner: Owner, statement: Statement, record: Record) -> Iterator[str]:
    """The actions and resources without which every recorded request would still be allowed."""
    itself = {action for role, action in ITSELF if role == owner.id}
    if itself.issuperset(listed(statement.body["Action"])):
        return
    allowed = [one for one in record.entries() if statement in one.decision.statements]
    for part, rest in parts(statement):
        if part not in itself and all(entry.without(statement, rest) for entry in allowed):
            yield part


def test_a_right_that_nothing_needs_and_one_that_is_missing_would_be_seen(site: Site, record: Record) -> None:
    (reconcile,) = (role for role in owners(site) if role.id == "ReconcileRole")
    more = Statement({"Effect": "Allow", "Action": "personalize:DeleteEverything", "Resource": "*"}, "more", 1)
    assert list(unneeded(reconcile, more, record)) == ["personalize:DeleteEverything", "*"]
    (recipes,) = (one for one in reconcile.statements if "recipe/" in str(one.body["Resource"]))
    missed = {entry.request.action for entry in record.entries() if not entry.without(recipes)}
    assert missed == {"personalize:CreateRecommender", "personalize:CreateSolution"}


def test_no_request_of_the_stack_is_refused(record: Record) -> None:
    assert [f"{entry.request.action} on {entry.request.resource}" for entry in record.refused()] == []


def tagged(request: Request, key: str, value: str | None) -> Request:
    """A request with another value of a condition key, or without it."""
    known = dict(request.context)
    known.pop(key)
    return replace(request, context=context(known | ({} if value is None else {key: value})))


CHANGES = ("Create", "Delete", "Stop", "Update", "TagResource")
STACK_KEYS = ("aws:resourcetag/usher:stack", "aws:requesttag/usher:stack")
UNTAGGED = {"metric-attribution", "recipe", "schema"}
"""Kinds of resources without tags in Personalize."""


def changes(record: Record) -> Iterator[Entry]:
    """The requests that changed a resource with tags in Personalize."""
    for entry in record.entries():
        service, operation = entry.request.action.split(":")
        kind = entry.request.resource.rpartition(":")[2].split("/")[0]
        if service == "personalize" and operation.startswith(CHANGES) and kind not in UNTAGGED and entry.decision:
            yield entry


def test_reconcile_may_neither_change_nor_give_to_resources_of_another_stack(record: Record) -> None:
    other = "arn:aws:cloudformation:us-east-1:123456789012:stack/other/1"
    for entry in changes(record):
        for key in STACK_KEYS:
            if key in dict(entry.request.context):
                assert not decide(entry.policy, tagged(entry.request, key, other)), (key, entry.request)


def test_reconcile_may_not_change_resources_without_the_stacks_tag(record: Record) -> None:
    """It may tag untagged resources: Personalize has no condition key for resources in creation."""
    changed = set()
    for entry in changes(record):
        request = entry.request
        keys = [key for key in STACK_KEYS if key in dict(request.context)]
        for key in keys if request.action == "personalize:TagResource" else keys[:1]:
            request = tagged(request, key, None)
        assert not decide(entry.policy, request), request
        changed.add(request.action.removeprefix("personalize:"))
    assert {"CreateSolutionVersion", "StopSolutionVersionCreation", "TagResource", "UpdateCampaign"} <= changed


def test_rights_under_a_condition_are_listed() -> None:
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    kinds = ("AWS::IAM::", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy")
    found = {name for name, one in resources.items() if one["Type"].startswith(kinds) and "Condition" in one}
    assert found == CONDITIONAL.keys()


def test_every_right_of_every_role_is_used(site: Site, record: Record) -> None:
    found = {
        (owner.id, part): str(statement)
        for owner in owners(site)
        for statement in owner.statements
        if statement.body["Effect"] == "Allow"
        for part in unneeded(owner, statement, record)
    }
    surplus = {key: place for key, place in found.items() if key not in UNUSED}
    findings = [f"{owner} ({place}): nothing needs {part}" for (owner, part), place in sorted(surplus.items())]
    assert not findings, (
        "Take these away from template.yaml; or use them in `drive` above; or give the reason to keep them in UNUSED:\n"
        + "\n".join(findings)
    )
    rights = {
        (owner.id, action)
        for owner in owners(site)
        for statement in owner.statements
        for action in listed(statement.body["Action"])
    }
    assert ITSELF.keys() <= rights, f"in no role: {ITSELF.keys() - rights}; take them out of ITSELF"
    assert UNUSED.keys() <= found.keys(), f"used by now: {UNUSED.keys() - found.keys()}; take them out of UNUSED"


def writer(site: Site, folder: str) -> Any:
    """An S3 client of a user who may do everything below a folder, and nothing else."""
    iam = site.cloud.client("iam")
    name = f"writer-of-{folder}"
    iam.create_user(UserName=name)
    own = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:{PARTITION}:s3:::{site.bucket}/{folder}/*"}
    document = {"Version": "2012-10-17", "Statement": own}
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    endpoint = site.cloud.environment["AWS_ENDPOINT_URL"]
    return client("s3", endpoint, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))


OUT = [
    "runs/20260101T000000000Z-abcd/plan.json",
    "runs/20260101T000000000Z-abcd/run.json",
    "runs/20260101T000000000Z-abcd/parts.json",
    "checks/0123456789ab/interactions-0.npz",
    "export/for-you/latest.json",
    "export/for-you/20260101T000000000Z-abcd-for-you-export/parts/part-0001.json",
    "batch/letter/1/letter.jsonl.out",
    "evaluation/latest.json",
]


def refused(call: Any, **given: Any) -> bool:
    try:
        call(**given)
    except ClientError as error:
        return str(error.response["Error"]["Code"]) == "AccessDenied"
    return False


def test_only_usher_writes_the_keys_that_usher_reads_even_against_administrators(site: Site) -> None:
    mallory = writer(site, "mallory")
    mallory.put_object(Bucket=site.bucket, Key="mallory/notes.txt", Body=b"mine")
    source = f"{site.bucket}/mallory/notes.txt"
    for s3 in (mallory, site.s3):
        for key in (f"{group}/out/{name}" for group in ("mallory", "victim", "train/victim") for name in OUT):
            there = {"Bucket": site.bucket, "Key": key}
            assert refused(s3.put_object, **there, Body=b"{}"), key
            assert refused(s3.copy_object, **there, CopySource=source), key
            assert refused(s3.create_multipart_upload, **there), key
            assert refused(s3.put_object_tagging, **there, Tagging={"TagSet": []}), key
    assert refused(mallory.put_object, Bucket=site.bucket, Key="victim/usher.yaml", Body=b"{}")
    assert not [key for key in site.keys("") if key.startswith(("mallory/out", "victim/", "train/victim"))]

"""Metrics, alarms and graphs: each alarm of the template goes off for its cause, and each graph has data."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from usher.costs.ledger import Spending
from usher.events.messages import encode, ordering
from usher.serving.serving_map import MAP
from usher.storage.table import Table

from tests.integration.conftest import ROOT, Site, interactions, new_group, wait_until
from tests.integration.test_rights import message
from usher_local.demo.caller import CallError
from usher_local.personalize import Faults, inject
from usher_local.personalize.models import personalize_backends

METRIC = "normalized_discounted_cumulative_gain_at_25"
STACK = "usher"


class Loader(yaml.CSafeLoader):
    """Reads a template's resource names and types, without intrinsic functions."""


Loader.add_multi_constructor("!", lambda *_: None)
RESOURCES = yaml.load((ROOT / "template.yaml").read_text(), Loader)["Resources"]  # noqa: S506 - a SafeLoader
ALARMS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::CloudWatch::Alarm"]


def physical(site: Site, name: str) -> str:
    """The name of a resource of the stack."""
    cloudformation = site.cloud.client("cloudformation")
    found = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=name)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def evaluated(site: Site, queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The series of the last hour that have values."""
    now = datetime.now(UTC)
    found = site.cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=now - timedelta(hours=1), EndTime=now + timedelta(minutes=1)
    )
    return [one for one in found["MetricDataResults"] if one["Values"]]


def total(site: Site, namespace: str, name: str, **dimensions: str) -> float:
    """The sum of a metric in the last hour."""
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    stat = {"Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": named}, "Period": 60, "Stat": "Sum"}
    return float(sum(value for one in evaluated(site, [{"Id": "m", "MetricStat": stat}]) for value in one["Values"]))


BUDGET = 100


@pytest.fixture(scope="module")
def live(site: Site) -> Iterator[str]:
    """A group with a campaign and a budget."""
    with new_group(site) as name:
        assert fed(site, name)["outcome"] == "SUCCEEDED"
        yield name


def fed(site: Site, group: str, **gate: float) -> dict[str, Any]:
    """The record of a run with one solution, with a gate if there are `bars`."""
    bars = {"gate": {"metric": METRIC, **gate}} if gate else {}
    solutions = {"top": {"recipe": "aws-popularity-count", **bars}}
    site.drop(f"{group}/usher.yaml", json.dumps({"solutions": solutions, "budget": {"monthly": BUDGET}}))
    site.drop(f"{group}/interactions.csv", interactions())
    return site.run(group)


def watch(site: Site) -> None:
    """Make Watch measure the age of models, as it does every hour."""
    payload = json.dumps({"detail": {}})
    answer = site.cloud.client("lambda").invoke(FunctionName=physical(site, "Watch"), Payload=payload)
    assert "FunctionError" not in answer


def test_a_runs_work_is_measured(site: Site, group: str) -> None:
    pipeline = {"StateMachineArn": site.cloud.outputs["PipelineArn"]}
    names = ("ExecutionsStarted", "ExecutionsSucceeded")
    before = [total(site, "AWS/States", name, **pipeline) for name in names]
    assert fed(site, group)["outcome"] == "SUCCEEDED"
    runs = len(site.executions(group))
    assert [total(site, "AWS/States", name, **pipeline) for name in names] == [value + runs for value in before]
    reconcile = {"FunctionName": physical(site, "Reconcile")}
    for name in ("Invocations", "Duration", "ConcurrentExecutions"):
        assert total(site, "AWS/Lambda", name, **reconcile) > 0

    site.cloud.alarms.tick()
    found = site.resources(group)
    (job,), (version,), (campaign,) = (found[kind] for kind in ("dataset_import_job", "solution_version", "campaign"))
    about_import = {
        "DatasetGroupArn": found["dataset_group"][0],
        "DatasetArn": found["dataset"][0],
        "DatasetImportJobArn": job,
    }
    about_training = {"SolutionArn": version.rpartition("/")[0], "SolutionVersionArn": version}
    for kind, dimensions in (("DatasetImportJob", about_import), ("SolutionTrainingJob", about_training)):
        assert total(site, "AWS/Personalize", f"{kind}Requests", **dimensions) == 1
        assert total(site, "AWS/Personalize", f"{kind}ExecutionTime", **dimensions) >= 60
        assert total(site, "AWS/Personalize", f"{kind}Error", **dimensions) == 0
    earlier = total(
        site, "AWS/Personalize", "GetRecommendations", CampaignArn=campaign
    )  # by Publish, for the popular list
    for _ in range(3):
        site.api.get(f"/{group}/recommendations/u1")
    assert total(site, "AWS/Personalize", "GetRecommendations", CampaignArn=campaign) == earlier + 3
    assert total(site, "AWS/Personalize", "GetRecommendationsLatency", CampaignArn=campaign) > 0
    with pytest.raises(ClientError):
        site.cloud.client("personalize-runtime").get_recommendations(campaignArn=campaign, userId="u1", numResults=501)
    assert total(site, "AWS/Personalize", "GetRecommendations4xxErrors", CampaignArn=campaign) == 1


def test_a_request_is_counted_with_its_status(site: Site) -> None:
    api = {"ApiId": physical(site, "Api")}
    names = ("Count", "4xx", "5xx")
    before = [total(site, "AWS/ApiGateway", name, **api) for name in names]
    with pytest.raises(CallError, match="404"):
        site.api.get("/nowhere/recommendations/u1")
    after = [total(site, "AWS/ApiGateway", name, **api) for name in names]
    assert [now - past for now, past in zip(after, before, strict=True)] == [1, 1, 0]
    assert (
        total(site, "AWS/ApiGateway", "Latency", **api)
        >= total(site, "AWS/ApiGateway", "IntegrationLatency", **api)
        > 0
    )


def test_every_graph_of_the_dashboard_finds_data(site: Site, live: str) -> None:
    watch(site)
    a_campaign_stays_down(site, live, seconds=0)
    events_wait(site, live)
    with pytest.raises(CallError, match="400"):
        site.api.post(f"/{live}/events", {})
    with pytest.raises(CallError, match="404"):
        site.api.get("/nowhere/recommendations/u1")
    body = site.cloud.client("cloudwatch").get_dashboard(DashboardName=physical(site, "Dashboard"))["DashboardBody"]
    graphs = [one["properties"] for one in json.loads(body)["widgets"] if one["type"] == "metric"]
    queries = {f"{one['title']} {row}": query for one in graphs for row, query in enumerate(drawn(one))}
    assert len(queries) >= len(graphs) > 0
    wait_until(lambda: not [title for title, query in queries.items() if not evaluated(site, [query])])


def drawn(graph: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The queries of a graph:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""
    found: list[dict[str, Any]] = []
    above: list[str] = []
    for row in graph["metrics"]:
        if isinstance(row[0], dict):
            found.append({"Id": "q", "Expression": row[0]["expression"]})
            continue
        above = [above[place] if part == "." else part for place, part in enumerate(row)]
        dimensions = [{"Name": name, "Value": value} for name, value in zip(above[2::2], above[3::2], strict=True)]
        metric = {"Namespace": above[0], "MetricName": above[1], "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": graph["period"], "Stat": graph["stat"]}
        found.append({"Id": "q", "MetricStat": stat})
    return found


# The cause of each alarm, brought about


def a_run_fails(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", "")
    assert site.settle(group)[0]["status"] == "FAILED"


def an_execution_fails(output: str) -> Callable[[Site, str], None]:
    def cause(site: Site, group: str) -> None:
        arn = site.cloud.outputs[output]
        started = site.stepfunctions.start_execution(stateMachineArn=arn, input=json.dumps({"group": group}))

        def status() -> str:
            return str(site.stepfunctions.describe_execution(executionArn=started["executionArn"])["status"])

        wait_until(lambda: status() != "RUNNING")
        assert status() == "FAILED"

    return cause


def an_event_is_lost(site: Site, _: str) -> None:
    sqs = site.cloud.client("sqs")
    sqs.send_message(QueueUrl=physical(site, "DeadLetterQueue"), MessageBody="{}")


def events_wait(site: Site, group: str) -> None:  # noqa: ARG001 - a cause's signature
    """An event of an hour ago, while Personalize is down."""
    waiting = message("events", "waiting", time.time() - 3600)
    inject(Faults(down=True))
    try:
        site.cloud.client("sqs").send_message(
            QueueUrl=physical(site, "Pending"), MessageBody=encode(waiting), **ordering(waiting)
        )
        wait_until(lambda: total(site, "Usher", "SecondsPending", service=STACK) >= 3600)
    finally:
        inject(Faults())


def events_are_refused(site: Site, group: str) -> None:  # noqa: ARG001 - a cause's signature
    refused = message("events", "refused", time.time())
    queue = physical(site, "RefusedEvents")
    site.cloud.client("sqs").send_message(QueueUrl=queue, MessageBody=encode(refused), **ordering(refused))


def a_version_is_held(site: Site, group: str) -> None:
    assert fed(site, group, atLeast=2)["outcome"] == "HELD"


def a_model_grows_old(site: Site, group: str) -> None:
    for backend in personalize_backends["123456789012"].values():
        for arn in site.arns(group, "solution_version"):
            if arn in backend.resources:
                backend.resources[arn].life.created -= timedelta(days=15).total_seconds()
    watch(site)


def the_api_breaks(site: Site, group: str) -> None:
    """Five times, at all routes."""
    broken = {"group": {"S": group}, "item": {"S": MAP}, "map": {"S": "no JSON"}}
    dynamodb, table = site.cloud.client("dynamodb"), site.cloud.outputs["TableName"]
    dynamodb.put_item(TableName=table, Item=broken)
    path, key = f"/{group}/recommendations/anna", site.api_keys.create(group, "mail tool", ["GET recommendations"])
    callers = [
        *[partial(signed_status, site, path)] * 2,
        *[lambda: site.send("KeyApiUrl", "GET", path, x_api_key=key)[0]] * 2,
        lambda: site.send("TokenApiUrl", "GET", path, Authorization=f"Bearer {site.issuer.token('anna')}")[0],
    ]
    for status in callers:  # at first the API may read the earlier map
        wait_until(lambda status=status: status() == HTTPStatus.INTERNAL_SERVER_ERROR)  # type: ignore[misc]
    dynamodb.delete_item(TableName=table, Key={name: broken[name] for name in ("group", "item")})


def signed_status(site: Site, path: str) -> int:
    try:
        site.api.get(path)
    except CallError as error:
        return error.status
    return HTTPStatus.OK


def a_campaign_stays_down(site: Site, group: str, seconds: float = 10) -> None:
    """Until a breaker has been open for more than five seconds: the probes fail after 1, 3 and 7 seconds.

    `seconds`: the sum to wait for.
    """
    before = total(site, "Usher", "BreakerOpenSeconds", service=STACK)

    def stays_open() -> bool:
        site.api.get(f"/{group}/recommendations/u1")
        return total(site, "Usher", "BreakerOpenSeconds", service=STACK) - before > seconds

    inject(Faults(down=True))
    try:
        wait_until(stays_open)
    finally:
        inject(Faults())


def a_quota_is_nearly_used(site: Site, group: str) -> None:
    """Four of the five dataset groups that a region may have."""
    others = [f"{group}-other{number}" for number in range(4 - len(site.arns("", "dataset_group")))]
    arns = [site.personalize.create_dataset_group(name=name)["datasetGroupArn"] for name in others]
    watch(site)
    for arn in arns:
        status = partial(lambda arn: site.personalize.describe_dataset_group(datasetGroupArn=arn), arn)
        wait_until(lambda status=status: status()["datasetGroup"]["status"] == "ACTIVE")  # type: ignore[misc]
        site.personalize.delete_dataset_group(datasetGroupArn=arn)
    wait_until(lambda: not site.arns(f"{group}-other", "dataset_group"))


def a_budget_is_nearly_spent(site: Site, group: str) -> None:
    """Other costs have used most of it."""
    Spending(Table(site.cloud.client("dynamodb"), site.cloud.outputs["TableName"])).order(group, "other", 0.85 * BUDGET)
    watch(site)


def personalize_is_down(site: Site, group: str) -> None:
    inject(Faults(down=True))
    try:
        answers = [site.api.get(f"/{group}/recommendations/u1") for _ in range(20)]
    finally:
        inject(Faults())
    assert all((one["source"], one["degraded"]["reason"]) == ("popular", "ServerError") for one in answers)
    assert all(one["itemList"] for one in answers)


CAUSES: Mapping[str, Callable[[Site, str], None]] = MappingProxyType(
    {
        "ExecutionFailed": a_run_fails,
        "EventLost": an_event_is_lost,
        "EventsWaiting": events_wait,
        "EventsRefused": events_are_refused,
        "VersionHeld": a_version_is_held,
        "ModelStale": a_model_grows_old,
        "ApiErrors": the_api_breaks,
        "AnswersDegraded": personalize_is_down,
        "BreakerOpen": a_campaign_stays_down,
        "BudgetNear": a_budget_is_nearly_spent,
        "QuotaNear": a_quota_is_nearly_used,
    }
)
OF_WHAT_IS_LIVE = ("ModelStale", "AnswersDegraded", "BreakerOpen", "BudgetNear")
"""Alarms whose causes need a group with a campaign, and do not change it."""


@pytest.mark.parametrize("cause", [a_run_fails, an_execution_fails("ExportArn"), an_execution_fails("EvaluationArn")])
def test_the_alarm_of_executions_counts_those_of_every_state_machine(
    site: Site, group: str, cause: Callable[[Site, str], None]
) -> None:
    alarm = physical(site, "ExecutionFailed")
    (described,) = site.cloud.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]

    def failed() -> float:
        return float(sum(value for one in evaluated(site, described["Metrics"]) for value in one["Values"]))

    before = failed()
    cause(site, group)
    wait_until(lambda: failed() == before + 1)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_goes_off_for_its_cause_and_the_topic_hears_of_it(
    site: Site, inbox: Callable[[], list[str]], name: str, request: pytest.FixtureRequest
) -> None:
    group = request.getfixturevalue("live" if name in OF_WHAT_IS_LIVE else "group")
    alarm = physical(site, name)
    cloudwatch = site.cloud.client("cloudwatch")
    CAUSES[name](site, group)
    if cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] == "ALARM":
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="A former test brought it about.")

    def heard() -> bool:
        site.cloud.alarms.tick()
        messages = [json.loads(one) for one in inbox() if one.startswith('{"AlarmName"')]
        return any((one["AlarmName"], one["NewStateValue"]) == (alarm, "ALARM") for one in messages)

    wait_until(heard)

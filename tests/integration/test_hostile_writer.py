"""A hostile writer of one folder, with the policy of docs/security.md, and a group whose name begins alike."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from usher.storage.layout import is_input

from tests.integration.conftest import KINDS, NUMBERS, ROOT, Site, interactions
from tests.integration.test_export import export
from usher_local.cloud.access import credentials
from usher_local.demo.caller import Caller, CallError

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(900)]

FILTER = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'
POPULAR: Mapping[str, Any] = {"recipe": "aws-popularity-count"}
VICTIM: Mapping[str, Any] = {
    "solutions": {"popular": POPULAR},
    "filters": {"seen": FILTER},
    "exports": {"popular": {"table": True, "numResults": 3}},
    "schedules": {"retrain": "rate(30 days)"},
}
POLICY = re.compile(r"^```json\n(.*?)^```$", re.S | re.M)


@dataclass(frozen=True, slots=True)
class Writer:
    """A user who may write in the folder `group`, and attacks the group `victim`."""

    site: Site
    group: str
    keys: Credentials

    @property
    def victim(self) -> str:
        return f"{self.group}-eu"

    def client(self, service: str) -> Any:
        return credentials.client(service, self.site.cloud.endpoint, self.keys)

    def put(self, key: str, content: str) -> None:
        self.client("s3").put_object(Bucket=self.site.bucket, Key=key, Body=content.encode())
        self.site.dropped[f"{self.group}/"] += is_input(key)

    def run(self) -> dict[str, Any]:
        """The record of the group's newest run, after all have ended."""
        self.site.settle(f"{self.group}/")  # with the slash: the victim's name begins with the group's
        return self.site.records(self.group)[-1]


@pytest.fixture(scope="module")
def writer(site: Site) -> Iterator[Writer]:
    """A writer with a victim that is live and has an export."""
    group = f"w{next(NUMBERS)}x"
    (policy,) = POLICY.findall((ROOT / "docs" / "security.md").read_text())
    iam = site.cloud.client("iam")
    iam.create_user(UserName=group)
    document = policy.replace("BUCKET", site.bucket).replace("GROUP", group)
    iam.put_user_policy(UserName=group, PolicyName="folder", PolicyDocument=document)
    key = iam.create_access_key(UserName=group)["AccessKey"]
    made = Writer(site, group, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
    site.drop(f"{made.victim}/usher.yaml", json.dumps(VICTIM))
    site.drop(f"{made.victim}/interactions.csv", interactions())
    assert site.run(made.victim)["outcome"] == "SUCCEEDED"
    assert export(site, made.victim)["status"] == "SUCCEEDED"
    yield made
    for name in (made.victim, group):
        site.remove(name)


def seen(site: Site, group: str) -> dict[str, str]:
    """The whole state of a group: its resources in Personalize as described, with tags; versions of files, items,
    schedules.

    A resource belongs to the group if it refers, directly or indirectly, to its dataset group; names do not count.
    """
    described = dict(resources(site))
    (top,) = (arn for arn in described if arn.endswith(f":dataset-group/{group}"))
    owned: dict[str, Any] = {top: described[top]}
    for _ in KINDS:  # a job refers to a version, a version to a solution, a solution to the dataset group
        for arn, details in described.items():
            parents = {str(value) for name, value in details.items() if name.endswith("Arn") and value != arn}
            if any(parent in owned or parent.rpartition("/")[0] in owned for parent in parents):
                owned[arn] = details
    used = {details["schemaArn"] for details in owned.values() if "schemaArn" in details}
    owned |= {arn: described[arn] for arn in used}
    for page in site.s3.get_paginator("list_object_versions").paginate(Bucket=site.bucket, Prefix=f"{group}/"):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            owned[f"{one['Key']} {one['VersionId']}"] = one.get("ETag")
    for page in site.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=site.cloud.outputs["TableName"]):
        for item in page["Items"]:
            if item["group"]["S"].split("#")[0] == group:
                owned[f"{item['group']['S']} {item['item']['S']}"] = item
    scheduler = site.cloud.client("scheduler")
    for one in scheduler.list_schedules(GroupName="usher", NamePrefix=f"{group}.")["Schedules"]:
        schedule = scheduler.get_schedule(GroupName="usher", Name=one["Name"])
        owned[one["Arn"]] = {name: value for name, value in schedule.items() if name != "ResponseMetadata"}
    return {name: json.dumps(what, default=str, sort_keys=True) for name, what in owned.items()}


def resources(site: Site) -> Iterator[tuple[str, dict[str, Any]]]:
    """All resources of Personalize by ARN, as described, with tags."""
    for kind, member in {**KINDS, "batch_inference_job": "batchInferenceJobArn"}.items():
        for page in site.personalize.get_paginator(f"list_{kind}s").paginate():
            (listed,) = (part for part in page.values() if isinstance(part, list))
            for one in listed:
                arn = one[member]
                answer = getattr(site.personalize, f"describe_{kind}")(**{member: arn})
                (details,) = (part for name, part in answer.items() if name != "ResponseMetadata")
                tags = [] if kind == "schema" else site.personalize.list_tags_for_resource(resourceArn=arn)["tags"]
                yield arn, {**details, "tags": sorted(map(str, tags))}


def refusal(call: Callable[[], Any]) -> str | None:
    """The error code of a call, or None."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def test_a_writer_reaches_its_own_files_alone(site: Site, writer: Writer) -> None:
    s3, bucket, group, victim = writer.client("s3"), site.bucket, writer.group, writer.victim
    before = seen(site, victim)
    put = partial(s3.put_object, Bucket=bucket, Body=b"{}")
    assert refusal(lambda: put(Key=f"{group}/notes.txt")) is None
    assert refusal(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"{group}/")) is None
    assert refusal(lambda: s3.get_object(Bucket=bucket, Key=f"{group}/notes.txt")) is None
    assert refusal(lambda: s3.delete_object(Bucket=bucket, Key=f"{group}/notes.txt")) is None
    run = next(key for key in site.keys(f"{victim}/out/runs/") if key.endswith("/plan.json"))
    keys = [
        *(f"{victim}/{name}" for name in ("usher.yaml", "interactions.csv", "out/runs/x/plan.json")),
        *(f"train/{victim}/usher.yaml", f"batch/{victim}/job_config.json", "usher.yaml", "out/runs/x/plan.json"),
        *(f"{group}/out/{name}" for name in ("runs/x/plan.json", "runs/x/run.json", "checks/x.json")),
        *(f"{group}/out/{name}" for name in ("export/popular/latest.json", "evaluation/x/report.json")),
        run.replace(victim, group),
    ]
    attacks: dict[str, Callable[[], Any]] = {
        **{f"put {key}": partial(put, Key=key) for key in keys},
        **{f"delete {key}": partial(s3.delete_object, Bucket=bucket, Key=key) for key in keys},
        "read": lambda: s3.get_object(Bucket=bucket, Key=f"{victim}/interactions.csv"),
        "read a plan": lambda: s3.get_object(Bucket=bucket, Key=run),
        "list": lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"{victim}/"),
        "list by half a name": lambda: s3.list_objects_v2(Bucket=bucket, Prefix=group),
        "list all": lambda: s3.list_objects_v2(Bucket=bucket),
        "copy": lambda: s3.copy_object(
            Bucket=bucket, Key=f"{group}/interactions.csv", CopySource=f"{bucket}/{victim}/interactions.csv"
        ),
        "open the bucket": lambda: s3.delete_bucket_policy(Bucket=bucket),
    }
    assert {name: refusal(call) for name, call in attacks.items()} == dict.fromkeys(attacks, "AccessDenied")
    assert seen(site, victim) == before


def test_a_writer_commands_nothing(site: Site, writer: Writer) -> None:
    before = seen(site, writer.victim)
    arns = site.resources(writer.victim)
    personalize, dynamodb = writer.client("personalize"), writer.client("dynamodb")
    outputs = site.cloud.outputs
    function = site.cloud.client("lambda").list_functions()["Functions"][0]["FunctionName"]
    removal = json.dumps({"group": writer.victim, "task": "remove"})
    event = {"Source": "usher", "DetailType": "Run Ended", "Detail": "{}"}
    attacks: list[Callable[[], Any]] = [
        lambda: personalize.delete_campaign(campaignArn=arns["campaign"][0]),
        lambda: personalize.describe_solution(solutionArn=arns["solution"][0]),
        lambda: personalize.tag_resource(resourceArn=arns["dataset_group"][0], tags=[]),
        lambda: personalize.list_campaigns(),
        lambda: dynamodb.scan(TableName=outputs["TableName"]),
        lambda: dynamodb.delete_item(TableName=outputs["TableName"], Key={"group": {"S": "x"}, "item": {"S": "x"}}),
        lambda: writer.client("stepfunctions").start_execution(stateMachineArn=outputs["PipelineArn"], input=removal),
        lambda: writer.client("lambda").invoke(FunctionName=function, Payload=b"{}"),
        lambda: writer.client("scheduler").list_schedules(GroupName="usher"),
        lambda: writer.client("events").put_events(Entries=[event]),
        lambda: writer.client("sns").publish(TopicArn=outputs["TopicArn"], Message="x"),
        lambda: writer.client("iam").list_users(),
    ]
    codes = [refusal(call) for call in attacks]
    assert {str(code).removesuffix("Exception") for code in codes} == {"AccessDenied"}, codes
    api = Caller(outputs["ApiUrl"], credentials.REGION, writer.keys)
    with pytest.raises(CallError, match="403"):
        api.get(f"/{writer.victim}/recommendations/u1")
    assert seen(site, writer.victim) == before


def hostile(site: Site, group: str, victim: str) -> dict[str, dict[str, Any]]:
    """Configs that request the victim's resources, by the kind of attempt."""
    names = {kind: site.arns(victim, kind)[0].split("/", 1)[1] for kind in ("solution", "campaign", "filter", "schema")}
    mine: dict[str, Any] = {"solutions": {"popular": POPULAR}, "exports": False}
    place = {"path": f"s3://{site.bucket}/{victim}/"}
    return {
        # The group's eu-popular begins like the victim's popular.
        "have names that begin alike": {
            "solutions": {"eu-popular": POPULAR, "popular": POPULAR},
            "filters": {"eu-seen": FILTER},
            "exports": {"eu-popular": {"table": True, "numResults": 3}},
            "schedules": {"retrain": "rate(7 days)"},
        },
        "adopt the dataset group": mine | {"adopt": {f"dataset_group/{group}": victim}},
        "adopt what lies in it": mine
        | {
            "filters": {"seen": FILTER},
            "adopt": {f"{kind}/popular": names[kind] for kind in ("solution", "campaign")}
            | {"filter/seen": names["filter"]},
        },
        "adopt its schema": mine | {"adopt": {"schema/interactions": names["schema"]}},
        "read its files": mine
        | {"batch": {"x": {"solution": "popular", "numResults": 3, "input": f"{victim}/interactions.csv"}}},
        "write into its folder": mine
        | {
            "metricAttribution": {
                "metrics": [{"eventType": "watch", "metricName": "m", "expression": "SAMPLECOUNT()"}],
                "metricsOutputConfig": {"s3DataDestination": place},
            }
        },
        "call itself so": mine | {"group": {"name": victim}},
        "bear another's tag": mine | {"tags": [{"tagKey": "usher:stack", "tagValue": "arn:x"}]},
        "prune what begins alike": {"solutions": {"popular": POPULAR}, "exports": False, "prune": True},
    }


def test_a_hostile_folder_leaves_the_other_group_as_it_was(site: Site, writer: Writer) -> None:
    before = seen(site, writer.victim)
    kinds = {name.split(":")[5].split("/")[0].replace("-", "_") for name in before if ":personalize:" in name}
    assert kinds == {*KINDS, "batch_inference_job"} - {"solution_version"}  # whose ARN is below its solution's
    writer.put(f"{writer.group}/interactions.csv", interactions())
    ends = {}
    for attack, config in hostile(site, writer.group, writer.victim).items():
        writer.put(f"{writer.group}/usher.yaml", json.dumps(config))
        ends[attack] = writer.run()["outcome"]
        after = seen(site, writer.victim)
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        assert not changed, f"{attack}: {changed}"
    assert site.api.get(f"/{writer.victim}/recommendations/u1", numResults=3)["itemList"]
    works = {"have names that begin alike", "prune what begins alike"}
    # A meaningless line of adopt may be noted, and the run may go on.
    assert {attack: end for attack, end in ends.items() if not attack.startswith("adopt")} == {
        attack: "SUCCEEDED" if attack in works else "FAILED" for attack in ends if not attack.startswith("adopt")
    }

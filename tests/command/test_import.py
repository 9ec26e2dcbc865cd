"""`usher import`: Usher adopts existing resources of Personalize, and makes none of them again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from usher.aws import client
from usher.config.parser import read_config
from usher.errors import UsherError
from usher.resources.kinds import GROUP_TAG, STACK_TAG
from usher.resources.ownership import CLOUDFORMATION_TAG, stack_name

from tests.command.world import run_command
from tests.unit.usher.world import interactions
from usher_cli.actions.adoption import adopt
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drafts import draft_of, is_costly
from usher_local.simulation.stack import Stack

ROLE = "arn:aws:iam::123456789012:role/old"
RECIPE = "arn:aws:personalize:::recipe/"
EXPRESSION = 'EXCLUDE ItemID\n  WHERE Interactions.EVENT_TYPE IN ("watch")'
FIELDS: dict[str, dict[str, Any]] = {
    "interactions": {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"},
    "items": {"ITEM_ID": "string", "YEAR": "int"},
}
SCHEMA = {
    "type": "record",
    "name": "Old",
    "namespace": "old",
    "fields": [{"name": name, "type": kind} for name, kind in FIELDS["interactions"].items()],
    "version": "1.0",
}
ITEMS = "ITEM_ID,YEAR\n" + "".join(f"i{item},{1980 + item}\n" for item in range(40))
MONTHLY = {"schedulingExpression": "rate(30 days)"}
LONG = "solution-that-recommends-films-to-everyone-in-the-village"


class Old:
    """A dataset group that was made by hand, from files in a bucket of its own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.personalize = client("personalize")
        self.s3 = client("s3")

    def put(self, key: str, content: str) -> None:
        self.s3.put_object(Bucket="old-data", Key=key, Body=content)

    def make(self, kind: str, **members: Any) -> str:
        """Create a resource and wait until it is ACTIVE."""
        (arn,) = (
            value
            for name, value in getattr(self.personalize, f"create_{kind}")(**members).items()
            if name.endswith("Arn")
        )
        self.stack.clock.shift(3 * 3600)
        return str(arn)

    def dataset(self, group: str, dataset: str, location: str, name: str = "") -> None:
        schema = {**SCHEMA, "fields": [{"name": field, "type": kind} for field, kind in FIELDS[dataset].items()]}
        schema_arn = self.make("schema", name=name or f"old-{dataset}-schema", schema=json.dumps(schema, indent=8))
        made = self.make(
            "dataset", name=f"Old_{dataset}", datasetType=dataset.upper(), datasetGroupArn=group, schemaArn=schema_arn
        )
        self.load(made, location)

    def load(self, dataset: str, location: str) -> None:
        source = {"dataLocation": f"s3://old-data/{location}"}
        job = f"old-{len(self.stack.personalize.resources)}"
        self.make("dataset_import_job", jobName=job, datasetArn=dataset, dataSource=source, roleArn=ROLE)


@pytest.fixture(scope="module")
def account(deployment: Stack) -> Iterator[Stack]:
    """The account, with a bucket outside the stack, and a role to read it."""
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    service = {"Principal": {"Service": "personalize.amazonaws.com"}}
    client("s3").create_bucket(Bucket="old-data")
    client("s3").put_bucket_policy(Bucket="old-data", Policy=_policy(everything | service))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", **service}
    client("iam").create_role(RoleName="old", AssumeRolePolicyDocument=_policy(trust))
    client("iam").put_role_policy(RoleName="old", PolicyName="all", PolicyDocument=_policy(everything))
    yield deployment
    client("iam").delete_role_policy(RoleName="old", PolicyName="all")
    client("iam").delete_role(RoleName="old")
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets["old-data"].keys.clear()
    client("s3").delete_bucket(Bucket="old-data")


@pytest.fixture
def old(account: Stack, stack: Stack) -> Old:  # noqa: ARG001 - sets the scene
    """A group with two datasets, a tracker, a filter, and two solutions, one of them with a campaign."""
    old = Old(stack)
    client("s3").delete_object(Bucket="old-data", Key="exports/part-3.csv")
    old.put("exports/part-1.csv", interactions(users=40))
    old.put("exports/part-2", interactions(users=30))
    old.put("catalogue.csv", ITEMS)
    stack.begin(make)
    return old


def make(stack: Stack) -> None:
    """Make the group from files that are there."""
    old = Old(stack)
    group = old.make("dataset_group", name="OldFilms")
    old.dataset(group, "interactions", "exports/")
    old.dataset(group, "items", "catalogue.csv")
    old.make("event_tracker", name="clicks", datasetGroupArn=group)
    old.make("filter", name="unseen", datasetGroupArn=group, filterExpression=EXPRESSION)
    for name, recipe, more in (
        ("old_sims", "aws-sims", {"performAutoTraining": False}),
        (
            LONG,
            "aws-user-personalization-v2",
            {"solutionConfig": {"autoTrainingConfig": {"schedulingExpression": "rate(30 days)"}}},
        ),
    ):
        solution = old.make("solution", name=name, recipeArn=RECIPE + recipe, datasetGroupArn=group, **more)
        version = old.make("solution_version", solutionArn=solution)
        if recipe == "aws-sims":
            config = {"enableMetadataWithRecommendations": True}
            old.make("campaign", name="live", solutionVersionArn=version, minProvisionedTPS=2, campaignConfig=config)


def made(stack: Stack) -> set[str]:
    return {arn for arn in stack.personalize.resources if ":schedule/" not in arn}


def test_the_config_describes_the_existing_resources(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    text = run_command(capsys, "import", "OldFilms", "--group", "films")
    content = yaml.safe_load(text)
    config = read_config(content, "usher.yaml", "films", ["aws-sims", "aws-user-personalization-v2"])
    assert {one.recipe for one in config.solutions} == {"aws-sims", "aws-user-personalization-v2"}
    sims, other = sorted(config.solutions, key=lambda one: one.recipe)
    assert sims.campaign == {"minProvisionedTPS": 2, "campaignConfig": {"enableMetadataWithRecommendations": True}}
    assert other.campaign is None
    assert other.settings["performAutoTraining"] is True
    assert config.filters["unseen"]["filterExpression"] == " ".join(EXPRESSION.split())
    assert config.exports == {}
    assert content["adopt"] == {
        "dataset_group/films": "OldFilms",
        "schema/interactions": "old-interactions-schema",
        "schema/items": "old-items-schema",
        "filter/unseen": "unseen",
        "solution/old_sims": "old_sims",
        f"solution/{other.name}": LONG,
        "campaign/old_sims": "live",
    }
    assert not old.stack.read("films/.*"), "it only prints"


def test_a_plan_for_adopted_resources_has_nothing_to_do(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    before = made(old.stack)
    text = run_command(capsys, "import", "OldFilms", "--group", "films", "--adopt")
    assert "Total: about 0 minutes" in text
    versions = [one for one in old.stack.personalize.resources.values() if one.kind.name == "SolutionVersion"]
    assert versions
    assert all(":stack/usher/" in one.tags[STACK_TAG] for one in versions), "IAM may look at these"
    execution = old.stack.drop("films/interactions/part-1.csv")
    assert execution.status == "SUCCEEDED"
    assert made(old.stack) == before, "the run makes nothing"
    assert "Nothing to do." in run_command(capsys, "plan", "films")
    served = json.loads(old.stack.items("films")["serving"]["map"]["S"])
    assert set(served["solutions"]) == {"old_sims", *[name for name in served["solutions"] if name != "old_sims"]}
    assert served["solutions"]["old_sims"]["campaignArn"].endswith(":campaign/live")


def test_adopted_resources_live_on(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    """New data is imported into the adopted resources; a changed resource gets a successor beside the adopted one."""
    run_command(capsys, "import", "OldFilms", "--group", "films", "--adopt")
    before = made(old.stack)
    old.stack.put("films/interactions/part-3.csv", interactions(users=80))
    assert old.stack.drop("films/interactions/part-3.csv").status == "SUCCEEDED"
    new = made(old.stack) - before
    assert sorted(arn.split(":")[5].split("/")[0] for arn in new) == ["dataset-import-job", "solution", "solution"]
    assert {arn.split("/")[1] for arn in new if ":solution/" in arn} == {"old_sims", LONG}, "versions of the old ones"

    text = old.stack.personalize  # the campaign serves the newest version in its place
    campaign = client("personalize").describe_campaign(
        campaignArn=next(arn for arn in text.resources if "/live" in arn)
    )
    assert campaign["campaign"]["solutionVersionArn"] in new

    key = "films/usher.yaml"
    s3 = client("s3")
    content = yaml.safe_load(s3.get_object(Bucket=old.stack.bucket, Key=key)["Body"].read())
    content["filters"]["unseen"]["filterExpression"] = EXPRESSION.replace("watch", "buy")
    before = made(old.stack)
    old.stack.put(key, json.dumps(content))
    assert old.stack.drop(key).status == "SUCCEEDED"
    (changed,) = made(old.stack) - before
    assert ":filter/films-unseen-" in changed
    assert any(arn.endswith(":filter/unseen") for arn in made(old.stack)), "what Usher has not made it does not delete"


def test_the_page_takes_over_what_the_command_does_and_is_refused_what_costs_money(old: Old) -> None:
    stack = DeployedStack("usher")
    action = adopt(stack, "OldFilms", "films", from_stack="", anyway=False)
    plan = action.plan()
    assert any("Will be tagged as the stack's" in one and "OldFilms" in one for one in plan["sentences"])
    assert action.carry_out(lambda _: None).message.startswith("Usher now manages OldFilms")
    assert not is_costly(draft_of(stack, "films", stack.bucket))
    with pytest.raises(UsherError, match="can't be the name of a dataset group"):
        adopt(stack, "OldFilms", "", from_stack="", anyway=False).plan()
    old.put("exports/part-1.csv", interactions(users=45))
    refused = adopt(stack, "OldFilms", "films2", from_stack="", anyway=False)
    with pytest.raises(UsherError):
        refused.plan()


def test_versions_from_before_the_change_of_data_are_made_again(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    """And only if the command allows it."""

    def tags() -> dict[str, dict[str, str]]:
        return {arn: dict(one.tags) for arn, one in old.stack.personalize.resources.items()}

    before = tags()
    old.put("exports/part-3.csv", interactions(users=50))
    command = ("import", "OldFilms", "--group", "films", "--adopt")
    text = run_command(capsys, *command, status=1)
    assert "dataset_import_job/interactions is older than its inputs" in text
    assert "solution_version/old_sims is older than" in text
    assert "Nothing was changed" in text
    assert tags() == before
    assert not old.stack.read("films/.*")
    run_command(capsys, *command, "--anyway")
    assert old.stack.drop("films/usher.yaml").status == "SUCCEEDED"
    assert "Nothing to do." in run_command(capsys, "plan", "films")


def test_resources_that_cannot_be_adopted_are_noted(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    versions = client("personalize").list_solution_versions()["solutionVersions"]
    version = next(one["solutionVersionArn"] for one in versions if "old_sims" in one["solutionVersionArn"])
    old.make("campaign", name="second", solutionVersionArn=version)
    assert "Note: second is another campaign of old_sims" in run_command(
        capsys, "import", "OldFilms", "--group", "films"
    )


def test_a_domain_group_is_taken_over_with_its_recommenders(
    account: Stack,  # noqa: ARG001 - sets the scene
    stack: Stack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = Old(stack)
    rows = interactions().splitlines()
    old.put("views.csv", "\n".join([f"{rows[0]},EVENT_TYPE", *(f"{row},View" for row in rows[1:])]) + "\n")
    group = old.make("dataset_group", name="Shop", domain="ECOMMERCE")
    fields = [
        {"name": name, "type": kind} for name, kind in (FIELDS["interactions"] | {"EVENT_TYPE": "string"}).items()
    ]
    avro = {"type": "record", "name": "Views", "namespace": "old", "fields": fields, "version": "1.0"}
    schema = old.make("schema", name="views", schema=json.dumps(avro), domain="ECOMMERCE")
    members = {"datasetGroupArn": group}
    old.load(old.make("dataset", name="v", datasetType="Interactions", schemaArn=schema, **members), "views.csv")
    old.make("recommender", name="top", recipeArn=f"{RECIPE}aws-ecomm-popular-items-by-views", **members)
    metric = {"eventType": "View", "metricName": "views", "expression": "SAMPLECOUNT()"}
    old.make("metric_attribution", name="m", metrics=[metric], metricsOutputConfig={"roleArn": ROLE}, **members)
    text = run_command(capsys, "import", "Shop", "--adopt")
    assert "Note: m writes metrics to another place; Usher does not manage it." in text
    actions = {line.split()[0]: line.split()[1] for line in text.splitlines() if "/" in line.split(" ")[0]}
    assert {name for name, action in actions.items() if action == "create"} == {"event_tracker/Shop"}, "which is free"
    content = yaml.safe_load(client("s3").get_object(Bucket=stack.bucket, Key="Shop/usher.yaml")["Body"].read())
    assert content["group"] == {"domain": "ECOMMERCE"}
    assert content["recommenders"]["top"]["recipe"] == "aws-ecomm-popular-items-by-views"


def changed(old: Old, section: str, **members: Any) -> set[str]:
    """The resources that a run makes after a change of the solution or its campaign."""
    key = "films/usher.yaml"
    content = yaml.safe_load(client("s3").get_object(Bucket=old.stack.bucket, Key=key)["Body"].read())
    solution = content["solutions"]["old_sims"]
    (solution["campaign"] if section == "campaign" else solution).update(members)
    before = made(old.stack)
    old.stack.put(key, json.dumps(content))
    assert old.stack.drop(key).status == "SUCCEEDED"
    return {arn.split(":", 5)[5].partition("/")[0] for arn in made(old.stack) - before}


def test_mutable_settings_are_changed_in_place(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    run_command(capsys, "import", "OldFilms", "--group", "films", "--adopt")
    assert not changed(old, "campaign", minProvisionedTPS=1)
    arn = next(arn for arn in old.stack.personalize.resources if arn.endswith(":campaign/live"))
    assert client("personalize").describe_campaign(campaignArn=arn)["campaign"]["minProvisionedTPS"] == 1


def test_another_solution_gets_a_campaign_of_its_own(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    """A campaign can't move to another solution, so the old campaign stays with the old solution."""
    run_command(capsys, "import", "OldFilms", "--group", "films", "--adopt")
    assert changed(old, "solution", recipe="aws-similar-items") == {"solution", "campaign"}
    served = json.loads(old.stack.items("films")["serving"]["map"]["S"])["solutions"]["old_sims"]
    assert ":campaign/films-old_sims-" in served["campaignArn"]
    assert any(arn.endswith(":campaign/live") for arn in made(old.stack))


def remove(old: Old) -> str:
    """Remove the group `films`. Returns the last status."""
    execution, waits = old.stack.start({"group": "films", "task": "remove"})
    for seconds in waits:
        old.stack.clock.shift(seconds)
    return execution.status


def left(old: Old) -> set[str]:
    """The remaining resources that can be deleted."""
    return {arn for arn in made(old.stack) if "-job/" not in arn and ":personalize:::" not in arn}


def test_a_group_that_was_taken_over_is_removed_with_everything_in_it(
    old: Old, capsys: pytest.CaptureFixture[str]
) -> None:
    (group,) = (arn for arn in made(old.stack) if arn.endswith(":dataset-group/OldFilms"))
    version = next(arn for arn in made(old.stack) if ":solution/old_sims/" in arn)
    old.make("campaign", name="second", solutionVersionArn=version)
    metrics = [{"eventType": "watch", "metricName": "watched", "expression": "SAMPLECOUNT()"}]
    output = {"roleArn": ROLE}
    old.make("metric_attribution", name="theirs", datasetGroupArn=group, metrics=metrics, metricsOutputConfig=output)
    run_command(capsys, "import", "OldFilms", "--group", "films", "--adopt")
    old.stack.drop("films/interactions.csv")
    other = old.make("schema", name="not-of-the-group", schema=json.dumps(SCHEMA))
    assert remove(old) == "SUCCEEDED"
    assert left(old) == {other}
    assert "serving" not in old.stack.items("films")


def test_foreign_resources_keep_an_adopted_group(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    (group,) = (arn for arn in made(old.stack) if arn.endswith(":dataset-group/OldFilms"))
    run_command(capsys, "import", "OldFilms", "--group", "films", "--adopt")
    old.stack.drop("films/interactions.csv")
    theirs = old.make("filter", name="theirs", datasetGroupArn=group, filterExpression=EXPRESSION)
    assert remove(old) == "FAILED"
    assert {theirs, group} < left(old)
    assert not any(":campaign/" in arn for arn in left(old))
    record = list(old.stack.read(r"films/out/runs/.*/run\.json").values())[-1]
    assert record["note"].startswith("These resources of the group still exist: filter/theirs, ")
    assert "filter/theirs: is still there: not made by this stack. Delete it, or take it over" in record["summary"]


OWNED = {"DatasetGroup", "Dataset", "EventTracker", "Filter", "Solution", "Campaign"}


def owners(old: Old) -> set[str]:
    """The names of the stacks in the tags of resources."""
    there = [one for one in old.stack.personalize.resources.values() if one.kind.name in OWNED]
    return {stack_name(one.tags.get(STACK_TAG, "")) for one in there}


def test_only_the_stack_that_is_named_gives_a_group_up(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = "arn:aws:cloudformation:us-east-1:123456789012:stack/usher-prod/3c4d"
    for one in old.stack.personalize.resources.values():
        if one.number:
            one.tags[STACK_TAG] = theirs
    command = ("import", "OldFilms", "--group", "films", "--adopt")
    for more in ([], ["--from-stack", "usher-pro"], ["--anyway"]):
        text = run_command(capsys, *command, *more, status=1)
        assert f"belongs to the stack usher-prod ({theirs})" in text
        assert "--from-stack usher-prod." in text
        assert owners(old) == {"usher-prod"}
        assert not old.stack.read("films/.*")
    run_command(capsys, *command, "--from-stack", "usher-prod")
    assert owners(old) == {"usher"}
    assert old.stack.drop("films/usher.yaml").status == "SUCCEEDED"


def test_a_dataset_group_is_for_one_folder(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    run_command(capsys, "import", "OldFilms", "--group", "films", "--adopt")
    (group,) = (one for arn, one in old.stack.personalize.resources.items() if arn.endswith(":dataset-group/OldFilms"))
    assert group.tags[GROUP_TAG] == "films"
    command = ("import", "OldFilms", "--group", "movies", "--adopt")
    text = run_command(capsys, *command, status=1)
    assert f"{group.arn} belongs to the folder films/ of the stack usher" in text
    assert "--from-stack usher." in text
    assert (group.tags[GROUP_TAG], old.stack.read("movies/.*")) == ("films", {})
    text = run_command(capsys, *command, "--from-stack", "usher")
    assert f"Will be tagged as the stack's: {group.arn}" in text
    assert group.tags[GROUP_TAG] == "movies"
    assert old.stack.drop("movies/usher.yaml").status == "SUCCEEDED"
    assert old.stack.drop("films/usher.yaml").status == "FAILED"
    assert "which is that of another folder." in run_command(capsys, "status", "films", status=1)


def test_resources_of_cloudformation_are_reported_with_their_stack(
    old: Old, capsys: pytest.CaptureFixture[str]
) -> None:
    (campaign,) = (one for arn, one in old.stack.personalize.resources.items() if arn.endswith(":campaign/live"))
    campaign.tags[CLOUDFORMATION_TAG] = "shop-infrastructure"
    command = ("import", "OldFilms", "--group", "films", "--adopt")
    text = run_command(capsys, *command, status=1)
    assert f"{campaign.arn} is managed by the CloudFormation stack shop-infrastructure" in text
    assert STACK_TAG not in campaign.tags
    run_command(capsys, *command, "--anyway")
    assert ":stack/usher/" in campaign.tags[STACK_TAG]
    assert not changed(old, "campaign", minProvisionedTPS=1)
    assert campaign.values["minProvisionedTPS"] == 1


def test_the_name_of_a_group_that_people_made_is_not_enough_to_take_it(old: Old) -> None:
    old.make("dataset_group", name="films")
    old.stack.put("films/interactions.csv", interactions())
    before = made(old.stack)
    assert old.stack.drop("films/interactions.csv").status == "FAILED"
    (record,) = old.stack.read(r"films/out/runs/.*/run\.json").values()
    assert "films, which was not made by Usher" in record["summary"]
    assert made(old.stack) == before


def test_files_for_another_dataset_group_are_not_taken_for_it(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    old.stack.put("films/interactions.csv", interactions())
    text = run_command(capsys, "import", "OldFilms", "--group", "films", "--adopt", "--anyway", status=1)
    assert "are not for the dataset group OldFilms" in text
    assert "say in usher.yaml: adopt: {dataset_group/films: OldFilms}" in text
    assert owners(old) == {""}
    assert old.stack.keys("films/[^/]*") == ["films/interactions.csv"]


@pytest.mark.usefixtures("old")
def test_missing_data_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    client("s3").delete_object(Bucket="old-data", Key="catalogue.csv")
    text = run_command(capsys, "import", "OldFilms", "--adopt", status=1)
    assert "The items were imported from s3://old-data/catalogue.csv, which is empty now." in text


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_tracker_that_people_made_is_taken_over_as_the_record_says(
    account: Stack,  # noqa: ARG001 - sets the scene
    stack: Stack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A dataset group may have one tracker, so Usher can't make its own."""
    old = Old(stack)
    stack.put("films/interactions.csv", interactions())
    stack.put("films/usher.yaml", json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}}}))
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"
    (group,) = old.personalize.list_dataset_groups()["datasetGroups"]
    within: dict[str, Any] = {"datasetGroupArn": group["datasetGroupArn"]}
    (ours,) = old.personalize.list_event_trackers(**within)["eventTrackers"]
    old.personalize.delete_event_tracker(eventTrackerArn=ours["eventTrackerArn"])
    stack.clock.shift(3600)
    theirs = old.make("event_tracker", name="theirs", **within)

    stack.drop("films/interactions.csv")
    *_, record = stack.read(r"films/out/runs/.*/run\.json").values()
    (state,) = (one for one in record["resources"] if one["id"] == "event_tracker/films")
    assert (state["status"], state["reason"]) == ("FAILED", "It was not made by Usher.")
    assert state["remedy"].endswith("check its owner, and adopt it: usher import, with --adopt.")
    run_command(capsys, "import", "films", "--adopt")
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"
    (only,) = old.personalize.list_event_trackers(**within)["eventTrackers"]
    assert only["eventTrackerArn"] == theirs

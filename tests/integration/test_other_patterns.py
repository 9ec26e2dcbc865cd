"""Other patterns of notebooks, scripts and tools for the real service, on the local cloud."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import DEADLINE_SECONDS, KINDS
from tests.unit.personalize.world import RECIPE, SCHEMAS, interactions, items, schema, until, users

ACCOUNT = "123456789012"
MEMBERS = KINDS | {"recommender": "recommenderArn"}
NUMBERS = itertools.count()
DATA = {"INTERACTIONS": interactions(), "ITEMS": items(), "USERS": users()}
SHOP = {
    "INTERACTIONS": schema(
        "Interactions", ("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string")
    ),
    "ITEMS": schema(
        "Items",
        ("ITEM_ID", "string"),
        ("PRICE", "float"),
        {"name": "CATEGORY_L1", "type": ["string"], "categorical": True},
    ),
}


def unique(words: str) -> str:
    return f"{words}-{next(NUMBERS)}"


@pytest.fixture(scope="module")
def personalize(environment: None) -> Any:  # noqa: ARG001 - where the client comes from
    return boto3.client("personalize")


@pytest.fixture(scope="module")
def bucket(environment: None) -> str:  # noqa: ARG001
    """A bucket with the policy of the service's guide, against confused deputies."""
    s3 = boto3.client("s3")
    name = f"{boto3.client('sts').get_caller_identity()['Account']}-patterns"
    s3.create_bucket(Bucket=name)
    statement = {
        "Sid": "PersonalizeS3BucketAccessPolicy",
        "Effect": "Allow",
        "Principal": {"Service": "personalize.amazonaws.com"},
        "Action": ["s3:*Object", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:personalize:us-east-1:{ACCOUNT}:*"},
        },
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return name


def make_role(*policies: str) -> str:
    iam = boto3.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "personalize.amazonaws.com"}, "Action": "sts:AssumeRole"}
    name = unique("PersonalizeRole")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return arn


@pytest.fixture(scope="module")
def role(environment: None) -> str:  # noqa: ARG001
    return make_role("service-role/AmazonPersonalizeFullAccess", "AmazonS3FullAccess")


def wait(describe: Callable[..., Any], **arn: str) -> dict[str, Any]:
    """The loop at the end of every notebook cell."""
    status, max_time = None, time.time() + DEADLINE_SECONDS
    while time.time() < max_time:
        answer = describe(**arn)
        [found] = [value for member, value in answer.items() if member != "ResponseMetadata"]
        status = found["status"]
        if status in ("ACTIVE", "CREATE FAILED"):
            return dict(found)
        time.sleep(0.01)
    raise AssertionError(f"still {status}")


def load(personalize: Any, group: str, kind: str, text: str, body: str, bucket: str, role: str) -> str:
    described = personalize.describe_dataset_group(datasetGroupArn=group)["datasetGroup"]
    domain = {"domain": described["domain"]} if "domain" in described else {}
    made = personalize.create_schema(name=unique(kind), schema=text, **domain)
    dataset = personalize.create_dataset(
        datasetType=kind.capitalize(), datasetGroupArn=group, schemaArn=made["schemaArn"], name=unique(kind)
    )["datasetArn"]
    wait(personalize.describe_dataset, datasetArn=dataset)
    key = unique(f"{kind}.csv")
    boto3.Session().resource("s3").Bucket(bucket).Object(key).put(Body=body.encode())
    job = personalize.create_dataset_import_job(
        jobName=unique("import"), datasetArn=dataset, dataSource={"dataLocation": f"s3://{bucket}/{key}"}, roleArn=role
    )["datasetImportJobArn"]
    done = wait(personalize.describe_dataset_import_job, datasetImportJobArn=job)
    assert done["status"] == "ACTIVE", done
    return str(dataset)


def make_group(personalize: Any, **more: Any) -> str:
    arn: str = personalize.create_dataset_group(name=unique("patterns"), **more)["datasetGroupArn"]
    assert wait(personalize.describe_dataset_group, datasetGroupArn=arn)["status"] == "ACTIVE"
    return arn


@pytest.fixture(scope="module")
def group(personalize: Any, bucket: str, role: str) -> Iterator[str]:
    arn = make_group(personalize, tags=[{"tagKey": "project", "tagValue": "patterns"}])
    for kind, body in DATA.items():
        load(personalize, arn, kind, SCHEMAS[kind], body, bucket, role)
    yield arn
    delete_group(personalize, arn)


def train(personalize: Any, group: str, recipe: str, **more: Any) -> str:
    solution = personalize.create_solution(
        name=unique(recipe), datasetGroupArn=group, recipeArn=RECIPE + recipe, **more
    )["solutionArn"]
    version: str = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    done = wait(personalize.describe_solution_version, solutionVersionArn=version)
    assert done["status"] == "ACTIVE", done
    return version


def deploy(personalize: Any, version: str, **more: Any) -> str:
    arn: str = personalize.create_campaign(
        name=unique("campaign"), solutionVersionArn=version, minProvisionedTPS=1, **more
    )["campaignArn"]
    assert wait(personalize.describe_campaign, campaignArn=arn)["status"] == "ACTIVE"
    return arn


def delete_group(personalize: Any, group: str) -> None:
    """Delete without knowing the order: retry while a resource is in use, as scripts do."""
    exceptions = personalize.exceptions
    found = contents(personalize, group)
    while found:
        for kind, arn in found:
            with suppress(exceptions.ResourceInUseException, exceptions.ResourceNotFoundException):
                getattr(personalize, f"delete_{kind}")(**{MEMBERS[kind]: arn})
        time.sleep(0.02)
        found = contents(personalize, group)
    personalize.delete_dataset_group(datasetGroupArn=group)
    with pytest.raises(exceptions.ResourceNotFoundException):
        while True:
            personalize.describe_dataset_group(datasetGroupArn=group)
            time.sleep(0.01)


def contents(personalize: Any, group: str) -> list[tuple[str, str]]:
    """Kind and ARN of every resource of a group that can be deleted."""
    parents = {"datasetGroupArn": group}
    rows = [(kind, parents) for kind in ("dataset", "event_tracker", "filter", "recommender", "solution")]
    solutions = personalize.list_solutions(**parents)["solutions"]
    rows += [("campaign", {"solutionArn": solution["solutionArn"]}) for solution in solutions]
    return [
        (kind, one[MEMBERS[kind]])
        for kind, parent in rows
        for some in getattr(personalize, f"list_{kind}s")(**parent).values()
        if isinstance(some, list)
        for one in some
    ]


def test_a_role_that_may_only_read_can_import_but_not_write_a_batch(personalize: Any, group: str, bucket: str) -> None:
    reader = make_role("AmazonS3ReadOnlyAccess")
    [dataset] = [d for d in personalize.list_datasets(datasetGroupArn=group)["datasets"] if d["datasetType"] == "USERS"]
    boto3.client("s3").put_object(Bucket=bucket, Key="in.json", Body=b'{"userId": "u1"}\n')
    boto3.client("s3").put_object(Bucket=bucket, Key="more.csv", Body=users(70).encode())
    job = personalize.create_dataset_import_job(
        jobName=unique("import"),
        datasetArn=dataset["datasetArn"],
        dataSource={"dataLocation": f"s3://{bucket}/more.csv"},
        roleArn=reader,
        importMode="INCREMENTAL",
    )["datasetImportJobArn"]
    assert wait(personalize.describe_dataset_import_job, datasetImportJobArn=job)["status"] == "ACTIVE"
    version = train(personalize, group, "popularity-count")
    job = personalize.create_batch_inference_job(
        solutionVersionArn=version,
        jobName=unique("batch"),
        roleArn=reader,
        jobInput={"s3DataSource": {"path": f"s3://{bucket}/in.json"}},
        jobOutput={"s3DataDestination": {"path": f"s3://{bucket}/out/"}},
    )["batchInferenceJobArn"]
    done = wait(personalize.describe_batch_inference_job, batchInferenceJobArn=job)
    assert done["status"] == "CREATE FAILED"
    assert "Insufficient privileges" in done["failureReason"]


def test_clicks_views_and_metadata_are_streamed_in_every_form(personalize: Any, group: str) -> None:
    runtime, events = boto3.client("personalize-runtime"), boto3.client("personalize-events")
    datasets = {d["datasetType"]: d["datasetArn"] for d in personalize.list_datasets(datasetGroupArn=group)["datasets"]}
    config = {"itemExplorationConfig": {"explorationWeight": "0.3", "explorationItemAgeCutOff": "30"}}
    campaign = deploy(personalize, train(personalize, group, "user-personalization"), campaignConfig=config)
    tracking = personalize.create_event_tracker(name=unique("tracker"), datasetGroupArn=group)["trackingId"]
    sent = [
        {"sentAt": time.time(), "properties": json.dumps({"itemId": "i1", "eventValue": 5})},
        {"sentAt": int(time.time()), "itemId": "i5", "eventValue": 3.0, "eventId": "once"},
        {"sentAt": datetime.now(UTC), "itemId": "i9", "impression": ["i9", "i10"]},
    ]
    before = runtime.get_recommendations(campaignArn=campaign, userId="visitor", numResults=5)
    sent[-1]["recommendationId"] = before["recommendationId"]
    for one in sent:
        event: Any = {"eventType": "click", **one}
        events.put_events(trackingId=tracking, userId="visitor", sessionId="s1", eventList=[event])
    after = runtime.get_recommendations(campaignArn=campaign, userId="visitor", numResults=5)
    assert [item["itemId"] for item in before["itemList"]] != [item["itemId"] for item in after["itemList"]]
    events.put_users(
        datasetArn=datasets["USERS"],
        users=[{"userId": "visitor", "properties": json.dumps({"age": 30, "plan": "gold"})}],
    )
    properties = json.dumps({"genres": "Horror|Rare", "year": 2020, "description": "new"})
    events.put_items(datasetArn=datasets["ITEMS"], items=[{"itemId": "i1", "properties": properties}])
    rare = make_filter(personalize, group, "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)")
    values = {"GENRE": '"Rare","Unheard"'}
    shelf = runtime.get_recommendations(campaignArn=campaign, userId="visitor", filterArn=rare, filterValues=values)
    assert [item["itemId"] for item in shelf["itemList"]] == ["i1"]
    clicked = make_filter(personalize, group, 'EXCLUDE itemId WHERE INTERACTIONS.event_type in ("click")')
    fresh = runtime.get_recommendations(campaignArn=campaign, userId="visitor", filterArn=clicked, numResults=40)
    assert {"i1", "i5", "i9"}.isdisjoint(item["itemId"] for item in fresh["itemList"])
    promotion: Any = {"name": "rare", "percentPromotedItems": 20, "filterArn": rare, "filterValues": values}
    promoted = runtime.get_recommendations(
        campaignArn=campaign, userId="visitor", filterArn=clicked, promotions=[promotion], context={"DEVICE": "tv"}
    )
    assert [item["itemId"] for item in promoted["itemList"] if item.get("promotionName") == "rare"] == ["i1"]


def make_filter(personalize: Any, group: str, expression: str) -> str:
    arn: str = personalize.create_filter(name=unique("filter"), datasetGroupArn=group, filterExpression=expression)[
        "filterArn"
    ]
    assert wait(personalize.describe_filter, filterArn=arn)["status"] == "ACTIVE"
    return arn


def test_a_campaign_moves_to_a_retrained_version(personalize: Any, group: str) -> None:
    tuning = {"algorithmHyperParameters": {"popularity_discount_factor": "0.7"}}
    first = train(personalize, group, "sims", solutionConfig=tuning)
    campaign = deploy(personalize, first)
    solution = first.rsplit("/", 1)[0]
    assert personalize.describe_solution(solutionArn=solution)["solution"]["solutionConfig"] == tuning
    second = personalize.create_solution_version(solutionArn=solution, trainingMode="FULL")["solutionVersionArn"]
    assert wait(personalize.describe_solution_version, solutionVersionArn=second)["trainingHours"] > 0
    personalize.update_campaign(campaignArn=campaign, solutionVersionArn=second, minProvisionedTPS=2)
    latest = until(
        lambda: personalize.describe_campaign(campaignArn=campaign)["campaign"],
        lambda found: found.get("latestCampaignUpdate", {}).get("status") == "ACTIVE",
    )
    assert (latest["solutionVersionArn"], latest["minProvisionedTPS"]) == (second, 2)


def test_batches_and_segments_are_written(personalize: Any, group: str, bucket: str, role: str) -> None:
    s3 = boto3.client("s3")
    lines = [
        {"userId": "u1", "filterValues": {"GENRE": '"Comedy"'}},
        {"userId": "u2", "filterValues": {"GENRE": '"Drama"'}},
    ]
    s3.put_object(Bucket=bucket, Key="users.json", Body="\n".join(map(json.dumps, lines)).encode())
    s3.put_object(Bucket=bucket, Key="items.json", Body=b'{"itemId": "i1"}\n{"itemId": "i2"}\n')
    expression = "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"
    rows = [
        (
            "inference",
            "user-personalization-v2",
            "users.json",
            {"filterArn": make_filter(personalize, group, expression)},
        ),
        ("segment", "item-affinity", "items.json", {}),
    ]
    for kind, recipe, key, more in rows:
        job = getattr(personalize, f"create_batch_{kind}_job")(
            solutionVersionArn=train(personalize, group, recipe),
            jobName=unique("batch"),
            roleArn=role,
            numResults=5,
            jobInput={"s3DataSource": {"path": f"s3://{bucket}/{key}"}},
            jobOutput={"s3DataDestination": {"path": f"s3://{bucket}/out/"}},
            **more,
        )[f"batch{kind.capitalize()}JobArn"]
        describe = getattr(personalize, f"describe_batch_{kind}_job")
        assert wait(describe, **{f"batch{kind.capitalize()}JobArn": job})["status"] == "ACTIVE"
        written = s3.get_object(Bucket=bucket, Key=f"out/{key}.out")["Body"].read().decode().splitlines()
        answers = [json.loads(line) for line in written]
        assert len(answers) == 2
        for answer in answers:
            assert answer["error"] is None
            assert len(answer["output"].get("recommendedItems") or answer["output"]["usersList"]) == 5


def test_a_shop_gets_its_recommenders(personalize: Any, bucket: str, role: str) -> None:
    group = make_group(personalize, domain="ECOMMERCE")
    purchases = interactions(event_type="Purchase") + "\n".join(interactions(event_type="View").splitlines()[1:])
    rows = [",".join(row.split(",")[:4]) for row in purchases.splitlines()]
    goods = "ITEM_ID,PRICE,CATEGORY_L1\n" + "".join(f"i{n},{n}.5,{'toys' if n % 2 else 'books'}\n" for n in range(40))
    load(personalize, group, "INTERACTIONS", SHOP["INTERACTIONS"], "\n".join(rows), bucket, role)
    load(personalize, group, "ITEMS", SHOP["ITEMS"], goods, bucket, role)
    queries = {
        "aws-ecomm-recommended-for-you": {"userId": "u1"},
        "aws-ecomm-popular-items-by-views": {"userId": "u1"},
        "aws-ecomm-frequently-bought-together": {"itemId": "i1"},
        "aws-ecomm-customers-who-viewed-x-also-viewed": {"itemId": "i1", "userId": "u1"},
    }
    known = {r["recipeArn"] for r in personalize.list_recipes(domain="ECOMMERCE")["recipes"]}
    for recipe, query in queries.items():
        arn = f"arn:aws:personalize:::recipe/{recipe}"
        assert arn in known
        config = {"enableMetadataWithRecommendations": True}
        recommender = personalize.create_recommender(
            name=recipe, datasetGroupArn=group, recipeArn=arn, recommenderConfig=config
        )["recommenderArn"]
        done = wait(personalize.describe_recommender, recommenderArn=recommender)
        assert done["status"] == "ACTIVE", done
        runtime: Any = boto3.client("personalize-runtime")
        answer = runtime.get_recommendations(
            recommenderArn=recommender, numResults=5, metadataColumns={"ITEMS": ["PRICE", "CATEGORY_L1"]}, **query
        )
        assert answer["itemList"], recipe
        assert all(set(item["metadata"]) == {"PRICE", "CATEGORY_L1"} for item in answer["itemList"])
    delete_group(personalize, group)


def test_every_list_has_pages_and_needs_no_parent(personalize: Any, group: str) -> None:
    model, names = personalize.meta.service_model, personalize.meta.method_to_api_mapping
    lists = [name for name in names if name.startswith("list_") and personalize.can_paginate(name)]
    lists.remove("list_metric_attribution_metrics")  # of one attribution
    assert len(lists) >= 15
    for name in lists:
        known = model.operation_model(names[name]).input_shape.members
        given: list[dict[str, str]] = [{}, {"datasetGroupArn": group}] if "datasetGroupArn" in known else [{}]
        for parent in given:
            pages = list(personalize.get_paginator(name).paginate(**parent, PaginationConfig={"PageSize": 2}))
            assert pages
            assert all(len(rows) <= 2 for page in pages for rows in page.values() if isinstance(rows, list))


def test_recipes_show_their_parts(personalize: Any) -> None:
    for one in personalize.list_recipes()["recipes"]:
        recipe = personalize.describe_recipe(recipeArn=one["recipeArn"])["recipe"]
        algorithm = personalize.describe_algorithm(algorithmArn=recipe["algorithmArn"])["algorithm"]
        assert "defaultHyperParameters" in algorithm
        personalize.describe_feature_transformation(featureTransformationArn=recipe["featureTransformationArn"])


def test_another_region_is_another_service(environment: None) -> None:  # noqa: ARG001
    west = boto3.client("personalize", "eu-west-1")
    arn = west.create_dataset_group(name=unique("west"))["datasetGroupArn"]
    assert ":eu-west-1:" in arn
    assert wait(west.describe_dataset_group, datasetGroupArn=arn)["status"] == "ACTIVE"
    assert arn not in str(boto3.client("personalize").list_dataset_groups())
    west.delete_dataset_group(datasetGroupArn=arn)


def test_errors_are_caught_by_class_and_by_code(personalize: Any, group: str) -> None:
    name = group.rsplit("/", 1)[1]
    with pytest.raises(personalize.exceptions.ResourceAlreadyExistsException):
        personalize.create_dataset_group(name=name)
    with pytest.raises(personalize.exceptions.ResourceInUseException):
        personalize.delete_dataset_group(datasetGroupArn=group)
    with pytest.raises(ClientError) as caught:
        personalize.describe_campaign(campaignArn=group.replace("dataset-group", "campaign"))
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert personalize.list_tags_for_resource(resourceArn=group)["tags"] == [
        {"tagKey": "project", "tagValue": "patterns"}
    ]

"""A small world of users, items and events, and the steps to recommendations in it."""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import boto3

T = TypeVar("T")
REGION = "us-east-1"
BUCKET = "personalize-data"
SETTLED = ("ACTIVE", "CREATE FAILED", "COMPLETED", "FAILED")
SERVICE = {"Service": "personalize.amazonaws.com"}
GENRES = ("Action", "Comedy", "Drama", "Horror")
RECIPE = "arn:aws:personalize:::recipe/aws-"


def schema(name: str, *fields: tuple[str, Any] | dict[str, Any]) -> str:
    """The text of a schema; a field is (name, type) or a mapping with its properties."""
    spelled = [f if isinstance(f, dict) else {"name": f[0], "type": f[1]} for f in fields]
    record = {"type": "record", "name": name, "namespace": "com.amazonaws.personalize.schema"}
    return json.dumps(record | {"fields": spelled, "version": "1.0"})


SCHEMAS = {
    "INTERACTIONS": schema(
        "Interactions",
        ("USER_ID", "string"),
        ("ITEM_ID", "string"),
        ("TIMESTAMP", "long"),
        ("EVENT_TYPE", "string"),
        ("EVENT_VALUE", ["float", "null"]),
    ),
    "ITEMS": schema(
        "Items",
        ("ITEM_ID", "string"),
        {"name": "GENRES", "type": ["null", "string"], "categorical": True},
        ("YEAR", "int"),
        {"name": "DESCRIPTION", "type": ["null", "string"], "textual": True},
    ),
    "USERS": schema("Users", ("USER_ID", "string"), ("AGE", "int"), ("PLAN", "string")),
}


def interactions(users: int = 60, items: int = 40, each: int = 20, event_type: str = "watch") -> str:
    """A CSV of `users * each` events; user n likes items with the same remainder by 4 (their genre)."""
    chance = random.Random(0)
    rows = ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE"]
    for user in range(users):
        taste = [item for item in range(items) if item % 4 == user % 4 or chance.random() < 0.3]
        for position in range(each):
            item = chance.choice(taste)
            rows.append(f"u{user},i{item},{1_700_000_000 + position * 60 + user},{event_type},{position % 5 + 1}")
    return "\n".join(rows) + "\n"


def items(count: int = 40) -> str:
    rows = [f"i{n},{GENRES[n % 4]}{'|Classic' if n < 8 else ''},{1980 + n},A film" for n in range(count)]
    return "\n".join(["ITEM_ID,GENRES,YEAR,DESCRIPTION", *rows]) + "\n"


def users(count: int = 60) -> str:
    return "\n".join(["USER_ID,AGE,PLAN", *(f"u{n},{18 + n},{'gold' if n % 2 else 'free'}" for n in range(count))])


@cache
def _client(service: str, endpoint: str | None) -> Any:
    """A client for all worlds at an endpoint, since its creation takes most of a world's time."""
    make: Any = boto3.Session().client  # its stubs take literal names only
    return make(service, region_name=REGION, endpoint_url=endpoint)


@dataclass
class World:
    """The clients, and common steps of tests."""

    names: Iterator[str] = field(default_factory=lambda: (f"name-{n}" for n in range(10_000)))

    def __post_init__(self) -> None:
        names = ("personalize", "personalize-runtime", "personalize-events", "s3", "iam")
        self.personalize, self.runtime, self.events, self.s3, self.iam = (
            _client(name, os.environ.get("AWS_ENDPOINT_URL")) for name in names
        )
        self.s3.create_bucket(Bucket=BUCKET)
        self.allow_bucket("s3:GetObject", "s3:ListBucket", "s3:PutObject")
        self.role = self.make_role("service", "s3:GetObject", "s3:ListBucket", "s3:PutObject")

    def allow_bucket(self, *actions: str) -> None:
        resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
        statement = {"Effect": "Allow", "Principal": SERVICE, "Action": list(actions), "Resource": resources}
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    def make_role(self, name: str, *actions: str, trust: dict[str, str] = SERVICE) -> str:
        source = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
        trusted = {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole", "Condition": source}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        role: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if actions:
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:s3:::*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self.iam.put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=policy)
        return role

    def put(self, key: str, body: str | bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def text(self, key: str) -> str:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body.decode()

    def describe(self, kind: str, arn: str) -> dict[str, Any]:
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)
        found: dict[str, Any] = getattr(self.personalize, f"describe_{words}")(**{f"{kind}Arn": arn})[kind]
        return found

    def settled(self, kind: str, arn: str) -> dict[str, Any]:
        """Wait until the resource is no longer being created or updated. Returns its description."""
        return until(lambda: self.describe(kind, arn), lambda found: found["status"] in SETTLED)

    def group(self, **more: Any) -> str:
        arn: str = self.personalize.create_dataset_group(name=next(self.names), **more)["datasetGroupArn"]
        return arn

    def dataset(self, group: str, kind: str = "INTERACTIONS", text: str | None = None) -> str:
        made = self.personalize.create_schema(name=next(self.names), schema=text or SCHEMAS[kind])
        arn: str = self.personalize.create_dataset(
            name=next(self.names), schemaArn=made["schemaArn"], datasetGroupArn=group, datasetType=kind
        )["datasetArn"]
        return arn

    def import_data(self, dataset: str, location: str, role: str | None = None, mode: str = "FULL") -> dict[str, Any]:
        made = self.personalize.create_dataset_import_job(
            jobName=next(self.names),
            datasetArn=dataset,
            dataSource={"dataLocation": location},
            roleArn=role or self.role,
            importMode=mode,
        )
        return self.settled("datasetImportJob", made["datasetImportJobArn"])

    def loaded(self, body: str | None = None, kind: str = "INTERACTIONS", group: str | None = None) -> str:
        """A dataset group (a new one by default) with imported data."""
        group = group or self.group()
        job = self.import_data(self.dataset(group, kind), self.put(f"{next(self.names)}.csv", body or interactions()))
        assert job["status"] == "ACTIVE", job
        return group

    def solution(self, group: str, recipe: str = "user-personalization", **more: Any) -> str:
        arn: str = self.personalize.create_solution(
            name=next(self.names), datasetGroupArn=group, recipeArn=RECIPE + recipe, **more
        )["solutionArn"]
        return arn

    def version(self, solution: str) -> dict[str, Any]:
        made = self.personalize.create_solution_version(solutionArn=solution)
        return self.settled("solutionVersion", made["solutionVersionArn"])

    def campaign(self, version: str, **more: Any) -> str:
        made = self.personalize.create_campaign(name=next(self.names), solutionVersionArn=version, **more)
        return str(self.settled("campaign", made["campaignArn"])["campaignArn"])

    def make_filter(self, group: str, expression: str) -> str:
        made = self.personalize.create_filter(name=next(self.names), datasetGroupArn=group, filterExpression=expression)
        return str(self.settled("filter", made["filterArn"])["filterArn"])


def until(look: Callable[[], T], done: Callable[[T], bool]) -> T:
    """The first result of `look` that is `done`, without a time limit: pytest ends a test that hangs."""
    while not done(found := look()):
        time.sleep(0.005)
    return found

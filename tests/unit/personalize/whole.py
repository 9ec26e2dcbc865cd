"""One resource of every kind, and a valid request for every operation."""

import json
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from tests.unit.personalize.coverage import coverage
from tests.unit.personalize.samples import snake
from tests.unit.personalize.world import BUCKET, RECIPE, REGION, World, interactions, items, schema, users

SERVICE_OF = {row.operation: row.service for row in coverage()}
VIDEO = schema(
    "Interactions", ("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string")
)
ACTIONS = schema("Actions", ("ACTION_ID", "string"), {"name": "KIND", "type": "string", "categorical": True})
ANSWERS = schema(
    "ActionInteractions",
    ("USER_ID", "string"),
    ("ACTION_ID", "string"),
    ("EVENT_TYPE", "string"),
    ("TIMESTAMP", "long"),
)
METRIC = {"eventType": "watch", "metricName": "watched", "expression": "SAMPLECOUNT()"}
ANY_EVENT = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'

Params = dict[str, Any]


class Whole:
    """A world with all kinds on an instant clock. The clients validate nothing, and keep the bodies of the answers."""

    def __init__(self) -> None:
        self.world = World()
        client: Any = boto3.client
        config = Config(parameter_validation=False, retries={"max_attempts": 1})
        self.clients = {name: client(name, REGION, config=config) for name in set(SERVICE_OF.values())}
        self.body = b""
        for service, made in self.clients.items():
            made.meta.events.register(f"before-parse.{service}", self._keep)
        self._build()

    def _keep(self, response_dict: Params, **_: Any) -> None:
        self.body = response_dict["body"]

    def call(self, operation: str, **params: Any) -> Params:
        answer: Params = getattr(self.clients[SERVICE_OF[operation]], snake(operation))(**params)
        return answer

    def request(self, operation: str) -> Params:
        """A request that would succeed now."""
        return self._requests[operation]() if operation in self._requests else self._by_arn(operation)

    def _by_arn(self, operation: str) -> Params:
        """The request of an operation with one resource or, if it lists, with none."""
        if operation.startswith("List"):
            return {}
        kind = operation.removeprefix("Describe").removeprefix("Delete")
        member = f"{kind[0].lower()}{kind[1:]}Arn"
        return {member: self.arns[member]}

    def create(self, kind: str, **params: Any) -> str:
        """Create a resource and wait for it; later requests use it as the one of its kind."""
        member = f"{kind[0].lower()}{kind[1:]}Arn"
        arn: str = self.call(f"Create{kind}", **(self.request(f"Create{kind}") | params))[member]
        if kind != "Schema":
            found = self.world.settled(member.removesuffix("Arn"), arn)
            assert found["status"] in ("ACTIVE", "COMPLETED"), found
        self.arns[member] = arn
        return arn

    def _build(self) -> None:
        world = self.world
        service = "arn:aws:personalize:::"
        self.arns = {
            "recipeArn": f"{RECIPE}sims",
            "algorithmArn": f"{service}algorithm/aws-sims",
            "featureTransformationArn": f"{service}feature-transformation/aws-sims",
        }
        self.csv = world.put("watched.csv", interactions(event_type="Watch"))
        self._requests = self._table()
        self.empty = self.create("DatasetGroup")
        self.video = self.create("DatasetGroup", domain="VIDEO_ON_DEMAND")
        self.create("Schema", schema=VIDEO, domain="VIDEO_ON_DEMAND")
        self.create("Dataset", datasetGroupArn=self.video, datasetType="INTERACTIONS")
        self.create("DatasetImportJob")
        self.video_dataset = self.arns["datasetArn"]
        self.create("Recommender")
        self.create("Schema")
        self.group = self.create("DatasetGroup", tags=[{"tagKey": "b", "tagValue": "2"}])
        for kind, text in (("ACTIONS", ACTIONS), ("ACTION_INTERACTIONS", ANSWERS)):
            self.arns[kind] = world.dataset(self.group, kind, text)
        for kind, body in (("USERS", users()), ("ITEMS", items()), ("INTERACTIONS", interactions())):
            self.arns[kind] = self.arns["datasetArn"] = world.dataset(self.group, kind)
            assert world.import_data(self.arns[kind], world.put(f"{kind}.csv", body))["status"] == "ACTIVE"
        self.create("EventTracker", datasetGroupArn=self.group)
        self.create("Filter")
        self.create("MetricAttribution", datasetGroupArn=self.group)
        self.create("DatasetExportJob")
        self.create("DataDeletionJob")
        for operation in ("PutActions", "PutActionInteractions"):
            self.call(operation, **self.request(operation))
        self.versions = {
            name: world.version(world.solution(self.group, name))["solutionVersionArn"]
            for name in ("item-affinity", "personalized-ranking", "next-best-action")
        }
        self.create("Solution")
        self.create("SolutionVersion")
        self.create("Campaign")
        self.create("BatchInferenceJob")
        self.create("BatchSegmentJob", solutionVersionArn=self.versions["item-affinity"])
        self.campaigns = {name: world.campaign(self.versions[name]) for name in list(self.versions)[1:]}

    def _table(self) -> dict[str, Callable[[], Params]]:
        world, arns, named, job = self.world, self.arns, self._named, self._job
        output = {"s3DataDestination": {"path": f"s3://{BUCKET}/out/"}}
        lines = world.put("items.json", json.dumps({"itemId": "i1"}))
        batch = {"jobInput": {"s3DataSource": {"path": lines}}, "jobOutput": output}
        leaver = world.put("leavers.csv", "USER_ID\nu59\n")
        return {
            "CreateDatasetGroup": named,
            "CreateSchema": lambda: named() | {"schema": VIDEO},
            "CreateDataset": lambda: {
                **named(),
                "datasetGroupArn": self.empty,
                "schemaArn": arns["schemaArn"],
                "datasetType": "interactions",
            },
            "CreateDatasetImportJob": lambda: job("dataset") | {"dataSource": {"dataLocation": self.csv}},
            "CreateDatasetExportJob": lambda: job("dataset") | {"jobOutput": output, "ingestionMode": "ALL"},
            "CreateDataDeletionJob": lambda: job("datasetGroup") | {"dataSource": {"dataLocation": leaver}},
            "CreateEventTracker": lambda: named() | {"datasetGroupArn": self.empty},
            "CreateFilter": lambda: self._in_group() | {"filterExpression": ANY_EVENT},
            "CreateMetricAttribution": lambda: (
                named()
                | {"datasetGroupArn": self.empty, "metrics": [METRIC], "metricsOutputConfig": {"roleArn": world.role}}
            ),
            "CreateSolution": lambda: self._in_group() | {"recipeArn": arns["recipeArn"]},
            "CreateSolutionVersion": lambda: named() | {"solutionArn": arns["solutionArn"]},
            "CreateCampaign": lambda: named() | {"solutionVersionArn": arns["solutionVersionArn"]},
            "CreateRecommender": lambda: (
                named() | {"datasetGroupArn": self.video, "recipeArn": f"{RECIPE}vod-top-picks"}
            ),
            "CreateBatchInferenceJob": lambda: job("solutionVersion") | batch,
            "CreateBatchSegmentJob": lambda: (
                job("solutionVersion") | batch | {"solutionVersionArn": self.versions["item-affinity"]}
            ),
            "UpdateCampaign": lambda: {"campaignArn": arns["campaignArn"], "minProvisionedTPS": 2},
            "UpdateDataset": lambda: {"datasetArn": arns["USERS"], "schemaArn": self._schema_of("USERS")},
            "UpdateMetricAttribution": lambda: {
                "metricAttributionArn": arns["metricAttributionArn"],
                "addMetrics": [METRIC | {"metricName": "more"}],
            },
            "UpdateRecommender": lambda: {
                "recommenderArn": arns["recommenderArn"],
                "recommenderConfig": {"minRecommendationRequestsPerSecond": 2},
            },
            "UpdateSolution": lambda: {"solutionArn": arns["solutionArn"], "performAutoTraining": False},
            "DeleteDatasetGroup": lambda: self._fresh("DatasetGroup"),
            "DeleteDataset": lambda: {"datasetArn": self.video_dataset},
            "DeleteSchema": lambda: self._fresh("Schema"),
            "DeleteSolution": lambda: self._fresh("Solution"),
            "StartRecommender": self._stopped,
            "StopRecommender": lambda: {"recommenderArn": arns["recommenderArn"]},
            "StopSolutionVersionCreation": lambda: {"solutionVersionArn": arns["solutionVersionArn"]},
            "GetSolutionMetrics": lambda: {"solutionVersionArn": arns["solutionVersionArn"]},
            "TagResource": lambda: {"resourceArn": arns["datasetGroupArn"], "tags": [{"tagKey": "a", "tagValue": "1"}]},
            "UntagResource": lambda: {"resourceArn": arns["datasetGroupArn"], "tagKeys": ["a"]},
            "ListTagsForResource": lambda: {"resourceArn": arns["datasetGroupArn"]},
            "ListMetricAttributionMetrics": lambda: {"metricAttributionArn": arns["metricAttributionArn"]},
            "GetRecommendations": lambda: {"campaignArn": arns["campaignArn"], "itemId": "i1"},
            "GetPersonalizedRanking": lambda: {
                "campaignArn": self.campaigns["personalized-ranking"],
                "userId": "u1",
                "inputList": ["i1", "i2"],
            },
            "GetActionRecommendations": lambda: {
                "campaignArn": self.campaigns["next-best-action"],
                "userId": "u1",
            },
            "PutEvents": lambda: {
                "trackingId": world.describe("eventTracker", arns["eventTrackerArn"])["trackingId"],
                "sessionId": "s",
                "eventList": [{"eventType": "watch", "itemId": "i1", "sentAt": 1_700_000_000}],
            },
            "PutItems": lambda: {"datasetArn": arns["ITEMS"], "items": [{"itemId": "x"}]},
            "PutUsers": lambda: {"datasetArn": arns["USERS"], "users": [{"userId": "x"}]},
            "PutActions": lambda: {"datasetArn": arns["ACTIONS"], "actions": [{"actionId": a} for a in ("a", "b")]},
            "PutActionInteractions": lambda: {
                "trackingId": world.describe("dataset", arns["ACTION_INTERACTIONS"])["trackingId"],
                "actionInteractions": [
                    {
                        "actionId": "ab"[user % 2],
                        "userId": f"u{user}",
                        "sessionId": "s",
                        "timestamp": 1_700_000_000 + user,
                        "eventType": "Taken" if user % 3 else "Not_taken",
                    }
                    for user in range(10)
                ],
            },
        }

    def _named(self) -> Params:
        return {"name": next(self.world.names)}

    def _in_group(self) -> Params:
        return self._named() | {"datasetGroupArn": self.arns["datasetGroupArn"]}

    def _job(self, of: str) -> Params:
        return {
            "jobName": next(self.world.names),
            "roleArn": self.world.role,
            f"{of}Arn": self.arns[f"{of}Arn"],
        }

    def _fresh(self, kind: str) -> Params:
        """The ARN of a new resource for a deletion."""
        member = f"{kind[0].lower()}{kind[1:]}Arn"
        return {member: self.call(f"Create{kind}", **self.request(f"Create{kind}"))[member]}

    def _stopped(self) -> Params:
        return {"recommenderArn": self.call("StopRecommender", **self.request("StopRecommender"))["recommenderArn"]}

    def _schema_of(self, kind: str) -> str:
        return str(self.world.describe("dataset", self.arns[kind])["schemaArn"])

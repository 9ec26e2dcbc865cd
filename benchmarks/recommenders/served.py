"""A trained recipe of the service: single requests over HTTP, or batch jobs."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.recommenders.groups import Group
from benchmarks.recommenders.trainer import Peak
from benchmarks.service import BUCKET, RECIPE, Service
from usher_local.personalize.core.recipes import SEGMENTS, Recipe

Line = dict[str, Any]
"""A user's request in the form of a batch job's line."""


@dataclass(frozen=True, slots=True)
class Served:
    """A trained model, and the costs of its training."""

    service: Service
    group: Group
    version: str
    """The ARN of the solution version; empty for a recommender."""
    target: dict[str, str]
    """The campaign or recommender; empty for segments."""
    seconds: float
    megabytes: float
    metrics: dict[str, float]
    """The service's own metrics."""

    def ask(self, line: Line, results: int, *, filtered: bool = False) -> list[str]:
        """The items in the answer to one request; with `filtered`, without the user's newest seen items."""
        runtime, more = self.service.runtime, {"filterArn": self.group.seen} if filtered else {}
        if "itemList" in line:
            ranked = runtime.get_personalized_ranking(**self.target, userId=line["userId"], inputList=line["itemList"])
            return [entry["itemId"] for entry in ranked["personalizedRanking"]]
        answer = runtime.get_recommendations(**self.target, **line, **more, numResults=results)
        return [entry["itemId"] for entry in answer["itemList"]]

    def act(self, user: str) -> object:
        """The actions for a user."""
        return self.service.runtime.get_action_recommendations(**self.target, userId=user)

    def batch(
        self, lines: Mapping[int, Line], results: int, *, kind: str = "inference", filtered: bool = False, **more: Any
    ) -> tuple[dict[int, list[str]], float]:
        """The answers to all lines by one job, and lists per second. RuntimeError with the first line's error."""
        more |= {"filterArn": self.group.seen} if filtered else {}
        service, name = self.service, f"{next(self.service.names)}.json"
        service.s3.put_object(Bucket=BUCKET, Key=name, Body="\n".join(map(json.dumps, lines.values())))
        start = time.perf_counter()
        service.make(
            f"batch_{kind}_job",
            "jobName",
            solutionVersionArn=self.version,
            roleArn=service.role,
            numResults=results,
            jobInput={"s3DataSource": {"path": f"s3://{BUCKET}/{name}"}},
            jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/out/"}},
            **more,
        )
        speed = len(lines) / (time.perf_counter() - start)
        body = service.s3.get_object(Bucket=BUCKET, Key=f"out/{name}.out")["Body"].read()
        answers = [json.loads(line) for line in body.splitlines()]
        if error := next((answer["error"] for answer in answers if answer["error"]), None):
            raise RuntimeError(error)
        member = "usersList" if kind == "segment" else "recommendedItems"
        return {key: answer["output"][member] for key, answer in zip(lines, answers, strict=True)}, speed


@contextmanager
def served(service: Service, group: Group, recipe: Recipe) -> Iterator[Served]:
    """Train a recipe and deploy it; delete it afterwards, since a group may have few of a kind."""
    train = _recommender if recipe.domain else _solution
    peak, start = Peak(service.process), time.perf_counter()
    arn = train(service, group.arn, recipe.name, peak)
    seconds = time.perf_counter() - start
    client = service.personalize
    if recipe.domain:
        metrics = service.describe("recommender", arn)["modelMetrics"]
        yield Served(service, group, "", {"recommenderArn": arn}, seconds, peak.megabytes, metrics)
        client.delete_recommender(recommenderArn=arn)
        return
    metrics = client.get_solution_metrics(solutionVersionArn=arn)["metrics"]
    target = {} if recipe.type == SEGMENTS else {"campaignArn": service.make("campaign", solutionVersionArn=arn)}
    yield Served(service, group, arn, target, seconds, peak.megabytes, metrics)
    if target:
        client.delete_campaign(**target)
    client.delete_solution(solutionArn=arn.rsplit("/", 1)[0])


def _solution(service: Service, group: str, recipe: str, peak: Peak) -> str:
    return service.version(group, recipe, peak.look)


def _recommender(service: Service, group: str, recipe: str, peak: Peak) -> str:
    return service.make("recommender", meanwhile=peak.look, datasetGroupArn=group, recipeArn=RECIPE + recipe)

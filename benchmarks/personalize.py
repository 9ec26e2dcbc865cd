"""The latency of the local Personalize over HTTP, alone and while it trains, imports or serves many clients.

Run it with `python -m benchmarks.personalize`. The server is the local cloud in a process of its own; this process
calls it through boto3, so every latency includes the client's part. MovieLens 100K, as in the demo; the clock is
instant.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.report import Row, quantile, report
from benchmarks.service import REQUESTS, Service, begin_peak, memory, serving, timed
from usher_local.demo.__main__ import CACHE
from usher_local.demo.movielens import fetch, prepare

NEWCOMERS = 20
CLIENTS, EACH = 200, 10
USERS, ITEMS, ROWS = 6040, 3706, 1_000_000
"""The numbers of MovieLens 1M."""
FIELDS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}
RECIPE = "aws-user-personalization-v2"
"""The slowest recipe."""


def load(service: Service, dataset: str, path: Path) -> tuple[float, float]:
    """Import a file. Returns the seconds, and the MB by which the server's peak memory exceeds its memory before."""
    location = service.upload(path)
    begin_peak(service.process)
    before, start = memory(service.process, "VmRSS"), time.perf_counter()
    service.load(dataset, location)
    return time.perf_counter() - start, memory(service.process, "VmHWM") - before


def latencies(name: str, found: list[float]) -> list[Row]:
    """The rows of two quantiles."""
    return [{"what": f"{name}, p{q} ms", "value": round(quantile(found, q / 100), 1)} for q in (50, 99)]


def run(service: Service, folder: Path) -> Iterator[Row]:
    """All figures, one after the other."""
    group = service.make("dataset_group")
    dataset = service.dataset(group, "Interactions", FIELDS)
    load(service, dataset, prepare(fetch(CACHE), folder).interactions)
    campaign = service.make("campaign", solutionVersionArn=service.version(group, RECIPE))
    seen = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
    unseen = service.make("filter", datasetGroupArn=group, filterExpression=seen)
    tracking = service.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]

    def recommend(user: object, **more: str) -> list[str]:
        answer = service.runtime.get_recommendations(campaignArn=campaign, userId=str(user), **more)
        return [entry["itemId"] for entry in answer["itemList"]]

    def change(number: int) -> None:
        """Send an event of a new user; wait until that user's list differs from the list for strangers."""
        user, before = f"new{number}", recommend("stranger")
        events = [{"eventType": "watch", "sentAt": time.time(), "itemId": str(50 + number)}]
        service.events.put_events(trackingId=tracking, userId=user, sessionId=user, eventList=events)
        while recommend(user) == before:
            pass

    timed(recommend)  # warm-up
    describe = timed(lambda _: service.personalize.describe_campaign(campaignArn=campaign))
    yield from latencies("DescribeCampaign", describe)
    yield from latencies("ListRecipes", timed(lambda _: service.personalize.list_recipes()))
    idle = timed(recommend)
    yield from latencies("GetRecommendations", idle)
    yield from latencies("GetRecommendations, filtered", timed(lambda user: recommend(user, filterArn=unseen)))
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(service.version, group, RECIPE)
        busy = timed(lambda number: recommend(number % REQUESTS), lambda _: not training.done())
    yield from latencies(f"GetRecommendations while a model trains ({len(busy)} requests)", busy)
    yield {"what": "training / idle, p50", "value": round(quantile(busy, 0.5) / quantile(idle, 0.5), 2)}
    changes = timed(change, lambda done: done < NEWCOMERS)
    yield {"what": f"PutEvents to another list, slowest of {NEWCOMERS}, seconds", "value": round(changes[-1] / 1000, 3)}
    yield from concurrent_clients(recommend)
    seconds, grown = load(service, dataset, million(folder / "million.csv"))
    yield {"what": f"import of {ROWS:,} rows, seconds", "value": round(seconds, 1)}
    yield {"what": f"import of {ROWS:,} rows, growth of peak memory, MB", "value": round(grown)}


def concurrent_clients(recommend: Callable[[int], list[str]]) -> Iterator[Row]:
    """The rows of many concurrent clients, each with its own thread, and without retries."""

    def ask(number: int) -> bool:
        try:
            return bool(recommend(number % REQUESTS))
        except (BotoCoreError, ClientError):
            return False

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answered = list(pool.map(ask, range(CLIENTS * EACH)))
    seconds = time.perf_counter() - start
    yield {"what": f"{CLIENTS} clients at once, requests", "value": len(answered)}
    yield {"what": f"{CLIENTS} clients at once, requests lost", "value": answered.count(False)}
    yield {"what": f"{CLIENTS} clients at once, requests/s", "value": round(len(answered) / seconds)}


def million(path: Path) -> Path:
    """Write a file of random interactions, as many as in MovieLens 1M."""
    chance = random.Random(0)
    with path.open("w") as file:
        file.write(",".join(FIELDS) + "\n")
        for number in range(ROWS):
            file.write(f"{chance.randrange(USERS)},{chance.randrange(ITEMS)},{1_000_000_000 + number},watch\n")
    return path


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, serving(CLIENTS) as service:
        rows = list(run(service, Path(folder)))
    report("personalize", rows)

"""`make demo`: the whole product on MovieLens 100K, on this machine, in a minute."""

import csv
import io
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from usher_local.cloud.server import LocalCloud
from usher_local.demo.caller import Caller
from usher_local.demo.movielens import Dataset, DownloadError, fetch, prepare
from usher_local.demo.watch import watch
from usher_local.paths import cache_folder

GROUP = "movielens"
CACHE = cache_folder() / "movielens-100k"
USERS = ("1", "405", "655")
FILM = "50"  # Star Wars (1977)
TO_RANK = ["1", "50", "127", "98", "258", "286", "288", "313"]
WATCHED = {"Alien (1979)": "183", "Aliens (1986)": "176", "Blade Runner (1982)": "89"}
SHOWN = 8
EXPORT_LINES = 3


def main(console: Console) -> int:
    """Run the demo. Returns the exit status: 0, or 1 after printing the failure."""
    logging.getLogger("moto").setLevel(logging.CRITICAL)  # the demo prints the outcome itself
    try:
        console.print("Getting MovieLens 100K (100,000 ratings of 1,682 films by 943 people)")
        data = prepare(fetch(CACHE), CACHE / "prepared")
    except DownloadError as error:
        console.print(f"[red]{error}[/]")
        return 1
    console.print("Starting the local cloud: the stack of template.yaml, without AWS")
    with LocalCloud(aws_port=0, api_port=0) as cloud:
        bucket = cloud.outputs["BucketName"]
        for name, path in (
            ("usher.yaml", Path(__file__).with_name("usher.yaml")),
            ("items.csv", data.items),
            ("interactions.csv", data.interactions),
        ):
            console.print(f"Dropping s3://{bucket}/{GROUP}/{name}")
            cloud.client("s3").upload_file(str(path), bucket, f"{GROUP}/{name}")
        clients = cloud.client("stepfunctions"), cloud.client("s3")
        record = watch(*clients, cloud.outputs["PipelineArn"], bucket, GROUP, console)
        if record["outcome"] != "SUCCEEDED":
            console.print(f"[red]{record['summary']}[/]")
            return 1
        show_api(console, cloud, data)
        status = show_export(console, cloud)
    console.print("\nThe demo's local cloud has ended. To start one that stays, for your own files:\n\n    make up")
    return status


def show_api(console: Console, cloud: LocalCloud, data: Dataset) -> None:
    """Call the API as a user's application would, and print the answers with titles."""
    keys = Credentials(cloud.environment["AWS_ACCESS_KEY_ID"], cloud.environment["AWS_SECRET_ACCESS_KEY"])
    api = Caller(cloud.outputs["ApiUrl"], cloud.environment["AWS_DEFAULT_REGION"], keys)

    def titles(answer: Mapping[str, Any]) -> list[str]:
        return [data.titles[entry["itemId"]] for entry in answer.get("itemList", answer.get("personalizedRanking"))]

    def recommend(user: str, **options: str) -> list[str]:
        return titles(api.get(f"/{GROUP}/recommendations/{user}", numResults=SHOWN, **options))

    path = f"GET /{GROUP}/recommendations/"
    show(
        console, f"1. {path}<user>?filter=unseen", {f"user {user}": recommend(user, filter="unseen") for user in USERS}
    )
    similar = titles(api.get(f"/{GROUP}/similar-items/{FILM}", numResults=SHOWN))
    show(console, f"2. GET /{GROUP}/similar-items/{FILM}", {f"like {data.titles[FILM]}": similar})
    ranked = titles(api.post(f"/{GROUP}/rankings", {"userId": USERS[0], "items": TO_RANK}))
    show(
        console,
        f"3. POST /{GROUP}/rankings",
        {"as given": [data.titles[item] for item in TO_RANK], f"for user {USERS[0]}": ranked},
    )
    before = recommend("newcomer")
    events = [{"eventType": "watch", "itemId": item} for item in WATCHED.values()]
    api.post(f"/{GROUP}/events", {"userId": "newcomer", "sessionId": "demo", "events": events})
    after = recommend("newcomer", filter="unseen")
    show(
        console, f"4. POST /{GROUP}/events: a new user watches {', '.join(WATCHED)}", {"before": before, "after": after}
    )
    values = json.dumps({"GENRE": "Animation"})
    animated = recommend(USERS[0], filter="genre", filterValues=values)
    show(
        console,
        f'5. {path}{USERS[0]}?filter=genre&filterValues={{"GENRE": "Animation"}}',
        {f"user {USERS[0]}": animated},
    )


def show_export(console: Console, cloud: LocalCloud) -> int:
    """Export for everyone, as the nightly schedule does, and print the first lines."""
    stepfunctions, s3, bucket = cloud.client("stepfunctions"), cloud.client("s3"), cloud.outputs["BucketName"]
    started = stepfunctions.start_execution(
        stateMachineArn=cloud.outputs["ExportArn"], input=json.dumps({"group": GROUP})
    )
    with console.status("Exporting recommendations for everyone"):
        status = wait_for(lambda: stepfunctions.describe_execution(executionArn=started["executionArn"]))
    if status["status"] != "SUCCEEDED":
        console.print(f"[red]{status.get('cause')}[/]")
        return 1
    latest = json.loads(s3.get_object(Bucket=bucket, Key=f"{GROUP}/out/export/for-you/latest.json")["Body"].read())
    file = latest["files"][0]["key"]
    text = s3.get_object(Bucket=bucket, Key=file)["Body"].read().decode()
    table: dict[str, list[str]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        table.setdefault(f"user {row['user_id']}", []).append(row["TITLE"])
    first = {user: titles[:SHOWN] for user, titles in list(table.items())[:EXPORT_LINES]}
    show(console, f"6. s3://.../{file} ({latest['rows']} rows)", first)
    return 0


def wait_for(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """An execution's description after its end."""
    while (answer := describe())["status"] == "RUNNING":
        time.sleep(0.2)
    return answer


def show(console: Console, title: str, columns: Mapping[str, list[str]]) -> None:
    """Print lists side by side, in columns of the same width."""
    table = Table()
    for name in columns:
        table.add_column(name, overflow="ellipsis", no_wrap=True, max_width=console.width // len(columns) - 4)
    for row in zip(*columns.values(), strict=False):
        table.add_row(*row)
    console.print(f"\n[bold]{escape(title)}[/]", highlight=False)
    console.print(table)


if __name__ == "__main__":
    try:
        sys.exit(main(Console()))
    except KeyboardInterrupt:
        sys.exit(130)

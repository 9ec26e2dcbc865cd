"""Bad input stops the run before anything is created, and is reported with its place and remedy."""

from collections.abc import Callable

import pytest

from tests.integration.conftest import Site, interactions

GOOD = interactions()
MILLISECONDS = GOOD.replace(",17000", ",17000000")
ROWS = GOOD.splitlines(keepends=True)

BAD_INPUT = {
    "missing-column": ("interactions.csv", GOOD.replace("TIMESTAMP", "time"), "TIMESTAMP", "Rename the column time"),
    "milliseconds": ("interactions.csv", MILLISECONDS, "interactions.csv line 2", "Divide by 1000"),
    "few-interactions": ("interactions.csv", "".join(ROWS[:500]), "499 interactions", "Add more history"),
    "few-users": ("interactions.csv", interactions(users=20, events=60), "20 users", "Add more users"),
    "open-quote": ("interactions.csv", GOOD + 'u1,"i1,1700000000,watch\n', "line 1202", "Balance the quotes"),
    "empty-file": ("interactions.csv", "", "interactions.csv: is empty", "Drop a CSV"),
    "unknown-key": ("usher.yaml", "solution: {}", "usher.yaml: solution", "Did you mean solutions?"),
    "unknown-recipe": ("usher.yaml", "solutions: {a: {recipe: aws-sim}}", "solutions.a.recipe", "mean aws-sims?"),
    "broken-yaml": ("usher.yaml", "solutions:\n  - [", "usher.yaml line", "Correct the YAML"),
    "two-configs": ("usher.json", "{}", "conflicts with", "Keep one"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_stops_the_run_before_anything_is_created(
    site: Site, messages: Callable[[], list[str]], name: str
) -> None:
    file, content, place, remedy = BAD_INPUT[name]
    if file == "usher.json":
        site.drop(f"{name}/usher.yaml", "{}")
        site.settle(name)
    site.drop(f"{name}/{file}", content)
    executions = site.settle(name)
    record = site.records(name)[-1]
    assert executions[0]["status"] == "FAILED"
    assert record["outcome"] == "FAILED"
    for text in (record["summary"], executions[0]["cause"], "\n".join(messages())):
        assert place in text
        assert remedy in text
    assert not any(site.resources(name).values())
    kept = site.s3.get_object(Bucket=site.bucket, Key=f"{name}/{file}")["Body"].read().decode()
    assert kept == content


def test_a_corrected_file_goes_through(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", MILLISECONDS)
    assert site.run(group)["outcome"] == "FAILED"
    site.drop(f"{group}/interactions.csv", GOOD)
    assert site.run(group)["outcome"] == "SUCCEEDED"
    assert len(site.api.get(f"/{group}/recommendations/u1")["itemList"]) == 25


def test_a_folder_that_cannot_name_a_group_is_refused(site: Site) -> None:
    site.drop("my films/interactions.csv", GOOD)
    record = site.run("my films")
    assert "can't be the name of a dataset group" in record["summary"]

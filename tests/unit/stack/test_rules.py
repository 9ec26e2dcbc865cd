"""The rules that start the pipeline match all keys that it reads, and EventBridge accepts each of them."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from moto.events.models import EventPattern
from usher.planning.misplaced_files import ignored_files, misplaced_files
from usher.storage.layout import DATASETS, SUFFIXES, is_input
from usher.storage.near_names import starts_run

from tests.unit.stack.files import RESOURCES
from usher_local.cloud.eventbridge.patterns import MAX_COMPLEXITY, complexity

RULES: dict[str, Any] = {
    name: event["Properties"]["Pattern"] for name, event in RESOURCES["Pipeline"]["Properties"]["Events"].items()
}
NAMES = st.text("abz019-_. ", min_size=1, max_size=8)

FORMS = [
    *(f"{{group}}/{dataset}{suffix}" for dataset in DATASETS for suffix in SUFFIXES),
    *(f"{{group}}/{dataset}/{{name}}.csv" for dataset in DATASETS),
    *(f"{{group}}/{dataset}/incremental/{{name}}.csv" for dataset in DATASETS),
    "{group}/usher.yaml",
    "{group}/usher.json",
    "{group}/export/{name}/{name}.jsonl",
    "{group}/batch/{name}.jsonl",
    "{group}/segments/{name}.jsonl",
    "train/{group}/{name}.json",
    "train/{group}/interactions.csv",
    "train/{group}/items/{name}.csv",
]
"""Every form of a key that docs/files.md describes as read."""
OUTPUT = [
    "{group}/out/runs/{name}/run.json",
    "{group}/out/runs/{name}/run.html",
    "{group}/out/runs/{name}/plan.json",
    "{group}/out/checks/{name}.json",
    "{group}/out/input/{name}/{name}/00000.csv",
    "{group}/out/export/{name}/{name}/input/part-0001.json",
    "{group}/out/export/{name}/{name}/output/part-0001.json.out",
    "{group}/out/export/{name}/{name}/csv/part-0001.csv",
    "{group}/out/export/{name}/{name}/parquet/part-0001.parquet",
    "{group}/out/export/{name}/{name}/errors/part-0001.json",
    "{group}/out/export/{name}/latest.json",
    "{group}/out/batch/{name}/{name}/{name}.jsonl.out",
    "{group}/out/segments/{name}/{name}/{name}.jsonl.out",
    "{group}/out/evaluation/{name}/train/00000.csv",
    "{group}/out/evaluation/{name}/input/users/part-0001.json",
]
"""The keys that Usher and Personalize write."""


def matching(key: str) -> list[str]:
    """The rules by which a new object starts the pipeline."""
    detail = {"bucket": {"name": "the-bucket"}, "object": {"key": key, "size": 1}}
    event: Any = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    found = []
    for name, rule in RULES.items():
        pattern = {**rule, "detail": {**rule["detail"], "bucket": {"name": ["the-bucket"]}}}
        if EventPattern("", pattern).matches_event(event):
            found.append(name)
    return found


@pytest.mark.parametrize("rule", RULES)
def test_eventbridge_takes_the_rule(rule: str) -> None:
    assert complexity(RULES[rule]) <= MAX_COMPLEXITY


@pytest.mark.parametrize("form", FORMS)
@given(group=NAMES, name=NAMES)
def test_each_read_key_starts_one_run(form: str, group: str, name: str) -> None:
    key = form.format(group=group, name=name)
    assert is_input(key)
    assert len(matching(key)) == 1


FOLDERS = st.sampled_from([*DATASETS, "train", "export", "batch", "segments", "out", "incremental", "a"])
FILES = st.sampled_from([*(f"{one}.csv" for one in DATASETS), "usher.yaml", "usher.json", "a.json", "a.jsonl", "a.csv"])


@given(st.lists(FOLDERS, max_size=4), FILES)
def test_every_key_that_the_code_reads_starts_a_run(folders: list[str], name: str) -> None:
    key = "/".join([*folders, name])
    assume(is_input(key))
    assert matching(key)


@pytest.mark.parametrize(
    "key",
    [
        "films/interaction.csv",
        "films/Interactions.csv",
        "films/INTERACTIONS.CSV",
        "films/interactions.xlsx",
        "films/interactions (1).csv",
        "films/user.csv",
        "films/action-interactions.csv",
        "films/items_old.csv",
        "films/usher.yml",
        "films/Usher.YAML",
        "films/new/interactions.csv",
        "films/Items/1.csv",
        "interactions.csv",
    ],
)
def test_a_nearly_right_key_starts_a_run_which_reports_it(key: str) -> None:
    assert not is_input(key)
    assert starts_run(key)
    assert matching(key)


@pytest.mark.parametrize(
    "key",
    [
        "films/readme.md",
        "films/pictures/1.png",
        "films/items/_SUCCESS",
        "films/.DS_Store",
        "films/items_images/1.jpg",
        "films/logs/items/2024/a.log",
        "films/itemsets/x.png",
        "films/pictures/items_1.png",
        "films/usher_notes.md",
    ],
)
def test_other_keys_start_no_run(key: str) -> None:
    assert not starts_run(key)


@given(
    st.lists(st.one_of(FOLDERS, NAMES, st.sampled_from(["Items", "user", "items_images", "2024"])), max_size=3),
    st.one_of(
        FILES, NAMES, st.sampled_from(["Items.xlsx", "items_old.csv", "usher_old.yaml", "usher.yml", "user.csv"])
    ),
)
def test_an_unread_file_starts_a_run_exactly_if_that_run_names_it(folders: list[str], name: str) -> None:
    key = "/".join(["films", *folders, name])
    assume(not is_input(key))
    assert starts_run(key) == any([*misplaced_files([key], "films"), *ignored_files([key])])


@pytest.mark.parametrize("form", OUTPUT)
def test_keys_that_usher_writes_start_no_run(form: str) -> None:
    key = form.format(group="films", name="for-you")
    assert not starts_run(key)
    assert matching(key) == []


def test_objects_of_other_buckets_start_nothing() -> None:
    for rule in RULES.values():
        assert rule["detail"]["bucket"] == {"name": [{"Ref": "Bucket"}]}

"""Data that is too large for one function is checked in parallel parts; a checked part is not read again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Site, interactions
from tests.integration.test_survival import kill_workers

SMALL = {"PARALLEL_BYTES": "20000", "PART_BYTES": "15000"}
PARTS = -(-len(interactions()) // 15_000)
CONFIG = json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False})


@pytest.fixture(scope="module", autouse=True)
def small_parts(site: Site) -> Iterator[None]:
    """Make parts small, so that small files count as large."""
    client = site.cloud.client("lambda")
    listed = client.list_functions()["Functions"]
    before = {one["FunctionName"]: one["Environment"]["Variables"] for one in listed}

    def configure(more: dict[str, str]) -> None:
        for name, variables in before.items():
            if "BUCKET_NAME" in variables:
                client.update_function_configuration(FunctionName=name, Environment={"Variables": variables | more})
        kill_workers(site)

    configure(SMALL)
    yield
    configure({})


def checked(site: Site, group: str) -> list[Any]:
    """The parts that each run checked, oldest run first."""
    return [site.read_json(key) for key in site.keys(f"{group}/out/runs/") if key.endswith("/parts.json")]


def test_a_row_in_the_midst_of_many_parts_is_named_and_only_new_parts_are_read(site: Site, group: str) -> None:
    files = [f"{group}/interactions/{number}.csv" for number in range(3)]
    good = [interactions(seed=number) for number in range(3)]
    rows = good[1].splitlines(keepends=True)
    rows[899] = "u1,i1,yesterday,watch\n"
    site.drop(f"{group}/usher.yaml", CONFIG)
    for key, content in zip([files[1], files[0], files[2]], ["".join(rows), good[0], good[2]], strict=True):
        site.drop(key, content)
    record = site.run(group)
    assert record["problems"] == [
        {
            "place": f"{files[1]} line 900",
            "message": "TIMESTAMP is neither a number nor a date.",
            "remedy": "Write Unix seconds, or dates like 2026-11-27 with `timestamps: iso` in usher.yaml; "
            "or remove the line.",
        }
    ]
    assert record["data"]["interactions"]["rows"] == 3 * 1200
    assert not any(site.resources(group).values())
    assert sum(map(len, checked(site, group))) == 3 * PARTS

    site.drop(files[1], good[1])
    assert site.run(group)["outcome"] == "SUCCEEDED"
    last = checked(site, group)[-1]
    assert {part["key"] for part in last} == {files[1]}
    assert len(last) == PARTS

    site.drop(f"{group}/interactions/9.csv", interactions(seed=9))
    record = site.run(group)
    assert record["outcome"] == "SUCCEEDED"
    assert record["data"]["interactions"]["rows"] == 4 * 1200
    assert {part["key"] for part in checked(site, group)[-1]} == {f"{group}/interactions/9.csv"}

    site.drop(files[0], good[0])
    record = site.run(group)
    assert record["data"]["interactions"]["bytes"] == sum(map(len, good)) + len(interactions(seed=9))
    assert {state["action"] for state in record["resources"]} == {"reuse"}


def test_an_unfinished_check_fails_the_run_and_is_repeated_by_the_next(site: Site, group: str) -> None:
    functions = site.cloud.client("lambda").list_functions()["Functions"]
    role = next(one["Role"].rpartition("/")[2] for one in functions if "Check" in one["FunctionName"])
    denied = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}]}
    iam = site.cloud.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=json.dumps(denied))
    site.drop(f"{group}/usher.yaml", CONFIG)
    site.drop(f"{group}/interactions.csv", interactions())
    record = site.run(group)
    iam.delete_role_policy(RoleName=role, PolicyName="denied")
    assert record["outcome"] == "FAILED"
    assert [one["place"] for one in record["problems"]] == [
        f"{group}/interactions.csv bytes {start} to {end}" for start, end in ((0, 15000), (15000, 29518))
    ]
    assert (
        f"could not be checked: InputError: {group}/interactions.csv: can't be read: Access Denied."
        in record["summary"]
    )
    assert not any(site.resources(group).values())

    site.drop(f"{group}/interactions.csv", interactions())
    assert site.run(group)["outcome"] == "SUCCEEDED"

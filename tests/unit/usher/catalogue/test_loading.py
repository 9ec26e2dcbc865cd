"""The table equals the files: only changes are written, also after an interrupted load."""

import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from usher.catalogue.entries import Catalogues, Entry, means_unavailable
from usher.catalogue.load_plan import Form, LoadPlan, load_plan_of, loaded_digests, write_load_plan
from usher.catalogue.loading import QUICK_SECONDS, Loader, Progress
from usher.datasets.reading import Reading, Source
from usher.errors import EndedError, UsherError
from usher.formats.typed_json import UnfitError
from usher.planning.steps import Outcome
from usher.runs.record import Run
from usher.storage.table import Table

from tests.unit.stack.files import machine
from tests.unit.usher.world import BUCKET, REPOSITORY, STATES, TABLE, World, call, interactions
from usher_local.simulation.machine import Machine

Rows = Mapping[str, Mapping[str, str]]
TYPES = {"TITLE": "string", "PRICE": "float", "YEAR": "int", "IN_STOCK": "boolean", "AGE": "int", "PLAN": "string"}


class Site:
    """A group, and the loads of its runs, each of which lists the files later than the one before."""

    def __init__(self, world: World) -> None:
        self.world, self.time, self.calls = world, 1000, list[tuple[str, str]]()
        self.catalogues = Catalogues(Table(world.dynamodb, TABLE))
        self.loader = Loader(world.bucket, self.catalogues, sleep=lambda _: None)
        self.requests = Counter[str]()
        self.hook: Callable[[], None] = lambda: None
        world.listen(world.dynamodb, "before-call.dynamodb", self._note)

    def _note(self, model: Any, params: Mapping[str, Any], **_: Any) -> None:
        if model.name not in ("PutItem", "DeleteItem", "BatchWriteItem"):
            return
        body = json.loads(params["body"])
        requests = body["RequestItems"][TABLE] if "RequestItems" in body else [{"PutRequest": body}]
        keys = [one["PutRequest"].get("Item") or one["PutRequest"]["Key"] for one in requests]
        if ids := [key["group"]["S"].partition("#")[2] for key in keys if "#" in key["group"]["S"]]:
            self.requests[model.name] += 1
            self.calls += [("DeleteItem" if model.name == "DeleteItem" else "PutItem", id_) for id_ in ids]
            self.hook()

    def clear(self) -> None:
        """Delete all files and items."""
        self.hook = lambda: None
        self.world.bucket.delete(self.world.bucket.keys(""))
        for one in self.world.dynamodb.scan(TableName=TABLE)["Items"]:
            key = {"group": one["group"], "item": one["item"]}
            self.world.dynamodb.delete_item(TableName=TABLE, Key=key)

    def put(self, name: str, content: bytes | str) -> None:
        self.world.s3.put_object(Bucket=BUCKET, Key=f"films/{name}", Body=content)

    def plan(self, *names: str, columns: tuple[str, ...] = ("TITLE", "PRICE"), **more: Any) -> LoadPlan:
        """The plan of a run that lists these files now."""
        self.time += 1000
        listed = {file.key.removeprefix("films/"): file for file in self.world.bucket.files("films/")}
        sources = {
            dataset: Source(
                [listed[name] for name in names if name.startswith(dataset)], more.get("reading", Reading())
            )
            for dataset in ("items", "users", "interactions")
            if any(name.startswith(dataset) for name in names)
        }
        facts = [(name, listed[name].etag) for name in names], columns, more
        kinds = {"items"} & sources.keys() | ({"users"} if sources.keys() - {"items"} else set())
        forms = {
            "items": Form(columns, more.get("available", ""), TYPES),
            "users": Form(more.get("users", ()), "", TYPES),
        }
        return LoadPlan(self.time, sources, forms, {kind: str(facts) for kind in kinds})

    def load(self, plan: LoadPlan, loader: Loader | None = None) -> list[tuple[str, str]]:
        """The writes and deletions of a load, called until nothing is left."""
        run = Run(self.world.bucket, "films", f"run-{plan.planned}")
        write_load_plan(run, plan)
        self.calls.clear()
        loader = loader or self.loader
        while loader.load(run)["more"]:
            pass
        return sorted(self.calls)

    def table(self, item: str = "catalogue") -> dict[str, Any]:
        """The entries of the table, by ID."""
        pages = self.world.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        found = [one for page in pages for one in page["Items"] if one["item"]["S"] == item]
        return {
            one["group"]["S"].partition("#")[2]: "unavailable"
            if "unavailable" in one
            else json.loads(one["values"]["S"])
            if "values" in one
            else {}
            for one in found
            if "#" in one["group"]["S"]
        }


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


def csv(rows: Rows, columns: str = "TITLE,PRICE") -> str:
    lines = [",".join([id_, *(row.get(name, "") for name in columns.split(","))]) for id_, row in rows.items()]
    return "\n".join([f"ITEM_ID,{columns}", *lines]) + "\n"


FILMS: Rows = {"a": {"TITLE": "Alien", "PRICE": "9.5"}, "b": {"TITLE": "Brazil", "PRICE": ""}, "é": {"TITLE": "Élan"}}


def jsonl(rows: Rows) -> bytes:
    head = {"ITEM_ID": "", "TITLE": "", "PRICE": ""}
    lines = [head | {"ITEM_ID": id_, **row} for id_, row in rows.items()]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def packed(rows: Rows) -> bytes:
    names = ("ITEM_ID", "TITLE", "PRICE")
    columns = {name: [({"ITEM_ID": id_} | dict(row)).get(name) for id_, row in rows.items()] for name in names}
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("items.csv", csv(FILMS).encode()),
        ("items.csv.gz", gzip.compress(csv(FILMS).encode())),
        ("items.jsonl", jsonl(FILMS)),
        ("items.parquet", packed(FILMS)),
    ],
    ids=["csv", "gz", "jsonl", "parquet"],
)
def test_a_file_of_any_format_becomes_the_same_items(site: Site, name: str, content: bytes) -> None:
    site.put(name, content)
    assert site.load(site.plan(name)) == [("PutItem", "a"), ("PutItem", "b"), ("PutItem", "é")]
    assert site.table() == {"a": {"TITLE": "Alien", "PRICE": 9.5}, "b": {"TITLE": "Brazil"}, "é": {"TITLE": "Élan"}}
    assert site.catalogues.facts("films")["items"]
    assert site.load(site.plan(name)) == []


def test_a_first_load_is_written_in_batches_and_later_ones_with_a_condition_each(site: Site) -> None:
    site.put("items.csv", csv({f"i{number}": {"TITLE": "x"} for number in range(60)}))
    site.catalogues.put("films", Entry("items", "i7", '{"TITLE":"of a former catalogue"}'), 1)
    site.requests.clear()
    site.load(site.plan("items.csv"))
    assert site.requests == {"BatchWriteItem": 3}
    assert site.table() == {f"i{number}": {"TITLE": "x"} for number in range(60)}
    site.put("items.csv", csv({f"i{number}": {"TITLE": "y"} for number in range(60)}))
    site.load(site.plan("items.csv"))
    assert site.requests == {"BatchWriteItem": 3, "PutItem": 60}


def test_only_changes_are_written_and_missing_items_are_deleted(site: Site) -> None:
    site.put("items.csv", csv(FILMS))
    site.load(site.plan("items.csv"))
    site.put("items.csv", csv({"a": FILMS["a"], "é": {"TITLE": "Elan"}, "n": {"TITLE": "Nosferatu"}}))
    assert site.load(site.plan("items.csv")) == [("DeleteItem", "b"), ("PutItem", "n"), ("PutItem", "é")]
    assert set(site.table()) == {"a", "é", "n"}


def test_only_the_columns_of_the_config_are_in_the_table(site: Site) -> None:
    rows = {"a": {"TITLE": "Alien", "YEAR": "1979", "IN_STOCK": "true"}, "b": {"TITLE": "Brazil", "IN_STOCK": "false"}}
    site.put("items.csv", csv(rows, "TITLE,YEAR,IN_STOCK"))
    site.load(site.plan("items.csv", columns=("YEAR",), available="IN_STOCK"))
    assert site.table() == {"a": {"YEAR": 1979}, "b": "unavailable"}
    assert len(site.load(site.plan("items.csv", columns=("TITLE",)))) == 2
    assert site.table() == {"a": {"TITLE": "Alien"}, "b": {"TITLE": "Brazil"}}


def test_the_last_row_of_an_id_counts_in_any_file(site: Site) -> None:
    site.put("items.csv", csv({"a": {"TITLE": "Alien"}, "b": {"TITLE": "Brazil"}}) + "a,Aliens,\n")
    site.put("items/incremental/1.csv", csv({"b": {"TITLE": "Brasil"}}))
    written = site.load(site.plan("items.csv", "items/incremental/1.csv"))
    assert written == [("PutItem", "a"), ("PutItem", "b")]
    assert site.table() == {"a": {"TITLE": "Aliens"}, "b": {"TITLE": "Brasil"}}


def test_a_long_text_that_changes_at_its_end_is_written(site: Site) -> None:
    site.put("items.csv", csv({"a": {"TITLE": "x" * 5000}}))
    site.load(site.plan("items.csv"))
    site.put("items.csv", csv({"a": {"TITLE": "x" * 4999 + "y"}}))
    assert site.load(site.plan("items.csv")) == [("PutItem", "a")]


def test_users_of_all_files_are_known_and_only_new_ones_are_written(site: Site) -> None:
    site.put("users.csv", "USER_ID,AGE\nu1,5\nu2,6\n")
    site.put("interactions/a.csv", "USER_ID,ITEM_ID,TIMESTAMP\nu2,i,1\nu3,i,1\nu3,i,2\n")
    assert [id_ for _, id_ in site.load(site.plan("users.csv", "interactions/a.csv"))] == ["u1", "u2", "u3"]
    site.put("interactions/b.csv", "USER_ID,ITEM_ID,TIMESTAMP\nu4,i,1\nu3,i,1\n")
    assert site.load(site.plan("users.csv", "interactions/a.csv", "interactions/b.csv")) == [("PutItem", "u4")]
    assert set(site.table("user")) == {"u1", "u2", "u3", "u4"}


def test_columns_of_users_are_known_and_a_user_who_leaves_their_file_keeps_none(site: Site) -> None:
    columns, other = {"users": ("AGE",)}, {"users": ("AGE", "PLAN")}
    site.put("users.csv", "USER_ID,AGE,PLAN\nu1,5,gold\nu2,6,\nu1,7,gold\n")
    site.put("interactions.csv", "USER_ID,ITEM_ID,TIMESTAMP\nu2,i,1\nu3,i,1\n")
    assert [id_ for _, id_ in site.load(site.plan("users.csv", "interactions.csv", **columns))] == ["u1", "u2", "u3"]
    assert site.table("user") == {"u1": {"AGE": 7}, "u2": {"AGE": 6}, "u3": {}}
    assert site.catalogues.facts("films")["userColumns"] == ["AGE"]
    site.put("users.csv", "USER_ID,AGE,PLAN\nu1,7,gold\n")
    site.load(site.plan("users.csv", "interactions.csv", **columns))
    assert site.calls == [("PutItem", "u2")]
    site.load(site.plan("users.csv", "interactions.csv", **other))
    assert site.table("user") == {"u1": {"AGE": 7, "PLAN": "gold"}, "u2": {}, "u3": {}}


def test_a_put_after_the_look_at_the_files_wins_over_them_and_one_before_loses_to_a_row_that_changed(
    site: Site,
) -> None:
    site.put("items.csv", csv({"a": {"TITLE": "file"}, "b": {"TITLE": "file"}, "gone": {"TITLE": "file"}}))
    site.load(site.plan("items.csv"))
    site.catalogues.put("films", Entry("items", "b", '{"TITLE":"earlier"}'), site.time + 500)
    site.put("items.csv", csv({"a": {"TITLE": "file 2"}, "b": {"TITLE": "file 2"}}))
    plan = site.plan("items.csv")
    for id_ in ("a", "gone"):
        site.catalogues.put("films", Entry("items", id_, '{"TITLE":"later"}'), plan.planned + 1)
    site.load(plan)
    assert site.table() == {"a": {"TITLE": "later"}, "b": {"TITLE": "file 2"}, "gone": {"TITLE": "later"}}


def test_a_put_stays_until_the_files_have_another_row_for_its_item(site: Site) -> None:
    site.put("items.csv", csv(FILMS))
    site.load(site.plan("items.csv"))
    site.catalogues.put("films", Entry("items", "a", '{"TITLE":"put"}'), site.time + 1)
    site.put("items.csv", csv({**FILMS, "n": {"TITLE": "Nosferatu"}}))
    assert site.load(site.plan("items.csv")) == [("PutItem", "n")]
    assert site.table()["a"] == {"TITLE": "put"}


class DiedError(BaseException):
    """The process has died."""


def dying(writes: int) -> Callable[[], None]:
    """A service that dies after so many calls."""
    left = iter([False] * writes)

    def die() -> None:
        if next(left, True):
            raise DiedError

    return die


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz"), max_size=6), min_size=1, max_size=4),
    st.lists(st.integers(0, 8), min_size=4, max_size=4),
    st.integers(1, 4),
)
def test_a_load_may_die_at_any_write_and_the_last_one_makes_the_table_right(
    site: Site, contents: list[dict[str, str]], deaths: list[int], chunk: int
) -> None:
    site.clear()
    loader = replace(site.loader, max_changes=chunk, slice_size=1)
    for content, death in zip(contents, deaths, strict=False):
        site.put("items.csv", csv({id_: {"TITLE": title} for id_, title in content.items()}))
        site.hook = dying(death)
        with suppress(DiedError):
            site.load(site.plan("items.csv"), loader)
    site.hook = lambda: None
    site.load(site.plan("items.csv"), loader)
    assert site.table() == {id_: {"TITLE": title} for id_, title in contents[-1].items()}
    assert site.load(site.plan("items.csv"), loader) == []


def test_a_load_continues_after_the_time_limit_of_a_call(site: Site) -> None:
    site.put("items.csv", csv({f"i{number}": {"TITLE": "x"} for number in range(7)}))
    times = iter(range(0, 1_000_000, 300))
    loader = replace(site.loader, clock=lambda: float(next(times)), slice_size=2)
    written = site.load(site.plan("items.csv"), loader)
    assert len(written) == len(set(written)) == 7


def test_the_pipeline_loads_on_until_nothing_is_left(site: Site) -> None:
    site.put("items.csv", csv(FILMS))
    site.put("users.csv", b"USER_ID\nu1\nu2\n")
    plan = site.plan("items.csv", "users.csv")
    write_load_plan(run := Run(site.world.bucket, "films", "r"), plan)
    times, calls = count(0, QUICK_SECONDS), list[Progress]()
    loader = replace(site.loader, clock=lambda: next(times))

    def invoke(_: str, payload: Mapping[str, str]) -> Outcome:
        calls.append(loader.load(run))
        assert payload == {"step": "load", "group": "films", "run": "r"}
        return {"outcome": "LOAD" if calls[-1]["more"] else "GO", "group": "films", "run": "r"}

    pipeline = machine(REPOSITORY / "statemachine" / "pipeline.asl.yaml")
    states = {**pipeline["States"], "Create and update resources": {"Type": "Pass", "End": True}}
    names, context = {"group": "films", "run": "r"}, {"Execution": {"Input": None}}
    loading = Machine({"StartAt": "Load the table", "States": states}, invoke, context, variables=names)
    assert not [*loading.run()]
    assert [call["written"] for call in calls] == [len(FILMS), 2, 0]
    assert loaded_digests(site.world.bucket, "films") == plan.digests


@pytest.mark.parametrize(("parallel_bytes", "outcomes"), [("1000000", ["GO"]), ("1000", ["LOAD", "GO"])])
def test_small_files_are_loaded_by_the_call_that_plans_with_them_and_large_ones_by_another(
    site: Site, monkeypatch: pytest.MonkeyPatch, parallel_bytes: str, outcomes: list[str]
) -> None:
    monkeypatch.setenv("PARALLEL_BYTES", parallel_bytes)
    site.world.put("films/interactions.csv", interactions(users=50))
    given: dict[str, Any] = {"input": {"group": "films"}, "execution": STATES + "e-0001"}
    planned = call("plan", **given, step="plan", waits=0)
    if planned["outcome"] == "CHECK":
        for part in site.world.bucket.read_json(f"films/out/runs/{planned['run']}/parts.json"):
            call("check", part=part, run=planned["run"], error=None)
        planned = call("plan", **given, step="plan", waits=0)
    ended = [planned]
    while ended[-1]["outcome"] == "LOAD":
        assert not site.table("user")
        ended.append(call("plan", step="load", group="films", run=planned["run"]))
    assert [one["outcome"] for one in ended] == outcomes
    assert len(site.table("user")) == 50
    assert site.catalogues.facts("films")["users"]


def test_a_small_load_takes_one_call(site: Site) -> None:
    site.put("items.csv", csv(FILMS))
    site.put("users.csv", b"USER_ID\nu1\nu2\n")
    plan = site.plan("items.csv", "users.csv")
    write_load_plan(run := Run(site.world.bucket, "films", "r"), plan)
    assert site.loader.load(run) == {
        "more": False,
        "written": 2 + len(FILMS),
        "deleted": 0,
    }
    assert loaded_digests(site.world.bucket, "films") == plan.digests


def test_no_more_than_a_thousand_writes_are_made_in_a_second(site: Site) -> None:
    site.put("items.csv", csv({f"i{number}": {"TITLE": "x"} for number in range(2400)}))
    slept: list[float] = []
    site.load(site.plan("items.csv"), replace(site.loader, clock=lambda: 0.0, sleep=slept.append))
    assert slept == [1.0, 1.0], "after each slice but the last"


def test_a_file_that_was_replaced_ends_the_load_which_is_due_again(site: Site) -> None:
    site.put("items.csv", csv(FILMS))
    plan = site.plan("items.csv")
    site.put("items.csv", csv({"n": {"TITLE": "Nosferatu"}}))
    assert site.load(plan) == []
    assert loaded_digests(site.world.bucket, "films") == {}
    assert not site.catalogues.facts("films")["items"]


def test_a_load_ends_with_its_run(site: Site) -> None:
    site.put("items.csv", csv(FILMS))
    plan = site.plan("items.csv")
    run = Run(site.world.bucket, "films", f"run-{plan.planned}")
    run.begin("execution")
    run.conclude("execution", {"Error": "ABORTED", "Cause": "stopped"})
    with pytest.raises(EndedError):
        site.load(plan)
    assert site.table() == {}


def test_a_plan_that_names_files_of_another_group_is_refused(site: Site) -> None:
    site.put("items.csv", csv(FILMS))
    plan = site.plan("items.csv")
    [file] = plan.sources["items"].files
    foreign = replace(plan, sources={"items": Source([replace(file, key="shop/items.csv")])})
    run = Run(site.world.bucket, "films", "r")
    write_load_plan(run, foreign)
    content = site.world.bucket.read(run.key("load.json"))
    assert content
    with pytest.raises(UnfitError, match=r"shop/items\.csv"):
        load_plan_of(content, "films")


def test_an_invalid_snapshot_is_reported_and_the_remedy_works(site: Site) -> None:
    site.put("items.csv", csv(FILMS))
    site.put("out/catalogue/items.parquet", b"PAR1")
    with pytest.raises(UsherError, match=r"s3://usher-bucket/films/out/catalogue/items.parquet is not as .* Delete it"):
        site.load(site.plan("items.csv"))
    site.world.s3.delete_object(Bucket=BUCKET, Key="films/out/catalogue/items.parquet")
    assert len(site.load(site.plan("items.csv"))) == 3


@pytest.mark.parametrize("value", ["false", "No", " n ", "0", "0.0", "-3", False, 0, "off", "F"])
def test_these_values_say_that_an_item_is_not_available(value: object) -> None:
    assert means_unavailable(value)


@pytest.mark.parametrize("value", ["", None, "true", "yes", "1", 7, "nan", "none", "available", True])
def test_these_values_do_not(value: object) -> None:
    assert not means_unavailable(value)

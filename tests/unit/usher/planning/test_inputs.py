"""All files in the bucket are checked together."""

import json
from typing import Any

import pytest
from usher.config.parser import default_config
from usher.errors import InputError
from usher.planning.inputs import Inputs, load_inputs
from usher.storage.layout import group_of

from tests.unit.usher.world import ACCOUNT, ARN_PREFIX, Tap, World, interactions
from usher_local.personalize.models import personalize_backends

ITEMS = "ITEM_ID,YEAR,GENRES\n" + "".join(f"i{n},{1980 + n},Drama|Crime\n" for n in range(40))


def take(world: World, group: str = "films") -> Inputs | None:
    return load_inputs(world.bucket, group, world.inventory, ARN_PREFIX)


def refused(world: World, group: str = "films") -> list[str]:
    with pytest.raises(InputError) as caught:
        take(world, group)
    return [str(problem) for problem in caught.value.problems]


def fields(inputs: Inputs | None, dataset: str) -> dict[str, Any]:
    assert inputs
    return {field["name"]: field["type"] for field in inputs.data[dataset].schema["fields"]}


def test_there_is_nothing_to_do_before_there_are_interactions(world: World) -> None:
    world.put("films/items.csv", ITEMS)
    assert take(world) is None


def test_data_alone_is_enough(world: World) -> None:
    world.put("films/interactions/1.csv", interactions())
    world.put("films/interactions/2.csv", interactions(users=3))
    world.put("films/items.csv", ITEMS)
    world.put("films/out/export/x/interactions.csv", "not ours")
    inputs = take(world)
    assert inputs
    assert inputs.config == default_config()
    assert {name: one.location for name, one in inputs.data.items()} == {
        "interactions": "s3://usher-bucket/films/interactions/",
        "items": "s3://usher-bucket/films/items.csv",
    }
    assert fields(inputs, "items") == {"ITEM_ID": "string", "YEAR": ["null", "long"], "GENRES": ["null", "string"]}
    (few,) = inputs.report["interactions"].pop("findings")
    assert few.severity == "warning"
    assert inputs.report["interactions"].pop("diagnosis")["events"] == 1260
    assert inputs.report["interactions"] == {
        "files": ["films/interactions/1.csv", "films/interactions/2.csv"],
        "bytes": len(interactions()) + len(interactions(users=3)),
        "rows": 1260,
        "ids": 60,
        "columns": ["USER_ID", "ITEM_ID", "TIMESTAMP"],
        "rejected": 0,
    }


def test_config_and_every_dataset_are_complained_of_at_once(world: World) -> None:
    world.put("films/usher.yaml", "solutionz: {}")
    world.put("films/interactions.csv", "USER,ITEM_ID,TIMESTAMP\nu,i,1\n")
    world.put("films/items.csv", "")
    assert refused(world) == [
        "films/usher.yaml: solutionz: is unknown. Did you mean solutions?",
        "films/interactions.csv: lacks the column USER_ID. "
        "Rename the column USER to USER_ID, or map it in usher.yaml: `columns: {USER: USER_ID}`.",
        "films/items.csv: is empty. Drop a CSV with a header and rows.",
    ]


def test_a_bad_config_is_reported_even_without_data(world: World) -> None:
    world.put("films/usher.yaml", "[")
    assert refused(world)[0].startswith("films/usher.yaml line 1 column 2: is not readable")


def test_recipes_are_those_of_the_service(world: World) -> None:
    world.put("films/usher.json", json.dumps({"solutions": {"s": {"recipe": "aws-simms"}}}))
    assert refused(world) == [
        "films/usher.json: solutions.s.recipe: names the recipe 'aws-simms', which Personalize does not have. "
        "Did you mean aws-sims?"
    ]


def test_two_configs_are_one_too_many(world: World) -> None:
    world.put("films/usher.json", "{}")
    world.put("films/usher.yaml", "{}")
    assert refused(world) == ["films/usher.yaml: conflicts with films/usher.json. Keep one of the two."]


def test_a_file_beside_its_folder_is_one_too_many(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    world.put("films/interactions/1.csv", interactions())
    assert refused(world) == [
        "films/interactions.csv: conflicts with the folder films/interactions/. Keep one of the two."
    ]


@pytest.mark.parametrize("group", ["été", "-films", "f" * 36, "my films"])
def test_a_folder_that_cannot_be_a_group_is_refused(world: World, group: str) -> None:
    world.put(f"{group}/interactions.csv", interactions())
    assert refused(world, group) == [
        f"{group}/: can't be the name of a dataset group. "
        "Use up to 35 letters, digits, - and _, starting with a letter or a digit."
    ]


@pytest.mark.parametrize("group", ["train", "batch"])
@pytest.mark.parametrize("file", ["interactions.csv", "interactions/1.csv"])
def test_a_folder_with_folders_of_other_groups_is_no_group(world: World, group: str, file: str) -> None:
    world.put(f"{group}/{file}", interactions())
    assert group_of(f"{group}/{file}") == group
    assert refused(world, group) == [
        f"{group}/: can't be a group's folder: the AWS Solution keeps the folders of its groups there. "
        f"Move its files to a folder of another name, or to {group}/<group>/."
    ]


def test_a_writer_below_a_folder_of_the_solution_reaches_that_group_alone(world: World) -> None:
    for key in ("train/mallory/interactions.csv", "train/mallory/config.json", "train/mallory/victim/interactions.csv"):
        assert group_of(key) == "mallory"
    world.put("train/mallory/interactions.csv", interactions())
    world.put("train/mallory/victim/interactions.csv", interactions())
    assert load_inputs(world.bucket, "victim", world.inventory, ARN_PREFIX) is None


def test_the_configs_schema_goes_before_the_inferred_one(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    world.put("films/items.csv", ITEMS)
    wanted = {"ITEM_ID": "string", "YEAR": ["null", "int"], "GENRES": "string"}
    schema = {"type": "record", "name": "Items", "fields": [{"name": n, "type": t} for n, t in wanted.items()]}
    world.put("films/usher.yaml", json.dumps({"schemas": {"items": schema}}))
    assert fields(take(world), "items") == wanted


def test_a_schema_that_personalize_would_refuse_is_refused(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    world.put("films/items.csv", ITEMS)
    wanted = {"ITEM_ID": "string", "YEAR": "string", "GENRES": "string"}
    textual = [{"name": name, "type": kind, "textual": name != "ITEM_ID"} for name, kind in wanted.items()]
    world.put("films/usher.yaml", json.dumps({"schemas": {"items": {"fields": textual}}}))
    assert refused(world) == [
        "films/items.csv: has textual columns: YEAR, GENRES. Items may have one, other datasets none."
    ]


def test_a_domain_asks_for_more_columns(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    world.put("films/usher.yaml", json.dumps({"group": {"domain": "ECOMMERCE"}}))
    assert refused(world) == [
        "films/interactions.csv: has no column EVENT_TYPE in its schema, which Personalize requires. Add it."
    ]


def test_an_event_type_that_the_data_lacks_is_named(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    world.put("films/usher.yaml", json.dumps({"solutions": {"s": {"recipe": "aws-sims", "eventType": "watch"}}}))
    assert refused(world) == [
        "films/usher.yaml: solutions.s.eventType: names 'watch', which 0 interactions have; "
        "Personalize trains on 1000 or more. The event types are: none, as there is no column EVENT_TYPE."
    ]


def test_the_report_names_the_refused_and_the_dropped_rows(world: World) -> None:
    world.put("films/interactions/1.csv", interactions() + "\nu1,i1,x\nu1,i2,x\n")
    with pytest.raises(InputError) as caught:
        take(world)
    report = caught.value.report["interactions"]
    assert report["rejected"] == 2
    assert [(one.severity, one.message, one.rows, one.lines) for one in report["findings"]] == [
        ("warning", "is an empty line.", 1, {"films/interactions/1.csv": [1202]}),
        ("error", "TIMESTAMP is neither a number nor a date.", 2, {"films/interactions/1.csv": [1203, 1204]}),
    ]


def test_the_schema_in_use_stays_while_the_columns_do(world: World) -> None:
    """Values that look different by chance must not make another schema, since schemas can only grow."""
    world.put("films/interactions.csv", interactions())
    world.put("films/items.csv", ITEMS)
    before = fields(take(world), "items")
    world.settle(world.plan(), "import")
    world.put("films/items.csv", ITEMS.replace(",1980,", ",1980.5,").replace("Drama|Crime", "7"))
    assert refused(world) == [
        "films/items.csv line 2: YEAR is not a whole number. Round it, or make the schema's type float."
    ]
    world.put("films/items.csv", ITEMS.replace("Drama|Crime", "7"))
    assert fields(take(world), "items") == before
    world.put("films/items.csv", "ITEM_ID,YEAR,GENRES,PRICE\ni1,1980,Drama,9.5\n")
    assert fields(take(world), "items") == before | {"PRICE": ["null", "float"]}


def test_a_dataset_group_that_is_being_deleted_has_no_schema_in_use(world: World) -> None:
    """Personalize refuses to list its tags."""
    world.put("films/interactions.csv", interactions())
    world.settle(world.plan(), "import")
    (group,) = world.personalize.list_dataset_groups()["datasetGroups"]
    life = personalize_backends[ACCOUNT]["us-east-1"].resources[group["datasetGroupArn"]].life
    life.clock = Tap(is_open=False)
    life.begin("DELETE")
    with pytest.raises(world.personalize.exceptions.ResourceInUseException):
        world.personalize.list_tags_for_resource(resourceArn=group["datasetGroupArn"])
    assert take(world)


def test_the_columns_of_another_groups_dataset_are_not_shown(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    world.put("films/items.csv", ITEMS)
    world.settle(world.plan(), "import")
    world.put("spies/interactions.csv", interactions())
    world.put("spies/items.csv", "ITEM_ID,PRICE\ni1,9.5\n")
    world.put("spies/usher.json", json.dumps({"adopt": {"dataset_group/spies": "films"}}))
    assert fields(take(world, "spies"), "items") == {"ITEM_ID": "string", "PRICE": ["null", "float"]}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("films/usher.yml", "is not a file name of Usher. Call it usher.yaml or usher.json."),
        ("films/Interactions.CSV", "is not a file name of Usher. Call it interactions.csv."),
        ("films/interaction.csv.gz", "is not a file name of Usher. Call it interactions.csv.gz."),
        ("films/items.xlsx", "is not a file name of Usher. Save it as items.csv, items.csv.gz, items.jsonl"),
        (
            "films/Action-Interaction.parquet",
            "is not a file name of Usher. Call it action_interactions.parquet",
        ),
        (
            "films/interactions/readme.txt",
            "is not a file that Usher can import. Move it out of the folder, or write it as .csv, .csv.gz",
        ),
    ],
)
def test_a_misspelt_or_stray_file_is_named(world: World, key: str, said: str) -> None:
    world.put("films/interactions/1.csv", interactions())
    world.put(key, "x")
    assert any(problem.startswith(f"{key}: {said}") for problem in refused(world))


def test_other_files_are_ignored(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    for key in ("films/notes.txt", "films/export/x/users.jsonl", "films/out/runs/1/run.json", "films/more/items.csv"):
        world.put(key, "x")
    assert take(world)


def test_the_event_types_of_the_files_are_known_in_lower_case_as_far_as_they_can_be_counted(world: World) -> None:
    def found(types: list[str]) -> Any:
        head, *rows = interactions().split()
        lines = (f"{row},{types[place % len(types)]}" for place, row in enumerate(rows))
        world.put("films/interactions.csv", "\n".join([f"{head},EVENT_TYPE", *lines, ""]))
        inputs = take(world)
        return inputs and inputs.data["interactions"].event_types

    assert found(["Watch", "buy", "watch"]) == ["buy", "watch"]
    world.put("films/interactions.csv", interactions())
    inputs = take(world)
    assert inputs
    assert inputs.data["interactions"].event_types == []

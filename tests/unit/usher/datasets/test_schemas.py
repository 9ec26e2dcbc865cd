"""Schemas that Personalize accepts."""

from typing import Any

import pytest
from usher.datasets.schemas import (
    REQUIRED,
    RESERVED,
    check_change,
    check_schema,
    envelope,
    make_schema,
    with_added_columns,
)


def schema(*fields: Any) -> dict[str, Any]:
    """A schema of (name, type) or (name, type, flag)."""
    return {
        "fields": [
            {"name": name, "type": kind, **dict.fromkeys(flags, True)} for name, kind, *flags in fields
        ]
    }  # fmt: skip


ITEM = ("ITEM_ID", "string")
EVENT = (("USER_ID", "string"), ITEM, ("TIMESTAMP", "long"))


@pytest.mark.parametrize(
    ("dataset", "fields", "problem"),
    [
        ("items", [ITEM, ("X", ["null", "string"])], ""),
        ("items", [("X", "int")], "has no column ITEM_ID in its schema, which Personalize requires. Add it."),
        ("items", [ITEM], "has no column but the ID. Add at least one column that describes them."),
        ("items", [("ITEM_ID", "long"), ("X", "int")], "has ITEM_ID of the type long. Personalize wants string."),
        ("items", [("ITEM_ID", ["null", "string"]), ("X", "int")],
         "has ITEM_ID that may be null. Personalize requires it: remove null."),
        ("items", [ITEM, ("X", "bytes")], "has X of a type that Personalize does not have. Give it one of: boolean, "
         "double, float, int, long, string; and null if it may be missing."),
        ("items", [ITEM, ("X", ["int", "string"])], "has X of a type that Personalize does not have. Give it one of"),
        ("items", [ITEM, ("X", ["null"])], "has X of a type that Personalize does not have. Give it one of"),
        ("items", [ITEM, ("A_B", "int"), ("ab", "int")],
         "has columns that Personalize can't distinguish: A_B, ab. Rename them: Personalize ignores _."),
        ("items", [ITEM, ("X", "string", "textual")], ""),
        ("items", [ITEM, ("X", "string", "textual"), ("Y", "string", "textual")],
         "has textual columns: X, Y. Items may have one, other datasets none."),
        ("users", [("USER_ID", "string"), ("X", "string", "textual")],
         "has textual columns: X. Items may have one, other datasets none."),
        ("users", [("USER_ID", "string"), *((f"X{n}", "int") for n in range(25))], ""),
        ("users", [("USER_ID", "string"), *((f"X{n}", "int") for n in range(26))],
         "has 26 columns of metadata; Personalize takes 25. Leave some out."),
        ("interactions", [*EVENT, ("EVENT_TYPE", "string"), ("EVENT_VALUE", "float")], ""),
        ("interactions", [*EVENT, ("EVENT_VALUE", "string")],
         "has EVENT_VALUE of the type string. Personalize wants float."),
        ("interactions", [*EVENT, ("EVENT_TYPE", "string", "categorical")],
         "has EVENT_TYPE as categorical. Remove categorical: Personalize does this by itself."),
        ("interactions", [*EVENT, *((f"X{n}", "int") for n in range(6))],
         "has 6 columns of metadata; Personalize takes 5. Leave some out."),
        ("actions", [("ACTION_ID", "string"), ("VALUE", "int")],
         "has VALUE of the type int. Personalize wants long."),
        ("items", [ITEM, ("VALUE", "string")], ""),
        ("items", [ITEM, ("Unnamed: 0", "string")],
         "has the column 'Unnamed: 0', whose name Avro does not allow. Call it Unnamed_0, or map it"),
        ("items", [ITEM, ("1st", "string")], "has the column '1st', whose name Avro does not allow. Call it _1st, or"),
        ("items", [ITEM, ("A" * 151, "string")], "has the column 'AAA"),
        ("items", [ITEM, *((f"{'X' * 145}{n}", "string", "categorical") for n in range(100))], "has a schema of 20"),
    ],
)  # fmt: skip
def test_a_schema_is_refused_as_personalize_would(dataset: str, fields: list[Any], problem: str) -> None:
    found = [str(one) for one in check_schema(dataset, schema(*fields), "here")]
    assert len(found) == bool(problem)
    assert all(one.startswith(f"here: {problem}") for one in found)


@pytest.mark.parametrize(
    ("domain", "fields", "problems"),
    [
        ("ECOMMERCE", [ITEM, ("PRICE", "float"), ("CATEGORY_L1", ["null", "string"])], 0),
        ("ECOMMERCE", [ITEM, ("PRICE", "string")], 2),
        ("VIDEO_ON_DEMAND", [ITEM, ("CREATION_TIMESTAMP", "long"), ("GENRES", "string", "categorical")], 0),
        ("VIDEO_ON_DEMAND", [ITEM, ("X", "string")], 2),
    ],
)
def test_a_domain_has_columns_of_its_own(domain: str, fields: list[Any], problems: int) -> None:
    assert len(check_schema("items", schema(*fields), "here", domain)) == problems


def test_a_domain_knows_no_actions() -> None:
    (one,) = check_schema("actions", schema(("ACTION_ID", "string"), ("X", "int")), "here", "ECOMMERCE")
    assert one.message == "is a dataset that a group with a domain can't have."


@pytest.mark.parametrize("dataset", REQUIRED)
def test_the_inferred_schema_is_accepted(dataset: str) -> None:
    kinds = dict.fromkeys(RESERVED[dataset], "string") | {"X": "categorical", "Y": "float"}
    made = make_schema(dataset, kinds)
    assert check_schema(dataset, made, "here") == []
    assert set(REQUIRED[dataset]) <= set(RESERVED[dataset])
    assert made["name"] == envelope(dataset)["name"]


def test_names_are_the_services() -> None:
    names = [envelope(dataset)["name"] for dataset in REQUIRED]
    assert names == ["Interactions", "Items", "Users", "Actions", "ActionInteractions"]


@pytest.mark.parametrize(
    ("dataset", "after", "refused"),
    [
        ("items", [ITEM, ("X", "int")], False),
        ("items", [ITEM, ("X", "int"), ("Y", ["null", "int"])], False),
        ("items", [ITEM, ("X", "int"), ("Y", "int")], True),
        ("items", [ITEM, ("X", "long")], True),
        ("items", [ITEM], True),
        ("interactions", [ITEM, ("X", "int"), ("Y", ["null", "int"])], True),
    ],
)
def test_a_dataset_takes_only_more_columns_that_may_be_null(dataset: str, after: list[Any], refused: bool) -> None:
    assert bool(check_change(dataset, schema(ITEM, ("X", "int")), schema(*after), "here")) == refused


def test_a_schema_grows_by_columns_that_may_be_null() -> None:
    old = schema(ITEM, ("X", "int"))
    new = with_added_columns(
        old, schema(ITEM, ("X", "string"), ("CREATION_TIMESTAMP", "long"), ("Y", ["null", "float"]))
    )
    assert new == schema(ITEM, ("X", "int"), ("CREATION_TIMESTAMP", ["null", "long"]), ("Y", ["null", "float"]))
    assert check_change("items", old, new, "here") == []

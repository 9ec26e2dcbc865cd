"""The KINDS table, proven against botocore's model of Personalize."""

from string import Formatter
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from usher.resources import KINDS, Kind

MODEL: Any = botocore.session.get_session().get_service_model("personalize")
OPERATIONS = {xform_name(name): name for name in MODEL.operation_names}
PAGINATORS = botocore.session.get_session().get_paginator_model("personalize")

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def members(operation: str, side: str = "input") -> Any:
    """The members of an operation's input or output, by its Python name."""
    return getattr(MODEL.operation_model(OPERATIONS[operation]), f"{side}_shape").members


def described(kind: Kind) -> Any:
    return members(f"describe_{kind.name}", "output")[kind.member].members


@every_kind
def test_a_kind_is_created_and_answers_with_its_arn(kind: Kind) -> None:
    assert f"{kind.member}Arn" in members(f"create_{kind.name}", "output")


@every_kind
def test_a_kind_is_described_by_its_arn(kind: Kind) -> None:
    assert list(members(f"describe_{kind.name}")) == [f"{kind.member}Arn"]
    assert f"{kind.member}Arn" in described(kind)


@every_kind
def test_a_kind_takes_its_time_if_and_only_if_it_has_a_status(kind: Kind) -> None:
    assert ("status" in described(kind)) == (kind.minutes > 0)


@every_kind
def test_a_kind_is_identified_in_one_way(kind: Kind) -> None:
    assert bool(kind.arn) != bool(kind.parent)


@every_kind
def test_an_arn_is_made_of_the_group_and_of_required_members(kind: Kind) -> None:
    shape = MODEL.operation_model(OPERATIONS[f"create_{kind.name}"]).input_shape
    placeholders = {name for _, name, _, _ in Formatter().parse(kind.arn) if name}
    assert placeholders <= {"group", *shape.required_members}


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.parent], ids=lambda kind: kind.name)
def test_a_kind_without_a_name_is_listed_under_its_parent(kind: Kind) -> None:
    assert kind.parent in members(f"create_{kind.name}")
    assert kind.parent in members(f"list_{kind.name}s")
    summary = members(f"list_{kind.name}s", "output")[f"{kind.member}s"].member.members
    assert {f"{kind.member}Arn", "status", "creationDateTime", "lastUpdatedDateTime"} <= set(summary)
    assert PAGINATORS.get_paginator(OPERATIONS[f"list_{kind.name}s"])["result_key"] == f"{kind.member}s"


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.mutable], ids=lambda kind: kind.name)
def test_what_is_mutable_can_be_created_updated_and_seen(kind: Kind) -> None:
    for operation in ("create", "update"):
        assert set(kind.mutable) <= set(members(f"{operation}_{kind.name}"))
    assert set(kind.mutable) | {kind.latest_update} <= set(described(kind))
    update = described(kind)[kind.latest_update].members
    assert {*kind.mutable, "status", "failureReason", "creationDateTime"} <= set(update)
    assert f"{kind.member}Arn" in members(f"update_{kind.name}")


@every_kind
def test_what_can_be_deleted_is_deleted_by_its_arn(kind: Kind) -> None:
    if f"delete_{kind.name}" in OPERATIONS:
        assert list(members(f"delete_{kind.name}")) == [f"{kind.member}Arn"]


@every_kind
def test_what_the_record_keeps_is_described(kind: Kind) -> None:
    assert set(kind.reported) <= set(described(kind))


@every_kind
def test_what_is_out_of_date_by_its_inputs_can_be_tagged(kind: Kind) -> None:
    if kind.parent and kind.name != "event_tracker":
        assert "tags" in members(f"create_{kind.name}")

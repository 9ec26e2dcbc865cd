"""The KINDS table, proven against botocore's models of Personalize and of EventBridge Scheduler."""

from string import Formatter
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from usher.resources.kinds import KINDS, Kind

SESSION = botocore.session.get_session()
MODELS: dict[str, Any] = {name: SESSION.get_service_model(name) for name in ("personalize", "scheduler")}
OPERATIONS = {service: {xform_name(name): name for name in model.operation_names} for service, model in MODELS.items()}

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def those_with(member: str) -> pytest.MarkDecorator:
    """The kinds with a value in a column."""
    kinds = [kind for kind in KINDS.values() if getattr(kind, member) not in (None, "", ())]
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.name)


def shape(kind: Kind, operation: str, side: str = "input") -> Any:
    """An operation's input or output, by its Python name."""
    return getattr(MODELS[kind.service].operation_model(OPERATIONS[kind.service][operation]), f"{side}_shape")


def members(kind: Kind, operation: str, side: str = "input") -> Any:
    return shape(kind, operation, side).members


def described(kind: Kind) -> Any:
    """The members of a resource in Describe's answer."""
    answer = members(kind, f"{kind.describe_verb}_{kind.name}", "output")
    return answer[kind.member].members if kind.member in answer else answer


def listed(kind: Kind, operation: str) -> Any:
    """The members of a resource in List's answer."""
    (summaries,) = (one for one in members(kind, operation, "output").values() if one.type_name == "list")
    return summaries.member.members


@every_kind
def test_a_kind_is_created_and_answers_with_its_arn(kind: Kind) -> None:
    assert f"{kind.member}Arn" in members(kind, f"create_{kind.name}", "output")


@every_kind
def test_a_kind_is_described_and_deleted_by_its_key(kind: Kind) -> None:
    key = kind.key("arn:aws:service:region:account:kind/group/name")
    for operation in (f"{kind.describe_verb}_{kind.name}", f"delete_{kind.name}", f"update_{kind.name}"):
        if operation in OPERATIONS[kind.service]:
            assert set(shape(kind, operation).required_members) <= {*key, *kind.mutable}
            assert set(key) <= set(members(kind, operation))


@every_kind
def test_a_kind_takes_its_time_if_and_only_if_it_has_a_status(kind: Kind) -> None:
    assert ("status" in described(kind)) == (kind.minutes > 0)


@every_kind
def test_a_kind_can_be_found(kind: Kind) -> None:
    assert kind.arn or kind.parent


@those_with("arn")
def test_an_arn_is_made_of_the_group_and_of_required_members(kind: Kind) -> None:
    placeholders = {name for _, name, _, _ in Formatter().parse(kind.arn) if name}
    assert placeholders <= {"group", "GroupName", *shape(kind, f"create_{kind.name}").required_members}


@those_with("parent")
def test_a_kind_is_listed_under_its_parent(kind: Kind) -> None:
    assert kind.parent in members(kind, f"create_{kind.name}")
    assert kind.parent in members(kind, f"list_{kind.name}s")
    summary = listed(kind, f"list_{kind.name}s")
    assert {f"{kind.member}Arn", "status", "creationDateTime", "lastUpdatedDateTime"} <= set(summary)


@every_kind
def test_resources_to_delete_when_not_desired_are_listed_and_deletable(kind: Kind) -> None:
    if kind.listed_by is not None:
        assert {kind.listed_by} <= {"", *members(kind, f"list_{kind.name}s")}
        assert {f"{kind.member}Arn", "Arn"} & set(listed(kind, f"list_{kind.name}s"))
        assert f"delete_{kind.name}" in OPERATIONS[kind.service]


@every_kind
def test_long_lists_are_listed_in_pages(kind: Kind) -> None:
    operations = [kind.extra_list_operation, f"list_{kind.name}s" if kind.parent or kind.listed_by is not None else ""]
    for operation in filter(None, operations):
        SESSION.get_paginator_model(kind.service).get_paginator(OPERATIONS[kind.service][operation])


def nested(shape_: Any, path: str) -> bool:
    """Whether a shape has a member at a path."""
    head, _, rest = path.partition(".")
    return head in shape_.members and (not rest or nested(shape_.members[head], rest))


def updated(kind: Kind, path: str) -> set[str]:
    """Update's member for one of Create's."""
    if kind.added_and_removed and path == kind.added_and_removed[0]:
        return {*kind.added_and_removed[1:]}
    config, of_update = kind.config_of_update or ("", "")
    return {path.replace(f"{config}.", f"{of_update}.")} if config else {path}


@those_with("mutable")
def test_mutable_members_can_be_created_updated_and_described(kind: Kind) -> None:
    assert all(nested(shape(kind, f"create_{kind.name}"), path) for path in kind.mutable)
    assert all(nested(shape(kind, f"update_{kind.name}"), one) for path in kind.mutable for one in updated(kind, path))
    listed_too = set(members(kind, kind.extra_list_operation, "output")) if kind.extra_list_operation else set()
    assert {path.partition(".")[0] for path in kind.mutable} <= {*described(kind), *listed_too}


@those_with("mutable")
def test_an_update_that_takes_time_reports_its_state(kind: Kind) -> None:
    if kind.latest_update in described(kind):
        update = described(kind)[kind.latest_update]
        assert {"status", "failureReason", "creationDateTime"} <= set(update.members)
        assert all(nested(update, one) for path in kind.mutable for one in updated(kind, path))
    else:
        assert kind.name in {"metric_attribution", "schedule"}


@every_kind
def test_a_kind_whose_times_count_cannot_change_or_has_times_for_its_changes(kind: Kind) -> None:
    times = {"status", "creationDateTime", "lastUpdatedDateTime"}
    if kind.latest_update in described(kind):
        assert times <= set(described(kind)[kind.latest_update].members)
    elif kind.has_duration:
        assert not kind.mutable
        assert times <= set(described(kind))


@every_kind
def test_recorded_and_immutable_members_are_described(kind: Kind) -> None:
    assert {*kind.reported, *kind.immutable} <= set(described(kind))
    assert set(kind.immutable) <= set(members(kind, f"create_{kind.name}"))


@every_kind
def test_a_kind_is_taggable_if_and_only_if_create_takes_tags(kind: Kind) -> None:
    assert kind.taggable == ("tags" in members(kind, f"create_{kind.name}"))
    assert kind.taggable or kind.name not in {"dataset_import_job", "solution_version"}


def test_kinds_stand_in_the_order_in_which_they_are_made() -> None:
    """In the reverse order, a deleted resource is never needed by a remaining one."""
    order = list(KINDS)
    needs = {
        "dataset": ["schema", "dataset_group"],
        "event_tracker": ["dataset"],
        "metric_attribution": ["dataset"],
        "filter": ["dataset"],
        "solution": ["dataset_group"],
        "campaign": ["solution_version"],
        "recommender": ["dataset_import_job"],
        "batch_inference_job": ["solution_version", "filter"],
    }
    for kind, others in needs.items():
        assert all(order.index(other) < order.index(kind) for other in others)


def test_every_kind_of_personalize_has_a_row_or_a_reason() -> None:
    left_out = {
        "dataset_export_job": "data comes from the bucket; there is nothing to export",
        "data_deletion_job": "erases people, once and on somebody's word: no desired state",
    }
    creatable = {name.removeprefix("create_") for name in OPERATIONS["personalize"] if name.startswith("create_")}
    assert creatable - set(KINDS) == set(left_out)

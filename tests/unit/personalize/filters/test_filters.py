"""The language of filters: valid and invalid expressions, and their results."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.filters.expressions import (
    Both,
    Clause,
    Condition,
    Either,
    Expression,
    Field,
    Placeholder,
)

from tests.unit.personalize.world import SCHEMAS
from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.schemas import parse_schema
from usher_local.personalize.data.datasets import Records, Table
from usher_local.personalize.data.interactions import History, Interaction
from usher_local.personalize.filters.checks import check_filter, parse_filter, parse_values
from usher_local.personalize.filters.evaluation import Scope, select

KNOWN = {kind: parse_schema(text) for kind, text in SCHEMAS.items()}
GENRES = ["Action|Classic", "Comedy", None, "Drama", "Action"]
YEARS = [1980, 1990, 2000, 2010, 2020]


def scope(user: str | None = "u1", history: Any = (), item: str | None = None) -> Scope:
    """Six items, the last of which has no metadata."""
    items, users = Records("ITEM_ID"), Records("USER_ID")
    ids = [f"i{n}" for n in range(5)]
    items.load(pd.DataFrame({"ITEM_ID": ids, "GENRES": GENRES, "YEAR": YEARS}), append=False)
    users.load(pd.DataFrame({"USER_ID": ["u1"], "AGE": [30], "PLAN": ["gold"]}), append=False)
    table: Table = items.table
    rows = np.array([table.index.get(name, -1) for name in [*ids, "i5"]])
    met = History([row.item for row in history], [row.type for row in history])
    return Scope("ITEM", {f"i{n}": n for n in range(6)}, table, rows, users.table, user, met, item)


def selected(text: str, values: dict[str, str] | None = None, **more: Any) -> set[int]:
    expression = parse_filter(text)
    check_filter(expression, KNOWN)
    return set(np.flatnonzero(select(expression, scope(**more), values or {})).tolist())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('INCLUDE ItemID WHERE Items.GENRES IN ("Action")', {0, 4}),
        ("include itemid where ITEMS.genres in ('Action', 'Drama')", {0, 3, 4}),
        ('EXCLUDE ItemID WHERE Items.GENRES IN ("Action")', {1, 2, 3, 5}),
        ('INCLUDE ItemID WHERE Items.GENRES NOT IN ("Action")', {1, 2, 3, 5}),
        ("INCLUDE ItemID WHERE Items.YEAR >= 2000", {2, 3, 4}),
        ('INCLUDE ItemID WHERE Items.YEAR IN (1980, "2010")', {0, 3}),
        ("INCLUDE ItemID WHERE Items.YEAR != 2000", {0, 1, 3, 4}),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("Action") AND Items.YEAR > 2000', {4}),
        ('INCLUDE ItemID WHERE Items.YEAR = 1990 OR Items.YEAR > 2000 AND Items.GENRES IN ("Drama")', {1, 3}),
        ('INCLUDE ItemID WHERE (Items.YEAR = 1990 OR Items.YEAR > 2000) AND Items.GENRES IN ("Drama")', {3}),
        ("INCLUDE ItemID WHERE Items.YEAR < 1985 | INCLUDE ItemID WHERE Items.YEAR > 2015", {0, 4}),
        ('EXCLUDE ItemID WHERE Items.YEAR < 1985 | INCLUDE ItemID WHERE Items.GENRES IN ("Action")', {4}),
        ('EXCLUDE ItemID WHERE Items.YEAR < 1985 IF CurrentUser.PLAN IN ("gold")', {1, 2, 3, 4, 5}),
        ('EXCLUDE ItemID WHERE Items.YEAR < 1985 IF CurrentUser.PLAN IN ("free")', {0, 1, 2, 3, 4, 5}),
        ("INCLUDE ItemID WHERE Items.YEAR < 1985 IF CurrentUser.AGE > 40 AND CurrentUser.AGE < 50", {0, 1, 2, 3, 4, 5}),
    ],
)
def test_an_expression_selects_items(text: str, wanted: set[int]) -> None:
    assert selected(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("INCLUDE ItemID WHERE Items.YEAR < CurrentItem.YEAR", {0, 1, 2}),
        ("INCLUDE ItemID WHERE Items.GENRES IN CurrentItem.GENRES", {3}),
        ("INCLUDE ItemID WHERE Items.GENRES IN (CurrentItem.GENRES)", {3}),
    ],
)
def test_an_expression_compares_with_the_current_item(text: str, wanted: set[int]) -> None:
    assert selected(text, item="i3") == wanted
    assert selected(text, item="unknown") == set()


HISTORY = [Interaction(1, "i0", "Watch", None), Interaction(2, "i1", "click", None), Interaction(3, "i9", "click", 1.0)]


@pytest.mark.parametrize(
    ("types", "wanted"),
    [('IN ("watch")', {0}), ('IN ("*")', {0, 1}), ('NOT IN ("watch")', {1}), ('IN ("buy", "CLICK")', {1})],
)
def test_events_are_matched_in_any_case(types: str, wanted: set[int]) -> None:
    assert selected(f"INCLUDE ItemID WHERE Interactions.event_type {types}", history=HISTORY) == wanted


def test_only_the_latest_hundred_events_of_a_type_count() -> None:
    history = [Interaction(0, "i0", "watch", None), Interaction(0, "i1", "click", None)]
    history += [Interaction(n, "i2", "watch", None) for n in range(1, 101)]
    assert selected('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")', history=history) == {1, 2}


def test_placeholders_take_the_request_s_values() -> None:
    text = "INCLUDE ItemID WHERE Items.GENRES IN ($G) AND Items.YEAR > $Y"
    assert selected(text, {"G": '"Action","Drama"', "Y": "2000"}) == {3, 4}
    assert selected(text, {"G": "'Drama'", "Y": '"1985"'}) == {3}


@pytest.mark.parametrize(
    ("text", "values", "wanted"),
    [
        ("EXCLUDE ItemID WHERE Items.ITEM_ID IN ($IDS)", {"IDS": '"i0","i5","gone"'}, {1, 2, 3, 4}),
        ('INCLUDE ItemID WHERE Items.ITEM_ID IN ("i5")', {}, {5}),
        ('INCLUDE ItemID WHERE items.itemId NOT IN ("i5", "i1")', {}, {0, 2, 3, 4}),
        ("EXCLUDE ItemID WHERE Items.ITEM_ID IN CurrentItem.ITEM_ID", {}, {0, 1, 2, 4, 5}),
        ("INCLUDE ItemID WHERE Items.ITEM_ID IN ($IDS)", {"IDS": "5"}, set()),
        ('EXCLUDE ItemID WHERE Items.YEAR < 1985 IF CurrentUser.USER_ID IN ("u1")', {}, {1, 2, 3, 4, 5}),
        ('EXCLUDE ItemID WHERE Items.YEAR < 1985 IF CurrentUser.USER_ID NOT IN ("u1")', {}, {0, 1, 2, 3, 4, 5}),
    ],
)
def test_ids_are_filtered_by_like_other_fields(text: str, values: dict[str, str], wanted: set[int]) -> None:
    assert selected(text, values, item="i3") == wanted


@pytest.mark.parametrize(
    ("text", "values", "wanted"),
    [
        ("INCLUDE ItemID WHERE Items.YEAR > ($VALUE)", {"VALUE": "2000"}, {3, 4}),
        ("INCLUDE ItemID WHERE Items.YEAR > (2000)", {}, {3, 4}),
        ("INCLUDE ItemID WHERE Items.YEAR < (CurrentItem.YEAR)", {}, {0, 1, 2}),
        ("EXCLUDE ItemID WHERE Items.YEAR < ($V) IF CurrentUser.PLAN = $PREMIUM", {"V": "2015"}, set(range(6))),
        (
            "EXCLUDE ItemID WHERE Items.YEAR < ($V) IF CurrentUser.PLAN = $PREMIUM",
            {"V": "2015", "PREMIUM": '"gold"'},
            {4, 5},
        ),
        ('EXCLUDE ItemID WHERE Items.YEAR < 2015 IF CurrentUser.PLAN != "gold"', {}, set(range(6))),
        ('EXCLUDE ItemID WHERE Items.YEAR < 2015 IF CurrentUser.AGE = "30"', {}, {4, 5}),
    ],
)
def test_the_forms_of_aws_s_examples_are_accepted(text: str, values: dict[str, str], wanted: set[int]) -> None:
    assert selected(text, values, item="i3") == wanted


def test_an_include_needs_the_values_after_if_too() -> None:
    text = 'INCLUDE ItemID WHERE Items.GENRES IN ("Action") IF CurrentUser.PLAN = $PREMIUM'
    with pytest.raises(InvalidInputError, match="Missing filter value for parameter PREMIUM"):
        selected(text)


def test_include_needs_every_value_and_exclude_does_without() -> None:
    with pytest.raises(InvalidInputError, match="Missing filter value for parameter G"):
        selected("INCLUDE ItemID WHERE Items.GENRES IN ($G)")
    assert selected("EXCLUDE ItemID WHERE Items.GENRES IN ($G)") == {0, 1, 2, 3, 4, 5}
    assert selected("EXCLUDE ItemID WHERE Items.GENRES IN ($G) OR Items.YEAR < 1985") == {1, 2, 3, 4, 5}


def test_values_that_cannot_be_read_are_refused() -> None:
    for text in ("Action", '"Action', "", '"a",'):
        with pytest.raises(InvalidInputError, match="Invalid filter values"):
            parse_values(text)
    with pytest.raises(InvalidInputError, match="young is not a number"):
        selected("INCLUDE ItemID WHERE Items.YEAR > $Y", {"Y": '"young"'})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unexpected end"),
        ("INCLUDE", "unexpected end"),
        ('INCLUDE ItemID WHEN Items.GENRES IN ("a")', "line 1 column 16"),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("a"', "unexpected end"),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("a", $P)', "line 1 column 44"),
        ("EXCLUDE ItemID WHERE Items.GENRES NOT IN ($x)", r"symbol: \$x. Placeholders are not allowed with NOT_IN"),
        ('INCLUDE ItemID WHERE Items.PRICE IN ("a")', "there is no field Items.PRICE"),
        ('INCLUDE ItemID WHERE Films.GENRES IN ("a")', "the dataset group has no dataset Films"),
        ('INCLUDE ItemID WHERE Items.DESCRIPTION IN ("a")', "is textual or boolean"),
        ("INCLUDE ItemID WHERE Items.GENRES > 3", "is not numeric"),
        ('INCLUDE ItemID WHERE Items.YEAR > "3"', "is numeric"),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("*")', "allowed only with EVENT_TYPE"),
        ('INCLUDE ItemID WHERE Interactions.ITEM_ID IN ("a")', "only EVENT_TYPE can be filtered"),
        ('INCLUDE ItemID WHERE Users.PLAN IN ("a")', "allowed only with UserID"),
        ('INCLUDE ItemID WHERE CurrentUser.PLAN IN ("a")', "allowed only after IF"),
        ("INCLUDE ItemID WHERE Items.YEAR > 3 IF Items.YEAR > 4", "may not follow IF"),
        ("INCLUDE ItemID WHERE Items.YEAR > Items.YEAR", "unexpected input at line 1 column 35: Items.YEAR"),
        ('INCLUDE ItemID WHERE Items.YEAR > 3 AND Interactions.EVENT_TYPE IN ("a")', "must be on one dataset"),
    ],
)
def test_an_expression_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        check_filter(parse_filter(text), KNOWN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('INCLUDE ItemID WHERE Actions.KIND IN ("a")', "Actions.KIND is allowed only with ActionID"),
        ('INCLUDE ActionID WHERE Items.GENRES IN ("a")', "Items.GENRES is allowed only with ItemID"),
        ('INCLUDE UserID WHERE Items.GENRES IN ("a")', "Items.GENRES is allowed only with ItemID"),
        (
            "INCLUDE ItemID WHERE Items.YEAR > 1 | INCLUDE UserID WHERE Users.AGE > 1",
            "cannot be about ItemID and UserID",
        ),
        ("INCLUDE ItemID WHERE Items.GENRES NOT IN CurrentItem.GENRES", "not allowed with NOT IN"),
        ("INCLUDE UserID WHERE Users.AGE > CurrentItem.YEAR", "only CurrentItem can, for ItemID"),
        ("INCLUDE ItemID WHERE Items.YEAR > 1 IF CurrentUser.AGE > CurrentItem.YEAR", "may not follow IF"),
        ("INCLUDE ItemID WHERE Items.YEAR > CurrentItem.GENRES", "CurrentItem.GENRES is not numeric"),
        ("INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN CurrentItem.GENRES", "only EVENT_TYPE can be filtered"),
        ("INCLUDE ActionID WHERE Actions.REPEAT_FREQUENCY > 1", "of the service's own use"),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("*", "a")', "allowed only with EVENT_TYPE"),
    ],
)
def test_contradicting_options_are_refused(text: str, message: str) -> None:
    fields = '[{"name": "KIND", "type": "string"}, {"name": "REPEAT_FREQUENCY", "type": "long"}]'
    actions = parse_schema(f'{{"type": "record", "fields": {fields}}}')
    with pytest.raises(InvalidInputError, match=message):
        check_filter(parse_filter(text), KNOWN | {"ACTIONS": actions})


def test_an_error_points_at_the_token() -> None:
    text = "INCLUDE ItemID WHERE Items.YEAR > 3\n AND Items.PRICE > 4"
    with pytest.raises(InvalidInputError, match=r"no field Items.PRICE \(line 2 column 6\)"):
        check_filter(parse_filter(text), KNOWN)
    with pytest.raises(InvalidInputError, match=r"at line 1 column 16: WHEN"):
        parse_filter("INCLUDE ItemID WHEN")


def test_filters_on_users_see_the_users_of_the_segment() -> None:
    users = scope().users
    crowd = Scope("USER", {"u1": 0, "u2": 1}, users, np.array([0, -1]), users, None, History(["u2"], ["buy"]))
    for text, wanted in (
        ('INCLUDE UserID WHERE Users.PLAN IN ("gold")', [True, False]),
        ("EXCLUDE UserID WHERE Users.AGE > 18", [False, True]),
        ('INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("Buy")', [False, True]),
    ):
        check_filter(parse_filter(text), KNOWN)
        assert select(parse_filter(text), crowd, {}).tolist() == wanted
    with pytest.raises(InvalidInputError, match="A filter on ItemID cannot be used here"):
        select(parse_filter("INCLUDE ItemID WHERE Items.YEAR > 1"), crowd, {})


def test_the_current_item_needs_an_item() -> None:
    with pytest.raises(InvalidInputError, match="needs an itemId"):
        selected("INCLUDE ItemID WHERE Items.YEAR < CurrentItem.YEAR")


def test_all_filters_of_a_group_have_at_most_twenty_fields() -> None:
    fields = [f'{{"name": "F{n}", "type": "int"}}' for n in range(21)]
    known = {"ITEMS": parse_schema(f'{{"type": "record", "fields": [{", ".join(fields)}]}}')}
    one, two, three = (
        parse_filter("INCLUDE ItemID WHERE " + " AND ".join(f"Items.F{n} > 1" for n in some))
        for some in (range(10), range(10, 20), range(19, 21))
    )
    check_filter(two, known, [one])
    with pytest.raises(InvalidInputError, match="more than 20 distinct fields"):
        check_filter(three, known, [one, two])


def test_a_filter_has_at_most_ten_fields() -> None:
    fields = [f'{{"name": "F{n}", "type": "int"}}' for n in range(11)]
    known = {"ITEMS": parse_schema(f'{{"type": "record", "fields": [{", ".join(fields)}]}}')}
    with pytest.raises(InvalidInputError, match="more than 10 fields"):
        check_filter(parse_filter("INCLUDE ItemID WHERE " + " AND ".join(f"Items.F{n} > 1" for n in range(11))), known)


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
literals = st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False)
fields = st.builds(Field, names, names)
currents = st.builds(Field, st.sampled_from(["CurrentItem", "CurrentUser"]), names)
lists = st.lists(literals, min_size=1, max_size=3).map(tuple)
conditions = (
    st.builds(Condition, fields, st.just("IN"), lists | currents | st.builds(Placeholder, names))
    | st.builds(Condition, fields, st.just("NOT IN"), lists)
    | st.builds(Condition, fields, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), literals.map(lambda x: (x,)))
)
trees = st.recursive(
    conditions,
    lambda inner: st.lists(st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=3).map(
        lambda rows: Either(tuple(Both(tuple(row)) for row in rows))
    ),
    max_leaves=8,
)
wheres = trees.map(lambda tree: tree if isinstance(tree, Either) else Either((Both((tree,)),)))
guards = st.lists(conditions, max_size=2).map(tuple)
clauses = st.builds(Clause, st.sampled_from(["INCLUDE", "EXCLUDE"]), st.sampled_from(["ITEM", "USER"]), wheres, guards)


@given(st.lists(clauses, min_size=1, max_size=3).map(lambda some: Expression(tuple(some))))
def test_written_files_can_be_read_back(expression: Expression) -> None:
    assert parse_filter(str(expression)) == expression


TERMS = [f"Items.YEAR = {year}" for year in YEARS]


@given(st.lists(st.sampled_from(["AND", "OR"]), min_size=1, max_size=4), st.permutations(range(5)))
def test_and_binds_closer_than_or(operators: list[str], order: list[int]) -> None:
    text = TERMS[order[0]] + "".join(
        f" {operator} {TERMS[term]}" for operator, term in zip(operators, order[1:], strict=False)
    )
    wanted = {
        item
        for item in range(5)
        if any(
            all(term == item for _, term in part)
            for split, part in itertools.groupby(_parts(operators, order), key=lambda pair: pair[0])
        )
    }
    assert selected(f"INCLUDE ItemID WHERE {text}") == wanted


def _parts(operators: list[str], order: list[int]) -> list[tuple[int, int]]:
    """Each term with the number of its part; a new part begins after each OR."""
    numbers = itertools.accumulate((operator == "OR" for operator in operators), initial=0)
    return list(zip(numbers, order, strict=False))

"""The API's verdict on a filter, from less data than Personalize has: it never contradicts Personalize."""

import re
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.filters.compiled import bound, compiled
from usher.filters.expressions import Both, Clause, Condition, Either, Expression, Field, FilterError, Placeholder
from usher.filters.grammar import parse_filter
from usher.filters.values import parse_values
from usher.filters.verdicts import Knowledge, lets_through

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.data.datasets import Records
from usher_local.personalize.data.interactions import History
from usher_local.personalize.filters.evaluation import Scope, select

T = TypeVar("T")
GENRES = ["Action|Classic", "Comedy", None, "Drama", "Action"]
YEARS = [1980, 1990, 2000, 2010, 2020]
CATALOGUE = {
    f"i{place}": {name: value for name, value in (("GENRES", genre), ("RELEASE_YEAR", year)) if value is not None}
    for place, (genre, year) in enumerate(zip(GENRES, YEARS, strict=True))
}
CANDIDATES = [*CATALOGUE, "i5"]
"""The last one has no row."""
CHARACTERS, ESCAPED = r'["\\]', r"\\\g<0>"
COLUMNS = {"GENRES": "GENRES", "RELEASEYEAR": "RELEASE_YEAR"}
USER_COLUMNS = {"AGE": "AGE", "PLAN": "PLAN"}
ANNA = {"AGE": 30, "PLAN": "gold"}
"""The known data of u1. The files have no row of u2."""


def personalize(user: str, item: str, met: list[tuple[str, str]]) -> Scope:
    """The local Personalize, with all data."""
    items, users = Records("ITEM_ID"), Records("USER_ID")
    rows = {"ITEM_ID": [*CATALOGUE], "GENRES": GENRES, "RELEASE_YEAR": YEARS}
    items.load(pd.DataFrame(rows), append=False)
    users.load(pd.DataFrame([{"USER_ID": "u1", **ANNA}]), append=False)
    places = np.array([items.table.index.get(name, -1) for name in CANDIDATES])
    history = History([one for one, _ in met], [kind for _, kind in met])
    index = {name: place for place, name in enumerate(CANDIDATES)}
    return Scope("ITEM", index, items.table, places, users.table, user or None, history, item or None)


texts = st.sampled_from(["Action", "Classic", "Comedy", "Drama", "Horror", "2000"])
years = st.sampled_from([1980.0, 1990.0, 2000.0, 2015.0])
ids = st.sampled_from([*CANDIDATES, "i9"])
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=1, max_size=2).map(tuple)


def condition(dataset: str, name: str, operators: Any, operands: Any) -> st.SearchStrategy[Condition]:
    operators = st.sampled_from(operators) if isinstance(operators, list) else operators
    return st.builds(Condition, st.just(Field(dataset, name)), operators, operands)


ITEM_TESTS = (
    condition("Items", "genres", ["IN", "NOT IN"], lists(texts))
    | condition("Items", "GENRES", ["IN"], st.sampled_from([Placeholder("G"), Field("CurrentItem", "GENRES")]))
    | condition("Items", "releaseYear", orders, lists(years).map(lambda some: some[:1]))
    | condition(
        "Items", "RELEASE_YEAR", orders, st.just(Placeholder("Y")) | st.just(Field("CurrentItem", "RELEASEYEAR"))
    )
    | condition("Items", "RELEASE_YEAR", ["IN", "NOT IN"], lists(years | st.just("2000")))
    | condition("Items", "ITEM_ID", ["IN", "NOT IN"], lists(ids))
    | condition("Items", "ITEM_ID", ["IN"], st.just(Field("CurrentItem", "ITEM_ID")))
)
kinds = st.sampled_from(["watch", "BUY", "click"])
EVENT_TESTS = condition("Interactions", "EVENT_TYPE", ["IN", "NOT IN"], lists(kinds | st.just("*")))
GUARDS = (
    condition("CurrentUser", "PLAN", ["IN", "NOT IN"], lists(st.sampled_from(["gold", "free"])))
    | condition("CurrentUser", "PLAN", ["=", "!="], st.sampled_from([("gold",), ("free",)]))
    | condition("CurrentUser", "AGE", orders, st.sampled_from([(18.0,), (30.0,), (40.0,)]))
    | condition("CurrentUser", "AGE", ["IN", "NOT IN"], lists(st.sampled_from([18.0, 30.0, "30"])))
    | condition("CurrentUser", "PLAN", ["IN"], st.just(Placeholder("P")))
    | condition("CurrentUser", "USER_ID", ["IN", "NOT IN"], lists(st.sampled_from(["u1", "u2"])))
)


def wheres(conditions: st.SearchStrategy[Condition]) -> st.SearchStrategy[Either]:
    def joined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Either]:
        rows = st.lists(st.lists(parts, min_size=1, max_size=2), min_size=1, max_size=2)
        return rows.map(lambda some: Either(tuple(Both(tuple(row)) for row in some)))

    return joined(conditions | joined(conditions))


CLAUSES = st.builds(
    Clause,
    st.sampled_from(["INCLUDE", "EXCLUDE"]),
    st.just("ITEM"),
    wheres(ITEM_TESTS) | wheres(EVENT_TESTS),
    st.just(()) | lists(GUARDS),
)
EXPRESSIONS = st.lists(CLAUSES, min_size=1, max_size=3).map(lambda some: Expression(tuple(some)))
VALUES = st.fixed_dictionaries(
    {}, optional={"G": st.sampled_from(['"Action","Drama"', "'Comedy'"]), "Y": st.just("1990"), "P": st.just('"gold"')}
)
USERS, ITEMS = st.sampled_from(["u1", "u2", ""]), st.sampled_from(["i0", "i2", "i5"])
EVENTS = st.lists(st.tuples(st.sampled_from(CANDIDATES), st.sampled_from(["watch", "buy", "Click"])), max_size=5)


def grouped(met: list[tuple[str, str]]) -> dict[str, set[str]]:
    return {kind.lower(): {item for item, some in met if some == kind} for _, kind in met}


def part(whole: dict[str, T], data: st.DataObject) -> dict[str, T]:
    return {name: whole[name] for name in data.draw(st.sets(st.sampled_from([*whole])))}


@given(EXPRESSIONS, VALUES, USERS, ITEMS, EVENTS, st.data())
def test_a_certain_verdict_holds_for_any_further_data_of_personalize(
    expression: Expression,
    values: dict[str, str],
    user: str,
    item: str,
    met: list[tuple[str, str]],
    data: st.DataObject,
) -> None:
    met = met if user else []
    has_all = data.draw(st.booleans())
    columns, rows = (COLUMNS if has_all else part(COLUMNS, data)), (CATALOGUE if has_all else part(CATALOGUE, data))
    filed = [] if has_all else [one for one in met if data.draw(st.booleans())]
    sent = grouped([one for one in met if one not in filed])
    known_events = sent if has_all else data.draw(st.sampled_from([sent, None]))
    is_whole = has_all or (not filed and data.draw(st.booleans()))
    of_users, of_user = (USER_COLUMNS if has_all else part(USER_COLUMNS, data)), ANNA if user == "u1" else {}
    values_of_user = of_user if has_all else data.draw(st.sampled_from([of_user, None]))
    known = Knowledge(columns, user, item, known_events, is_whole, dict(rows), of_users, values_of_user)
    event_types = data.draw(st.sampled_from([None, {kind.lower() for _, kind in filed}]))
    given = {name: parse_values(text) for name, text in values.items()}
    try:
        allowed = select(expression, personalize(user, item, met), values).tolist()
    except InvalidInputError:
        with pytest.raises(FilterError):
            bound(compiled(expression), "ITEM", given)
        return
    rules = bound(compiled(expression, {"INTERACTIONS": event_types}), "ITEM", given)
    verdicts = [lets_through(rules, candidate, known) for candidate in CANDIDATES]
    for candidate, verdict, truth in zip(CANDIDATES, verdicts, allowed, strict=True):
        assert verdict in {truth, None}, (candidate, verdict, truth)
    text = str(expression)
    if has_all and "NOT IN" not in text and "!=" not in text and item != "i5":
        assert None not in verdicts[:5], "all is known of them"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('INCLUDE ItemID WHERE Items.GENRES IN ("Action")', True),
        ('INCLUDE ItemID WHERE Items.STUDIO IN ("A24")', None),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("Action") OR Items.STUDIO IN ("A24")', True),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("Drama") AND Items.STUDIO IN ("A24")', False),
        ('EXCLUDE ItemID WHERE Items.GENRES IN ("Drama") AND Items.STUDIO IN ("A24")', True),
        ('EXCLUDE ItemID WHERE Items.GENRES IN ("Action") OR Items.STUDIO IN ("A24")', False),
        ('EXCLUDE ItemID WHERE Items.GENRES IN ("Action") IF CurrentUser.PLAN IN ("free")', None),
        ('EXCLUDE ItemID WHERE Items.GENRES IN ("Drama") IF CurrentUser.PLAN IN ("free")', True),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("Action") IF CurrentUser.PLAN IN ("free")', True),
        ('INCLUDE ItemID WHERE Items.GENRES IN ("Drama") IF CurrentUser.PLAN IN ("free")', None),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")', None),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")', False),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Buy")', True),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN ("watch")', None),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")', False),
        ('INCLUDE ItemID WHERE Items.STUDIO IN ("A24") | EXCLUDE ItemID WHERE Items.GENRES IN ("Action")', False),
    ],
)
def test_unknown_attributes_may_not_matter(text: str, wanted: bool | None) -> None:
    known = Knowledge(COLUMNS, "u1", met={"watch": {"i0"}}, records=dict(CATALOGUE))
    rules = compiled(parse_filter(text), {"INTERACTIONS": ["view", "watch"]})
    assert lets_through(bound(rules, "ITEM", {}), "i0", known) is wanted


@pytest.mark.parametrize(
    ("guard", "wanted"),
    [
        ("CurrentUser.AGE > 18", False),
        ("CurrentUser.AGE > 40", True),
        ("CurrentUser.age IN (30)", False),
        ('CurrentUser.PLAN = "gold"', False),
        ('CurrentUser.PLAN != "gold"', True),
        ('CurrentUser.PLAN IN ("free", "gold")', False),
        ('CurrentUser.CITY = "Oslo"', True),
        ('CurrentUser.CITY != "Oslo"', None),
        ('CurrentUser.CITY NOT IN ("Oslo")', None),
        ("CurrentUser.HEIGHT > 180", None),
    ],
)
def test_a_clause_applies_by_the_known_data_of_the_user(guard: str, wanted: bool | None) -> None:
    columns = {**USER_COLUMNS, "CITY": "CITY"}
    known = Knowledge(COLUMNS, "u1", records=dict(CATALOGUE), user_columns=columns, user_values=ANNA)
    rules = compiled(parse_filter(f'EXCLUDE ItemID WHERE Items.GENRES IN ("Action") IF {guard}'))
    assert lets_through(bound(rules, "ITEM", {}), "i0", known) is wanted


def test_a_filter_on_other_things_and_a_value_that_is_no_number_are_refused() -> None:
    rules = compiled(parse_filter("INCLUDE ItemID WHERE Items.RELEASE_YEAR > $Y"))
    with pytest.raises(FilterError, match="a filter on ItemID cannot be used here"):
        bound(rules, "ACTION", {"Y": [1.0]})
    with pytest.raises(FilterError, match="missing filter value for parameter Y"):
        bound(rules, "ITEM", {})
    with pytest.raises(FilterError, match="young is not a number"):
        lets_through(bound(rules, "ITEM", {"Y": ["young"]}), "i0", Knowledge(COLUMNS, records=dict(CATALOGUE)))


@pytest.mark.parametrize("number", ["5", "1234567", "20261127080000", "0.5"])
def test_an_id_of_digits_may_be_given_as_a_number(number: str) -> None:
    expression = parse_filter("EXCLUDE ItemID WHERE Items.ITEM_ID IN ($IDS)")
    rules = bound(compiled(expression), "ITEM", {"IDS": parse_values(number)})
    assert lets_through(rules, number, Knowledge(COLUMNS)) is False
    scope = replace(personalize("", "", []), index={number: 0}, rows=np.array([-1]))
    assert not select(expression, scope, {"IDS": number})[0]


@given(st.lists(st.text() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_values_are_read_as_they_were_written(values: list[str | float]) -> None:
    def written(value: str | float) -> str:
        return repr(value) if isinstance(value, float) else f'"{re.sub(CHARACTERS, ESCAPED, value)}"'

    assert parse_values(" , ".join(map(written, values))) == tuple(values)


@pytest.mark.parametrize("text", ["Action", '"Action', "", '"a",', '"a" "b"', "1 2", "nan", ",", "'a\"", "1_000"])
def test_values_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(FilterError, match="unexpected input at column"):
        parse_values(text)

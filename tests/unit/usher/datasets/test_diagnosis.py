"""A diagnosis equals its slow definition, for any blocks and parts, and closely for samples."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets import diagnosis
from usher.datasets.diagnosis import CAPS, MAX_TYPES, MONDAY, PERIOD_LENGTHS, Diagnosis, diagnosis_report, empty_samples
from usher.datasets.hashing import Hashed, hashes

RATINGS = Path(__file__).parents[4] / "shared/data/movielens-latest-small/ratings.csv"
Event = tuple[str, str, int]
IDS = st.sampled_from(["a", "b", "c", "dd", "", "ü" * 9])
SPANS = st.sampled_from([3, 1000, 10**7, 10**12])
WEEK = 604_800


@st.composite
def _events(draw: st.DrawFn) -> list[Event]:
    most = draw(SPANS)
    return draw(st.lists(st.tuples(IDS, IDS, st.integers(-most, most)), min_size=1, max_size=40))


EVENTS = _events()


def columns(events: list[Event], length: int = 1) -> dict[str, pa.StringArray]:
    """Events as columns. The type of an event is its item's ID, repeated `length` times."""
    users, items, times = zip(*events, strict=True) if events else ((), (), ())
    types = (item * length for item in items)
    texts = {"USER_ID": users, "ITEM_ID": items, "TIMESTAMP": map(str, times), "EVENT_TYPE": types}
    return {name: pa.array(list(values), pa.string()) for name, values in texts.items()}


def added(one: Diagnosis, its: Mapping[str, pa.StringArray]) -> Diagnosis:
    """A diagnosis to which rows have been added."""
    one.add_rows(its, {name: Hashed.of(its[name]) for name in diagnosis.ID_COLUMNS if name in its})
    return one


def diagnosed(events: list[Event], /, **caps: int) -> Diagnosis:
    return added(Diagnosis(empty_samples(**caps)), columns(events))


def again(one: Diagnosis, caps: Mapping[str, int] = CAPS) -> Diagnosis:
    """A value after a round trip through JSON."""
    return Diagnosis.from_dict(json.loads(json.dumps(one.as_dict())), caps)


@pytest.mark.slow
@given(EVENTS, st.sampled_from([2, 4, 1000]), st.data())
@settings(max_examples=200, deadline=None)
def test_it_is_the_same_in_any_order_blocks_and_parts(events: list[Event], cap: int, data: st.DataObject) -> None:
    caps = {name: min(cap, most) for name, most in CAPS.items()}

    def empty() -> Diagnosis:
        return Diagnosis(empty_samples(**caps))

    shuffled = data.draw(st.permutations(events))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    parts, length = empty(), data.draw(st.sampled_from([1, 5000]))
    for begin, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        part, middle = empty(), (begin + end) // 2
        added(part, columns(shuffled[begin:middle], length))
        added(part, columns(shuffled[middle:end], length))
        parts.merge(again(part, caps) if data.draw(st.booleans()) else part)
    assert parts.as_dict() == added(empty(), columns(events, length)).as_dict()


@given(EVENTS)
@settings(deadline=None)
def test_a_round_trip_through_json_keeps_the_report(events: list[Event]) -> None:
    assert diagnosis_report(again(diagnosed(events))) == diagnosis_report(diagnosed(events))


@given(EVENTS)
@settings(deadline=None)
def test_it_equals_a_slow_definition(events: list[Event]) -> None:
    frame = pd.DataFrame(events, columns=["user", "item", "time"])
    report = diagnosis_report(again(diagnosed(events)))
    seconds = report["periods"]["seconds"]
    frame["period"] = (frame["time"] + MONDAY) // seconds
    frame["period"] -= frame["period"].min()
    number = len(report["periods"]["events"])
    assert report["events"] == len(frame)
    assert report["sampled"] == {}
    assert report["duplicates"] == pytest.approx(frame.duplicated(["user", "item", "time"]).mean(), abs=1e-4)
    assert report["repeats"] == pytest.approx(frame.duplicated(["user", "item"]).mean(), abs=1e-4)
    assert report["types"] == Counter(frame["item"])
    assert report["periods"]["events"] == frame["period"].value_counts().reindex(range(number), fill_value=0).tolist()
    for name in ("user", "item"):
        counts = frame[name].value_counts()
        found = report[f"{name}s"]
        assert (found["number"], found["median"], found["most"]) == (len(counts), counts.median(), counts.max())
        assert found["mean"] == pytest.approx(counts.mean(), abs=1e-4)
        assert found["single"] == pytest.approx((counts == 1).mean(), abs=1e-4)
        assert found["top1"] == pytest.approx(counts.max() / len(frame), abs=1e-4)
        assert found["points"] == [[rank, counts.iloc[rank - 1]] for rank, _ in found["points"]]
        new = frame["period"] == frame.groupby(name)["period"].transform("min")
        expected = new.groupby(frame["period"]).mean().reindex(range(number))
        assert report["periods"][f"new{name.title()}s"] == pytest.approx(_none(expected), abs=1e-4)


@given(EVENTS)
@settings(deadline=None)
def test_likeness_is_the_cosine_of_what_items_got(events: list[Event]) -> None:
    periods_report = diagnosis_report(diagnosed(events))["periods"]
    periods = [(time + MONDAY) // periods_report["seconds"] for _, _, time in events]
    vectors = [Counter[str]() for _ in periods_report["events"]]
    for (_, item, _), period in zip(events, periods, strict=True):
        vectors[period - min(periods)][item] += 1

    def cosine(one: Counter[str], other: Counter[str]) -> float | None:
        norms = float(np.sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values())))
        return sum(one[item] * other[item] for item in one) / norms if norms else None

    before = [cosine(one, other) for one, other in zip(vectors[1:], vectors, strict=False)]
    assert periods_report["likeBefore"] == pytest.approx([None, *before], abs=1e-4)
    assert periods_report["likeLast"] == pytest.approx([cosine(one, vectors[-1]) for one in vectors], abs=1e-4)


def _none(values: Iterable[float]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values]


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=5))
@settings(deadline=None)
def test_periods_are_the_shortest_of_which_sixty_hold_all(times: list[int]) -> None:
    report = diagnosis_report(diagnosed([("u", "i", time) for time in times]))["periods"]
    assert len(report["events"]) <= 60
    shorter = [length for length in PERIOD_LENGTHS if length < report["seconds"]]
    if shorter:
        first, last = (time // shorter[-1] for time in (min(times) + MONDAY, max(times) + MONDAY))
        assert last - first >= 60


def test_weeks_begin_on_mondays() -> None:
    report = diagnosis_report(diagnosed([("u", "i", 1_700_000_000 + week * WEEK) for week in range(50)]))["periods"]
    assert report["seconds"] == WEEK
    assert report["starts"][0] == "2023-11-13T00:00:00+00:00"


@pytest.mark.parametrize(
    "events",
    [
        [("u", "i", 0)],
        [("u", "i", 5)] * 3,
        [("u", "i", -(10**17)), ("u", "j", 10**17)],
        [("", "", 1_700_000_000)],
        [(f"u{number}", "i", 1_700_000_000) for number in range(100)],
    ],
)
def test_degenerate_data_is_reported(events: list[Event]) -> None:
    report = diagnosis_report(diagnosed(events))
    assert report["events"] == len(events)
    json.dumps(report, allow_nan=False)


def test_an_empty_diagnosis_reports_no_events() -> None:
    assert diagnosis_report(Diagnosis()) == {"events": 0}
    assert diagnosis_report(diagnosed([])) == {"events": 0}
    parts = Diagnosis()
    parts.merge(again(diagnosed([])))
    assert diagnosis_report(parts) == {"events": 0}


@pytest.mark.parametrize("time", ["", "soon", "1.5", "9" * 18 + "0", "-" + "9" * 19, "9" * 30])
def test_rows_without_a_readable_time_are_left_out(time: str) -> None:
    one = columns([("u", "i", 7), ("v", "j", 8)])
    one["TIMESTAMP"] = pa.array([time, "8"])
    diagnosis = added(Diagnosis(), one)
    assert diagnosis_report(diagnosis)["events"] == 1
    assert diagnosis_report(diagnosis)["users"]["number"] == 1


def test_a_time_may_be_written_with_a_point() -> None:
    one = columns([("u", "i", 7), ("v", "j", 8)])
    one["TIMESTAMP"] = pa.array(["7.0", "8."])
    diagnosis = added(Diagnosis(), one)
    assert (diagnosis.first, diagnosis.last) == (7, 8)


def test_free_text_is_no_type() -> None:
    one = columns([("u", "i", number) for number in range(101)])
    one["EVENT_TYPE"] = pa.array([f"type {number}" for number in range(101)])
    diagnosis = added(Diagnosis(), one)
    assert diagnosis_report(diagnosis)["types"] == {}


def test_long_texts_are_no_types() -> None:
    one = columns([("u", "i", number) for number in range(3)])
    one["EVENT_TYPE"] = pa.array([f"{number}{'x' * 9999}" for number in range(3)])
    assert diagnosis_report(added(Diagnosis(), one))["types"] == {}


def test_types_are_not_counted_beyond_the_maximum_in_any_parts() -> None:
    events = [("u", f"t{number}", number) for number in range(MAX_TYPES + 1)]
    parts = diagnosed(events[1:])
    assert len(parts.types or ()) == MAX_TYPES
    parts.merge(diagnosed(events[:1]))
    assert parts.types is diagnosed(events).types is None


def test_types_are_not_needed() -> None:
    one = columns([("u", "i", 1)])
    del one["EVENT_TYPE"]
    diagnosis = added(Diagnosis(), one)
    assert diagnosis_report(diagnosis)["types"] == {}


@pytest.mark.parametrize("cap", [1000, 64])
def test_dead_references_are_counted_either_way(cap: int) -> None:
    items = added(Diagnosis(empty_samples(items=cap)), {"ITEM_ID": pa.array([f"i{number}" for number in range(200)])})
    users = added(Diagnosis(), {"USER_ID": pa.array(["u", "w"]), "AGE": pa.array(["1", "2"])})
    report = diagnosis_report(
        diagnosed([("u", f"i{number}", 1) for number in range(100, 400)], items=cap), items, users
    )
    assert (report["users"]["withoutMetadata"], report["users"]["withoutEvents"]) == (0, 0.5)
    near = 1e-9 if cap == 1000 else 0.15
    assert report["items"]["withoutMetadata"] == pytest.approx(2 / 3, abs=near + 1e-4)
    assert report["items"]["withoutEvents"] == pytest.approx(1 / 2, abs=near)


def test_a_sample_gives_about_the_result_of_all() -> None:
    random_ = random.Random(0)
    events = [
        (f"u{random_.randrange(3000)}", f"i{int(2000 ** random_.random())}", 1_700_000_000 + 60 * number)
        for number in range(40_000)
    ]
    exact = diagnosis_report(diagnosed(events))
    caps = {name: min(cap, 1 << 10) for name, cap in CAPS.items()}
    report = diagnosis_report(diagnosed(events, **caps))
    assert report["sampled"] == {
        "users": 4, "items": 2, "usersByPeriod": 4, "itemsByPeriod": 2, "pairs": 64, "events": 64,
    }  # fmt: skip
    assert report["users"]["number"] == pytest.approx(exact["users"]["number"], rel=0.1)
    assert report["users"]["median"] == pytest.approx(exact["users"]["median"], rel=0.1)
    assert report["repeats"] == pytest.approx(exact["repeats"], abs=0.06)
    assert report["periods"]["events"] == exact["periods"]["events"]
    assert report["periods"]["newUsers"] == pytest.approx(exact["periods"]["newUsers"], abs=0.1)


@pytest.mark.skipif(not RATINGS.exists(), reason="MovieLens is not in ../shared/data")
def test_the_known_facts_of_movielens_are_found() -> None:
    frame = pd.read_csv(RATINGS, dtype=str)
    names = (("USER_ID", "userId"), ("ITEM_ID", "movieId"), ("TIMESTAMP", "timestamp"))
    report: dict[str, Any] = diagnosis_report(
        added(Diagnosis(), {name: pa.array(frame[column]) for name, column in names})
    )
    assert (report["events"], report["users"]["number"], report["items"]["number"]) == (100_836, 610, 9724)
    assert (report["from"][:10], report["to"][:10]) == ("1996-03-29", "2018-09-24")
    assert report["items"]["points"][0] == [1, 329], "Forrest Gump"


def test_ids_that_are_chosen_so_that_no_sample_has_any_are_reported_on() -> None:
    users = pa.array([f"u{number}" for number in range(100)])
    odd = [str(user) for user, key in zip(users.to_pylist(), hashes(users).tolist(), strict=True) if key % 2]
    found = diagnosis_report(diagnosed([(user, "i", 1) for user in odd], users=4))
    assert found["events"] == len(odd)
    assert found["users"]["number"] == 2

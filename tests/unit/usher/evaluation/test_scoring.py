"""The report: contenders, forms, segments and samples, and its messages about bad input."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.errors import InputError
from usher.evaluation import scoring
from usher.evaluation.baselines import HALF_LIFE, predict_baselines
from usher.evaluation.interactions import Interactions, read_interactions
from usher.evaluation.metrics import DEPTH, METRICS, InteractionSet
from usher.evaluation.predictions import Predictions, RecommendationLists
from usher.evaluation.resampling import FLIPS
from usher.evaluation.scoring import score_predictions
from usher.evaluation.splits import Split, hold_out
from usher.reports.evaluation_report import DECISIVE_METRICS

from tests.unit.usher.world import streams

Row = tuple[str, str, int]


def read(*parts: list[Row]) -> list[Interactions]:
    header = "USER_ID,ITEM_ID,TIMESTAMP\n"
    texts = [header + "".join(f"{user},{item},{time}\n" for user, item, time in part) for part in parts]
    return read_interactions(*(streams(one__csv=text) for text in texts))


def contender(name: str = "ours", **lists: list[str]) -> Predictions:
    return Predictions(name, "trained", "aws-x", RecommendationLists.of(lists.items()))


def report(train: list[Row], held: list[Row], *contenders: Predictions, **titles: str) -> Any:
    learnt, back = read(train, held)
    found = score_predictions("last-tenth", learnt, back, contenders, titles)
    assert json.loads(json.dumps(found)) == found
    return found


def score(found: Any, metric: str, form: str = "raw", segment: str = "", name: str = "ours") -> Any:
    blocks = found["segments"] if segment else found["scores"]
    (value,) = [
        block["metrics"][metric]["value"]
        for block in blocks
        if (block["contender"], block["form"], block.get("segment", "")) == (name, form, segment)
    ]
    return value


TRAIN = [("u", "a", 1), ("u", "b", 2), ("v", "a", 3), ("w", "a", 3)]
HELD = [("u", "c", 100), ("v", "d", 101), ("new", "a", 102)]


def test_the_split_and_the_contenders_are_reported() -> None:
    found = report(TRAIN, HELD, contender(u=["a", "c"], x=["a"]))
    assert found["split"] == {
        "kind": "last-tenth",
        "events": 7,
        "heldOut": 3,
        "users": 3,
        "items": 2,
        "from": "1970-01-01T00:01:40+00:00",
        "to": "1970-01-01T00:01:42+00:00",
        "repeats": 0.0,
        "oneIn": 1,
    }
    about = {
        "name": "ours", "kind": "trained", "recipe": "aws-x", "exploration": "", "answered": 1, "missing": 2,
        "ranked": False, "marks": ["no list for 2 of 3 users"], "notes": [],
    }  # fmt: skip
    assert found["contenders"] == [about]
    assert found["problems"] == []


def test_scores_have_every_metric_in_its_order() -> None:
    (raw, dedup) = report(TRAIN, HELD, contender(u=["a"]))["scores"]
    assert (raw["form"], dedup["form"]) == ("raw", "dedup")
    *others, novelty = METRICS
    assert list(raw["metrics"]) == [*others, "coverage", novelty]
    assert list(raw["metrics"]["coverage"]) == ["value"]


def test_users_without_a_list_count_as_misses() -> None:
    found = report(TRAIN, HELD, contender(u=["c"]))
    assert score(found, "mean_reciprocal_rank") == pytest.approx(1 / 3, abs=1e-6)
    assert [block["users"] for block in found["scores"]] == [3, 3]
    assert [block["short"] for block in found["scores"]] == [3, 3]


def test_a_contender_without_any_list_is_a_problem_and_has_no_scores() -> None:
    found = report(TRAIN, HELD, contender(), contender("other", u=["a"]))
    said = "has no list for any scored user."
    (problem,) = found["problems"]
    assert (problem["place"], problem["message"]) == ("ours", said)
    for blocks in ("scores", "segments"):
        assert {block["contender"] for block in found[blocks]} == {"other"}
    (ours,) = [one for one in found["contenders"] if one["name"] == "ours"]
    assert (ours["ranked"], ours["marks"]) == (False, ["no list for 3 of 3 users"])


def test_a_contender_with_answers_for_fewer_than_half_of_the_users_is_not_ranked() -> None:
    held = [(user, "c", 100) for user in "uvwx"]
    found = report(TRAIN, held, contender("two", u=["a"], v=["a"]), contender("one", u=["c"]))
    facts = [(one["name"], one["ranked"], one["marks"]) for one in found["contenders"]]
    assert facts == [("two", True, ["no list for 2 of 4 users"]), ("one", False, ["no list for 3 of 4 users"])]
    assert [block["answered"] for block in found["scores"]] == [2, 2, 1, 1]


def test_each_segment_counts_the_users_for_whom_there_is_a_list() -> None:
    train = [("warm", f"i{number}", number) for number in range(scoring.MIN_WARM_EVENTS)]
    found = report(train, [("warm", "i0", 99), ("new", "i0", 99)], contender(warm=["i0"]))
    answered = {block["segment"]: (block["answered"], block["users"]) for block in found["segments"]}
    assert answered == {"cold users": (0, 1), "warm users": (1, 1), "head items": (1, 2)}


@pytest.mark.parametrize(("repeats", "form"), [(1, "dedup"), (2, "dedup"), (3, "raw")])
def test_lists_are_scored_as_recommended_if_most_held_out_events_are_repeats(repeats: int, form: str) -> None:
    train = [("u", item, 1) for item in "abc"] + [("v", "new", 2)]
    held = [("u", item, 9) for item in "abc"[:repeats]] + [("u", f"n{number}", 9) for number in range(4 - repeats)]
    loyal, curious = contender("loyal", u=["a", "b", "c", "x"]), contender("curious", u=["n0", "a", "b", "c"])
    found = report(train, held, curious, loyal)
    assert (found["split"]["repeats"], found["decisiveForm"]) == (repeats / 4, form)
    sample = found["samples"][0]["lists"]["loyal"]
    assert sample[0]["id"] == ("a" if form == "raw" else "x")


def test_events_of_the_held_out_part_make_no_repeats_and_a_user_none_for_others() -> None:
    assert report(TRAIN, [("u", "c", 9), ("u", "c", 10), ("v", "b", 9)], contender(u=["a"]))["split"]["repeats"] == 0
    assert report(TRAIN, [("u", "a", 9), ("u", "a", 10), ("v", "b", 9)], contender(u=["a"]))["split"][
        "repeats"
    ] == pytest.approx(2 / 3, abs=1e-6)


def test_the_best_comes_first_by_the_decisive_form_and_unranked_ones_last() -> None:
    train = [("u", "a", 1), ("u", "b", 1)]
    knows = replace(contender("knows", u=["a"]), kind="live", known=0.004)
    repeats = report(train, [("u", "a", 9)], knows, contender("new", u=["x", "a"]), contender("loyal", u=["a", "x"]))
    assert [one["name"] for one in repeats["contenders"]] == ["loyal", "new", "knows"]
    assert repeats["contenders"][-1]["marks"] == ["may know under 1% of the held-out events"]
    assert [*repeats["samples"][0]["lists"]] == ["loyal", "new", "knows"]
    others = report(train, [("u", "x", 9)], contender("loyal", u=["a", "y", "x"]), contender("new", u=["x", "a"]))
    assert [one["name"] for one in others["contenders"]] == ["new", "loyal"]


def test_a_live_version_without_held_out_events_is_ranked_and_differences_are_marked() -> None:
    live = replace(contender("live", u=["c"], v=["d"]), kind="live", exploration="on")
    (about,) = report(TRAIN, HELD, live)["contenders"]
    assert (about["ranked"], about["marks"]) == (True, ["no list for 1 of 3 users", "explores"])
    picky = replace(contender("picky", u=["c"], v=["d"], new=["a"]), event_type="buy")
    assert report(TRAIN, HELD, picky)["contenders"][0]["marks"] == ["learns from buy events only"]
    knows = replace(live, known=0.98)
    assert report(TRAIN, HELD, knows)["contenders"][0]["marks"][0] == "may know 98% of the held-out events"


def test_ranked_contenders_are_compared_user_by_user() -> None:
    users = [f"u{number}" for number in range(40)]
    train = [(user, "old", 1) for user in users]
    held = [(user, "wanted", 9) for user in users]
    best = contender("best", **{user: ["wanted"] for user in users})
    twin = contender("twin", **{user: ["wanted", "more"] for user in users})
    worse = contender("worse", **{user: ["x", "wanted"] for user in users})
    knows = replace(contender("knows", **{user: ["wanted"] for user in users}), known=1.0)
    found = report(train, held, worse, knows, best, twin)
    pairs = [(one["metric"], *one["contenders"]) for one in found["comparisons"]]
    assert pairs == [
        (metric, *pair)
        for metric in DECISIVE_METRICS
        for pair in (("best", "twin"), ("best", "worse"), ("twin", "worse"))
    ]
    equal, clear, _ = found["comparisons"][:3]
    assert equal == {
        "metric": "mean_reciprocal_rank", "contenders": ["best", "twin"], "difference": 0, "low": 0, "high": 0, "p": 1,
    }  # fmt: skip
    assert (clear["difference"], clear["low"], clear["high"]) == (0.5, 0.5, 0.5)
    assert clear["p"] == pytest.approx(3 / (FLIPS + 1), abs=1e-6), "of three pairs"


def test_errors_of_the_answer_are_noted() -> None:
    lists = RecommendationLists.of([("u", ["a"])])
    noted = Predictions(
        "ours",
        "live",
        "aws-x",
        RecommendationLists(lists.by, lists.subject_ids, lists.item_ids, lists.items, 2),
        ["live"],
    )
    assert report(TRAIN, HELD, noted)["contenders"][0]["notes"] == ["live", "2 lines of its output are errors."]


def test_dedup_moves_known_items_to_the_end() -> None:
    found = report(TRAIN, HELD, contender(u=["a", "x", "b", "c"]), contender("other", v=["a"], new=["a"]))
    assert score(found, "mean_reciprocal_rank") == pytest.approx(1 / 12, abs=1e-6)
    assert score(found, "mean_reciprocal_rank", "dedup") == pytest.approx(1 / 6, abs=1e-6)
    (sample,) = [sample for sample in found["samples"] if sample["user"] == "u"]
    assert [item["id"] for item in sample["lists"]["ours"]] == ["x", "c", "a", "b"]
    (sample,) = [sample for sample in found["samples"] if sample["user"] == "v"]
    assert [item["id"] for item in sample["lists"]["other"]] == ["a"]


items = st.lists(st.integers(0, 60), unique=True, max_size=50)


@settings(deadline=None)
@given(items, st.sets(st.integers(0, 60)))
def test_forms_are_those_of_the_notebook(ranked: list[int], past: set[int]) -> None:
    unseen = [item for item in ranked if item not in past]
    if len(unseen) < DEPTH:
        unseen.extend([item for item in ranked if item not in unseen])
    lists = np.array([[*ranked, *[-1] * (50 - len(ranked))]], np.int32)
    met = np.array(sorted(past), np.int32)
    history = InteractionSet.of(np.full(len(met), 7), met, 61)
    for form, expected in (("raw", ranked[:DEPTH]), ("dedup", unseen[:DEPTH])):
        assert [item for item in scoring.FORMS[form](lists, history, 7)[0].tolist() if item >= 0] == expected


def test_items_unknown_to_the_training_count_in_recall_and_in_no_coverage() -> None:
    found = report([("u", "a", 1), ("u", "b", 1)], [("u", "c", 2), ("u", "b", 3)], contender(u=["b", "fresh"]))
    assert score(found, "recall_at_5") == 0.5
    assert score(found, "coverage") == 0.5
    assert score(found, "novelty") == 0  # one of one users knows `b`; `fresh` counts like that


def test_held_back_twice_is_wanted_once() -> None:
    found = report(TRAIN, [("u", "c", 2), ("u", "c", 3)], contender(u=["c"]))
    assert score(found, "recall_at_5") == 1


def test_novelty_is_the_surprise_of_the_items() -> None:
    found = report(TRAIN, [("u", "c", 9)], contender(u=["a", "b"]))
    assert score(found, "novelty") == pytest.approx((0 + np.log2(3)) / 2, abs=1e-6)


def test_a_catalogue_smaller_than_a_list_makes_short_lists() -> None:
    train, held = read(TRAIN, HELD)
    found = score_predictions("global", train, held, predict_baselines(train), {})
    assert [block["short"] for block in found["scores"]] == [3] * 4
    assert score(found, "precision_at_5", name="popularity") == pytest.approx(1 / 3 / 5, abs=1e-6)


@pytest.mark.parametrize(
    ("train", "held", "said"), [(TRAIN, [], "the held-out part: is"), ([], HELD, "the training part: is")]
)
def test_an_empty_part_is_refused(train: list[Row], held: list[Row], said: str) -> None:
    with pytest.raises(InputError, match=f"{said} empty"):
        report(train, held, contender(u=["a"]))


def test_cold_and_warm_users_are_distinguished_by_their_events() -> None:
    train = [("warm", f"i{number}", number) for number in range(scoring.MIN_WARM_EVENTS)]
    train += [("cold", f"i{number}", number) for number in range(scoring.MIN_WARM_EVENTS - 1)]
    held = [(user, "i0", 99) for user in ("cold", "warm", "new")]
    found = report(train, held, contender(warm=["i0"], new=["i0"]))
    assert score(found, "mean_reciprocal_rank", segment="warm users") == 1
    assert score(found, "mean_reciprocal_rank", segment="cold users") == 0.5
    users = {block["segment"]: block["users"] for block in found["segments"]}
    assert users == {"cold users": 2, "warm users": 1, "head items": 3}


def test_head_items_make_four_fifths_of_the_events() -> None:
    train = [("u", item, time) for item, count in (("a", 5), ("b", 3), ("c", 1), ("d", 1)) for time in range(count)]
    held = [("u", "a", 99), ("u", "c", 99), ("v", "d", 99), ("w", "unknown", 99)]
    found = report(train, held, contender(u=["c", "a"], v=["b"], w=["x"]))
    users = {block["segment"]: block["users"] for block in found["segments"]}
    assert users == {"cold users": 2, "warm users": 1, "head items": 1, "tail items": 3}
    assert score(found, "mean_reciprocal_rank", segment="head items") == 0.5
    assert score(found, "mean_reciprocal_rank", segment="tail items") == pytest.approx(1 / 3, abs=1e-6)
    assert score(found, "coverage", segment="head items") == 0.5
    assert score(found, "coverage", segment="tail items") == 0.5


def test_a_sample_shows_history_truth_and_hits() -> None:
    train = [("u", f"i{time}", time) for time in range(12)]
    found = report(train, [("u", "c", 20), ("u", "d", 19)], contender(u=["i3", "c"]), c="Sea", i11="Eleven")
    history = [{"id": "i11", "title": "Eleven"}, *({"id": f"i{time}"} for time in range(10, 1, -1))]
    ours = [{"id": "c", "title": "Sea", "hit": True}, {"id": "i3", "hit": False}]
    held = [{"id": "c", "title": "Sea"}, {"id": "d"}]
    assert found["samples"] == [{"user": "u", "history": history, "heldOut": held, "lists": {"ours": ours}}]


def test_few_users_are_shown() -> None:
    held = [(f"u{number}", "a", 9) for number in range(50)]
    assert len(report(TRAIN, held, contender(u1=["a"]))["samples"]) == scoring.SAMPLE_USERS


def test_similar_items_answer_for_users_whose_last_item_is_the_item() -> None:
    similar = Predictions(
        "ours", "trained", "aws-similar-items", RecommendationLists.of([("b", ["c"]), ("a", ["d"])], by="item")
    )
    found = report([("u", "b", 2), ("u", "a", 1), ("v", "b", 3), ("v", "a", 3)], HELD, similar)
    assert score(found, "mean_reciprocal_rank") == pytest.approx(
        2 / 3, abs=1e-6
    )  # of equal times, the later row is newer
    assert found["contenders"][0]["missing"] == 1


rows = st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("abcde"), st.integers(0, 30)), min_size=2)


@settings(deadline=None)
@given(rows)
def test_popularity_counts_events_and_recent_popularity_their_age(found: list[Row]) -> None:
    days = [(user, item, time * HALF_LIFE // 10) for user, item, time in found]
    (train,) = read(days)
    counts, weights = Counter(item for _, item, _ in days), defaultdict[str, float](float)
    newest = max(time for _, _, time in days)
    for _, item, time in days:
        weights[item] += 0.5 ** ((newest - time) / HALF_LIFE)
    worths: list[dict[str, float]] = [dict(counts), weights]
    for baseline, worth in zip(predict_baselines(train), worths, strict=True):
        ids = baseline.lists.item_ids.to_pylist()
        ranked = [ids[place] for place in baseline.lists.items[0]]
        assert sorted(ranked) == sorted(counts)
        assert [worth[item] for item in ranked] == pytest.approx(sorted(worth.values(), reverse=True))


def test_items_without_an_event_to_learn_from_are_not_popular() -> None:
    train, held = read(TRAIN, HELD)
    assert [one.lists.item_ids.to_pylist() for one in predict_baselines(train)] == [["a", "b"], ["a", "b"]]
    (events,) = read(TRAIN)
    mask = hold_out(events, Split())
    assert predict_baselines(events.where(~mask))[0].lists.item_ids.to_pylist() == ["a"]
    assert len(held.time) == 3

"""The description of live models equals the serving map."""

from usher.run_record import PinRecord
from usher.run_summary import live_text
from usher.serving.live_models import live_models
from usher.serving.serving_map import ServingMap

VERSION, OTHER = "arn:solution/similar/v", "arn:solution/popular/w"
TIMES = {VERSION: "2026-11-22T10:20:00+00:00"}
SINCE = {VERSION: "2026-11-22T11:00:00+00:00"}
SERVING: ServingMap = {
    "solutions": {
        "similar": {"type": "RELATED_ITEMS", "campaignArn": "arn:c", "solutionVersionArn": VERSION},
        "popular": {
            "type": "USER_PERSONALIZATION", "campaignArn": "arn:d", "solutionVersionArn": OTHER, "answeredBy": "new",
        },
    },
    "recommenders": {"top": {"type": "ECOMMERCE", "recommenderArn": "arn:recommender/top"}},
}  # fmt: skip


def pin(version: str) -> PinRecord:
    return {"version": version, "who": "Ann", "why": "odd", "at": "x", "supersedes": version}


def test_a_model_is_described_with_its_times_its_choice_and_its_fallback() -> None:
    pins = {"similar": pin(VERSION), "popular": pin("arn:another")}
    assert list(map(live_text, live_models(SERVING, TIMES, SINCE, pins))) == [
        "similar: v, trained 2026-11-22 10:20, live since 2026-11-22 11:00, chosen by Ann: odd",
        "popular: w, new answers in its place",
        "top: top",
    ]


def test_a_group_that_has_published_nothing_has_no_live_models() -> None:
    assert list(live_models({}, {}, {}, {})) == []

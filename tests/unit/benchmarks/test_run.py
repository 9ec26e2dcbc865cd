"""A run: its measurements, the steps that it reports and skips, and its saved figures."""

import json
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from benchmarks.recommenders.__main__ import Step, main, measure, parse, steps
from benchmarks.recommenders.chart import chart
from benchmarks.recommenders.holdout import Holdout
from benchmarks.recommenders.inprocess import learnable, own
from benchmarks.recommenders.questions import NotApplicableError, Questions
from benchmarks.recommenders.results import Results
from benchmarks.recommenders.synthetic import purchases
from benchmarks.report import Row
from usher_local.personalize.core.recipes import RECIPES
from usher_local.recommenders.registry import RECIPES as MODELS

BY_NAME = {recipe.name: recipe for recipe in RECIPES}
COSTS: list[Row] = [{"recipe": "b", "training s": 1.5}]


@pytest.fixture
def holdout() -> Holdout:
    return Holdout.of(purchases(users=30, items=600, days=60))


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, quiet=False)


def test_figures_are_kept_at_once_and_replaced_by_newer_ones(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.put("films", "a", {"service": [{"recipe": "a", "training s": 1.0}], "hold-out": []})
    results.put("films", "b", {"service": COSTS})
    results.put("films", "c", {"service": [{"recipe": "c", "training s": 1.5}]})
    results.put("films", "a", {"service": [{"recipe": "a", "training s": 2.0}]})
    again = Results(tmp_path)
    assert again.has("films", "a")
    assert not again.has("films", "d")
    assert not again.has("books", "a")
    assert again.show("films").splitlines()[2:] == [
        "| recipe | training s |",
        "| --- | --- |",
        "| a | 2.0 |",
        "| b, c | 1.5 |",
    ]
    assert json.loads((tmp_path / "recommenders.json").read_text())["cores"]


def test_contenders_that_cannot_be_measured_are_reported_and_left_out(tmp_path: Path, console: Console) -> None:
    def fail() -> dict[str, list[Row]]:
        raise NotApplicableError("needs titles")

    results = Results(tmp_path)
    measure("films", [Step("bad", fail), Step("good", lambda: {"service": COSTS})], results, console)
    assert "films: without bad: needs titles" in console.export_text()
    assert list(results.data["films"]["service"]) == ["good"]


def test_a_bad_file_ends_the_run_with_its_reason(tmp_path: Path, console: Console) -> None:
    assert main([str(tmp_path / "no.csv")], console, tmp_path) == 1
    assert "no.csv cannot be read" in console.export_text()


def test_only_the_named_steps_are_measured_and_resuming_skips_finished_ones(
    tmp_path: Path, console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "films.csv"
    path.write_text("".join(f"u{n % 30},i{n % 7},{n}\n" for n in range(300)))
    for option in ([], ["--resume"]):
        assert main([str(path), "--only", "popularity", *option], console, tmp_path) == 0
    assert "| popularity | dedup |" in capsys.readouterr().out
    text = console.export_text()
    assert [f"{count}/{count}" in text for count in range(3)] == [True, True, False]
    assert (tmp_path / "recommenders.svg").exists()


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--only", "aws-hrnn,aws-nothing"])
    assert "unknown: aws-nothing; there are ItemAffinity" in capsys.readouterr().err


def test_every_recipe_and_every_model_behind_them_is_a_step() -> None:

    with ExitStack() as stack:
        names = [step.name for step in steps(purchases(users=30, items=50, days=60), stack)]
    assert {*MODELS, *(model.__name__ for model in MODELS.values())} < set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["aws-hrnn", "aws-sims", "aws-vod-more-like-x", "aws-personalized-ranking"])
def test_the_query_about_a_user_suits_the_recipe(holdout: Holdout, name: str) -> None:
    learnt = holdout.learnt
    user = max(range(len(learnt.user_ids)), key=lambda number: len(holdout.histories[number]))
    history = [learnt.item_ids[item] for item in holdout.histories[user]]
    alone, deep = (Questions(holdout, ()).lines(BY_NAME[name], deep=deep)[user] for deep in (False, True))
    assert alone.get("userId", learnt.user_ids[user]) == learnt.user_ids[user]
    if name == "aws-sims":
        assert alone == {"itemId": history[-1]}
    if name == "aws-vod-more-like-x":
        assert alone == {"userId": learnt.user_ids[user], "itemId": history[-1]}
    if name == "aws-personalized-ranking":
        assert set(history) & set(alone["itemList"])
        assert not set(history) & set(deep["itemList"])
        assert alone["itemList"][0] == learnt.item_ids[holdout.popular()[0]]


@pytest.mark.parametrize("model", dict.fromkeys(MODELS.values()))
def test_every_model_is_measured_in_process(holdout: Holdout, model: type) -> None:
    row = own(model, learnable(model, purchases(users=30, items=600, days=60), holdout))
    assert row["model"] == model.__name__
    assert min(float(row[name]) for name in ("peak MB", "lists/s")) > 0


def test_the_picture_has_a_bar_per_form_that_is_shown() -> None:
    rows: list[Row] = [
        {"model": "a & b", "form": form, "MRR": value, "±": 0.1}
        for form, value in (("raw", 0.05), ("d25", 0.2), ("dedup", 0.3))
    ]
    tree = ElementTree.fromstring(chart({"films": rows, "books": rows}))  # noqa: S314 - our own
    bars = tree.findall(".//{*}g//{*}rect")
    assert len(bars) == 4
    assert "a & b" in [text.text for text in tree.iter("{http://www.w3.org/2000/svg}text")]

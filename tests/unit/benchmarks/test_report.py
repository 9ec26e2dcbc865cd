"""Tables of figures merge equal rows."""

from pathlib import Path

from benchmarks import compare, report

ROWS: list[dict[str, float | str]] = [
    {"model": "hrnn", "form": "raw", "MRR": 0.4},
    {"model": "hrnn", "form": "dedup", "MRR": 0.4},
    {"model": "sims", "form": "raw", "MRR": 0.2},
    {"model": "hrnn-metadata", "form": "raw", "MRR": 0.4},
]


def test_rows_of_equal_figures_become_one_with_all_names() -> None:
    assert report.merged(ROWS) == [{**ROWS[0], "model": "hrnn, hrnn-metadata"}, *ROWS[1:3]]


def test_the_comparison_has_a_row_for_each_local_model(tmp_path: Path) -> None:
    compare.publish({"films": ROWS}, tmp_path)
    assert (tmp_path / "evaluation.md").read_text().splitlines() == [
        "**films**", "", "| model | form | MRR |", "| --- | --- | --- |",
        "| hrnn, hrnn-metadata | raw | 0.4 |", "| hrnn | dedup | 0.4 |", "| sims | raw | 0.2 |",
    ]  # fmt: skip

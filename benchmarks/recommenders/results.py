"""The figures of one or more runs, saved after each measurement, so that an interrupted run loses little.

recommenders.json has them by data set, recommenders.md as tables, and recommenders.svg shows MRR.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.recommenders.chart import chart
from benchmarks.report import Row

NAME = "recommenders"


class Results:
    """recommenders.json: rows by data set, by table, by model or recipe."""

    def __init__(self, folder: Path = report.RESULTS) -> None:
        self._folder = folder
        path = folder / f"{NAME}.json"
        self.data: dict[str, dict[str, dict[str, list[Row]]]] = (
            json.loads(path.read_text())["data"] if path.exists() else {}
        )

    def put(self, data: str, name: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """Save the rows of a model or recipe by table, in place of older ones."""
        for title, rows in tables.items():
            if rows:
                self.data.setdefault(data, {}).setdefault(title, {})[name] = list(rows)
        report.keep(NAME, {"data": self.data}, self._folder)

    def has(self, data: str, name: str) -> bool:
        """Whether there are rows of a model or recipe."""
        return any(name in named for named in self.data.get(data, {}).values())

    def show(self, data: str) -> str:
        """A data set's tables in Markdown; models with equal figures share a row."""
        tables = {title: report.merged(_rows(named)) for title, named in self.data.get(data, {}).items()}
        return "\n\n".join(f"**{data}: {title}**\n\n{report.table(rows)}" for title, rows in tables.items())

    def publish(self) -> None:
        """Write recommenders.md and recommenders.svg."""
        (self._folder / f"{NAME}.md").write_text("\n\n".join(map(self.show, self.data)) + "\n", encoding="utf-8")
        held = {name: _rows(tables["hold-out"]) for name, tables in self.data.items() if "hold-out" in tables}
        (self._folder / f"{NAME}.svg").write_text(chart(held), encoding="utf-8")


def _rows(named: Mapping[str, Sequence[Row]]) -> list[Row]:
    return [row for rows in named.values() for row in rows]

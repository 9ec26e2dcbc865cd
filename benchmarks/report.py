"""Reports of all benchmarks: tables of the figures, saved with the machine that they come from."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("results")
Row = dict[str, float | str]
"""Figures and names, by column."""


def report(name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
    """Print rows of figures, and write them to results/<name>.json."""
    print(table(rows))
    keep(name, {"rows": rows})


def table(rows: Sequence[Mapping[str, float | str]]) -> str:
    """Rows of the same columns, at least one, in Markdown."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([str(row[column]) for column in columns] for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def merged(rows: Sequence[Mapping[str, float | str]]) -> list[Row]:
    """Rows, at least one, with those merged that differ in their first column only; it gets all their names."""
    named: dict[tuple[tuple[str, float | str], ...], list[str]] = {}
    for row in rows:
        (_, name), *figures = row.items()
        named.setdefault(tuple(figures), []).append(str(name))
    column = next(iter(rows[0]))
    return [{column: ", ".join(names), **dict(figures)} for figures, names in named.items()]


def keep(name: str, content: Mapping[str, object], folder: Path = RESULTS) -> None:
    """Write figures to <name>.json in the folder (made if missing), with the date and the machine."""
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    written = {"measured": datetime.now(UTC).date().isoformat(), **machine, **content}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n")


def quantile(sorted_values: Sequence[float], share: float) -> float:
    """The quantile of sorted values at a share, 0 to 1."""
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)]

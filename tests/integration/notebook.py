"""A notebook that was exported as text, run as Jupyter does, but on a faster clock and with existing data.

python notebook.py NOTEBOOK SPEED STATE: runs the code cells in the working directory. STATE, a JSON file, has the
variables for `%store -r`; at the end, it has all variables that JSON can represent, tables as [column, values], and the
output of each cell as `printed`.
"""

import ast
import io
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd

PROMPT = re.compile(r"^In \[(?:None|\d+)\]:\n", re.MULTILINE)
SHELL = re.compile(r"^( *)!(?=\w)(.*)$", re.MULTILINE)
MAGIC = re.compile(r"^( *)%%?[a-z].*$", re.MULTILINE)
PROVIDED = {"pip", "unzip", "wget"}


def cells(text: str) -> Iterator[ast.Module]:
    """The code cells.

    Prose and output follow a cell after a blank line, and code has blank lines, too: the longest beginning that is
    Python belongs to the cell (a heading of Markdown is a comment).
    """
    for part in PROMPT.split(text)[1:]:
        code = SHELL.sub(lambda line: f"{line[1]}run_shell({line[2]!r})", MAGIC.sub(r"\1pass", part))
        paragraphs = code.split("\n\n")
        yield next(filter(None, (parse("\n\n".join(paragraphs[:n])) for n in range(len(paragraphs), 0, -1))))


def parse(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except SyntaxError:
        return None


def run(cell: ast.Module, variables: dict[str, Any]) -> str:
    """Run a cell, show the value of an expression at its end, and return its output."""
    last = [cell.body.pop()] if isinstance(cell.body[-1], ast.Expr) else []
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(cell, "cell", "exec"), variables)  # noqa: S102 - what a notebook is for
        for shown in last:
            exec(compile(ast.Interactive([shown]), "cell", "single"), variables)  # noqa: S102
    print(printed.getvalue(), flush=True)  # noqa: T201
    return printed.getvalue()


def shell(command: str, variables: Mapping[str, Any]) -> None:
    """Run a line for the shell: the AWS CLI's through boto3; downloads and installations have been done already."""
    filled = re.sub(r"\{(\w+)\}|\$(\w+)", lambda name: str(variables[name[1] or name[2]]), command)
    match filled.split():
        case [tool, *_] if tool in PROVIDED:
            pass
        case ["aws", "s3", "mb", url]:
            bucket(url).create()
        case ["aws", "s3", "rm", url, "--recursive"]:
            bucket(url).objects.delete()
        case _:
            print(subprocess.check_output(filled, shell=True, text=True))  # noqa: S602, T201 - a shell line


def bucket(url: str) -> Any:
    return boto3.resource("s3").Bucket(url.removeprefix("s3://"))


def known(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The variables that JSON can represent."""
    for name, value in variables.items():
        with suppress(TypeError, ValueError):
            yield name, json.loads(json.dumps(value, default=as_json))


def as_json(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return [[str(name), list(value.iloc[:, n].dropna())] for n, name in enumerate(value.columns)]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(type(value))


def main(notebook: Path, speed: float, state: Path) -> None:
    random.seed(0)
    np.random.seed(0)  # pandas samples with it
    sleep, read_csv = time.sleep, pd.read_csv

    def shorter(seconds: float) -> None:
        sleep(seconds / speed)

    def read_as_pandas_1(*files: Any, dtype: Any = None, **options: Any) -> Any:
        """The notebooks' pandas did not apply dtype to an index."""
        return read_csv(*files, dtype=None if "index_col" in options else dtype, **options)

    vars(time)["sleep"], vars(pd)["read_csv"] = shorter, read_as_pandas_1
    variables: dict[str, Any] = {"__name__": "__main__", **json.loads(state.read_text())}
    variables["run_shell"] = lambda command: shell(command, variables)
    printed = [run(cell, variables) for cell in cells(notebook.read_text())]
    state.write_text(json.dumps(dict(known(variables)) | {"printed": printed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))

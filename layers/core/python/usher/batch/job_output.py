"""The lines that a batch job writes. How one looks that failed is not documented, and its input may be anything."""

import json

import pyarrow as pa
from pyarrow import json as arrow_json


def parse(block: bytes, members: pa.Schema) -> pa.Table:
    """Some members of each line of a block, null where they are not there.

    A line that doesn't fit costs no other: of it, there is only `error`, as text, if that is among the members.
    """
    options = arrow_json.ParseOptions(explicit_schema=members, unexpected_field_behavior="ignore")
    reading = arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        return arrow_json.read_json(pa.py_buffer(block), reading, options)
    except pa.ArrowInvalid as error:
        lines = [line for line in block.split(b"\n") if line.strip()]
        if len(lines) < 2:
            return pa.Table.from_pylist([{"error": _error(line, error)} for line in lines], members)
        halves = lines[: len(lines) // 2], lines[len(lines) // 2 :]
        return pa.concat_tables([parse(b"\n".join(half), members) for half in halves])


def _error(line: bytes, misfit: Exception) -> str:
    """The error of a line: its text, or its JSON where it is none; if it has none, why it doesn't fit."""
    try:
        error = json.loads(line)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        error = None
    told = error or f"is no answer: {misfit}"
    return told if isinstance(told, str) else json.dumps(told)

"""The output of batch jobs: JSON Lines. The format of failed lines is undocumented, and any line may be malformed."""

import json
from typing import Any, cast

import pyarrow as pa
from pyarrow import json as arrow_json


def read_output(block: bytes, members: pa.Schema) -> pa.Table:
    """The named members of every line of a block, null where a line lacks them.

    A malformed line does not affect the others: its row has only `error`, as text, if that is among the members.
    """
    parse_options = arrow_json.ParseOptions(explicit_schema=members, unexpected_field_behavior="ignore")
    read_options = arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        return arrow_json.read_json(cast(Any, pa.py_buffer(block)), read_options, parse_options)
    except pa.ArrowInvalid as misfit:
        lines = [line for line in block.split(b"\n") if line.strip()]
        if len(lines) < 2:
            return pa.Table.from_pylist([{"error": _error_of(line, misfit)} for line in lines], members)
        halves = lines[: len(lines) // 2], lines[len(lines) // 2 :]
        return pa.concat_tables([read_output(b"\n".join(half), members) for half in halves])


def _error_of(line: bytes, misfit: Exception) -> str:
    """The error that a line reports, as text or JSON; if it reports none, the reason why it does not fit."""
    try:
        error = json.loads(line)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        error = None
    error = error or f"is not a prediction: {misfit}"
    return error if isinstance(error, str) else json.dumps(error)

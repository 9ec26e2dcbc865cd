"""Rows as CSVs that Personalize imports.

The header is not quoted; a cell is quoted if it needs to be, with `\\` before quotes and backslashes. There is one
record per line: a line end within a cell becomes a blank.
"""

from collections.abc import Iterable
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from usher.datasets.csv_reader import Block
from usher.storage.bucket import Bucket
from usher.storage.multipart import Upload


def write_csv(bucket: Bucket, key: str, blocks: Iterable[Block], tagging: str) -> int:
    """Write rows as an object; return their number. No object is written if there are no rows."""
    filled, rows = (block for block in blocks if len(block.lines)), 0
    for first in filled:
        with Upload(bucket, key, tagging=tagging) as upload:
            upload.write(header(first))
            for block in chain([first], filled):
                upload.write(joined(csv_lines(block)))
                rows += len(block.lines)
    return rows


def header(block: Block) -> bytes:
    """The first line of a CSV."""
    return ",".join(block.columns).encode() + b"\n"


def csv_lines(block: Block) -> pa.StringArray:
    """A block's rows as lines, without line ends."""
    lines: pa.StringArray = pc.binary_join_element_wise(*map(_quoted, block.columns.values()), ",")
    return lines


def joined(lines: pa.StringArray) -> bytes:
    """The lines as one text, each with a line end."""
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    return bytes(pc.binary_join(whole, "\n")[0].as_buffer()) + b"\n" if len(lines) else b""


def _quoted(cells: pa.StringArray) -> pa.StringArray:
    special = pc.match_substring_regex(cells, r'[",\\\r\n]')
    if not special.true_count:
        return cells
    escaped = pc.replace_substring_regex(pc.replace_substring_regex(cells, r"[\r\n]+", " "), r'(["\\])', r"\\\1")
    quoted: pa.StringArray = pc.if_else(special, pc.binary_join_element_wise('"', escaped, '"', ""), cells)
    return quoted

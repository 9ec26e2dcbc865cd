"""Converts the output of batch jobs to files for people: one row for each recommendation, as CSV or Parquet.

The output is JSON Lines, `{"input": {...}, "output": {"recommendedItems": [...], "scores": [...]}, "error": null}`;
segments have `usersList` instead (the service's guide also prints `recommendedUsers`). It is read in blocks of whole
lines: memory does not grow with the file.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from usher.batch.job_output import read_output
from usher.datasets.columns import texts_of
from usher.datasets.dataset_files import dataset_files, read_files
from usher.datasets.reading import PLAIN
from usher.exports.documents import ExportedFile, ExportPlan, PartReport
from usher.recipes import BatchShape
from usher.storage.bucket import Bucket
from usher.storage.multipart import Upload

BATCH_ROWS = 1 << 16
"""Rows that are written together as CSV; with pyarrow's default, a 64th of that, it is a tenth slower."""
FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""The beginning of a text that spreadsheets run as a formula: https://owasp.org/www-community/attacks/CSV_Injection."""
LISTS = ("recommendedItems", "usersList", "recommendedUsers")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Columns of the items, which are added to recommended items."""

    columns: Mapping[str, pa.StringArray]
    places: Mapping[str, int]
    """The row of each item."""

    @classmethod
    def of(cls, blocks: Iterator[Mapping[str, pa.StringArray]], names: Sequence[str]) -> "Metadata":
        """The metadata in blocks of the items' CSVs. An item's last row counts, as for Personalize."""
        kept = [{name: block[name] for name in ("ITEM_ID", *names)} for block in blocks]
        columns = {name: pa.concat_arrays([block[name] for block in kept]) for name in ("ITEM_ID", *names)}
        places = {item: place for place, item in enumerate(texts_of(columns.pop("ITEM_ID")))}
        return cls(columns, places)

    def columns_for(self, items: pa.StringArray) -> dict[str, pa.StringArray]:
        """The columns for a list of items; null for items that are unknown."""
        encoded = items.dictionary_encode()
        known = pa.array([self.places.get(item) for item in texts_of(encoded.dictionary)], pa.int64())
        return {name: column.take(known).take(encoded.indices) for name, column in self.columns.items()}


NO_METADATA = Metadata({}, {})


@dataclass(slots=True)
class Counts:
    """Counts of the lines so far."""

    lines: int = 0
    errors: int = 0
    empty: int = 0
    """The number of lines without any recommendation."""
    rows: int = 0
    first_error: str = ""
    failed: list[bytes] = field(default_factory=list)
    """The failed lines of the last block, unchanged."""


def schema(shape: BatchShape, metadata: Metadata = NO_METADATA) -> pa.Schema:
    """The columns of assembled files."""
    fields: dict[str, pa.DataType] = {shape.subject: pa.string(), "rank": pa.int32(), shape.result: pa.string()}
    fields |= {"score": pa.float64()} if shape.scored else {}
    return pa.schema(fields | dict.fromkeys(metadata.columns, pa.string()))


def tables(
    blocks: Iterator[bytes], shape: BatchShape, counts: Counts, metadata: Metadata = NO_METADATA
) -> Iterator[pa.Table]:
    """The rows of a job's output, block by block. `counts` is kept up to date."""
    wanted = schema(shape, metadata)
    for block in blocks:
        if block.isspace():
            continue
        predictions = _parse(block, shape)
        failed = pc.fill_null(pc.not_equal(predictions["error"], ""), fill_value=False)
        counts.failed = []
        if failed.true_count:
            _note_errors(counts, block, predictions["error"], failed)
            predictions = predictions.filter(pc.invert(failed))
        rows = _rows(predictions, shape, counts)
        counts.lines += len(failed)
        counts.rows += len(rows["rank"])
        rows |= metadata.columns_for(rows[shape.result]) if metadata.columns else {}
        yield pa.table(rows, schema=wanted)


def _parse(block: bytes, shape: BatchShape) -> pa.RecordBatch:
    """The members of a block's lines that are assembled, null where a line lacks them."""
    lists = [pa.field(name, pa.list_(pa.string())) for name in LISTS]
    output = pa.struct([*lists, pa.field("scores", pa.list_(pa.float64()))])
    members = {"input": pa.struct([pa.field(shape.key, pa.string())]), "output": output, "error": pa.string()}
    return read_output(block, pa.schema(members)).combine_chunks().to_batches()[0]


def _note_errors(counts: Counts, block: bytes, errors: "pa.Array[Any]", failed: pa.BooleanArray) -> None:
    lines = [line for line in block.split(b"\n") if line.strip()]
    counts.failed = [lines[place] for place in pc.indices_nonzero(failed).to_pylist()]
    counts.first_error = counts.first_error or errors.filter(failed)[0].as_py()
    counts.errors += failed.true_count


def _rows(predictions: pa.RecordBatch, shape: BatchShape, counts: Counts) -> dict[str, Any]:
    """The columns of the rows: the members of all lists, one after the other."""
    lists = pc.coalesce(*(pc.struct_field(predictions["output"], name) for name in LISTS))
    lengths = _lengths(lists)
    counts.empty += int((lengths == 0).sum())
    parents = np.repeat(np.arange(len(lists)), lengths)
    rank = np.arange(1, len(parents) + 1) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = {
        shape.subject: pc.struct_field(predictions["input"], shape.key).take(pa.array(parents)),
        "rank": pa.array(rank.astype(np.int32)),
        shape.result: pc.list_flatten(lists),
    }
    if shape.scored:
        rows["score"] = _scores(pc.struct_field(predictions["output"], "scores"), lengths, rank)
    return rows


def _scores(scores: Any, lengths: np.ndarray[Any, Any], rank: np.ndarray[Any, Any]) -> Any:
    """A score for each row. Recipes without scores have none; items that only fill up a list may have none."""
    score_counts, flat = _lengths(scores), pc.list_flatten(scores)
    if np.array_equal(score_counts, lengths):
        return flat
    places = np.repeat(np.cumsum(score_counts) - score_counts, lengths) + rank - 1
    return flat.take(pa.array(places, mask=rank > np.repeat(score_counts, lengths)))


def _lengths(lists: Any) -> "np.ndarray[Any, Any]":
    lengths: np.ndarray[Any, Any] = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return lengths


def with_formulas_escaped(table: pa.Table) -> pa.Table:
    """A table with an apostrophe before every text that a spreadsheet would run as a formula."""
    for place, name in enumerate(table.column_names):
        column = table[name]
        if pa.types.is_string(column.type):
            escaped = pc.binary_join_element_wise("'", column, "")
            table = table.set_column(
                place, name, pc.if_else(pc.match_substring_regex(column, FORMULA), escaped, column)
            )
    return table


def assemble_file(
    bucket: Bucket,
    output_file: str,
    folder: str,
    shape: BatchShape,
    formats: Sequence[str],
    metadata: Metadata = NO_METADATA,
    *,
    escape_formulas: bool = False,
) -> PartReport:
    """Write a file of a job's output in every format, and its failed lines.

    `folder`: that of the export. The files have the name of the output file, in a folder for each format.
    `escape_formulas`: in CSV.
    """
    name = output_file.rpartition("/")[2].removesuffix(".out").removesuffix(".json")
    counts, wanted = Counts(), schema(shape, metadata)
    with ExitStack() as stack:
        uploads = {kind: stack.enter_context(Upload(bucket, f"{folder}{kind}/{name}.{kind}")) for kind in formats}
        writers = {kind: stack.enter_context(WRITERS[kind](upload, wanted)) for kind, upload in uploads.items()}
        for table in tables(bucket.blocks(output_file), shape, counts, metadata):
            for kind, writer in writers.items():
                writer.write_table(with_formulas_escaped(table) if kind == "csv" and escape_formulas else table)
            if counts.failed and "errors" not in uploads:
                uploads["errors"] = stack.enter_context(Upload(bucket, f"{folder}errors/{name}.json"))
            for line in counts.failed:
                uploads["errors"].write(line + b"\n")
    files = [
        ExportedFile(upload.key, upload.size, counts.errors if kind == "errors" else counts.rows, upload.sha256)
        for kind, upload in uploads.items()
    ]
    return PartReport(output_file, counts.lines, counts.errors, counts.empty, counts.rows, counts.first_error, files)


def assemble_output(bucket: Bucket, group: str, export: ExportPlan, output_file: str) -> None:
    """Make the files of one file of an export's output, and write its report."""
    spec, metadata = export.spec, NO_METADATA
    if spec["metadata"]:
        reading = spec.get("readings", {}).get("items", PLAIN)
        blocks = read_files(bucket, dataset_files(bucket, group, "items"), reading)
        metadata = Metadata.of((block.columns for block in blocks), spec["metadata"])
    report = assemble_file(
        bucket,
        output_file,
        export.folder,
        export.shape,
        spec["formats"],
        metadata,
        escape_formulas=spec["escapeFormulas"],
    )
    report.write(bucket, export)


def _csv(upload: Any, wanted: pa.Schema) -> Any:
    return csv.CSVWriter(upload, wanted, write_options=csv.WriteOptions(batch_size=BATCH_ROWS))


def _parquet(upload: Any, wanted: pa.Schema) -> Any:
    # Dictionaries of repeated values are smaller, and twice as fast to write; scores hardly repeat.
    recurring: Any = [name for name in wanted.names if name != "score"]
    return parquet.ParquetWriter(upload, wanted, use_dictionary=recurring)


WRITERS = {"csv": _csv, "parquet": _parquet}

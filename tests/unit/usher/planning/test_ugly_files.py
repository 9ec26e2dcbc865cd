"""A directory of bad files: each is readable by a setting in usher.yaml, or is reported in one sentence with its
remedy.

A finding comes again while nothing has changed, and never after its remedy is followed.
"""

import gzip
import io
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
import time_machine
from pyarrow import parquet
from usher.datasets.byte_ranges import parts_of
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.read_limits import ReadLimits
from usher.errors import InputError
from usher.planning.input_copies import copy_inputs
from usher.planning.inputs import load_inputs
from usher.planning.misplaced_files import ignored_files
from usher.planning.planner import Planner
from usher.runs.record import Run

from tests.unit.usher.world import ARN_PREFIX, World, interactions, target

pytestmark = pytest.mark.exhaustive


HEADER, *ROWS = interactions().splitlines()
CELLS = [row.split(",") for row in ROWS]
GOOD = "\n".join([HEADER, *ROWS, ""])
WATCHED = "\n".join([f"{HEADER},EVENT_TYPE", *(f"{row},watch" for row in ROWS), ""])
ITEMS = "ITEM_ID,GENRE\n" + "".join(f"i{n},{'drama' if n % 2 else 'crime'}\n" for n in range(40))
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def date(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_cells(change: Any, header: str = HEADER) -> str:
    return "\n".join([header, *(",".join(change(*cells)) for cells in CELLS), ""])


def packed(names: list[str], rows: list[list[Any]], coded: Collection[str] = ()) -> bytes:
    columns = {name: pa.array([row[place] for row in rows]) for place, name in enumerate(names)}
    return parquet_of({name: one.dictionary_encode() if name in coded else one for name, one in columns.items()})


def parquet_of(columns: Mapping[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink, row_group_size=400, **options)
    return sink.getvalue()


def typed(kind: pa.DataType, **options: Any) -> bytes:
    """The interactions with times of a type."""
    users, items, times = zip(*CELLS, strict=True)
    seconds = pa.array(map(int, times), pa.int64())
    ticks = seconds.cast(kind) if pa.types.is_decimal(kind) else seconds.cast(pa.timestamp("s")).cast(kind)
    return parquet_of({"USER_ID": users, "ITEM_ID": items, "TIMESTAMP": ticks}, **options)


def lines(names: list[str]) -> str:
    return "".join(json.dumps(dict(zip(names, cells, strict=True))) + "\n" for cells in CELLS)


@dataclass(frozen=True)
class Ugly:
    """A file with a fault."""

    name: str
    content: str | bytes
    said: str = ""
    """The finding: the place, the fault and the remedy. Empty: the file is read as it is."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The setting in usher.yaml that the remedy names."""
    instead: str | bytes = ""
    """The file that the remedy says to drop instead, as `name`."""
    rename: str = ""
    """The name that the remedy gives the file."""


UGLY = {
    "packed by gzip": Ugly("interactions.csv.gz", gzip.compress(GOOD.encode())),
    "Parquet": Ugly("interactions.parquet", packed(HEADER.split(","), CELLS)),
    "JSON Lines": Ugly("interactions.jsonl", lines(HEADER.split(","))),
    "other names": Ugly(
        "interactions.csv", GOOD.replace(HEADER, "user,ITEM_ID,TIMESTAMP"),
        "interactions.csv: lacks the column USER_ID. "
        "Rename the column user to USER_ID, or map it in usher.yaml: `columns: {user: USER_ID}`.",
        {"columns": {"user": "USER_ID"}},
    ),
    "other names, packed": Ugly(
        "interactions.jsonl.gz", gzip.compress(lines(["userId", "ITEM_ID", "TIMESTAMP"]).encode()),
        "interactions.jsonl.gz: lacks the column USER_ID. "
        "Rename the column userId to USER_ID, or map it in usher.yaml: `columns: {userId: USER_ID}`.",
        {"columns": {"interactions": {"userId": "USER_ID"}}},
    ),
    "names of which none is known": Ugly(
        "interactions.csv", GOOD.replace(HEADER, "kunde,produkt,zeit"),
        "interactions.csv line 1: has no name like USER_ID, ITEM_ID, TIMESTAMP. "
        "Write the columns' names there, or map yours in usher.yaml: `columns: {<your name>: USER_ID}`.",
        {"columns": {"kunde": "USER_ID", "produkt": "ITEM_ID", "zeit": "TIMESTAMP"}},
    ),
    "no header": Ugly(
        "interactions.csv", "\n".join(ROWS),
        "interactions.csv line 1: is a row: the file has no header. "
        "Write the names of the columns above it: USER_ID,ITEM_ID,TIMESTAMP and so on.",
        instead=GOOD,
    ),
    "milliseconds": Ugly(
        "interactions.csv", with_cells(lambda user, item, time: (user, item, time + "000")),
        "interactions.csv line 2: TIMESTAMP is in milliseconds (and 1199 more). "
        "Divide by 1000: Unix seconds; or set `timestamps: ms` in usher.yaml.",
        {"timestamps": "ms"},
    ),
    "dates": Ugly(
        "interactions.csv", with_cells(lambda user, item, time: (user, item, date(time))),
        "interactions.csv line 2: TIMESTAMP is a date, not Unix seconds (and 1199 more). "
        "Write 1600000000, or set `timestamps: iso` in usher.yaml.",
        {"timestamps": {"interactions": "iso"}},
    ),
    "times of a spreadsheet": Ugly(
        "interactions.csv", with_cells(lambda user, item, _: (user, item, "1.6E+09")),
        "interactions.csv line 2: TIMESTAMP is written as 1.7E+09 or the like, which has lost its last digits "
        "(and 1199 more). Give the spreadsheet's column a format of whole numbers, and save it anew from its source.",
        instead=GOOD,
    ),
    "a column of blanks": Ugly(
        "interactions.csv", WATCHED.replace("watch", ""),
        "interactions.csv line 2: has no EVENT_TYPE in any row (and 1199 more). Fill it in, or remove the column.",
        {"columns": {"EVENT_TYPE": False}},
    ),
    "UTF-16": Ugly(
        "interactions.csv", GOOD.encode("utf-16"),
        'interactions.csv line 1: is UTF-16. Save it as "CSV UTF-8", or as plain text in UTF-8.', instead=GOOD,
    ),
    "a spreadsheet's semicolons": Ugly(
        "interactions.csv", GOOD.replace(",", ";"),
        "interactions.csv line 1: is separated by semicolons. Separate by commas.", instead=GOOD,
    ),
    "a slip of the name": Ugly(
        "interaction.csv", GOOD,
        "interaction.csv: is not a file name of Usher. Call it interactions.csv.", rename="interactions.csv",
    ),
    "capital letters": Ugly(
        "Interactions.CSV", GOOD,
        "Interactions.CSV: is not a file name of Usher. Call it interactions.csv.", rename="interactions.csv",
    ),
    "gzip under another name": Ugly(
        "interactions.csv", gzip.compress(GOOD.encode()),
        "interactions.csv line 1: is packed by gzip. Unpack it, or call data .csv.gz or .jsonl.gz.",
        rename="interactions.csv.gz",
    ),
    "JSON lines packed under another name": Ugly(
        "interactions.jsonl", gzip.compress(lines(HEADER.split(",")).encode()),
        "interactions.jsonl line 1: is packed by gzip. Unpack it, or call data .csv.gz or .jsonl.gz.",
        rename="interactions.jsonl.gz",
    ),
    "Parquet under another name": Ugly(
        "interactions.csv", packed(HEADER.split(","), CELLS),
        "interactions.csv line 1: is a Parquet file. Call it .parquet, or write it as CSV.",
        rename="interactions.parquet",
    ),
    "a gzip that is cut off": Ugly(
        "interactions.csv.gz", gzip.compress(GOOD.encode())[:-9],
        "interactions.csv.gz: is damaged, or cut off: gzip can't unpack it. Write it anew.",
        instead=gzip.compress(GOOD.encode()),
    ),
    "a broken line of JSON": Ugly(
        "interactions.jsonl", lines(HEADER.split(",")) + '{"USER_ID": "u1",\n',
        "interactions.jsonl line 1201: is not a JSON object of texts and numbers. "
        'Write {"USER_ID": "u1", ...} on each line.',
        instead=lines(HEADER.split(",")),
    ),
    "a name that Avro refuses": Ugly(
        "items.csv", ITEMS.replace("GENRE", "Release Year"),
        "items.csv: has the column 'Release Year', whose name Avro does not allow. "
        'Call it Release_Year, or map it in usher.yaml: `columns: {"Release Year": Release_Year}`.',
        {"columns": {"Release Year": "RELEASE_YEAR"}},
    ),
    "microseconds": Ugly(
        "interactions.csv", with_cells(lambda user, item, time: (user, item, time + "000000")),
        "interactions.csv line 2: TIMESTAMP is in microseconds (and 1199 more). "
        "Divide by 1,000,000: Unix seconds; or set `timestamps: us` in usher.yaml.",
        {"timestamps": "us"},
    ),
    "nanoseconds": Ugly(
        "interactions.csv", with_cells(lambda user, item, time: (user, item, time + "999999999")),
        "interactions.csv line 2: TIMESTAMP is in nanoseconds (and 1199 more). "
        "Divide by 1,000,000,000: Unix seconds; or set `timestamps: ns` in usher.yaml.",
        {"timestamps": "ns"},
    ),
    "milliseconds in some rows": Ugly(
        "interactions.csv", with_cells(lambda user, item, time: (user, item, time + "000" * (time[-1] == "1"))),
        "interactions.csv line 3: TIMESTAMP is in milliseconds (and 119 more). Divide by 1000: Unix seconds.",
        instead=GOOD,
    ),
    "dates without dashes": Ugly(
        "interactions.csv", with_cells(lambda user, item, time: (user, item, re.sub("[^0-9]", "", date(time)))),
        "interactions.csv line 2: TIMESTAMP is too large for a time (and 1199 more). "
        "Write Unix seconds, not 20261127120000.",
        instead=GOOD,
    ),
    "dates of another country": Ugly(
        "interactions.csv", with_cells(lambda user, item, _: (user, item, "27.11.2026 12:00")),
        "interactions.csv line 2: TIMESTAMP is neither a number nor a date (and 1199 more). Write Unix seconds, "
        "or dates like 2026-11-27 with `timestamps: iso` in usher.yaml; or remove the line.",
        {"timestamps": "iso"}, with_cells(lambda user, item, time: (user, item, date(time))),
    ),
    "seconds with a fraction": Ugly(
        "interactions.csv", with_cells(lambda user, item, time: (user, item, time + ".5")),
        "interactions.csv line 2: TIMESTAMP is not a whole number (and 1199 more). Write whole seconds.",
        instead=GOOD,
    ),
    "times of a zone, typed": Ugly(
        "interactions.parquet", typed(pa.timestamp("ns", "Europe/Berlin")),
    ),
    "times of Spark": Ugly("interactions.parquet", typed(pa.timestamp("ns"), use_deprecated_int96_timestamps=True)),
    "decimals as times": Ugly("interactions.parquet", typed(pa.decimal128(28, 3))),
    "nanoseconds, typed": Ugly(
        "interactions.parquet", typed(pa.timestamp("ns")), settings={"timestamps": "ns"},
    ),
    "a column of objects": Ugly(
        "interactions.parquet", packed([*HEADER.split(","), "AT"], [[*cells, {"page": 1}] for cells in CELLS]),
        "interactions.parquet: has the column AT of the type struct<page: int64>. "
        "Write texts, numbers, times, or lists of texts.",
        instead=packed(HEADER.split(","), CELLS),
    ),
    "numbers as IDs, in a dictionary": Ugly(
        "interactions.parquet", packed(HEADER.split(","), CELLS, ["USER_ID", "ITEM_ID"]),
    ),
    "all names in small letters": Ugly(
        "interactions.csv", GOOD.replace(HEADER, HEADER.lower()),
        "interactions.csv: lacks the columns USER_ID, ITEM_ID, TIMESTAMP. "
        "Rename the columns user_id to USER_ID, item_id to ITEM_ID, timestamp to TIMESTAMP, or map them in usher.yaml: "
        "`columns: {user_id: USER_ID, item_id: ITEM_ID, timestamp: TIMESTAMP}`.",
        {"columns": {"user_id": "USER_ID", "item_id": "ITEM_ID", "timestamp": "TIMESTAMP"}},
    ),
    "a blank before a name": Ugly(
        "interactions.csv", GOOD.replace(HEADER, "USER_ID,ITEM_ID,\u00a0TIMESTAMP"),
        "interactions.csv: lacks the column TIMESTAMP. Rename the column \"\\u00a0TIMESTAMP\" to TIMESTAMP, "
        "or map it in usher.yaml: `columns: {\"\\u00a0TIMESTAMP\": TIMESTAMP}`.",
        {"columns": {"\u00a0TIMESTAMP": "TIMESTAMP"}},
    ),
    "a letter of another alphabet": Ugly(
        "interactions.csv", GOOD.replace("USER", "US\u0415R"),
        "interactions.csv: lacks the column USER_ID. Rename the column \"US\\u0415R_ID\" to USER_ID, "
        "or map it in usher.yaml: `columns: {\"US\\u0415R_ID\": USER_ID}`.",
        {"columns": {"US\u0415R_ID": "USER_ID"}},
    ),
    "letters of full width": Ugly(
        "interactions.csv", GOOD.replace("USER_ID", "\uff35\uff33\uff25\uff32"),
        "interactions.csv: lacks the column USER_ID. Rename the column \"\\uff35\\uff33\\uff25\\uff32\" to USER_ID, "
        "or map it in usher.yaml: `columns: {\"\\uff35\\uff33\\uff25\\uff32\": USER_ID}`.",
        {"columns": {"\uff35\uff33\uff25\uff32": "USER_ID"}},
    ),
    "a name twice": Ugly(
        "interactions.csv", with_cells(lambda *cells: (*cells, "1"), f"{HEADER},TIMESTAMP"),
        "interactions.csv line 1: has two columns of the same name. Rename one of them.", instead=GOOD,
    ),
    "an empty line at the beginning": Ugly(
        "interactions.csv", "\n" + GOOD,
        "interactions.csv line 1: is an empty line. Remove it: the first line has the columns' names.", instead=GOOD,
    ),
    "a spreadsheet's separator line": Ugly(
        "interactions.csv", "sep=,\n" + GOOD,
        "interactions.csv line 1: is a spreadsheet's separator line. Remove the line.", instead=GOOD,
    ),
    "a line about the number of rows": Ugly(
        "interactions.csv", GOOD + "(1200 rows)\n",
        "interactions.csv line 1202: has fewer values than the header. "
        "Write a comma for each that is missing, or remove the line.",
        instead=GOOD,
    ),
    "zeros at the end": Ugly(
        "interactions.csv", GOOD + "\0" * 4096,
        "interactions.csv line 1202: has fewer values than the header. "
        "Write a comma for each that is missing, or remove the line.",
        instead=GOOD,
    ),
    "a comma at each line's end": Ugly(
        "interactions.csv", with_cells(lambda *cells: (*cells, "")),
        "interactions.csv line 2: has more values than the header (and 1199 more). "
        "Quote values that hold a comma, or remove those without a column.",
        instead=GOOD,
    ),
    "a header in the middle": Ugly(
        "interactions.csv", "\n".join([HEADER, *ROWS[:600], HEADER, *ROWS[600:], ""]),
        "interactions.csv line 602: TIMESTAMP is neither a number nor a date. Write Unix seconds, "
        "or dates like 2026-11-27 with `timestamps: iso` in usher.yaml; or remove the line.",
        instead=GOOD,
    ),
    "returns alone": Ugly(
        "interactions.csv", GOOD.replace("\n", "\r"),
        "interactions.csv line 1: has control characters in the header. End lines with \\n or \\r\\n; use plain names.",
        instead=GOOD,
    ),
    "quotes around everything": Ugly(
        "interactions.csv", GOOD.replace(HEADER, HEADER.replace("USER_ID", '"USER_ID"')),
        "interactions.csv line 1: has quotes in the header. Write the column names without quotes.",
        instead=GOOD,
    ),
    "JSON as CSV": Ugly(
        "interactions.csv", lines(HEADER.split(",")),
        "interactions.csv line 1: is JSON, not CSV. Call it .jsonl, with one object per line.",
        rename="interactions.jsonl",
    ),
    "JSON lines of another ending": Ugly(
        "interactions.ndjson", lines(HEADER.split(",")),
        "interactions.ndjson: is not a file name of Usher. Call it interactions.jsonl.",
        rename="interactions.jsonl",
    ),
    "JSON lines with a byte order mark": Ugly(
        "interactions.jsonl", "\ufeff" + lines(HEADER.split(",")),
        "interactions.jsonl line 1: starts with a byte order mark. Save it as UTF-8 without one.",
        instead=lines(HEADER.split(",")),
    ),
    "an error instead of the file": Ugly(
        "interactions.csv", '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
        "interactions.csv line 1: is an XML file. Write it as CSV; "
        "where it is an error's message, download the file again.",
        instead=GOOD,
    ),
    "a pointer instead of the file": Ugly(
        "interactions.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "interactions.csv line 1: is a pointer of Git LFS, not the file. Fetch the file: git lfs pull.",
        instead=GOOD,
    ),
    "gzip of gzip": Ugly(
        "interactions.csv.gz", gzip.compress(gzip.compress(GOOD.encode())),
        "interactions.csv.gz: is packed by gzip twice. Unpack it once.", instead=gzip.compress(GOOD.encode()),
    ),
    "gzip with more behind it": Ugly(
        "interactions.csv.gz", gzip.compress(GOOD.encode()) + b"more",
        "interactions.csv.gz: is damaged, or cut off: gzip can't unpack it. Write it anew.",
        instead=gzip.compress(GOOD.encode()),
    ),
    "gzip in two parts": Ugly(
        "interactions.csv.gz", gzip.compress(GOOD[:5000].encode()) + gzip.compress(GOOD[5000:].encode()),
    ),
    "a backslash at a line's end": Ugly(
        "items.csv", ITEMS.replace("drama", "C:\\"),
        "items.csv line 3: opens a quote that its line does not close (and 19 more). "
        "Balance the quotes, write a backslash twice, and end no line inside a value: one record per line.",
        instead=ITEMS.replace("drama", "C:\\\\"),
    ),
    "5,000 columns": Ugly(
        "items.csv", "".join(f"{begin}{',1' * 5000}\n" for begin in ("ITEM_ID", *(f"i{n}" for n in range(40)))),
        "items.csv line 1: has 5001 columns; no dataset has more than 128. Remove some.", instead=ITEMS,
    ),
    "5,000 long names": Ugly(
        "items.csv", ",".join(["ITEM_ID", *(f"COLUMN_{n}" for n in range(5000))]) + "\n",
        "items.csv line 1: has a header of more than 20000 bytes. "
        "End it with \\n, and use fewer columns and shorter names.",
        instead=ITEMS,
    ),
    "a huge cell": Ugly(
        "items.csv", ITEMS.replace("i5,drama", f"i5,{'x' * 2_000_000}"),
        "items.csv line 7: is longer than 1 MB. Balance the quotes, and end every record with a line end.",
        instead=ITEMS,
    ),
}  # fmt: skip


@pytest.fixture
def shop(world: World) -> World:
    return world


def put(shop: World, name: str, content: str | bytes, settings: Mapping[str, Any]) -> None:
    shop.bucket.delete(shop.bucket.keys("shop/"))
    if not name.lower().startswith("interaction"):
        shop.put("shop/interactions.csv", GOOD)
    shop.s3.put_object(Bucket=shop.bucket.name, Key=f"shop/{name}", Body=content)
    config = {"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False, **settings}
    shop.put("shop/usher.yaml", json.dumps(config))


def problems(shop: World) -> list[str]:
    try:
        load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX)
    except InputError as error:
        return [str(one).removeprefix("shop/") for one in error.problems]
    return []


def imported(shop: World) -> str:
    """The rows of interactions for Personalize."""
    return "".join(map(bytes.decode, copies(shop)))


def copies(shop: World) -> list[bytes]:
    """The files of interactions for Personalize."""
    drafted = Planner(shop.bucket, target("shop"), shop.inventory, {}).draft()
    resources = copy_inputs(Run(shop.bucket, "shop", "run-1"), drafted, ProfileCache(shop.bucket))
    (one,) = (one for one in resources if one.id == "dataset_import_job/interactions")
    folder = one.params["dataSource"]["dataLocation"].removeprefix(shop.bucket.url(""))
    return [shop.bucket.read(key) or b"" for key in shop.bucket.keys(folder)]


@pytest.mark.parametrize("kind", UGLY)
def test_an_ugly_file_is_read_or_named_and_its_remedy_works(shop: World, kind: str) -> None:
    ugly = UGLY[kind]
    put(shop, ugly.name, ugly.content, {})
    said = problems(shop)
    assert said[:1] == ([ugly.said] if ugly.said else [])
    assert len(said) <= 1, "one sentence is enough"
    put(shop, ugly.rename or ugly.name, ugly.instead or ugly.content, ugly.settings)
    assert problems(shop) == []
    assert imported(shop).replace(f"{HEADER}\n", "") == GOOD.replace(f"{HEADER}\n", "")
    assert (shop.bucket.read(f"shop/{ugly.rename or ugly.name}")) == (
        content if isinstance(content := ugly.instead or ugly.content, bytes) else content.encode()
    ), "people's files stay as they are"


def test_there_are_fifty_of_them_or_more() -> None:
    assert len(UGLY) >= 50


# Accepted files, with their findings: the dataset, its content, and the finding.
REMARKS = {
    "a time of the year 2100": (
        "interactions.csv", GOOD + "u1,i1,4102444800\n",
        "interactions.csv line 1202: TIMESTAMP is 73 years in the future. "
        "Correct it: recency and the diagnosis are measured from the latest event.",
    ),
    "one time in every row": (
        "interactions.csv", with_cells(lambda user, item, _: (user, item, "1600000000")),
        "interactions.csv: has the same TIMESTAMP in 1200 of 1200 rows. "
        "Write the time of each event: models learn from their order.",
    ),
    "blanks beside IDs": (
        "interactions.csv", with_cells(lambda user, item, time: (f" {user}" if time[-1] == "1" else user, item, time)),
        "interactions.csv line 3: USER_ID begins or ends with a blank (and 119 more). "
        "Remove the blank: Personalize treats it as part of the ID.",
    ),
    "null as an ID": (
        "interactions.csv", with_cells(lambda user, item, time: (user, "null" if time[-1] == "1" else item, time)),
        "interactions.csv line 3: ITEM_ID is a placeholder for a missing value, such as null (and 119 more). "
        "Leave the row out, or write its ID: Personalize treats it as an ID.",
    ),
    "a space without width in an ID": (
        "interactions.csv", with_cells(lambda user, item, time: (user + "\u200b" * (time[-1] == "1"), item, time)),
        "interactions.csv line 3: USER_ID has an invisible character (and 119 more). "
        "Remove it: Personalize treats it as part of the ID.",
    ),
    "zeros in IDs": (
        "interactions.csv", with_cells(lambda user, item, time: (user, item + "\0", time)),
        "interactions.csv line 2: ITEM_ID has an invisible character (and 1199 more). "
        "Remove it: Personalize treats it as part of the ID.",
    ),
    "IDs of a spreadsheet": (
        "interactions.csv", with_cells(lambda user, item, time: (user, "4.00E+12" if time[-1] == "1" else item, time)),
        "interactions.csv line 3: ITEM_ID is written as 1.2E+12, as spreadsheets do (and 119 more). "
        "Several IDs may have become one: make the spreadsheet's column text, and save it anew from its source.",
    ),
    "days of a spreadsheet": (
        "interactions.csv", with_cells(lambda user, item, time: (user, item, str(44000 + int(time) % 1000))),
        "interactions.csv: has no TIMESTAMP after 1973. "
        "Write Unix seconds, not a spreadsheet's 46353 or 20261127.",
    ),
    "lists of Python": (
        "items.csv", "ITEM_ID,GENRES\n" + "".join(f"i{n},\"['drama', 'crime']\"\n" for n in range(40)),
        "items.csv line 2: GENRES is a list in brackets, which Personalize treats as one value (and 39 more). "
        "Write its values with | between them: a|b.",
    ),
    "a price that is not a number": (
        "items.csv", "ITEM_ID,PRICE\n" + "".join(f"i{n},{'1.5' if n != 6 else 'NA'}\n" for n in range(40)),
        "items.csv line 8: has 'NA' as PRICE, which would be float without it: now PRICE is text. "
        "Write a plain number, or leave the cell empty. Filters compare numbers only.",
    ),
    "a price with a comma": (
        "items.csv", "ITEM_ID,PRICE\n" + "".join(f'i{n},"{n if n != 6 else "1,000"}"\n' for n in range(40)),
        "items.csv line 8: has '1,000' as PRICE, which would be long without it: now PRICE is text. "
        "Write a plain number, or leave the cell empty. Filters compare numbers only.",
    ),
    "an age that is not a number": (
        "users.csv", "USER_ID,AGE\n" + "".join(f"u{n},{n + 18 if n else 'my age'}\n" for n in range(60)),
        "users.csv line 2: has a text as AGE, which would be long without it: now AGE is text. "
        "Write a plain number, or leave the cell empty. Filters compare numbers only.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REMARKS)
def test_valid_but_unlikely_values_are_a_warning(shop: World, kind: str) -> None:
    name, content, said = REMARKS[kind]
    put(shop, name, content, {})
    with time_machine.travel(NOW, tick=False):
        inputs = load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX)
    assert inputs
    findings = inputs.report[name.removesuffix(".csv")]["findings"]
    assert said in [str(one.problem).removeprefix("shop/") for one in findings if one.severity == "warning"]


@pytest.mark.parametrize("header", ["", "anna,berlin\n"])
def test_no_ids_of_people_are_repeated_where_a_row_stands_in_the_headers_place(shop: World, header: str) -> None:
    put(shop, "users.csv", header + "".join(f"anna{n},berlin{n}\n" for n in range(60)), {})
    (said,) = problems(shop)
    assert said.startswith("users.csv line 1: has no name like USER_ID. Write the columns' names there")
    assert "anna" not in said


def test_files_in_wrong_folders_are_noted() -> None:
    keys = [
        "shop/new/interactions.csv",
        "shop/Items/1.csv",
        "shop/items_old.csv.gz",
        "shop/items/_SUCCESS",
        "shop/a.txt",
    ]
    assert [str(note) for note in ignored_files(keys)] == [
        "shop/new/interactions.csv: is not read. Move it up to shop/.",
        "shop/Items/1.csv: is not read. Call its folder shop/items/.",
        "shop/items_old.csv.gz: is not read. Name it shop/items.csv.gz, or move it into shop/items/.",
    ]


def test_duplicates_are_left_out_on_request_and_otherwise_are_not_a_change(shop: World) -> None:
    put(shop, "interactions.csv", GOOD + "\n".join(ROWS[:50]) + "\n", {"deduplicate": True})
    assert imported(shop) == GOOD
    put(shop, "interactions.csv", GOOD + "\n".join(ROWS[:50]) + "\n", {})
    assert imported(shop) == GOOD + "\n".join(ROWS[:50]) + "\n"


@pytest.mark.parametrize("is_large", [False, True])
def test_empty_partitions_of_parquet_are_no_files_of_an_import(shop: World, is_large: bool) -> None:
    for number, cells in enumerate([CELLS[:0], CELLS, CELLS[:0]]):
        key = f"shop/interactions/part-{number}.parquet"
        shop.s3.put_object(Bucket=shop.bucket.name, Key=key, Body=packed(HEADER.split(","), cells))
    if is_large:
        for file in shop.bucket.files("shop/interactions/"):
            for part in parts_of(file):
                ProfileCache(shop.bucket).add(part)
    assert copies(shop) == [GOOD.encode()]


def test_parquet_files_without_any_rows_are_named(shop: World) -> None:
    put(shop, "interactions/part-0.parquet", packed(HEADER.split(","), []), {})
    assert problems(shop)[0] == "interactions/part-0.parquet: has no rows. Add rows, or remove the file."


def test_data_that_is_packed_again_is_no_new_data(shop: World) -> None:
    def digest_of(when: int) -> str:
        put(shop, "interactions.csv.gz", gzip.compress(GOOD.encode(), mtime=when), {})
        inputs = load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX)
        assert inputs
        return inputs.data["interactions"].digest

    assert digest_of(1) == digest_of(2)


def test_more_rows_than_are_compared_are_named_with_the_other_problems(shop: World) -> None:
    put(shop, "interactions.csv", GOOD, {"deduplicate": True})
    with pytest.raises(InputError, match=r"interactions\.csv: has more than 500 rows") as caught:
        load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX, ReadLimits(equal_rows=500))
    assert caught.value.report["interactions"]["rows"] == len(ROWS)


def test_too_few_rows_without_duplicates_are_refused_before_anything_is_made(shop: World) -> None:
    put(shop, "interactions.csv", "\n".join([HEADER, *ROWS[:600], *ROWS[:600], ""]), {"deduplicate": True})
    with pytest.raises(InputError, match="has 600 rows without duplicates; Personalize imports 1000 or more") as caught:
        imported(shop)
    assert caught.value.report["interactions"]["rows"] == 1200
    assert not shop.creations()


def test_another_way_of_reading_is_another_import_and_the_same_way_is_none(shop: World) -> None:
    put(
        shop,
        "interactions.csv",
        with_cells(lambda *cells: cells, "user,ITEM_ID,TIMESTAMP"),
        {"columns": {"user": "USER_ID"}},
    )
    first, second = (load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX) for _ in range(2))
    shop.put("shop/usher.yaml", json.dumps({"columns": {"user": "USER_ID"}, "deduplicate": True}))
    third = load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX)
    assert first and second and third
    digests = [one.data["interactions"].digest for one in (first, second, third)]
    assert digests[0] == digests[1] != digests[2]


def test_a_name_in_columns_that_no_file_has_is_noted_with_those_there_are(shop: World) -> None:
    """Each of them has to be in one dataset only: others share the setting."""
    columns = {"user": "USER_ID", "evnt": "EVENT_TYPE", "junk": False, "id": "ITEM_ID"}
    put(shop, "interactions.csv", with_cells(lambda *cells: cells, "user,ITEM_ID,TIMESTAMP"), {"columns": columns})
    shop.put("shop/items.csv", "id,GENRE\n" + "".join(f"i{n},g{n % 3}\n" for n in range(40)))
    inputs = load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX)
    assert inputs
    assert list(map(str, inputs.notes)) == [
        f"shop/usher.yaml: columns.{name}: is not the name of a column of the files. "
        "Use some of: user, ITEM_ID, TIMESTAMP, id, GENRE."
        for name in ("evnt", "junk")
    ]
    corrected_columns = {"user": "USER_ID", "id": "ITEM_ID"}
    shop.put("shop/usher.yaml", json.dumps({"exports": False, "columns": corrected_columns}))
    corrected = load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX)
    assert corrected
    assert corrected.notes == []


@pytest.mark.parametrize(
    ("genres", "is_enough"),
    [
        (lambda _: "drama", False),
        (lambda n: f"g{n}", False),
        (lambda n: f"g{n % 3}", True),
        (lambda n: f"g{n}|drama", True),
        (None, False),
    ],
)
def test_segments_by_attribute_need_an_attribute_that_groups_items(shop: World, genres: Any, is_enough: bool) -> None:
    settings = {"solutions": {"fans": {"recipe": "aws-item-attribute-affinity", "campaign": False}}}
    items = "ITEM_ID,GENRE\n" + "".join(f"i{n},{genres(n)}\n" for n in range(40)) if genres else ""
    put(shop, "items.csv" if items else "interactions.csv", items or GOOD, settings)
    said = [one for one in problems(shop) if "has no attribute to train on" in one]
    assert len(said) == (not is_enough)

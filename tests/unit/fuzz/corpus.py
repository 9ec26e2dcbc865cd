"""Inputs from people, programs and attackers: configs, tables and keys that may break a reader.

Each is a name and the content. A fault that a fuzzer or a person finds becomes another line. Some are valid in one
format and invalid in another; a reader must return a value or problems.
"""

import codecs
import gzip
import io
import json
import zipfile
from typing import Any

from usher.formats.documents import MAX_BYTES, MAX_DEPTH, MAX_VALUES

Case = tuple[str, bytes]

ROWS = "".join(f"u{n % 60},i{n % 40},{1_700_000_000 + n}\n" for n in range(1200))
GOOD = f"USER_ID,ITEM_ID,TIMESTAMP\n{ROWS}"
"""Interactions without a fault."""
SIMS = "solutions: {s: {recipe: aws-sims}}\n"


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("usher.yaml", content)
    return file.getvalue()


def _laughs(levels: int) -> str:
    return "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, levels))


def _nested(depth: int, begin: str, end: str) -> str:
    return begin * depth + end * depth


def _config(**sections: Any) -> str:
    return json.dumps({"solutions": {"s": {"recipe": "aws-sims"}}} | sections)


_FORM: dict[str, str | bytes] = {
    "nothing but a text": "hello",
    "nothing but a number": "5",
    "a list": "[1, 2]",
    "a list of sections": "- solutions\n- filters\n",
    "an open bracket": "solutions: {s: {recipe: aws-sims}",
    "an open quote": 'solutions: {s: {recipe: "aws-sims}}',
    "a tab": "solutions:\n\ts: {recipe: aws-sims}",
    "a wrong dent": "solutions:\n  s:\n    recipe: aws-sims\n   campaign: false\n",
    "two documents": f"{SIMS}---\n{SIMS}",
    "a directive": f"%YAML 1.1\n---\n{SIMS}",
    "many directives": "%TAG !a! x\n" * 2000 + f"---\n{SIMS}",
    "UTF-16": SIMS.encode("utf-16"),
    "UTF-16 without a mark": SIMS.encode("utf-16-le"),
    "UTF-32": SIMS.encode("utf-32"),
    "Latin-1": "filters: {café: x}".encode("latin-1"),
    "a cut character": SIMS.encode() + b"# \xe2\x82",
    "a NUL": SIMS.encode() + b"# \x00\n",
    "a bell": f"{SIMS}# \x07",
    "a backspace in a name": "solutions: {s\x08: {recipe: aws-sims}}",
    "bidirectional marks": "solutions: {s\u202e: {recipe: aws-sims\u2066}}",
    "a wide space in a name": "solutions: {s\u3000: {recipe: aws-sims}}",
    "a line separator": "solutions: {s\u2028x: {recipe: aws-sims}}",
    "half a character": 'filters: {f: "\\ud800"}',
    "two halves": 'filters: {f: "\\ud83d\\ude00"}',
    "gzip": gzip.compress(SIMS.encode()),
    "a bomb of gzip": gzip.compress(b"a: b\n" * 200_000),
    "ZIP": _zipped(SIMS.encode()),
    "Parquet": b"PAR1\x15\x04",
    "HTML": "<!DOCTYPE html>\n<html><body>404</body></html>",
    "XML": "<?xml version='1.0'?><solutions/>",
    "random bytes": bytes(range(256)),
    "too long": b"#" * (MAX_BYTES + 1),
    "a marked text that is empty": codecs.BOM_UTF8,
}
_YAML: dict[str, str | bytes] = {
    "a billion laughs": _laughs(32),
    "an alias of itself": "solutions: &a {s: *a}",
    "an anchor": "solutions: &a {s: {recipe: aws-sims}}",
    "an unknown alias": "solutions: *a",
    "a merge key": "solutions: {s: {<<: {recipe: aws-sims}}}",
    "merged laughs": "a: &a {x: 1}\n" + "b: {<<: [*a, *a, *a, *a]}\n",
    "a Python object": "solutions: !!python/object/apply:os.system [id]",
    "a Python name": "solutions: !!python/name:os.system",
    "a tag": "solutions: !!map {s: {recipe: !!str aws-sims}}",
    "a set": "solutions: !!set {s}",
    "binary": "filters: {f: !!binary aGVsbG8=}",
    "a key that is a list": "solutions: {[s]: {recipe: aws-sims}}",
    "a key that is an object": "? {a: b}\n: {recipe: aws-sims}\n",
    "braces of a template": "solutions: {{ solutions }}",
    "an empty key": "solutions: {'': {recipe: aws-sims}}",
    "a number as a key": "solutions: {5: {recipe: aws-sims}}",
    "a time as a key": "solutions: {2026-01-01: {recipe: aws-sims}}",
    "a truth as a key": "solutions: {no: {recipe: aws-sims}, yes: {recipe: aws-sims}}",
    "the same key twice": "solutions: {s: {recipe: aws-sims}, s: {}}",
    "an impossible date": "solutions: {s: {recipe: 2001-99-99}}",
    "a number in sixties": "solutions: {s: {recipe: aws-sims, campaign: {minProvisionedTPS: 1:30}}}",
    "an octal number": "solutions: {s: {recipe: aws-sims, campaign: {minProvisionedTPS: 010}}}",
    "a hexadecimal number": "solutions: {s: {recipe: aws-sims, campaign: {minProvisionedTPS: 0xFF}}}",
    "not a number": "prices: {importGB: .nan}",
    "no end": "prices: {importGB: .inf}",
    "yes": "prune: yes",
    "deep lists": _nested(50_000, "[", "]"),
    "deep objects": _nested(50_000, "{a: ", "}"),
    "deep lists in dashes": "- " * 50_000,
    "deep questions": "? " * 50_000,
    "deep by dents": "\n".join(" " * n + "a:" for n in range(200)),
    "many values": "filters:\n" + "".join(f"  f{n}: x\n" for n in range(MAX_VALUES + 1)),
    "a key without an end": "a" * 5000 + ": b",
    "pipes": "filters: |" + "|" * 5000,
}
_NUMBERS = {
    "a number of 5000 digits": "9" * 5000,
    "a number of 65 bits": str(1 << 64),
    "a negative number of 65 bits": str(-(1 << 64)),
    "a number beyond doubles": "1e999",
    "a small number": "1e-999",
    "minus zero": "-0.0",
    "a fraction": "1.5",
    "none": "null",
    "a truth": "true",
    "an empty list": "[]",
    "an empty object": "{}",
    "an empty text": '""',
    "a long text": json.dumps("x" * 100_000),
    "a text of digits": '"5"',
    "a list in lists": _nested(MAX_DEPTH - 4, "[", "]"),
}
"""Values, as JSON, in place of values of other types."""
_PLACES = {
    "minProvisionedTPS": '{"solutions": {"s": {"recipe": "aws-sims", "campaign": {"minProvisionedTPS": %s}}}}',
    "recipe": '{"solutions": {"s": {"recipe": %s}}}',
    "retrain": '{"solutions": {"s": {"recipe": "aws-sims", "retrain": {"atMost": %s}}}}',
    "gate": '{"solutions": {"s": {"recipe": "aws-sims", "gate": {"metric": "coverage", "atLeast": %s}}}}',
    "tags": '{"tags": [{"tagKey": "k", "tagValue": %s}]}',
    "numResults": '{"exports": {"user-personalization": {"numResults": %s}}}',
    "users": '{"exports": {"user-personalization": {"users": {"COUNTRY": %s}}}}',
    "filterValues": '{"filters": {"f": "INCLUDE ItemID WHERE Items.G IN ($G)"},'
    ' "exports": {"user-personalization": {"filter": "f", "filterValues": {"G": %s}}}}',
    "prices": '{"prices": {"importGB": %s}}',
    "schedule": '{"schedules": {"retrain": %s}}',
    "filter": '{"filters": {"f": %s}}',
    "schema": '{"schemas": {"items": {"fields": [{"name": %s, "type": "string"}]}}}',
    "type": '{"schemas": {"items": {"fields": [{"name": "ITEM_ID", "type": %s}]}}}',
    "adopt": '{"adopt": {"solution/s": %s}}',
    "solutions": '{"solutions": %s}',
    "exports": '{"exports": %s}',
    "group": '{"group": %s}',
}
_CONTENT = {
    "many problems": _config(**{f"unknown{n}": n for n in range(5000)}),
    "many solutions": _config(solutions={f"s{n}": {"recipe": "aws-sims"} for n in range(5000)}),
    "many filters": _config(filters={f"f{n}": "EXCLUDE ItemID WHERE Items.X IN (1)" for n in range(5000)}),
    "many tags": _config(tags=[{"tagKey": f"k{n}", "tagValue": "v"} for n in range(1000)]),
    "a long filter": _config(filters={"f": "INCLUDE ItemID WHERE " + "Items.X IN (1) AND " * 1000}),
    "a filter of blanks": _config(filters={"f": " " * 100_000}),
    "a filter of dollars": _config(filters={"f": "INCLUDE ItemID WHERE Items.X IN (" + "$" * 50_000 + ")"}),
    "a filter of bars": _config(filters={"f": "INCLUDE ItemID WHERE " + "|" + " " * 50_000 + "| " * 50_000}),
    "a long name": _config(solutions={"s" * 100_000: {"recipe": "aws-sims"}}),
    "two long names": _config(
        solutions={"s" * 90_000: {"recipe": "aws-sims"}}, adopt={f"solution/{'s' * 89_999}t": "x"}
    ),
    "a long recipe": _config(solutions={"s": {"recipe": "arn:" + "/" * 100_000}}),
    "a long schedule": _config(schedules={"retrain": "cron(" + "0 " * 50_000 + ")"}),
    "a schedule of digits": _config(schedules={"retrain": f"rate(1{'0' * 5000} days)"}),
    "foreign digits": _config(schedules={"retrain": "rate(1\u0663 days)"}),
    "a long rest": _config(solutions={"s": {"recipe": "aws-sims", "retrain": {"atMost": f"{'9' * 5000} days"}}}),
    "a rest in foreign digits": _config(solutions={"s": {"recipe": "aws-sims", "retrain": {"atMost": "1\u0663 days"}}}),
    "many fields": _config(schemas={"items": {"fields": [{"name": f"F{n}", "type": "string"} for n in range(4000)]}}),
    "fields of one name": _config(schemas={"items": {"fields": [{"name": "ITEM_ID", "type": "string"}] * 4000}}),
    "a field of many types": _config(schemas={"items": {"fields": [{"name": "ITEM_ID", "type": ["string"] * 9000}]}}),
    "a field without a name": _config(schemas={"items": {"fields": [{"name": None, "type": "string"}]}}),
    "a field called by a number": _config(schemas={"items": {"fields": [{"name": 5, "type": "string"}]}}),
    "a field of two words": _config(schemas={"items": {"fields": [{"name": "Unnamed: 0", "type": "string"}]}}),
    "many exported items": _config(exports={"s": {"items": [f"i{n}" for n in range(15_000)]}}),
    "numbers among the items": _config(exports={"s": {"items": [1e308, -5, 2**62]}}),
    "a former section": _config(export={"solution": "s"}),
    "a job that names itself": _config(batch={"s": {"solution": "s", "filter": "s", "schedule": "rate(1 day)"}}),
    "an input elsewhere": _config(batch={"b": {"solution": "s", "input": "../../other/secret.jsonl"}}),
    "JSON's own": '{"solutions": {"s": {"recipe": NaN}}}',
    "comments in JSON": '{"solutions": {} /* none */}',
    "a last comma": '{"solutions": {},}',
    "single quotes": "{'solutions': {}}",
    "lines of JSON": '{"solutions": {}}\n{"solutions": {}}\n',
    "quotes without an end": '"' + '\\"' * 100_000,
    "the AWS Solution's": json.dumps({"datasetGroup": {"serviceConfig": {"name": 5}}}),
    "the AWS Solution's, many": json.dumps(
        {"datasetGroup": {"serviceConfig": {"name": "g"}}, "filters": [{"serviceConfig": {}}] * 4000}
    ),
    "the AWS Solution's, deep": json.dumps(
        {"datasetGroup": {"serviceConfig": {"name": "g", "x": json.loads(_nested(15, "[", "]"))}}}
    ),
}


def _bytes(cases: dict[str, str | bytes] | dict[str, str]) -> list[Case]:
    return [(name, content if isinstance(content, bytes) else content.encode()) for name, content in cases.items()]


CONFIGS: tuple[Case, ...] = (
    *_bytes(_FORM),
    *_bytes(_YAML),
    *_bytes(_CONTENT),
    *(
        (f"{value} for {place}", (text % number).encode())
        for place, text in _PLACES.items()
        for value, number in _NUMBERS.items()
    ),
)
"""The content of usher.yaml, usher.json, or the AWS Solution's file: YAML reads text that is not JSON, and vice
versa."""

_HEAD = "USER_ID,ITEM_ID,TIMESTAMP"
_TABLES: dict[str, str | bytes] = {
    "nothing": b"",
    "a blank": " ",
    "a line end": "\n",
    "line ends": "\n" * 5000,
    "returns": "\r" * 5000,
    "a header alone": _HEAD,
    "a header with its end": f"{_HEAD}\n",
    "no header": ROWS,
    "two headers": f"{_HEAD}\n{GOOD}",
    "a mark": codecs.BOM_UTF8 + GOOD.encode(),
    "a mark inside": f"{_HEAD}\n\ufeff{ROWS}",
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without a mark": GOOD.encode("utf-16-le"),
    "UTF-32": GOOD.encode("utf-32"),
    "Latin-1": GOOD.replace("u1,", "é1,").encode("latin-1"),
    "a cut character": GOOD.encode() + b"u1,\xe2\x82",
    "overlong UTF-8": GOOD.encode() + b"u1,\xc0\xaf,1700000000\n",
    "half a character in UTF-8": GOOD.encode() + b"u1,\xed\xa0\x80,1700000000\n",
    "a NUL in the header": GOOD.replace("ITEM_ID", "ITEM\x00_ID"),
    "a NUL in a cell": GOOD.replace("i7,", "i\x007,"),
    "NULs": b"\x00" * 5000,
    "Macintosh": GOOD.replace("\n", "\r"),
    "mixed line ends": GOOD.replace("1\n", "1\r\n").replace("2\n", "2\r\n"),
    "line ends of Unicode": GOOD.replace("\n", "\u2028"),
    "semicolons": GOOD.replace(",", ";"),
    "tabs": GOOD.replace(",", "\t"),
    "pipes": GOOD.replace(",", "|"),
    "quotes in the header": GOOD.replace("USER_ID", '"USER_ID"'),
    "a comma too many": GOOD.replace("TIMESTAMP", "TIMESTAMP,"),
    "nothing but commas": "," * 5000 + "\n" + "," * 5000 + "\n",
    "a column twice": GOOD.replace("ITEM_ID", "USER_ID"),
    "lower case": GOOD.replace(_HEAD, _HEAD.lower()),
    "blanks in the header": GOOD.replace(",ITEM_ID,", ", ITEM_ID ,"),
    "a name of two words": f"{_HEAD},Unnamed: 0\n" + ROWS.replace("\n", ",1\n"),
    "a name in Greek": f"{_HEAD},\u03a4\u0399\u039c\u0397\n" + ROWS.replace("\n", ",1\n"),
    "a bidirectional name": f"{_HEAD},\u202eDI\n" + ROWS.replace("\n", ",1\n"),
    "a long name": f"{_HEAD},{'X' * 200}\n" + ROWS.replace("\n", ",1\n"),
    "a header without an end": "A" * 100_000,
    "10000 columns": ",".join(f"C{n}" for n in range(10_000)) + "\n" + "," * 9999 + "\n",
    "110 columns": ",".join([_HEAD, *(f"C{n}" for n in range(107))]) + "\n" + ROWS.replace("\n", "," * 107 + "\n"),
    "long names of columns": ",".join([_HEAD, *(f"{'C' * 140}{n}" for n in range(90))]) + "\n",
    "a quote without an end": GOOD.replace("i7,", '"i7,', 1),
    "quotes without an end": GOOD.replace("i", '"i'),
    "nothing but quotes": f"{_HEAD}\n" + '"' * 5000,
    "a quote in each line": f"{_HEAD}\n" + '"\n' * 5000,
    "a backslash at the end": f"{GOOD}u1,i1,1700000000\\",
    "backslashes": f"{_HEAD}\n" + "\\" * 4999,
    "backslashes and quotes": f"{_HEAD}\n" + '\\"' * 5000,
    "a cell with line ends": GOOD.replace("i7,", '"i\n7",', 1),
    "a cell with a return": GOOD.replace("i7,", '"i\r7",', 1),
    "too many cells": GOOD.replace("1700000007", "1700000007,,,,"),
    "too few cells": f"{_HEAD}\n" + "u\n" * 5000,
    "empty cells": f"{_HEAD}\n" + ",,\n" * 5000,
    "a long cell": GOOD.replace("i7,", f"{'i' * 100_000},", 1),
    "a long cell in quotes": GOOD.replace("i7,", f'"{"i" * 100_000}",', 1),
    "a formula": GOOD.replace("i7,", "=cmd|' /C calc'!A0,"),
    "control characters": GOOD.replace("i7,", "i\x1b[31m7,"),
    "a number of 5000 digits": GOOD.replace("1700000007", "9" * 5000),
    "a number beyond doubles": GOOD.replace("1700000007", "1e999"),
    "a tiny number": GOOD.replace("1700000007", "1e-999"),
    "not a number": GOOD.replace("1700000007", "NaN"),
    "no end": GOOD.replace("1700000007", "inf"),
    "the last of 64 bits": GOOD.replace("1700000007", str(2**63 - 1)),
    "before all time": GOOD.replace("1700000007", str(-(2**63))),
    "the first of 65 bits": GOOD.replace("1700000007", str(2**63)),
    "a hexadecimal number": GOOD.replace("1700000007", "0x10"),
    "foreign digits": GOOD.replace("1700000007", "\u0661\u0667\u0660\u0660"),
    "a long fraction": GOOD.replace("1700000007", f"1700000007.{'0' * 5000}"),
    "a number of dots": GOOD.replace("1700000007", "." * 5000),
    "dates": GOOD.replace("1700000007", "2026-11-01T12:00:00Z"),
    "milliseconds": GOOD.replace(",17", ",17000"),
    "many event types": f"{_HEAD},EVENT_TYPE\n" + "".join(f"{row},e{n}\n" for n, row in enumerate(ROWS.splitlines())),
    "long event types": f"{_HEAD},EVENT_TYPE\n"
    + "".join(f"{row},{'e' * 900}{n % 9}\n" for n, row in enumerate(ROWS.splitlines())),
    "gzip": gzip.compress(GOOD.encode()),
    "a bomb of gzip": gzip.compress(b"\x00" * 1_000_000),
    "ZIP": _zipped(GOOD.encode()),
    "Parquet": b"PAR1" + GOOD.encode(),
    "a spreadsheet of old": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    "HTML": f"<!DOCTYPE html>\n<table>{ROWS}</table>",
    "XML": f"<?xml version='1.0'?>\n<rows>{ROWS}</rows>",
    "JSON": json.dumps([{"USER_ID": "u1", "ITEM_ID": "i1"}]),
    "an answer of S3": "<Error><Code>AccessDenied</Code></Error>",
    "random bytes": bytes(range(256)) * 20,
}
TABLES: tuple[Case, ...] = tuple(_bytes(_TABLES))
"""The content of interactions, and of any other dataset."""

KEYS: tuple[str, ...] = (
    "",
    "/",
    "//",
    "films",
    "films/",
    "films//interactions.csv",
    "/films/interactions.csv",
    "films/interactions.csv/",
    "films/interactions.csv.csv",
    "films/INTERACTIONS.CSV",
    "films/interactions .csv",
    "films/interactions.csv ",
    "films/interactions/.csv",
    "films/interactions//x.csv",
    "films/interactions/incremental/.csv",
    "films/interactions/incremental//x.csv",
    "films/interactions/incremental/a/b.csv",
    "films/./interactions.csv",
    "films/../store/interactions.csv",
    "../films/interactions.csv",
    "films/out/interactions.csv",
    "films/out/usher.yaml",
    "films/out/runs/x/run.json",
    "films/out/checks/x/interactions-0.npz",
    "out/interactions.csv",
    "export/interactions.csv",
    "train/interactions.csv",
    "train/films/interactions.csv",
    "train/films/.json",
    "train/out/config.json",
    "train/export/s/x.jsonl",
    "train/interactions/x.csv",
    "train/train/config.json",
    "train//config.json",
    "train/films//config.json",
    "films/export/s/x.jsonl",
    "films/export/s/.jsonl",
    "films/export//x.jsonl",
    "films/batch/x.jsonl",
    "films/batch/.jsonl",
    "films/usher.yaml/usher.yaml",
    "films/usher.yml",
    "films/.usher.yaml",
    "f\u0131lms/interactions.csv",
    "films\u202e/interactions.csv",
    "films/interactions/\u202evsc.csv",
    "films/interactions/a\nb.csv",
    "films/interactions/a\x00b.csv",
    "films/interactions/a\tb.csv",
    "films/interactions/%2e%2e%2fx.csv",
    "films/interactions/a+b c.csv",
    "films/interactions/=cmd.csv",
    "films/interactions/<script>.csv",
    "films/interactions/" + "x" * 1000 + ".csv",
    "x" * 1024,
    "/" * 1024,
    "a/" * 512,
    "-films/interactions.csv",
    "films group/interactions.csv",
    "films'\"/interactions.csv",
    "x" * 36 + "/interactions.csv",
)
"""The keys of objects in the bucket; S3 accepts any text of 1 to 1,024 bytes of UTF-8."""

"""Recognises content that is not UTF-8 text by its first bytes, whatever the file's name."""

SAVE_AS_UTF_8 = 'Save it as "CSV UTF-8", or as plain text in UTF-8.'
UNPACK = "Unpack it, and drop the files in it."
KINDS = (
    (b"\xff\xfe\x00\x00", "UTF-32", SAVE_AS_UTF_8),
    (b"\x00\x00\xfe\xff", "UTF-32", SAVE_AS_UTF_8),
    (b"\xff\xfe", "UTF-16", SAVE_AS_UTF_8),
    (b"\xfe\xff", "UTF-16", SAVE_AS_UTF_8),
    (b"\x1f\x8b", "packed by gzip", "Unpack it, or call data .csv.gz or .jsonl.gz."),
    (b"BZh", "packed by bzip2", UNPACK),
    (b"\xfd7zXZ\x00", "packed by xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "packed by 7-Zip", UNPACK),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet", "Unpack the archive, or save the spreadsheet as CSV UTF-8."),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", SAVE_AS_UTF_8),
    (b"PAR1", "a Parquet file", "Call it .parquet, or write it as CSV."),
    (b"Obj\x01", "an Avro file", "Write it as CSV."),
    (b"ORC", "an ORC file", "Write it as CSV."),
    (b"%PDF", "a PDF file", "Write it as text."),
    (b"<?xml", "an XML file", "Write it as CSV; where it is an error's message, download the file again."),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file", "Fetch the file: git lfs pull."),
)
"""The first bytes of content, its kind, and the remedy."""
HTML = (b"<!doctype", b"<html")


def kind_of(content: bytes) -> tuple[str, str]:
    """The kind of some content and the remedy; two empty texts if it may be UTF-8."""
    head = content[:64]
    for prefix, kind, remedy in KINDS:
        if head.startswith(prefix):
            return kind, remedy
    if head.lstrip().lower().startswith(HTML):
        return "a web page", "Download the file itself."
    # ASCII has no NUL; in UTF-16, every second byte of ASCII is one.
    zeros = [place % 2 for place, byte in enumerate(head) if not byte]
    if len(head) > 3 and len(zeros) >= len(head) // 4 and len(set(zeros)) == 1:
        return "UTF-16", SAVE_AS_UTF_8
    return "", ""

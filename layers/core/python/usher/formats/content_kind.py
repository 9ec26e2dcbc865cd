"""What a file's first bytes tell: content that is no UTF-8 text, whatever the file is called."""

LATER = 'Save it as "CSV UTF-8", or as plain text in UTF-8.'
UNPACK = "Unpack it, and drop what is inside."
KINDS = (
    (b"\xff\xfe\x00\x00", "UTF-32", LATER),
    (b"\x00\x00\xfe\xff", "UTF-32", LATER),
    (b"\xff\xfe", "UTF-16", LATER),
    (b"\xfe\xff", "UTF-16", LATER),
    (b"\x1f\x8b", "packed by gzip", UNPACK),
    (b"BZh", "packed by bzip2", UNPACK),
    (b"\xfd7zXZ\x00", "packed by xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "packed by 7-Zip", UNPACK),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet", "Unpack the archive, or save the spreadsheet as CSV UTF-8."),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", LATER),
    (b"PAR1", "a Parquet file", "Write it as CSV."),
    (b"Obj\x01", "an Avro file", "Write it as CSV."),
    (b"ORC", "an ORC file", "Write it as CSV."),
    (b"%PDF", "a PDF file", "Write it as text."),
)
"""How content begins, what it then is, and what to do."""
HTML = (b"<!doctype", b"<html")


def kind_of(content: bytes) -> tuple[str, str]:
    """What content is by its first bytes, and what to do about it; two empty texts where it may well be UTF-8."""
    head = content[:64]
    for begin, kind, remedy in KINDS:
        if head.startswith(begin):
            return kind, remedy
    if head.lstrip().lower().startswith(HTML):
        return "a web page", "Download the file itself."
    # ASCII has no NUL; every second byte of ASCII in UTF-16 is one.
    zeros = [place % 2 for place, byte in enumerate(head) if not byte]
    if len(head) > 3 and len(zeros) >= len(head) // 4 and len(set(zeros)) == 1:
        return "UTF-16", LATER
    return "", ""

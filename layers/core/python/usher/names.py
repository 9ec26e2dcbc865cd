"""Names of Usher's resources in Personalize: a label for people, and a digest for which no second name can be found.

Names are unique in an account and region: a name that two groups could use would give one group access to the other's
resources. The digest has 80 bits, over the group and the whole name, as the label may be cut.
"""

import base64
import re

from usher.aws import digest
from usher.limits import SERVICE_NAME_LENGTH

MAX_NAME_LENGTH = 55
"""The most characters of a name: longer names would not fit into Personalize's paths of 256 characters."""
SERVICE_NAME = re.compile(rf"[a-zA-Z0-9][a-zA-Z0-9_-]{{0,{SERVICE_NAME_LENGTH - 1}}}")
"""The form of Personalize's names."""
DIGEST_LENGTH = 16
"""The characters of base32 that hold 80 bits."""
LABEL_LENGTH = SERVICE_NAME_LENGTH - DIGEST_LENGTH - 1
JOB_LABEL_LENGTH = 15
"""The most characters of a job's or version's label; the run's name follows, with 30 characters at most."""
SHORT_DIGEST_LENGTH = 8
"""The characters of a cut text's digest, which only distinguishes one group's own names."""
OWN_NAME = re.compile(r"(.+)-[a-z2-7]{16}")
JOB_NAME = re.compile(r"(.+-[a-z2-7]{16}-)[\w-]+", re.ASCII)


def fingerprint(*made_from: object) -> str:
    """80 bits of the SHA-256 of JSON-serialisable values, as 16 characters of lower-case base32."""
    return base64.b32encode(bytes.fromhex(digest(made_from, 20))).decode().lower()


def cut(text: str, length: int) -> str:
    """A text of at most `length` characters: a longer one is replaced by its beginning and a short digest."""
    if len(text) <= length:
        return text
    return f"{text[: length - SHORT_DIGEST_LENGTH - 1]}-{fingerprint(text)[:SHORT_DIGEST_LENGTH]}"


def label(group: str, name: str = "") -> str:
    """The label of a name: `<group>-<name>`, or the group alone for a kind that it has one of."""
    return cut(f"{group}-{name}" if name else group, LABEL_LENGTH)


def unique_name(group: str, name: str, *made_from: object) -> str:
    """`<group>-<name>-<digest>`: unique for each group, name and content."""
    return f"{label(group, name)}-{fingerprint(group, name, *made_from)}"


def label_of(name: str) -> str:
    """The label of a name that Usher has made; empty for other names."""
    match = OWN_NAME.fullmatch(name)
    return match[1] if match else ""


def job_family(group: str, name: str, *made_from: object) -> str:
    """The common prefix of the names of the jobs or versions for one thing. They can't be deleted to free a name, so a
    run's name follows.

    `name`: any text, such as a file's name.
    """
    shown = re.sub(r"[^\w-]", "-", f"{group}-{name}", flags=re.ASCII)[:JOB_LABEL_LENGTH]
    return f"{shown}-{fingerprint(group, name, *made_from)}-"


def family_of(job_name: str) -> str:
    """The family of a job's name; empty for names that Usher has not made."""
    match = JOB_NAME.fullmatch(job_name)
    return match[1] if match else ""


def short_name(name: str) -> str:
    """Usher's name for a resource's name in Personalize: shortened if it is too long."""
    return cut(name, MAX_NAME_LENGTH)

"""Names in Personalize of what Usher makes: what people call it, and a digest that no one can search a second name for.

Names are unique in an account and region, so a name that two groups could arrive at would be a way from one into the
other. The digest has 80 bits, over the group and the whole name, too: what people read may be cut.
"""

import base64
import re

from usher.aws import digest
from usher.limits import SERVICE_NAME_LENGTH

MAX_NAME_LENGTH = 55
"""It leaves room in the paths of what is written for one: Personalize takes 256 characters."""
SERVICE_NAME = re.compile(rf"[a-zA-Z0-9][a-zA-Z0-9_-]{{0,{SERVICE_NAME_LENGTH - 1}}}")
"""What Personalize takes as a name."""
DIGEST_LENGTH = 16
"""Characters of base32 that hold 80 bits."""
LABEL_LENGTH = SERVICE_NAME_LENGTH - DIGEST_LENGTH - 1
JOB_LABEL_LENGTH = 15
"""Of jobs and versions, whose run's name follows: 30 characters at most."""
SHORT_DIGEST_LENGTH = 8
"""Of what was cut off; it only distinguishes one group's own names."""
OWN_NAME = re.compile(r"(.+)-[a-z2-7]{16}")
JOB_NAME = re.compile(r"(.+-[a-z2-7]{16}-)[\w-]+", re.ASCII)


def fingerprint(*made_from: object) -> str:
    """80 bits of the SHA-256 of JSON-serialisable values, as 16 characters of lower-case base32."""
    return base64.b32encode(bytes.fromhex(digest(made_from, 20))).decode().lower()


def cut(text: str, length: int) -> str:
    """A text that is no longer than `length`; of one that is, the beginning and a short digest."""
    if len(text) <= length:
        return text
    return f"{text[: length - SHORT_DIGEST_LENGTH - 1]}-{fingerprint(text)[:SHORT_DIGEST_LENGTH]}"


def label(group: str, name: str = "") -> str:
    """What people read of a name: `<group>-<name>`, or the group alone for what it has one of."""
    return cut(f"{group}-{name}" if name else group, LABEL_LENGTH)


def unique_name(group: str, name: str, *made_from: object) -> str:
    """`<group>-<name>-<digest>`: another one for each group, name and content."""
    return f"{label(group, name)}-{fingerprint(group, name, *made_from)}"


def label_of(name: str) -> str:
    """The label of a name that Usher has made; empty for other names."""
    match = OWN_NAME.fullmatch(name)
    return match[1] if match else ""


def job_family(group: str, name: str, *made_from: object) -> str:
    """How the names of the jobs or versions for one thing begin. None can be deleted to free its name: a run's follows.

    `name`: any text, such as a file's name.
    """
    shown = re.sub(r"[^\w-]", "-", f"{group}-{name}", flags=re.ASCII)[:JOB_LABEL_LENGTH]
    return f"{shown}-{fingerprint(group, name, *made_from)}-"


def family_of(job_name: str) -> str:
    """The family of a job's name; empty for names that Usher has not made."""
    match = JOB_NAME.fullmatch(job_name)
    return match[1] if match else ""


def short_name(name: str) -> str:
    """The name by which people ask here for what has this name in Personalize: shortened where Usher has no room."""
    return cut(name, MAX_NAME_LENGTH)

"""Pages of a list that stays the same: up to 500 items, no item twice.

The first answer's token holds short hashes of its items. At its first use, the whole list is requested, those items are
dropped, and the rest is kept in the table for an hour: `{"group": "<group>#<page>", "item": "page"}`, a partition for
each list. Later tokens name that list and a place in it. A token is valid only for the request that it was given to.
"""

import binascii
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from boto3.dynamodb.types import Binary

from usher.aws import now
from usher.errors import RequestError
from usher.serving.answers import Answer, Listed
from usher.storage.table import Table

ITEM = "page"
LIFETIME_SECONDS = 3600
MAX_TOKEN_LENGTH = 4096
"""The most characters of a token; 500 hashes take fewer."""
MAX_BYTES = 380_000
"""The most bytes of a compressed list in the table. DynamoDB's items have 400 KB."""
ABOUT, HASH, PAGE = 8, 5, 16
"""The bytes of a request's digest, of an item's hash, and of a list's name."""
FIRST, LATER = b"1", b"2"


class Token(NamedTuple):
    """The place where a list continues."""

    about: bytes
    """The digest of the request."""
    page: bytes
    """The name of the list in the table."""
    place: int = 0
    given: bytes = b""
    """Hashes of the first answer's items; empty afterwards."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The lists in the table."""

    table: Table

    def answer(
        self, group: str, about: object, token: str | None, results: int, most: int, ask: Callable[[int], Answer]
    ) -> Answer:
        """A part of a list, with the token of the next one, unless it is the last.

        `about`: all that identifies a request; `token`: None for the first part; `most`: the length of the whole list;
        `ask` gets the list's first items. Raises RequestError for a token of another request, or an old one.
        """
        digest = _hash(json.dumps([group, about], sort_keys=True, default=str), ABOUT)
        if token is None:
            answer = ask(results)
            is_last = len(answer["itemList"]) < results or results >= most
            return answer if is_last else {**answer, "next": _first_token(digest, answer)}
        read = _parse_token(token)
        if read.about != digest:
            raise RequestError(400, "BadNext", "next belongs to another request. Repeat the request that returned it.")
        kept = self._kept(group, read) or (self._keep_rest(group, read, ask(most)) if read.given else None)
        if not kept:
            raise RequestError(400, "BadNext", "next is more than an hour old. Request the list again, without next.")
        items, end = kept["itemList"], read.place + results
        answer = {**kept, "itemList": items[read.place : end]}
        return {**answer, "next": _token(LATER, read.about, read.page, end)} if end < len(items) else answer

    def _kept(self, group: str, token: Token) -> Answer | None:
        item = self.table.get(_partition(group, token), ITEM, consistent=False)
        if not item or item["about"].value != token.about or item["expires"] < now().timestamp():
            return None
        answer: Answer = json.loads(zlib.decompress(item["answer"].value))
        return answer

    def _keep_rest(self, group: str, token: Token, answer: Answer) -> Answer:
        """Keep the rest of the list after the first answer's items."""
        given = {token.given[start : start + HASH] for start in range(0, len(token.given), HASH)}
        rest = [item for item in answer["itemList"] if _hash(_id(item), HASH) not in given]
        kept: Answer = {**answer, "itemList": rest[: max(len(answer["itemList"]) - len(given), 0)]}
        while len(content := zlib.compress(json.dumps(kept, ensure_ascii=False).encode())) > MAX_BYTES:
            kept = {**kept, "itemList": kept["itemList"][: len(kept["itemList"]) // 2]}
        values = {
            ":answer": Binary(content),
            ":about": Binary(token.about),
            ":expires": int(now().timestamp()) + LIFETIME_SECONDS,
        }
        names = {"#answer": "answer", "#about": "about"}
        change = "SET #answer = :answer, #about = :about, expires = :expires"
        # Two requests with the same token both get the list that was kept first.
        if self.table.update(_partition(group, token), ITEM, change, values, names, "attribute_not_exists(#about)"):
            return kept
        return self._kept(group, token) or kept


def _partition(group: str, token: Token) -> str:
    return f"{group}#{token.page.hex()}"


def _id(item: Listed) -> str:
    return item.get("itemId") or item["actionId"]


def _hash(text: str, length: int) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:length]


def _first_token(about: bytes, answer: Answer) -> str:
    """The token of a first answer. Each answer has a list of its own, even to the same request."""
    given = b"".join(_hash(_id(item), HASH) for item in answer["itemList"])
    return _encoded(FIRST + about + _hash(answer.get("recommendationId", ""), HASH) + given)


def _token(kind: bytes, about: bytes, page: bytes, place: int) -> str:
    return _encoded(kind + about + page + place.to_bytes(2, "big"))


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _parse_token(token: str) -> Token:
    try:
        content = urlsafe_b64decode(token + "=" * (-len(token) % 4)) if len(token) <= MAX_TOKEN_LENGTH else b""
    except (binascii.Error, ValueError):
        content = b""
    kind, about, rest = content[:1], content[1 : 1 + ABOUT], content[1 + ABOUT :]
    if kind == FIRST and len(rest) > HASH and len(rest) % HASH == 0:
        return Token(about, sha256(content).digest()[:PAGE], given=rest[HASH:])
    if kind == LATER and len(rest) == PAGE + 2:
        return Token(about, rest[:PAGE], int.from_bytes(rest[PAGE:], "big"))
    raise RequestError(400, "BadNext", "next must be the unchanged next of an answer.")

"""Requests to the API that may break a reader, each found by a fault or near one.

A fault that a fuzzer or a person finds becomes another line. A request is API Gateway's event for a function (payload
version 2.0); a reader must return an answer or a refusal.
"""

import base64
import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from usher.routes import ROUTES_BY_KEY

from tests.unit.stack.files import SENT_ROUTES

ROUTES = {key: name.lower() for name, keys in SENT_ROUTES.items() for key in keys}
"""The function of each route of the template."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is sent: path and query encoded."""

    route: str
    path: str
    query: str = ""
    body: bytes | None = None
    event: tuple[tuple[str, Any], ...] = ()
    """Members of the event that differ from the gateway's."""

    def is_of_its_route(self) -> bool:
        """Whether the gateway would match the request with its route."""
        wanted, found = self.route.partition(" ")[2].split("/")[1:], unquote(self.path).split("/")[1:]
        fits = all(part and name in (part, f"{{{name[1:-1]}}}") for name, part in zip(wanted, found, strict=False))
        return len(wanted) == len(found) and fits

    def as_event(self) -> Json:
        """The event of the route, whose parameters the gateway has decoded once more than the path."""
        method, _, template = self.route.partition(" ")
        path = unquote(self.path)
        parts = zip(template.split("/"), path.split("/"), strict=False)
        event: Json = {
            "version": "2.0",
            "routeKey": self.route,
            "rawPath": path,
            "rawQueryString": self.query,
            "headers": {"content-type": "application/json"},
            "pathParameters": {name[1:-1]: unquote(part) for name, part in parts if name.startswith("{")},
            "requestContext": {
                "http": {"method": method, "path": path},
                "stage": "$default",
                "authorizer": {"iam": {}},
            },
            "isBase64Encoded": False,
        }
        if self.query:
            joined: Json = {}
            for name, value in parse_qsl(self.query, keep_blank_values=True):
                joined[name] = f"{joined[name]},{value}" if name in joined else value
            event["queryStringParameters"] = joined
        if self.body is not None:
            try:
                event["body"] = self.body.decode()
            except UnicodeDecodeError:
                event |= {"body": base64.b64encode(self.body).decode(), "isBase64Encoded": True}
        return event | dict(self.event)


def get_request(query: str = "", path: str = "/films/recommendations/u1", route: str = "", **event: Any) -> Request:
    found = route or "GET /{group}/recommendations" + "/{userId}" * (path.count("/") > 2)
    return Request(found, path, query, None, tuple(event.items()))


def posted(route: str, content: Any, path: str = "", **event: Any) -> Request:
    place = route.partition(" ")[2].replace("{group}", "films")
    return Request(route, path or place, "", _bytes(content), tuple(event.items()))


def ranking(content: Any, **event: Any) -> Request:
    return posted("POST /{group}/rankings", content, **event)


def events(content: Any, path: str = "", **event: Any) -> Request:
    return posted("POST /{group}/events", content, path, **event)


def _bytes(body: Any) -> bytes | None:
    return body if body is None or isinstance(body, bytes) else json.dumps(body).encode()


RANKING: Json = {"userId": "u1", "items": ["i1", "i2", "i3"], "context": {"DEVICE": "phone"}}
EVENT: Json = {
    "eventType": "watch",
    "itemId": "i1",
    "sentAt": 1_700_000_000,
    "eventId": "e1",
    "eventValue": 1.5,
    "recommendationId": "RID-1",
    "impression": ["i1", "i2"],
    "metricAttribution": {"eventAttributionSource": "mail"},
    "properties": {"discountPct": 5, "colours": "red|blue"},
}
EVENTS: Json = {"userId": "u1", "sessionId": "s1", "events": [EVENT]}
TAKEN: Json = {"userId": "u1", "actionInteractions": [{"actionId": "a1", "eventType": "TAKEN", "timestamp": 1.7e9}]}
MANY: Json = {"userIds": ["u1", "u2"], "numResults": 2, "filter": "genre", "filterValues": {"GENRE": ["Comedy"]}}
PROMOTION: Json = {"filter": "genre", "percent": 20, "filterValues": {"GENRE": "Drama"}}
PUTS: dict[str, Json] = {
    "items": {"items": [{"itemId": "i1", "properties": {"GENRES": ["Comedy", "Drama"], "YEAR": 1994}}]},
    "users": {"users": [{"userId": "u1", "properties": {"AGE": 30, "PLAN": "gold"}}]},
    "actions": {"actions": [{"actionId": "a1", "properties": '{"kind": "club"}'}]},
}
BODIES_OF: dict[str, Json] = {
    "POST /{group}/rankings": RANKING,
    "POST /{group}/events": EVENTS,
    "POST /{group}/action-interactions": TAKEN,
    "POST /{group}/recommendations": MANY | {"promotions": [PROMOTION], "details": ["YEAR"]},
    **{f"PUT /{{group}}/{name}": body for name, body in PUTS.items()},
}
"""A valid body for each route that has one."""
ORDINARY = {
    "recommendations": get_request("numResults=3&context=" + quote('{"DEVICE": "tv"}')),
    "of the query": get_request(
        "userId=u1&filter=genre&filterValues=" + quote('{"GENRE": "Comedy"}'), "/films/recommendations"
    ),
    "similar": get_request("", "/films/similar-items/i1", "GET /{group}/similar-items/{itemId}"),
    **{name: get_request("", f"/films/{name}", f"GET /{{group}}/{name}") for name in ("popular", "trending", "health")},
    "actions": get_request("userId=u1", "/films/actions", "GET /{group}/actions"),
    "events of a user": get_request("", "/films/users/u1/events", "GET /{group}/users/{userId}/events"),
    "events of a user, by query": get_request("userId=u1", "/films/users/events", "GET /{group}/users/events"),
    "health of all": get_request("", "/health", "GET /health"),
    "document": get_request("", "/openapi.json", "GET /openapi.json"),
    **{route: posted(route, body) for route, body in BODIES_OF.items()},
}
"""Valid requests."""


def _event(**members: Any) -> Request:
    return events({"userId": "u1", "events": [{"eventType": "watch", **members}]})


def _written(members: str) -> Request:
    return events(f'{{"userId": "u1", "events": [{{"eventType": "watch", {members}}}]}}'.encode())


BODIES = {
    "none": None,
    "empty": b"",
    "blank": b" ",
    "cut": b'{"userId": "u1"',
    "no object": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "NaN": b"NaN",
    "no UTF-8": b"\xff\xfe{}",
    "a mark of the byte order": b"\xef\xbb\xbf{}",
    "UTF-16": '{"userId": "u1"}'.encode("utf-16"),
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep lists without an end": b"[" * 1_000_000,
    "deep objects": b'{"events":' * 20_000 + b"1" + b"}" * 20_000,
    "a deep list among the events": b'{"userId":"u1","events":[' + b"[" * 900 + b"]" * 900 + b"]}",
    "a deep list of items": b'{"userId":"u1","items":' + b"[" * 900 + b"]" * 900 + b"}",
    "a name twice": b'{"userId": "u1", "userId": "u2", "items": ["i1"], "events": [{"eventType": "watch"}]}',
    "a number of 5000 digits": b'{"userId": ' + b"9" * 5000 + b', "items": ["i1"], "events": [{"eventType": "w"}]}',
    "half a surrogate pair": b'{"userId": "\\ud800", "items": ["\\udfff"], "events": [{"eventType": "\\ud800"}]}',
    "half a surrogate pair as a name": b'{"\\ud800": 1, "userId": "u1"}',
    "halves of surrogate pairs in UTF-8": b'{"userId": "\xed\xa0\x80", "items": ["i1"]}',
    "many members": json.dumps({f"m{n}": n for n in range(50_000)}).encode(),
    "a name of a megabyte": b'{"' + b"n" * 1_000_000 + b'": 1}',
    "many empty lists": b'{"events": [' + b"[]," * 100_000 + b"[]]}",
    "many items": json.dumps({"userId": "u1", "items": ["i1"] * 501}).encode(),
    "many events": json.dumps({"userId": "u1", "events": [{"eventType": "watch"}] * 501}).encode(),
    "a form": b"userId=u1&items=i1",
    "six megabytes": b'{"userId": "' + b"u" * 6_000_000 + b'"}',
}
LONG = 100_000
"""The bytes of a long body; one route tests it for all, as all read bodies alike."""
MEMBERS = {
    "an infinite value": _written('"eventValue": 1e999'),
    "Infinity": _written('"eventValue": -Infinity'),
    "a value beyond 64 bits": _written('"eventValue": 1' + "0" * 400),
    "a value beyond 32 bits": _event(eventValue=1e300),
    "a time beyond 64 bits": _written('"sentAt": 1' + "0" * 400),
    "a time of next year": _event(sentAt=4_102_444_800),
    "milliseconds": _event(sentAt=1_700_000_000_000),
    "a time below zero": _event(sentAt=-1e18),
    "NaN in properties": _written('"properties": {"x": NaN}'),
    "NaN in properties as text": _event(properties='{"x": NaN}'),
    "Infinity in properties as text": _event(properties='{"x": 1e999}'),
    "half a surrogate pair in properties": _written('"properties": {"x": "\\ud800"}'),
    "half a surrogate pair in properties as text": _event(properties='{"x": "\\ud800"}'),
    "deep properties": _event(properties="[" * 500 + "]" * 500),
    "deep properties as text": _event(properties='{"x":' + "[" * 400 + "]" * 400 + "}"),
    "deep properties without an end": _event(properties='{"a":' * 200_000),
    "long properties": _event(properties={"x": "y" * 1025}),
    "lists and objects in properties": _event(properties={"colours": ["red"], "size": {"eu": 42}}),
    "a reserved property": _event(properties={"timestamp": 1}),
    "a time in another spelling": _event(properties={"TIME_STAMP": "x", "Timestamp": "never"}),
    "an item in another spelling": _event(properties={"ITEM_ID": {"a": 1}, "EVENT_VALUE": "x", "itemid": [1]}),
    "an item among properties": _event(properties={"itemId": {"a": 1}, "eventValue": "x"}),
    "properties without names": _event(properties={"": "", " ": None, "\x00": "\x00", "a\nb": "c\r\nd"}),
    "an ID with control characters": _event(itemId="a\x00b\nc\rd\x1b[31m\x85"),
    "a type with quotes and lines": _event(eventType='a","b"\n"c'),
    "26 impressions": _event(impression=[f"i{n}" for n in range(26)]),
    "no impressions": _event(impression=[]),
    "an impression of lists": _event(impression=[["i1"]]),
    "a long recommendation ID": _event(recommendationId="R" * 41),
    "an attribution of something else": _event(metricAttribution={"source": 1}),
    "an empty attribution": _event(metricAttribution={"eventAttributionSource": " "}),
    "an event of 10 KB and more": _event(impression=["€" * 256] * 25),
    "nobody's word": events({"userId": "undefined", "sessionId": "null", "events": [{"eventType": "watch"}]}),
    "no item's word": _event(itemId="null"),
    "a number as the ID": events({"userId": 2**63, "events": [{"eventType": "watch"}]}),
    "a truth as the ID": events({"userId": True, "events": [{"eventType": "watch"}]}),
    "unknown members": events({"userId": "u1", "events": [{"eventType": "watch", "\ud800x": 1}]}),
    "an object for a solution": ranking(RANKING | {"solution": {"a": [1]}}),
    "a list for a filter": ranking(RANKING | {"filter": ["genre"]}),
    "a truth in the context": ranking(RANKING | {"context": {"DEVICE": True}}),
    "a deep context": ranking(RANKING | {"context": {"DEVICE": [[[[]]]]}}),
    "a long context": ranking(RANKING | {"context": {f"D{n}": "x" for n in range(151)}}),
    "a long value in the context": ranking(RANKING | {"context": {"DEVICE": "x" * 1001}}),
    "a name that is none in the context": ranking(RANKING | {"context": {"": "x"}}),
    "values without a filter": ranking(RANKING | {"filterValues": {"GENRE": "x"}}),
    "items with control characters": ranking(RANKING | {"items": ["a\x00", "\x7f"]}),
}


def _item(**properties: Any) -> Request:
    return _items({"itemId": "i1", "properties": {"YEAR": 1994, **properties}})


def _items(*records: Any) -> Request:
    return posted("PUT /{group}/items", {"items": [*records]})


PUT_MEMBERS = {
    "no items": _items(),
    "101 items": _items(*[{"itemId": f"i{n}", "properties": {"YEAR": 1}} for n in range(101)]),
    "an item twice": _items(*[{"itemId": "i1", "properties": {"YEAR": 1}}] * 2),
    "no properties": _items({"itemId": "i1"}),
    "an item that is a list": _items([]),
    "a word for the ID": _items({"itemId": "(null)", "properties": {"YEAR": 1}}),
    "a truth for the ID": _items({"itemId": True, "properties": {"YEAR": 1}}),
    "a name of a megabyte among the properties": _item(**{"G" * 1_000_000: 1}),
    "a name that is nearly a column": _item(GENRE="x"),
    "the ID among the properties": _item(ITEM_ID="i2"),
    "a column in two spellings": _item(year=1995),
    "a text for a number": _item(YEAR="1994"),
    "a truth for a number": _item(YEAR=True),
    "a number beyond 32 bits": _item(YEAR=2**31),
    "a number for a text": _item(GENRES=5),
    "a list in a list": _item(GENRES=[["Comedy"]]),
    "an empty list": _item(GENRES=[]),
    "a long text": _item(GENRES="x" * 1001),
    "long properties": _item(DESCRIPTION="x" * 20_000, GENRES="€" * 1000),
    "properties as a list": _items({"itemId": "i1", "properties": []}),
    "properties as broken JSON": _items({"itemId": "i1", "properties": '{"YEAR": NaN}'}),
    "properties in properties": _item(GENRES={"a": "b"}),
    "another member": _items({"itemId": "i1", "properties": {"YEAR": 1}, "userId": "u2"}),
    "users among the items": posted("PUT /{group}/items", {"users": [], "items": []}),
    "a time that is none": posted("PUT /{group}/users", {"users": [{"userId": "u1", "properties": {"AGE": 1e300}}]}),
    "an action of a number": posted("PUT /{group}/actions", {"actions": [{"actionId": 1, "properties": {"KIND": 1}}]}),
}


def _many(**options: Any) -> Request:
    return posted("POST /{group}/recommendations", {"userIds": ["u1", "u2"], **options})


MANY_MEMBERS = {
    "nobody": _many(userIds=[]),
    "101 users": _many(userIds=["u"] * 101),
    "users in users": _many(userIds=[["u1"]]),
    "a text for the users": _many(userIds="u1"),
    "a user besides": _many(userId="u1"),
    "a list for the solution": _many(solution=["popularity-count"]),
    "an object for the solution": _many(solution={"a": 1}),
    "a list for the number": _many(numResults=[1]),
    "a fraction for the number": _many(numResults=1.5),
    "no promotion": _many(promotions=[]),
    "two promotions": _many(promotions=[PROMOTION] * 2),
    "a promotion of nothing": _many(promotions=[None]),
    "a promotion by a list": _many(promotions=[PROMOTION | {"filter": ["genre"]}]),
    "a promotion by a number": _many(promotions=[PROMOTION | {"filter": 5}]),
    "a promotion of more than all": _many(promotions=[PROMOTION | {"percent": 101}]),
    "a promotion of a truth": _many(promotions=[PROMOTION | {"percent": True}]),
    "a promotion with other values": _many(promotions=[PROMOTION | {"filterValues": {"GENRE": 'x" OR "1" = "1'}}]),
    "a promotion with a name": _many(promotions=[PROMOTION | {"name": "x"}]),
    "a column a hundred thousand times": _many(details=["YEAR"] * 100_000),
    "columns that are lists": _many(details=[["YEAR"]]),
    "columns as an object": _many(details={"YEAR": 1}),
    "a column that is none": _many(details="ITEM_ID,__proto__"),
    "eleven columns": _many(metadataColumns=["YEAR"] * 11),
    "a column of another dataset": _many(metadataColumns=["USERS.AGE"]),
}
INJECTED = ['x") OR Items.YEAR > ("0', '"x" OR 1=1', "$GENRE", '"a","b"', "\\", '"', "a\nb", "%", "*", "NULL"]
"""Filter values that could be taken for a part of the expression."""
QUERIES = {
    **{f"the value {text!r}": f"filter=genre&filterValues={quote(json.dumps({'GENRE': text}))}" for text in INJECTED},
    "an expression for a name": "filter=" + quote("INCLUDE ItemID WHERE Items.YEAR > 0"),
    "a path for a solution": "solution=" + quote("../../other"),
    "a name twice": "userId=a&userId=b",
    "a name twice in two spellings": "numResults=1&num%52esults=2",
    "many names": "&".join(f"o{n}=" for n in range(2000)),
    "no name": "=x&&&=",
    "no escape": "userId=%&filter=%zz",
    "half a surrogate pair": "filter=%ED%A0%80",
    "a zero": "solution=%00",
    "a long number": "numResults=" + "9" * 5000,
    "digits of another script": "numResults=%D9%A3",
    "a number with a sign": "numResults=%2B5",
    "NaN": "filter=genre&filterValues=NaN",
    "deep values": "filter=genre&filterValues=" + "[" * 3000,
    "values of NaN": "filter=genre&filterValues=" + quote('{"GENRE": NaN}'),
    "values of 1e999": "filter=genre&filterValues=" + quote('{"GENRE": 1e999}'),
    "values of half a surrogate pair": "filter=genre&filterValues=" + quote('{"GENRE": "\\ud800"}'),
    "values in values": "filter=genre&filterValues=" + quote('{"GENRE": [["Comedy"]]}'),
    "quotes in values": "filter=genre&filterValues=" + quote('{"GENRE": "\\"Comedy"}'),
    "an empty list of values": "filter=genre&filterValues=" + quote('{"GENRE": []}'),
    "many values": "filter=genre&filterValues=" + quote(json.dumps({f"G{n}": "x" for n in range(26)})),
    "a long name of a value": "filter=genre&filterValues=" + quote(json.dumps({"G" * 51: "x"})),
    "a long value": "filter=genre&filterValues=" + quote(json.dumps({"GENRE": "x" * 999})),
}
PATHS = {
    "all groups": ("*", "u1"),
    "a key of the table": ("films%23for-you%23u", "u1"),
    "a blank": ("%20", "u1"),
    "a long group": ("g" * 2000, "u1"),
    "dots": ("..", "u1"),
    "half a surrogate pair": ("%ED%A0%80", "%ED%A0%80"),
    "a zero": ("films%00", "%00"),
    "braces": ("{group}", "{userId}"),
    "an ID of dots": ("films", ".."),
    "an ID that is encoded twice": ("films", "a%2520b"),
    "an ID with a slash": ("films", "a%252Fb"),
    "a long ID": ("films", "%F0%9F%8E%AC" * 257),
    "an ID with an end of line": ("films", "u1%0A"),
}
NOT_OF_THE_GATEWAY = {
    "base64 that is none": events(None, body="%%%", isBase64Encoded=True),
    "base64 of no UTF-8": events(None, body=base64.b64encode(b"\xff").decode(), isBase64Encoded=True),
    "base64 beyond ASCII": events(None, body="é", isBase64Encoded=True),
    "a body that is null": events(None, body=None),
    "no headers": get_request("", headers={}),
    "a null for the query": get_request("", queryStringParameters=None, rawQueryString=""),
    "half a surrogate pair in the path": get_request("", pathParameters={"group": "films", "userId": "\ud800"}),
    "half a surrogate pair for the group": get_request("", pathParameters={"group": "\ud800", "userId": "u1"}),
    "half a surrogate pair in the query": get_request(
        "", "/films/recommendations", queryStringParameters={"userId": "\ud800"}
    ),
    "half a surrogate pair as an option": get_request("", queryStringParameters={"\ud800": "\ud800"}),
    "an odd type": ranking(RANKING, headers={"content-type": "text/html; charset=utf-7", "accept-encoding": "gzip,x"}),
}
PAGED = {
    name: request
    for name, request in ORDINARY.items()
    if request.route.startswith("GET") and (route := ROUTES_BY_KEY.get(request.route)) and "next" in route.options
}
"""Requests with the option `next`."""


def _token(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


TOKENS = {
    "nothing": "",
    "no base64": "%",
    "letters beyond ASCII": "é\u3000",
    "a cut one": "MQ",
    "one of zeros": _token(b"1" + bytes(18)),
    "a later one of zeros": _token(b"2" + bytes(26)),
    "a place beyond the end": _token(b"2" + b"\xff" * 26),
    "another version": _token(b"3" + bytes(26)),
    "a long one": "MQ" * 4000,
    "a place in the events": _token(b'[1.0, 1.0, "x"]'),
    "a place in another's events": _token(b'[1.0, 1.0, "x", "0123456789ab"]'),
    "numbers that are none": _token(b'[NaN, Infinity, "x", "y"]'),
    "a deep list": _token(b"[" * 2000),
    "UTF-16": _token('[1.0, 1.0, "x"]'.encode("utf-16")),
    "half a surrogate pair": _token(b'[1.0, 1.0, "\\ud800", "\\ud800"]'),
}
ZONES = [f"A/{'9' * 30}", "A/+99", "_/..", "../../etc/passwd", "/etc/passwd", "leapseconds", "EST5EDT", "America"]
"""Texts that could be taken for a time zone."""
HEADERS = {
    "many tags": {"if-none-match": '"a", W/"b", *, "' + '"c",' * 2000},
    "any tag": {"if-none-match": "*"},
    "a long browser": {"user-agent": "android" * 1400},
    "a browser of control characters": {"user-agent": "\x00\x1b[31m\r\nx: y"},
    "a country that is none": {"cloudfront-viewer-country": "'; DROP", "cloudfront-is-mobile-viewer": "TRUE"},
    "somebody else's address": {"x-forwarded-for": "127.0.0.1", "x-forwarded-host": "a.example", "host": "b.example"},
    "a method in a header": {"x-http-method-override": "DELETE"},
    "a context in a header": {"x-amzn-request-context": '{"authorizer": {"iam": {}}}'},
    "what was sent twice": {"authorization": "Bearer a,Bearer b", "x-api-key": "a,b", "content-type": "a,b"},
    **{f"the time zone {zone}": {"x-time-zone": zone} for zone in ZONES},
}
CORPUS: dict[str, Request] = {
    **{
        f"body for {route}: {name}": posted(route, body)
        for route in BODIES_OF
        for name, body in BODIES.items()
        if len(body or b"") < LONG or "events" in route
    },
    **{
        f"{name} with next: {kind}": replace(request, query=f"{request.query}&next={quote(token)}".strip("&"))
        for name, request in PAGED.items()
        for kind, token in TOKENS.items()
    },
    **{f"headers of a read: {name}": get_request("", headers=headers) for name, headers in HEADERS.items()},
    **{f"headers of events: {name}": events(EVENTS, headers=headers) for name, headers in HEADERS.items()},
    **MEMBERS,
    **PUT_MEMBERS,
    **MANY_MEMBERS,
    **{f"query: {name}": get_request(query) for name, query in QUERIES.items()},
    **{f"query alone: {name}": get_request(query, "/films/recommendations") for name, query in QUERIES.items()},
    **{f"path: {name}": get_request("", f"/{group}/recommendations/{user}") for name, (group, user) in PATHS.items()},
    **{f"path for events: {name}": events(EVENTS, f"/{group}/events") for name, (group, _) in PATHS.items()},
    **NOT_OF_THE_GATEWAY,
}

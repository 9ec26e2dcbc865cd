"""Repairs of moto's performance, with the same results.

moto (5.2.5) sorts the items of every partition of a table to query one of them. It computes the time by subtracting
dates, four times for each message of a queue, at every check of the queue; for each message that it receives, it counts
all of them. It finds a backend under one lock of the process, for which all threads wait. For each request, it tries
the patterns of a hundred services, makes the URLs of the one that fits, lists the methods of the response's class and
twice its own folders, draws 52 characters one by one, looks up the caller's key twice, and makes all names that a
member of the answer may have in its objects. Three times, it puts a request's address together and checks whether its
host has a bucket's name. It splits a condition into words by patterns that it makes for each word, parses times to
write them in another format, and lists all errors of a service for each error in an answer. It keeps every object that
it has made, for a page that the local cloud does not serve: also the copies of the items in a query's answer. Each data
point of a metric has dimensions of its own, which every garbage collection visits.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache, lru_cache, partial, wraps
from inspect import signature
from string import ascii_letters, digits
from types import SimpleNamespace
from typing import Any

import botocore.utils
from moto import backend_index, backends
from moto.cloudwatch.models import Dimension, MetricDatumBase
from moto.core import responses, utils
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.common_models import BaseModel
from moto.core.errors import ErrorLookupFactory
from moto.core.request import Request
from moto.core.responses import BaseResponse
from moto.core.serialize import XFormedAttributePicker
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models.table import Table
from moto.moto_api._internal.moto_random import MotoRandom
from moto.s3.models import FakeKey, FakeMultipart
from moto.s3.responses import S3Response
from moto.sqs.models import Message, SQSBackend
from werkzeug.utils import cached_property

from usher_local.cloud.core.patching import replaced

BUSY = ("personalize", "dynamodb", "s3", "sns", "sqs", "stepfunctions")
"""The services whose patterns are tried first, by moto's names; other services' patterns do not fit their hosts."""


@contextmanager
def faster() -> Iterator[None]:
    """Read one partition per query, take the time from the clock, cache look-ups, and forget answered objects."""
    modules = tuple(backends.list_of_moto_modules())
    with ExitStack() as stack:
        for owner, name, value in (
            (Table, "query", _in_partition(Table.query)),
            (utils, "unix_time", _from_clock(utils.unix_time)),
            (SQSBackend, "is_message_valid_based_on_retention_period", _is_retained),
            (BackendDict, "__getitem__", _found(BackendDict.__getitem__)),
            (BaseBackend, "urls", property(_by_class(BaseBackend.urls.fget))),
            (BaseModel, "__new__", _made),
            (MetricDatumBase, "__init__", _sharing_dimensions(MetricDatumBase.__init__)),
            (MotoRandom, "get_random_string", _random_string),
            (XFormedAttributePicker, "get_possible_keys", _by_member(XFormedAttributePicker.get_possible_keys)),
            (Request, "raw_url", cached_property(Request.raw_url.fget, "raw_url")),
            (S3Response, "subdomain_based_buckets", staticmethod(_by_host(S3Response.subdomain_based_buckets))),
            (ConditionExpressionParser, "_lex_one_node", _by_text(ConditionExpressionParser._lex_one_node)),
            (botocore.utils, "parse_timestamp", lru_cache(4096)(botocore.utils.parse_timestamp)),
            (backends, "list_of_moto_modules", lambda: modules),
            (backend_index, "backend_url_patterns", sorted(backend_index.backend_url_patterns, key=_is_idle)),
            (ErrorLookupFactory, "_create_error_lut", staticmethod(cache(ErrorLookupFactory._create_error_lut))),
            (responses, "method_names_from_class", cache(responses.method_names_from_class)),
            (responses, "http_date", lru_cache(responses.http_date)),
            (BaseResponse, "access_key_regex", SimpleNamespace(search=lru_cache(BaseResponse.access_key_regex.search))),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield


def _is_idle(pattern: tuple[str, Any]) -> bool:
    return pattern[0] not in BUSY


def _in_partition(stock: Any) -> Any:
    parameters = signature(stock)

    @wraps(stock)
    def query(*arguments: Any, **named: Any) -> Any:
        given = parameters.bind(*arguments, **named).arguments
        if given.get("index_name"):
            return stock(*arguments, **named)
        table, key = given["self"], given["hash_key"]
        partition = object.__new__(Table)  # copy() would register another table with moto
        vars(partition).update(vars(table), items={key: table.items[key]} if key in table.items else {})
        return stock(partition, *arguments[1:], **named)

    return query


def _from_clock(stock: Any) -> Any:
    @wraps(stock)
    def unix_time(moment: datetime | None = None) -> float:
        return stock(moment) if moment else time.time()

    return unix_time


def _is_retained(backend: SQSBackend, queue: str, message: Message) -> bool:
    sent = message.sent_timestamp or 0
    return bool(time.time() < backend.get_queue(queue).message_retention_period + sent / 1000)


def _found(stock: Any) -> Any:
    @wraps(stock)
    def backend_of(backends: BackendDict[Any], account: str) -> Any:
        return dict.get(backends, account) or stock(backends, account)

    return backend_of


def _by_class(stock: Any) -> Any:
    kept: dict[type, Any] = {}

    @wraps(stock)
    def urls(backend: BaseBackend) -> Any:
        if type(backend) not in kept:
            kept[type(backend)] = stock(backend)
        return kept[type(backend)]

    return urls


def _made(model: type[BaseModel], *_: Any, **__: Any) -> BaseModel:
    made = object.__new__(model)
    if issubclass(model, FakeKey | FakeMultipart):  # moto closes their files by its list of them
        model.instances_tracked.append(made)
    return made


def _sharing_dimensions(stock: Any) -> Any:
    kept: dict[tuple[tuple[str, str], ...], list[Dimension]] = {}

    @wraps(stock)
    def initialize(
        datum: MetricDatumBase, namespace: str, name: str, dimensions: list[dict[str, str]], *rest: Any
    ) -> None:
        stock(datum, namespace, name, (), *rest)
        pairs = tuple((dimension["Name"], dimension["Value"]) for dimension in dimensions)
        datum.dimensions = kept.setdefault(pairs, [Dimension(*pair) for pair in pairs])

    return initialize


def _random_string(random: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    made = "".join(random.choices(ascii_letters + digits * include_digits, k=length))
    return made.lower() if lower_case else made


def _by_member(stock: Any) -> Any:
    kept: dict[Any, tuple[str, ...]] = {}

    @wraps(stock)
    def possible_keys(picker: Any, context: Any) -> tuple[str, ...]:
        place = (type(context.obj), context.shape, context.key)
        if place not in kept:
            kept[place] = tuple(stock(picker, context))
        return kept[place]

    return possible_keys


def _by_host(stock: Any) -> Any:
    kept: dict[str, bool] = {}

    @wraps(stock)
    def subdomain_based_buckets(request: Request) -> bool:
        host = request.headers["Host"]
        if host not in kept:
            kept[host] = stock(request)
        return kept[host]

    return subdomain_based_buckets


def _by_text(stock: Any) -> Any:
    lexed = lru_cache(4096)(partial(stock, ConditionExpressionParser))  # it reads only the parser's class

    @wraps(stock)
    def lex_one_node(_: ConditionExpressionParser, text: str) -> Any:
        return lexed(text)

    return lex_one_node

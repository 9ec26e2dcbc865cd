"""Lambda's API in moto, with repairs.

Gaps upstream (moto 5.2.5): moto runs functions in Docker only, synchronously, and calls every function error "Handled"
(`LambdaFunction.invoke`); it forgets a function's logging configuration and dead-letter queue, and its layers' content
after the layer's deletion; it checks no quota; it gives the number of a deleted version to the next one
(`LambdaStorage.publish_version`); it has no GetAccountSettings.
"""

import base64
import copy
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from moto.awslambda import urls
from moto.awslambda.models import LambdaBackend, LambdaFunction, LambdaStorage, lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult

from usher_local.cloud.aws_lambda.functions import Lambdas
from usher_local.cloud.aws_lambda.limits import (
    MAX_UNZIPPED_BYTES,
    check_memory,
    check_packages,
    check_request,
    check_reserved,
)
from usher_local.cloud.core.patching import replaced

Method = Callable[..., Any]
ACCOUNT_SETTINGS = r"{0}/2016-08-19/account-settings/?$"


@contextmanager
def running(lambdas: Lambdas) -> Iterator[None]:
    """Make moto run functions on `lambdas`, and repair its gaps; the caller closes `lambdas`."""
    with ExitStack() as stack:
        for owner, name, repair in (
            (LambdaBackend, "invoke", invoking_by_name),
            (LambdaBackend, "put_function_concurrency", reserving),
            (LambdaFunction, "__init__", creating),
            (LambdaFunction, "invoke", invoking),
            (LambdaFunction, "update_configuration", updating),
            (LambdaFunction, "update_function_code", updating),
            (LambdaStorage, "del_function", deleting),
            (LambdaStorage, "publish_version", publishing),
        ):
            stack.enter_context(replaced(owner, name, repair(getattr(owner, name), lambdas)))
        stack.enter_context(patch.dict(urls.url_paths, {ACCOUNT_SETTINGS: account_settings(lambdas).dispatch}))
        yield


def creating(stock: Method, lambdas: Lambdas) -> Method:
    """Creation of a function, with all its properties and within the account's limits."""

    def create(function: LambdaFunction, account_id: str, spec: dict[str, Any], region: str, version: Any = 1) -> None:
        stock(function, account_id, spec, region, version)
        function.log_format, function.dead_letter_arn, function.unpacked_layers = "Text", "", ()
        function.last_version = 0
        complete(function, spec, lambdas)
        reserve(function, function.reserved_concurrency, lambdas)

    return create


def updating(stock: Method, lambdas: Lambdas) -> Method:
    """A change of code or configuration; a refused one changes nothing."""

    def update(function: LambdaFunction, changes: dict[str, Any]) -> Any:
        changed = copy.copy(function)
        changed.code = dict(function.code)
        stock(changed, changes)
        complete(changed, changes, lambdas)
        vars(function).update(vars(changed))
        lambdas.prune()
        return function.get_configuration()

    return update


def complete(function: LambdaFunction, spec: Mapping[str, Any], lambdas: Lambdas) -> None:
    """Keep the properties that moto ignores, and validate them as AWS does."""
    logs = spec.get("LoggingConfig", {})
    function.logs_group_name = logs.get("LogGroup", function.logs_group_name)
    function.log_format = logs.get("LogFormat", function.log_format)
    function.dead_letter_arn = spec.get("DeadLetterConfig", {}).get("TargetArn", function.dead_letter_arn)
    if "Layers" in spec:
        backend = lambda_backends[function.account_id][function.region]
        versions = [backend.layers_versions_by_arn(layer["Arn"]) for layer in function.layers]
        function.unpacked_layers = tuple(lambdas.layer(one.arn, one.code_bytes) for one in versions)
    check_memory(int(function.memory_size), lambdas.limits)
    with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
        code = sum(one.file_size for one in archive.infolist())
    check_packages(code, [layer.size for layer in function.unpacked_layers])


def reserving(stock: Method, lambdas: Lambdas) -> Method:
    """PutFunctionConcurrency, within the account's limit."""

    def put(backend: LambdaBackend, function_name: str, reserved_concurrency: str) -> Any:
        reserve(backend.get_function(function_name), reserved_concurrency, lambdas)
        return stock(backend, function_name, reserved_concurrency)

    return put


def reserve(function: LambdaFunction, concurrency: Any, lambdas: Lambdas) -> None:
    """Refuse to reserve more concurrency than the account has left."""
    everyone = lambda_backends[function.account_id][function.region].list_functions()
    others = sum(int(one.reserved_concurrency or 0) for one in everyone if one.function_name != function.function_name)
    if concurrency:
        check_reserved(others + int(concurrency), lambdas.limits)


def publishing(stock: Method, _: Lambdas) -> Method:
    """Publication of a version, with a number that no earlier version had."""

    def publish(storage: LambdaStorage, name_or_arn: str, description: str = "") -> Any:
        function = storage.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
        _, *before = storage.list_versions_by_function(function.function_name)
        made = stock(storage, name_or_arn, description)
        if not any(made is one for one in before):
            function.last_version += 1
            made.set_version(function.last_version)
            storage._arns[made.function_arn] = made
        return made

    return publish


def deleting(stock: Method, lambdas: Lambdas) -> Method:
    """Deletion of a function or version, together with its idle workers."""

    def delete(storage: LambdaStorage, name_or_arn: str, qualifier: str | None = None) -> None:
        stock(storage, name_or_arn, qualifier)
        lambdas.prune()

    return delete


def invoking(_: Method, lambdas: Lambdas) -> Method:
    """An invocation of one of Lambda's three types."""

    def invoke(function: LambdaFunction, body: str, headers: Any, response_headers: Any, arn: str = "") -> bytes:
        event, kind = body or "{}", headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "Event":
            check_request(event, asynchronous=True)
            lambdas.asynchronous.submit(function, event, arn)
        if kind != "RequestResponse":
            return b""
        answer = lambdas.invoke(function, event, arn)
        response_headers["x-amz-executed-version"] = str(function.version)
        response_headers["x-amz-log-result"] = base64.b64encode(answer.tail.encode()).decode()
        if answer.errored:
            response_headers["x-amz-function-error"] = "Unhandled"
        return answer.body.encode()

    return invoke


def invoking_by_name(_: Method, __: Lambdas) -> Method:
    """An invocation that passes on the ARN that the caller used."""

    def invoke(
        backend: LambdaBackend,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: Any,
    ) -> bytes:
        function = backend.get_function(function_name, qualifier)
        arn = invoked_arn(function, function_name, qualifier)
        payload: bytes = function.invoke(body, headers, response_headers, arn)
        response_headers["Content-Length"] = str(len(payload))
        return payload

    return invoke


def invoked_arn(function: LambdaFunction, name: str, qualifier: str | None) -> str:
    """The ARN that a caller used, with its qualifier if one was given, in `name` (or an ARN) or separately."""
    arn = ":".join(function.function_arn.split(":")[:7])
    parts = name.rpartition(":function:")[2].split(":")
    found = parts[1] if len(parts) > 1 else qualifier
    return f"{arn}:{found}" if found else arn


def account_settings(lambdas: Lambdas) -> type[LambdaResponse]:
    """The response class of GetAccountSettings: the account's limits, and its usage."""

    class AccountSettings(LambdaResponse):  # type: ignore[misc]
        def get_account_settings(self) -> ActionResult:
            functions = self.backend.list_functions()
            reserved = sum(int(one.reserved_concurrency or 0) for one in functions)
            concurrency = lambdas.limits.concurrency
            limit = {
                "CodeSizeUnzipped": MAX_UNZIPPED_BYTES,
                "ConcurrentExecutions": concurrency,
                "UnreservedConcurrentExecutions": concurrency - reserved,
            }
            return ActionResult({"AccountLimit": limit, "AccountUsage": {"FunctionCount": len(functions)}})

    return AccountSettings

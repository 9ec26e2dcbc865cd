"""Functions as AWS runs them, on moto's Lambda alone: no server, no stack."""

import io
import json
import os
import time
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from moto.awslambda.models import lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from tests.unit.cloud.roles import allow, document
from usher_local.cloud.aws_lambda.functions import Answer, Lambdas
from usher_local.cloud.aws_lambda.limits import (
    NEW,
    RAISED,
    Concurrency,
    Limits,
    ThrottledError,
    TooLargeError,
    check_packages,
    check_request,
)
from usher_local.cloud.aws_lambda.service import running
from usher_local.cloud.server import reset_moto

REGION = "us-east-1"
Make = Callable[..., Any]


@pytest.fixture
def limits() -> Limits:
    return NEW


@pytest.fixture
def lambdas(limits: Limits) -> Iterator[Lambdas]:
    reset_moto()
    made = Lambdas("http://127.0.0.1:1", limits=limits)
    with running(made), closing(made):
        yield made
    reset_moto()


@pytest.fixture
def backend(lambdas: Lambdas) -> Any:  # noqa: ARG001 - while it runs
    trust = allow("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
    del trust["Resource"]
    iam_backends[DEFAULT_ACCOUNT_ID]["aws"].create_role("r", document(trust), "/", None, "", [], "3600")
    return lambda_backends[DEFAULT_ACCOUNT_ID][REGION]


@pytest.fixture
def make(backend: Any) -> Make:
    """A function from its source and CreateFunction's parameters."""

    def function(source: str, name: str = "f", **given: Any) -> Any:
        role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/r"
        spec = {"FunctionName": name, "Handler": "app.handler", "Runtime": "python3.13", "Role": role, "Timeout": 20}
        return backend.create_function({**spec, "Code": archive({"app.py": source}), **given})

    return function


def archive(files: Mapping[str, str]) -> dict[str, bytes]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return {"ZipFile": b64encode(buffer.getvalue())}


def layer(backend: Any, name: str, files: Mapping[str, str]) -> str:
    arn: str = backend.publish_layer_version({"LayerName": name, "Content": archive(files)}).arn
    return arn


def result_of(answer: Answer) -> Any:
    assert not answer.errored, answer.body
    return json.loads(answer.body)


LOOK = """
import importlib.util, os, sys
def handler(event, context):
    return {"found": [name for name in event if importlib.util.find_spec(name)], "env": dict(os.environ)}
"""


def test_a_function_finds_lambdas_packages_and_none_of_the_developers(
    lambdas: Lambdas, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DEVELOPER", "x")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    names = ["app", "boto3", "awslambdaric", "pytest", "moto", "pip", "pandas", "yaml", "usher", "usher_local"]
    answer = result_of(lambdas.invoke(make(LOOK), json.dumps(names)))
    assert answer["found"] == ["app", "boto3", "awslambdaric"]
    assert "SECRET_OF_THE_DEVELOPER" not in answer["env"]
    assert answer["env"]["HOME"] != os.environ.get("HOME")


def test_a_package_that_no_layer_brings_is_an_import_error(lambdas: Lambdas, make: Make) -> None:
    answer = lambdas.invoke(make("import yaml\ndef handler(event, context): pass"), "{}")
    assert answer.errored
    error = json.loads(answer.body)
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'yaml'" in error["errorMessage"]


def test_a_layer_comes_before_the_runtime_and_a_later_layer_before_an_earlier(
    lambdas: Lambdas, backend: Any, make: Make
) -> None:
    arns = [layer(backend, name, {"python/six.py": f"WHOSE = {name!r}"}) for name in ("first", "second")]
    function = make("import six\ndef handler(event, context): return six.WHOSE", Layers=arns)
    assert result_of(lambdas.invoke(function, "{}")) == "second"


VERSIONED = """
import os, shared
def handler(event, context):
    return [shared.LINE, os.environ["LINE"], context.function_version, context.invoked_function_arn.split(":", 6)[6]]
"""


def test_a_published_version_stays_as_it_was_while_latest_changes(lambdas: Lambdas, backend: Any, make: Make) -> None:
    old, new = ({"python/shared.py": f"LINE = {line!r}"} for line in ("old", "new"))
    function = make(VERSIONED, Layers=[layer(backend, "shared", old)], Environment={"Variables": {"LINE": "old"}})
    backend.publish_version("f")
    backend.create_alias("live", "f", "1", "", "")
    assert result_of(lambdas.invoke(function, "{}"))[:2] == ["old", "old"]
    layers = [layer(backend, "shared", new)]
    backend.update_function_configuration("f", None, {"Layers": layers, "Environment": {"Variables": {"LINE": "new"}}})
    backend.delete_layer_version("shared", "1")

    def call(name: str, qualifier: str | None = None) -> Any:
        return json.loads(backend.invoke(name, qualifier, "{}", {}, {}))

    assert call("f") == ["new", "new", "$LATEST", "f"]
    assert call("f", "live") == ["old", "old", "1", "f:live"]
    assert call(f"arn:aws:lambda:{REGION}:{DEFAULT_ACCOUNT_ID}:function:f:1") == ["old", "old", "1", "f:1"]
    backend.update_function_code("f", None, archive({"app.py": "def handler(event, context): return 'changed'"}))
    assert (call("f"), call("f", "live")[0]) == ("changed", "old")
    backend.publish_version("f")
    backend.update_alias("live", "f", "2", None, None)
    assert call("f", "live") == "changed"


def test_the_number_of_a_deleted_version_is_not_given_again(backend: Any, make: Make) -> None:
    make(LOOK)
    for expected in (1, 2, 3):
        assert backend.publish_version("f").version == expected
        if expected > 1:
            backend.delete_function("f", str(expected - 1))
        backend.update_function_configuration("f", None, {"Description": str(expected)})


def test_a_cold_start_does_not_count_into_the_timeout(lambdas: Lambdas, make: Make) -> None:
    slow = "import time\ntime.sleep(2.5)\ndef handler(event, context): return context.get_remaining_time_in_millis()"
    assert result_of(lambdas.invoke(make(slow, Timeout=2), "{}")) > 0


HUNGRY = "def handler(event, context): return len(bytearray(event * 2**20))"


def test_a_function_that_takes_more_than_its_memory_is_killed(lambdas: Lambdas, make: Make) -> None:
    function = make(HUNGRY, MemorySize=128)
    assert result_of(lambdas.invoke(function, "10")) == 10 * 2**20
    answer = lambdas.invoke(function, "200")
    assert json.loads(answer.body)["errorType"] == "Runtime.OutOfMemory"
    assert result_of(lambdas.invoke(function, "10")) == 10 * 2**20


@pytest.mark.parametrize("change", ["create", "update"])
def test_a_new_account_has_functions_of_at_most_3008_mb(backend: Any, make: Make, change: str) -> None:
    said = "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 3008"
    if change == "update":
        make(LOOK, MemorySize=3008)
    with pytest.raises(Exception, match=said):
        if change == "create":
            make(LOOK, MemorySize=3009)
        else:
            backend.update_function_configuration("f", None, {"MemorySize": 10_240})
    if change == "update":
        assert backend.get_function("f").memory_size == 3008


@pytest.mark.parametrize("limits", [RAISED])
def test_a_raised_account_has_functions_of_10_gb_and_may_reserve_concurrency(backend: Any, make: Make) -> None:
    make(LOOK, MemorySize=10_240)
    backend.put_function_concurrency("f", 900)
    with pytest.raises(Exception, match=r"below its minimum value of \[100\]"):
        make(LOOK, name="g", ReservedConcurrentExecutions=1)


def test_a_new_account_may_reserve_no_concurrency(backend: Any, make: Make) -> None:
    make(LOOK)
    with pytest.raises(Exception, match=r"UnreservedConcurrentExecution below its minimum value of \[10\]"):
        backend.put_function_concurrency("f", 1)


def test_the_execution_beyond_the_limit_is_refused_until_another_has_ended() -> None:
    concurrency = Concurrency()
    with concurrency.execution("", 2):
        with concurrency.execution("", 2):
            with pytest.raises(ThrottledError, match=r"Rate Exceeded\."), concurrency.execution("", 2):
                pass
            with concurrency.execution("reserved", 1):
                pass
        with concurrency.execution("", 2):
            pass


def test_a_function_with_a_reserved_concurrency_of_none_is_throttled(
    lambdas: Lambdas, backend: Any, make: Make
) -> None:
    function = make("def handler(event, context): return 1")
    assert result_of(lambdas.invoke(function, "{}")) == 1
    backend.put_function_concurrency("f", 0)
    with pytest.raises(ThrottledError):
        lambdas.invoke(function, "{}")


def test_payloads_have_limits(lambdas: Lambdas, make: Make) -> None:
    check_request("x" * 6 * 2**20, asynchronous=False)
    with pytest.raises(TooLargeError, match="Request must be smaller than 6291456 bytes for the InvokeFunction"):
        check_request("x" * (6 * 2**20 + 1), asynchronous=False)
    with pytest.raises(TooLargeError, match=r"payload is too large for the Event invocation type \(limit 1048576"):
        check_request("x" * (2**20 + 1), asynchronous=True)
    function = make("def handler(event, context): return 'x' * event")
    assert len(result_of(lambdas.invoke(function, str(6 * 2**20)))) == 6 * 2**20
    answer = lambdas.invoke(function, str(6 * 2**20 + 100))
    assert json.loads(answer.body)["errorType"] == "Function.ResponseSizeTooLarge"


def test_code_and_layers_have_limits() -> None:
    check_packages(44_000, [200_000_000, 62_100_000])
    with pytest.raises(Exception, match=r"size of 262144000 bytes\. The actual size is 262144001 bytes"):
        check_packages(1, [262_144_000])
    with pytest.raises(Exception, match="Cannot reference more than 5 layers"):
        check_packages(1, [1] * 6)


def test_an_answer_that_looks_like_an_error_is_an_answer(lambdas: Lambdas, make: Make) -> None:
    envelope = {"errorType": "E", "errorMessage": "m"}
    assert result_of(lambdas.invoke(make(f"def handler(event, context): return {envelope}"), "{}")) == envelope


PID = "import os, time\ndef handler(event, context): time.sleep(event); return os.getpid()"


def ended(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_the_workers_of_deleted_or_changed_functions_end(lambdas: Lambdas, backend: Any, make: Make) -> None:
    function, other = make(PID), make(PID, "other")
    version = backend.publish_version("f")
    latest, published, kept = (result_of(lambdas.invoke(one, "0")) for one in (function, version, other))
    function.update_configuration({"Timeout": 10})
    assert (ended(latest), ended(published), ended(kept)) == (True, False, False)
    latest = result_of(lambdas.invoke(function, "0"))
    backend.delete_function("f", "1")
    assert (ended(latest), ended(published), ended(kept)) == (False, True, False)
    backend.delete_function("f")
    assert (ended(latest), ended(kept)) == (True, False)


def test_a_worker_that_answers_after_its_function_is_deleted_ends_then(
    lambdas: Lambdas, backend: Any, make: Make
) -> None:
    function = make(PID)
    result_of(lambdas.invoke(function, "0"))
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(lambdas.invoke, function, "3")
        while lambdas._idle["f", "$LATEST"]:
            time.sleep(0.01)
        backend.delete_function("f")
        assert ended(result_of(answer.result()))


def test_a_layer_that_two_ask_for_at_once_is_unpacked_once(lambdas: Lambdas) -> None:
    content = b64decode(archive({f"python/m{number}.py": "" for number in range(500)})["ZipFile"])
    with ThreadPoolExecutor(4) as threads:
        first, *others = threads.map(lambda _: lambdas.layer("arn", content), range(4))
    assert all(other is first for other in others)


def test_files_in_tmp_are_gone_with_the_worker(lambdas: Lambdas, make: Make) -> None:
    source = "import tempfile\ndef handler(event, context): return tempfile.mkdtemp()"
    folder = result_of(lambdas.invoke(make(source), "{}"))
    assert Path(folder).is_dir()
    lambdas.close()
    assert not Path(folder).exists()

"""The local cloud is closed to web pages and to other users of this machine.

A page attacks in a real browser, if there is one; the same requests are also sent by plain HTTP.
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from usher_local.clock import Clock
from usher_local.cloud.access.credentials import client
from usher_local.cloud.server import LocalCloud
from usher_local.personalize.core import faults

TEMPLATE = Path(__file__).parent / "fixtures/stack/template.yaml"
PAGE = Path(__file__).parent / "fixtures/attack.html"
BROWSER = shutil.which("chromium")
SECONDS = 120
FORM = "application/x-www-form-urlencoded"
EVIL = "evil.example"


@dataclass(frozen=True)
class Attack:
    """A request that a page tries to send."""

    name: str
    kind: str
    """The fetch mode `cors` or `no-cors`, or another way in which a page sends requests."""
    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


def claimed(service: str, **more: str) -> tuple[tuple[str, str], ...]:
    """Headers that moto would take for a signature."""
    scope = f"Credential=AKIAEXAMPLE/20260101/us-east-1/{service}/aws4_request"
    return ("Authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"), *more.items()


WORK = json.dumps({"do": "print", "text": "owned"})
ON_AWS = [
    Attack("buckets", "cors", "/"),
    Attack("bucket", "cors", "/stolen", "PUT"),
    Attack("topic", "no-cors", "/", "POST", (("Content-Type", FORM),), "Action=CreateTopic&Name=stolen"),
    Attack("invocation", "cors", "/2015-03-31/functions/{work}/invocations", "POST", claimed("lambda"), WORK),
    Attack("plain invocation", "no-cors", "/2015-03-31/functions/{work}/invocations", "POST", (), WORK),
    Attack(
        "faults",
        "cors",
        "/",
        "POST",
        claimed("personalize", **{"X-Amz-Target": "AmazonPersonalize.SetFaults"}),
        '{"throttle": 1}',
    ),
    Attack("reset", "no-cors", "/moto-api/reset", "POST"),
    Attack("state", "cors", "/moto-api/data.json"),
    Attack("dashboard", "iframe", "/moto-api/"),
    Attack("form", "form", "/", "POST", (), "Action=CreateTopic&Name=stolen"),
    Attack("picture", "img", "/stolen?Action=CreateTopic&Name=stolen"),
    Attack("script", "script", "/moto-api/lib.js"),
    Attack("socket", "websocket", "/"),
]
ON_API = [
    Attack("thing", "cors", "/g/things/1"),
    Attack("plain", "no-cors", "/g/things", "POST", (), "{}"),
    Attack("signed", "cors", "/g/things", "POST", claimed("execute-api"), "{}"),
    Attack("window", "iframe", "/g/things/1"),
    Attack("form", "form", "/g/things", "POST", (), "a=1"),
    Attack("picture", "img", "/g/things/1"),
    Attack("script", "script", "/g/things/1"),
    Attack("socket", "websocket", "/g/things/1"),
]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(TEMPLATE, 0, 0, Clock(600)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def look(cloud: LocalCloud) -> Callable[[], Any]:
    """Reads all targets of the attacks."""
    s3, sns, logs = (cloud.client(service) for service in ("s3", "sns", "logs"))
    groups = cloud.outputs["LogGroup"], cloud.outputs["ApiLogGroup"]

    def state() -> Any:
        buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
        topics = [topic["TopicArn"] for topic in sns.list_topics()["Topics"]]
        lines = [one["message"] for group in groups for one in logs.filter_log_events(logGroupName=group)["events"]]
        answered = [line for line in lines if not line.endswith(" 403")]  # the access log has refusals, too
        return buckets, topics, answered, faults.current

    return state


@pytest.fixture
def untouched(look: Callable[[], Any]) -> Iterator[None]:
    """Checks that the block changes no target of the attacks."""
    before = look()
    yield
    assert look() == before


def ports(cloud: LocalCloud) -> dict[str, list[Attack]]:
    """The attacks on each port of a cloud, by its host and port."""
    return {urlsplit(cloud.endpoint).netloc: ON_AWS, urlsplit(cloud.outputs["ApiUrl"]).netloc: ON_API}


def send(host: str, method: str, path: str, body: str | bytes, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer."""
    with closing(HTTPConnection(host, timeout=SECONDS)) as connection:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": f"http://{EVIL}"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Host": f"{EVIL}:4566"},
        {},
    ],
    ids=["a page", "a page without an origin", "a frame", "a picture", "DNS rebinding", "another user's program"],
)
def test_no_request_of_the_list_has_an_answer_or_an_effect(cloud: LocalCloud, sent: dict[str, str]) -> None:
    for host, attacks in ports(cloud).items():
        for attack in attacks:
            path = attack.path.format(work=cloud.outputs["WorkName"])
            for method in {"OPTIONS", attack.method} if sent else {attack.method}:
                status, headers = send(host, method, path, attack.body, dict(attack.headers) | sent)
                assert status == 403, attack
                assert not [name for name in headers if name.startswith("access-control-")], attack


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("sent", [{"Origin": f"http://{EVIL}"}, {"Sec-Fetch-Site": "same-origin"}], ids=str)
@pytest.mark.parametrize(("service", "path"), [("s3", "/stolen"), ("execute-api", "/g/things/1")])
def test_a_page_is_refused_even_where_it_signs(
    cloud: LocalCloud, service: str, path: str, sent: dict[str, str]
) -> None:
    url = cloud.endpoint if service == "s3" else cloud.outputs["ApiUrl"]
    request = AWSRequest("PUT" if service == "s3" else "GET", url + path)
    headers = sign(developer(cloud), service, request) | sent
    status, _ = send(urlsplit(url).netloc, str(request.method), path, b"", headers)
    assert status == 403


def developer(cloud: LocalCloud) -> Credentials:
    return Credentials(cloud.environment["AWS_ACCESS_KEY_ID"], cloud.environment["AWS_SECRET_ACCESS_KEY"])


@pytest.fixture(scope="module")
def nobody(cloud: LocalCloud) -> Credentials:
    """A user without permissions."""
    iam = cloud.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def sign(by: Credentials, service: str, request: AWSRequest) -> dict[str, str]:
    """The headers of a request that is signed."""
    (S3SigV4Auth if service == "s3" else SigV4Auth)(by, service, "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.usefixtures("untouched")
def test_a_caller_without_the_permission_cannot_set_faults(cloud: LocalCloud, nobody: Credentials) -> None:
    target = {"X-Amz-Target": "AmazonPersonalize.SetFaults", "Content-Type": "application/x-amz-json-1.1"}
    headers = sign(nobody, "personalize", AWSRequest("POST", f"{cloud.endpoint}/", target, '{"throttle": 1}'))
    status, _ = send(urlsplit(cloud.endpoint).netloc, "POST", "/", '{"throttle": 1}', headers)
    assert status == 400


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", ["/moto-api/data.json", "/moto-api/reset", "/latest/meta-data/iam", "/favicon.ico"])
def test_motos_own_pages_are_closed_to_signed_requests_too(cloud: LocalCloud, path: str) -> None:
    signed = sign(developer(cloud), "s3", AWSRequest("GET", cloud.endpoint + path))
    status, headers = send(urlsplit(cloud.endpoint).netloc, "GET", path, b"", signed)
    assert status == 404
    assert "access-control-allow-origin" not in headers


def test_a_pre_signed_url_has_its_signers_permissions(cloud: LocalCloud, nobody: Credentials) -> None:
    bucket = cloud.outputs["BucketName"]
    cloud.client("s3").put_object(Bucket=bucket, Key="a b/ü", Body=b"content")
    for signer, expected in ((developer(cloud), 200), (nobody, 403)):
        s3 = client("s3", cloud.endpoint, signer, Config(signature_version="s3v4"))
        url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b/ü"})
        status, _ = send(urlsplit(url).netloc, "GET", url.removeprefix(cloud.endpoint), b"", {})
        assert status == expected


class Site:
    """The page's own server. Attacks on it succeed, which proves that the page can make them."""

    def __init__(self) -> None:
        self.attacks: list[dict[str, Any]] = []
        self.hits: set[str] = set()
        self.reports: queue.Queue[dict[str, str]] = queue.Queue()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """A WSGI application."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == "/page":
            return Response(PAGE.read_text().replace("ATTACKS", json.dumps(self.attacks)), mimetype="text/html")
        if request.path == "/done":
            self.reports.put(request.get_json(force=True))
        elif request.method != "OPTIONS":
            self.hits.add(request.path)
        allowed = {"Origin": "*", "Methods": "*", "Headers": "Authorization, Content-Type, X-Amz-Target"}
        headers = {f"Access-Control-Allow-{name}": value for name, value in allowed.items()}
        return Response(f"stolen[{json.dumps(request.url)}] = 'readable'", headers=headers, mimetype="text/javascript")


@contextmanager
def browsing(url: str, folder: Path) -> Iterator[None]:
    """A browser with a page. All names lead to this machine, as with a malicious name server."""
    assert BROWSER
    arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        f"--user-data-dir={folder}",
        "--host-resolver-rules=MAP *.example 127.0.0.1",
        url,
    ]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603 - the machine's own browser
        [BROWSER, *arguments], stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def serving_pages(site: Site) -> Iterator[int]:
    """The port of a server of any host and origin."""
    server = make_server("127.0.0.1", 0, site, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")
@pytest.mark.usefixtures("untouched")
def test_a_page_in_a_browser_reads_nothing_and_runs_nothing(
    cloud: LocalCloud, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site()
    with serving_pages(site) as port:
        for host, attacks in ports(cloud).items():
            for name in ("127.0.0.1", "localhost", EVIL):
                site.attacks += [
                    order(
                        attack, f"{name}:{host.partition(':')[2]}", attack.path.format(work=cloud.outputs["WorkName"])
                    )
                    for attack in attacks
                ]
        tried = len(site.attacks)
        control = [order(attack, f"127.0.0.1:{port}", f"/{n}") for n, attack in enumerate([*ON_AWS, *ON_API])]
        site.attacks += control
        with browsing(f"http://{EVIL}:{port}/page", tmp_path):
            report = site.reports.get(timeout=SECONDS)
    # The page can make all attacks: a server that allows them is read.
    assert site.hits >= {urlsplit(one["url"]).path for one in control}
    readable = {one["id"] for one in control if one["kind"] in ("cors", "script")}
    assert readable == {one["id"] for one in control if "readable" in report[one["id"]]}
    # All attacks reached the local cloud, without an effect.
    refused = [one for one in caplog.records if one.name == "usher_local.cloud.http_api.request_gate"]
    assert len(refused) >= tried
    assert {report[one["id"]] for one in site.attacks if one not in control} == {""}


def order(attack: Attack, host: str, path: str) -> dict[str, Any]:
    """An attack in the page's form."""
    fetch = {"method": attack.method, "mode": attack.kind, "headers": dict(attack.headers)}
    options = fetch | ({"body": attack.body} if attack.body else {})
    return {
        "id": f"{host} {path} {attack.name}",
        "kind": attack.kind,
        "url": f"http://{host}{path}",
        "options": options,
    }

"""The start and the end of the local cloud."""

import json
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from moto.stepfunctions.parser.asl.jsonata import jsonata

from usher_local.clock import Clock
from usher_local.cloud.http_api.apis import PortTakenError
from usher_local.cloud.server import LocalCloud

TEMPLATE = Path(__file__).parent / "fixtures/stack/template.yaml"


def ends(pid: int) -> bool:
    """Whether a process ends, or becomes a zombie, within five seconds."""
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)), LocalCloud(TEMPLATE, port, 0):
            pass


def test_nothing_is_left_after_the_block() -> None:
    before = dict(os.environ)
    with LocalCloud(TEMPLATE, 0, 0) as cloud:
        answer = cloud.client("lambda").invoke(FunctionName=cloud.outputs["WorkName"], Payload=b"{}")
        pid = json.loads(answer["Payload"].read())["pid"]
        flow = json.dumps({"do": "sleep", "seconds": 60})
        cloud.client("stepfunctions").start_execution(stateMachineArn=cloud.outputs["FlowArn"], input=flow)
        port = urlsplit(cloud.endpoint).port or 0
    assert ends(pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert dict(os.environ) == before
    assert jsonata._eval_jsonata is None


def test_one_can_follow_another_and_knows_nothing_of_it() -> None:
    keys = set()
    for _ in range(2):
        with LocalCloud(TEMPLATE, 0, 0) as cloud:
            keys.add(cloud.environment["AWS_ACCESS_KEY_ID"])
            assert len(cloud.client("s3").list_buckets()["Buckets"]) == 1
    assert len(keys) == 2


def test_a_broken_template_closes_the_started_servers(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources: {Nameless: {Type: AWS::Serverless::Function}}"
    )
    with pytest.raises(Exception, match="Nameless"), LocalCloud(template, 0, 0):
        pass
    assert jsonata._eval_jsonata is None


def test_with_a_state_folder_personalize_is_as_it_was(tmp_path: Path) -> None:
    with LocalCloud(TEMPLATE, 0, 0, Clock.parse("instant"), state=tmp_path / "state") as cloud:
        made = cloud.client("personalize").create_dataset_group(name="films")["datasetGroupArn"]
    with LocalCloud(TEMPLATE, 0, 0, Clock.parse("instant"), state=tmp_path / "state") as cloud:
        found = cloud.client("personalize").describe_dataset_group(datasetGroupArn=made)["datasetGroup"]
        assert (found["name"], found["status"]) == ("films", "ACTIVE")
    with LocalCloud(TEMPLATE, 0, 0, Clock.parse("instant")) as cloud:
        assert cloud.client("personalize").list_dataset_groups()["datasetGroups"] == []

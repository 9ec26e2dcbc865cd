"""Every function of the template answers in the local cloud, with its layers only."""

import json
from typing import Any

from tests.integration.conftest import Site

NOT_ITS_OWN = ("Runtime.", "Sandbox.")


def answer(site: Site, name: str) -> dict[str, Any]:
    payload = site.cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")["Payload"]
    return {"name": name, "answer": json.loads(payload.read())}


def test_every_function_answers_or_raises_an_error_of_its_own(site: Site) -> None:
    names = [one["FunctionName"] for one in site.cloud.client("lambda").list_functions()["Functions"]]
    assert len(names) >= 10
    answers = [answer(site, name) for name in names]
    kinds = {one["name"]: str((one["answer"] or {}).get("errorType", "")) for one in answers}
    assert {name: kind for name, kind in kinds.items() if kind.startswith(NOT_ITS_OWN)} == {}

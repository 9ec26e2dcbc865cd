"""The steps of an export, which the state machine calls until none is left."""

from dataclasses import replace
from itertools import count
from typing import Any

from usher.exports.steps import WORK_SECONDS
from usher.runs.record import Run

from tests.unit.stack.files import machine
from tests.unit.usher.exports.test_export_job import GOOD, HOME, INTERACTIONS, drawn_up
from tests.unit.usher.world import REPOSITORY, World, load_function
from usher_local.simulation.machine import Machine


def test_a_share_is_assembled_as_far_as_the_time_of_each_call_allows(world: World) -> None:
    world.put("films/interactions.csv", INTERACTIONS)
    Run(world.bucket, "films", "run-1").write_plan(drawn_up(world))
    for part in range(5):
        world.put(f"{HOME}run-1/output/part-{part:04}.json.out", GOOD)
    times = count(0, WORK_SECONDS + 1)
    exporter = replace(load_function("export").exporter, clock=lambda: next(times))
    shares = list[Any]()

    def invoke(_: str, payload: dict[str, Any]) -> Any:
        shares.append(payload["share"])
        return exporter.take_step(**payload)

    each = machine(REPOSITORY / "statemachine" / "export.asl.yaml")["States"]["Make each export"]["ItemProcessor"]
    share = each["States"]["Assemble the parts"]["ItemProcessor"]
    context = {"Execution": {"Input": {"file": 0, "step": 2}}}
    assert not [*Machine(share, invoke, context, variables={"group": "films", "run": "run-1"}).run()]
    assert [one["file"] for one in shares] == [0, 2, 4, 6], "the last call finds nothing left"
    reports = world.bucket.keys(f"{HOME}run-1/parts/")
    assert [key.rpartition("/")[2] for key in reports] == [f"part-{part:04}.json" for part in (0, 2, 4)]

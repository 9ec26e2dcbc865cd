"""More data than a recipe's training considers is reported before anything is trained."""

from typing import Any

from usher.planning.inputs import load_inputs
from usher.planning.recipe_limits import above_recipe_limits

from tests.unit.usher.world import ARN_PREFIX, World, interactions

V1, V2, TEXTS = "aws-sims", "aws-user-personalization-v2", "aws-semantic-similarity"


def dataset(name: str, rows: int, **more: Any) -> dict[str, Any]:
    return {name: {"files": [f"g/{name}.csv"], "rows": rows, **more}}


def warnings(report: dict[str, Any], *recipes: str) -> list[tuple[str, str]]:
    return [(name, str(finding.problem)) for name, finding in above_recipe_limits(report, recipes, "g")]


def test_each_recipe_has_its_own_limits() -> None:
    report = dataset("interactions", 600_000_000) | dataset("items", 6_000_000)
    remedy = "Leave out the least important, or change the recipe."
    assert warnings(report, V1, V2, TEXTS) == [
        (
            "interactions",
            "g/interactions.csv: has 600,000,000 interactions; a training considers 500,000,000 with "
            f"{TEXTS}, 500,000,000 with {V1}. {remedy}",
        ),
        (
            "items",
            f"g/items.csv: has 6,000,000 items; a training considers 750,000 with {V1}, 5,000,000 with {V2}. {remedy}",
        ),
    ]
    assert warnings(dataset("interactions", 3_000_000_000) | dataset("items", 5_000_000), V2) == []
    assert len(warnings(dataset("interactions", 3_000_000_001), V2)) == 1
    assert warnings(dataset("items", 10_000_000), TEXTS) == []


def test_only_recipes_of_actions_limit_actions() -> None:
    report = dataset("actions", 1001)
    assert warnings(report, V1) == []
    [(name, message)] = warnings(report, V1, "aws-next-best-action")
    assert name == "actions"
    assert "a training considers 1,000 with aws-next-best-action." in message


def test_added_files_and_items_without_metadata_count() -> None:
    added = {"added": {"1.csv": {"rows": 250_000}, "2.csv": {"rows": 1}}}
    assert warnings(dataset("items", 500_000), V1) == []
    assert "has 750,001 items" in warnings(dataset("items", 500_000, **added), V1)[0][1]
    met = {"diagnosis": {"items": {"number": 800_000}}}
    [(name, message)] = warnings(dataset("interactions", 1000, **met), V1)
    assert name == "interactions"
    assert message.startswith("g/interactions.csv: has 800,000 items")


def test_a_group_with_too_many_items_is_planned_with_a_warning(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    world.put("films/items.csv", "ITEM_ID,YEAR\n" + "".join(f"i{n},1990\n" for n in range(750_001)))
    inputs = load_inputs(world.bucket, "films", world.inventory, ARN_PREFIX)
    assert inputs
    [message] = [one.message for one in inputs.report["items"]["findings"] if "considers" in one.message]
    assert message == "has 750,001 items; a training considers 750,000 with aws-similar-items."

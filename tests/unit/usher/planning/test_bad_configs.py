"""Every mistake in a config is reported with its place before anything is made; its remedy, if followed, works."""

import pytest
import yaml
from usher.errors import InputError
from usher.planning.inputs import Inputs, load_inputs

from tests.unit.usher.world import ARN_PREFIX, World

PLACE = "shop/usher.yaml: "
SOLUTION = "solutions: {s: {recipe: %s}}"
UP = "aws-user-personalization"
SIMS = SOLUTION % "aws-sims"
FANS = "solutions: {s: {recipe: aws-item-affinity, campaign: false}}"
TASTES = "solutions: {s: {recipe: aws-item-attribute-affinity, campaign: false}}"
SHOP = "group: {domain: ECOMMERCE}\nrecommenders: {r: {recipe: %s}}"
FILES = {
    "items.csv": "ITEM_ID,CATEGORY,PRICE,TITLE\n"
    + "".join(f"i{n},{'shoes' if n % 2 else 'hats'},{n}.5,The {n}th thing of all\n" for n in range(40)),
    "users.csv": "USER_ID,COUNTRY,AGE\n" + "".join(f"u{n},{'DE' if n % 2 else 'AT'},{n + 20}\n" for n in range(60)),
    "interactions.csv": "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n"
    + "".join(f"u{n % 60},i{n * 7 % 40},{1_600_000_000 + n},watch\n" for n in range(1200)),
    "batch/good.jsonl": '{"userId": "u1"}\n',
    "batch/categories.jsonl": r'{"userId": "u1", "filterValues": {"C": "\"hats\""}}' + "\n",
    "batch/bare.jsonl": '{"userId": "u1", "filterValues": {"C": "hats"}}\n',
    "batch/list.jsonl": '{"userId": "u1"}\n[{"userId": "u1"}]\n',
    "batch/user.jsonl": '{"user": "u1"}\n',
    "batch/empty.jsonl": "",
    "segments/good.jsonl": r'{"itemAttributes": "ITEMS.CATEGORY = \"hats\""}' + "\n",
    "segments/field.jsonl": r'{"itemAttributes": "ITEMS.CATEGORIES = \"hats\""}' + "\n",
}


def filtered(expression: str) -> str:
    return yaml.safe_dump({"filters": {"f": expression}})


def job(file: str, expression: str = "", section: str = "batch", solutions: str = SIMS.replace("aws-sims", UP)) -> str:
    one = {"solution": "s", "input": f"shop/{section}/{file}.jsonl", **({"filter": "f"} if expression else {})}
    more = {"filters": {"f": expression}} if expression else {}
    return f"{solutions}\n{yaml.safe_dump({section: {'j': one}, **more})}"


BY_CATEGORY = "INCLUDE ItemID WHERE Items.CATEGORY IN ($C)"
TEXTUAL = """
schemas: {items: {fields: [{name: ITEM_ID, type: string}, {name: CATEGORY, type: string, categorical: true},
  {name: PRICE, type: float}, {name: TITLE, type: string, textual: true}]}}
"""
GATED = "solutions: {s: {recipe: aws-item-affinity, campaign: false, gate: {metric: %s, atLeast: 0.1}}}"
PARAMETER = (
    "solutions: {s: {recipe: aws-sims, solutionConfig: {algorithmHyperParameters: {min_cointeraction_count: %s}}}}"
)
OBJECTIVE = "solutions: {s: {recipe: %s, solutionConfig: {optimizationObjective: {itemAttribute: %s}}}}"
EXCLUDED = "solutions: {s: {recipe: aws-sims, solutionConfig: {trainingDataConfig: {excludedDatasetColumns: %s}}}}"
FIELDS = "solutions.s.solutionConfig.trainingDataConfig.excludedDatasetColumns"
UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
# The mistake, its place, the beginning of the message, the end of the remedy, and the effect of the remedy.
MISTAKES = [
    # filters: fields, operators, grammar
    (
        filtered('INCLUDE ItemID WHERE Items.CATEGORIE IN ("hats")'),
        "filters.f",
        "can't be made: there is no field Items.CATEGORIE.",
        "Did you mean Items.CATEGORY?",
        filtered('INCLUDE ItemID WHERE Items.CATEGORY IN ("hats")'),
    ),
    (
        filtered('INCLUDE ItemID WHERE Item.CATEGORY IN ("hats")'),
        "filters.f",
        "can't be made: the dataset group has no dataset Item.",
        "Did you mean Items?",
        filtered('INCLUDE ItemID WHERE Items.CATEGORY IN ("hats")'),
    ),
    (
        filtered("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (purchase)"),
        "filters.f",
        "can't be read: unexpected input at line 1 column 50: purchase)",
        'Put texts in quotes: "purchase".',
        filtered('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")'),
    ),
    (
        filtered("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (*)"),
        "filters.f",
        "can't be read: unexpected input at line 1 column 50: *)",
        'Put texts in quotes: "*".',
        filtered(UNSEEN),
    ),
    (
        filtered('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN "*"'),
        "filters.f",
        "can't be read",
        "Write an opening parenthesis, or CurrentItem there.",
        filtered(UNSEEN),
    ),
    (
        filtered('INCLUDE ItemID WHERE Items.CATEGORY = "hats"'),
        "filters.f",
        "can't be made: Items.CATEGORY is not numeric",
        "Use IN or NOT IN, or make it a number in the schema.",
        filtered('INCLUDE ItemID WHERE Items.CATEGORY IN ("hats")'),
    ),
    (
        filtered('INCLUDE ItemID WHERE Items.PRICE < "20"'),
        "filters.f",
        "can't be made: Items.PRICE is numeric",
        "Write a number, without quotes.",
        filtered("INCLUDE ItemID WHERE Items.PRICE < 20"),
    ),
    (
        filtered("INCLUDE ItemID WHERE Items.PRICE == 20"),
        "filters.f",
        "can't be read: unexpected input at line 1 column 35",
        "or a placeholder, such as $GENRE, or CurrentItem there.",
        filtered("INCLUDE ItemID WHERE Items.PRICE = 20"),
    ),
    (
        filtered("INCLUDE ItemID WHERE PRICE < 20"),
        "filters.f",
        "can't be read",
        "such as Items.GENRE there.",
        filtered("INCLUDE ItemID WHERE Items.PRICE < 20"),
    ),
    (
        filtered("INCLUDE Items WHERE Items.PRICE < 20"),
        "filters.f",
        "can't be read",
        "Write ItemID, ActionID or UserID there.",
        filtered("INCLUDE ItemID WHERE Items.PRICE < 20"),
    ),
    (
        filtered("ItemID WHERE Items.PRICE < 20"),
        "filters.f",
        "can't be read",
        "Write INCLUDE or EXCLUDE there.",
        filtered("INCLUDE ItemID WHERE Items.PRICE < 20"),
    ),
    (
        filtered("INCLUDE ItemID WHERE Items.PRICE < 20 EXCLUDE ItemID WHERE Items.PRICE < 10"),
        "filters.f",
        "can't be read",
        "Join clauses with |.",
        filtered("INCLUDE ItemID WHERE Items.PRICE < 20 | EXCLUDE ItemID WHERE Items.PRICE < 10"),
    ),
    (
        filtered("INCLUDE ItemID WHERE Items.CATEGORY IN (\u201chats\u201d)"),
        "filters.f",
        "can't be read",
        'Use straight quotes: "Comedy".',
        filtered('INCLUDE ItemID WHERE Items.CATEGORY IN ("hats")'),
    ),
    (
        filtered("INCLUDE ItemID WHERE Items.CATEGORY NOT IN ($C)"),
        "filters.f",
        "can't be read: Invalid input symbol: $C.",
        "Swap INCLUDE and EXCLUDE, and write IN.",
        filtered("EXCLUDE ItemID WHERE Items.CATEGORY IN ($C)"),
    ),
    (
        filtered('INCLUDE ItemID WHERE Items.CATEGORY IN ("*")'),
        "filters.f",
        'can\'t be made: "*" is allowed only',
        "Name the values.",
        filtered('INCLUDE ItemID WHERE Items.CATEGORY IN ("hats")'),
    ),
    (
        filtered("INCLUDE ItemID WHERE CurrentUser.AGE > 30"),
        "filters.f",
        "can't be made: CurrentUser.AGE is allowed only",
        "Move it to the end of the clause: ... IF CurrentUser.FIELD ...",
        filtered("INCLUDE ItemID WHERE Items.PRICE > 1 IF CurrentUser.AGE > 30"),
    ),
    (
        filtered("INCLUDE ItemID WHERE Users.AGE > 30"),
        "filters.f",
        "can't be made: Users.AGE is allowed only with UserID",
        "Use fields of Items and Interactions.",
        filtered("INCLUDE ItemID WHERE Items.PRICE > 1"),
    ),
    (
        filtered('INCLUDE ItemID WHERE Interactions.ITEM_ID IN ("i1")'),
        "filters.f",
        "can't be made: of Interactions only",
        "or name types.",
        filtered('INCLUDE ItemID WHERE Items.ITEM_ID IN ("i1")'),
    ),
    (
        'filters: {f: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a #b")}',
        "",
        "is not readable",
        "Close the bracket.",
        filtered('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a #b")'),
    ),
    (
        'filters:\n  f: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a #b")',
        "filters.f",
        "can't be read",
        "In YAML, ` #` begins a comment.",
        filtered('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a #b")'),
    ),
    (
        'filters:\n  f: "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a")"',
        "",
        "is not readable",
        "inside them, write '' for '.",
        "filters:\n  f: 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"a\")'",
    ),
    # gates
    (
        "solutions: {s: {recipe: aws-sims, gate: {metric: precision@25, atLeast: 0.1}}}",
        "solutions.s.gate.metric",
        "is precision@25, which is not a metric of aws-sims.",
        "Did you mean precision_at_25?",
        "solutions: {s: {recipe: aws-sims, gate: {metric: precision_at_25, atLeast: 0.1}}}",
    ),
    (
        GATED % "precision_at_25",
        "solutions.s.gate.metric",
        "is precision_at_25, which is not a metric of aws-item-affinity.",
        "recall_at_1_percent.",
        GATED % "recall_at_1_percent",
    ),
    # members that the recipe requires or allows
    (
        SOLUTION % "aws-next-best-action",
        "solutions.s",
        "needs shop/actions.csv, which does not exist.",
        "Put it there, or use another recipe.",
        SIMS,
    ),
    (
        SOLUTION % "aws-semantic-similarity",
        "solutions.s",
        "needs a textual column of the items.",
        "Mark one in schemas.items: {name: DESCRIPTION, type: string, textual: true}.",
        SOLUTION % "aws-semantic-similarity" + TEXTUAL,
    ),
    (
        "solutions: {s: {recipe: aws-item-affinity}}",
        "solutions.s.campaign",
        "is of the recipe aws-item-affinity, which",
        "Write campaign: false.",
        FANS,
    ),
    (
        "solutions: {s: {recipe: aws-sims, trainingMode: UPDATE}}",
        "solutions.s.trainingMode",
        "is UPDATE, with which",
        "Use FULL, or one of the recipes aws-user-personalization, aws-hrnn-coldstart.",
        "solutions: {s: {recipe: aws-sims, trainingMode: FULL}}",
    ),
    (
        SOLUTION % "aws-vod-top-picks",
        "solutions.s.recipe",
        "is for recommenders, not for solutions.",
        "Move it to recommenders.",
        SIMS,
    ),
    (
        OBJECTIVE % ("aws-sims", "PRICE"),
        "solutions.s.solutionConfig.optimizationObjective",
        "is not possible with this recipe.",
        "use one of: aws-user-personalization, aws-personalized-ranking.",
        SIMS,
    ),
    (
        OBJECTIVE % (UP, "PRIZE") + TEXTUAL,
        "solutions.s.solutionConfig.optimizationObjective.itemAttribute",
        "is PRIZE, which is not a number",
        "Did you mean PRICE?",
        OBJECTIVE % (UP, "PRICE") + TEXTUAL,
    ),
    # columns
    (
        EXCLUDED % "{Items: [TITEL]}",
        f"{FIELDS}.Items",
        "names TITEL, which is not a column",
        "Did you mean TITLE?",
        EXCLUDED % "{Items: [TITLE]}",
    ),
    (
        EXCLUDED % "{Item: [TITLE]}",
        f"{FIELDS}.Item",
        "is not a dataset of this group.",
        "Did you mean Items?",
        EXCLUDED % "{Items: [TITLE]}",
    ),
    (
        SOLUTION % UP + "\nexports: {s: {users: {LAND: [DE]}}}",
        "exports.s.users",
        "names LAND, which is not a column of users.",
        "Use one of: AGE, COUNTRY.",
        SOLUTION % UP + "\nexports: {s: {users: {COUNTRY: [DE]}}}",
    ),
    (
        SOLUTION % UP + "\nexports: {s: {metadata: [TITEL]}}",
        "exports.s.metadata",
        "names TITEL, which is not a column of items.",
        "Did you mean TITLE?",
        SOLUTION % UP + "\nexports: {s: {metadata: [TITLE]}}",
    ),
    (
        TASTES + "\nexports: {s: {attributes: ['ITEMS.CATEGORIES = \"hats\"']}}",
        "exports.s.attributes",
        "can't be used: there is no field ITEMS.CATEGORIES.",
        "Did you mean ITEMS.CATEGORY?",
        TASTES + "\nexports: {s: {attributes: ['ITEMS.CATEGORY = \"hats\"']}}",
    ),
    (
        "metricAttribution: {metrics: [{eventType: watch, metricName: m, expression: SUM(Items.PRIZE)}]}",
        "metricAttribution.metrics[0].expression",
        "names Items.PRIZE, which is not a column of numbers.",
        "Did you mean PRICE?",
        "metricAttribution: {metrics: [{eventType: watch, metricName: m, expression: SUM(Items.PRICE)}]}",
    ),
    # placeholders
    (
        SOLUTION % UP
        + "\n"
        + filtered(BY_CATEGORY)
        + "exports: {s: {filter: f, filterValues: {CATEGORY: hats}, users: {AGE: 20}}}",
        "exports.s.filterValues",
        "names 'CATEGORY', which this file does not define.",
        "Use one of: C.",
        SOLUTION % UP
        + "\n"
        + filtered(BY_CATEGORY)
        + "exports: {s: {filter: f, filterValues: {C: hats}, users: {AGE: 20}}}",
    ),
    (
        SOLUTION % UP
        + "\n"
        + filtered("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE")
        + "exports: {s: {filter: f}}",
        "exports.s.filter",
        "names a filter with CurrentItem",
        "or a solution of such a recipe.",
        SOLUTION % "aws-similar-items"
        + "\n"
        + filtered("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE")
        + "exports: {s: {filter: f}}",
    ),
    (
        FANS + "\n" + filtered(UNSEEN) + "exports: {s: {items: [i1], filter: f}}",
        "exports.s.filter",
        "names a filter that is not on UserID.",
        "Use one that begins like INCLUDE UserID WHERE ...",
        FANS + "\n" + filtered("INCLUDE UserID WHERE Users.AGE > 30") + "exports: {s: {items: [i1], filter: f}}",
    ),
    # jobs and their inputs
    (
        job("good", solutions=FANS),
        "batch.j.solution",
        "is for a solution whose jobs belong to the section segments.",
        "Move the job to segments, or use another solution.",
        job("good"),
    ),
    (job("list"), "shop/batch/list.jsonl line 2", "is not a JSON object.", 'Write {"userId": "u1"}.', job("good")),
    (job("user"), "shop/batch/user.jsonl line 1", "has no userId", 'Write {"userId": "u1"}.', job("good")),
    (job("empty"), "shop/batch/empty.jsonl", "is empty.", "one JSON per line.", job("good")),
    (
        job("good", BY_CATEGORY),
        "shop/batch/good.jsonl line 1",
        "has no value for $C.",
        r'Give it one: "filterValues": {"GENRE": "\"Comedy\""}.',
        job("categories", BY_CATEGORY),
    ),
    (
        job("bare", BY_CATEGORY),
        "shop/batch/bare.jsonl line 1",
        "has the value hats, which is neither",
        r'Write {"GENRE": "\"Comedy\""}, with quotes inside the text.',
        job("categories", BY_CATEGORY),
    ),
    (
        job("field", section="segments", solutions=TASTES),
        "shop/segments/field.jsonl line 1",
        "can't be used: there is no field ITEMS.CATEGORIES.",
        "Did you mean ITEMS.CATEGORY?",
        job("good", section="segments", solutions=TASTES),
    ),
    # schedules
    (
        "schedules: {retrain: every day}",
        "schedules.retrain",
        "is every day, which is not a schedule.",
        "or at(2030-01-31T03:00:00).",
        "schedules: {retrain: rate(1 day)}",
    ),
    (
        "schedules: {retrain: cron(0 3 ? * SUN *)}",
        "",
        "is not readable",
        "Inside brackets, put a text with , : ? [ ] { or } into single quotes.",
        "schedules: {retrain: 'cron(0 3 ? * SUN *)'}",
    ),
    (
        "schedules: {retrain: 'cron(0 3 32 * ? *)'}",
        "schedules.retrain",
        "is cron(0 3 32 * ? *), which is not a schedule.",
        "or at(2030-01-31T03:00:00).",
        "schedules: {retrain: 'cron(0 3 31 * ? *)'}",
    ),
    (
        "schedules: {retrain: 03:00}",
        "schedules.retrain",
        "is 03:00, which is not a schedule.",
        "or at(2030-01-31T03:00:00).",
        "schedules: {retrain: 'cron(0 3 * * ? *)'}",
    ),
    (
        "schedules: {retrain: {ScheduleExpression: rate(1 day), ScheduleExpressionTimezone: Europe/Berln}}",
        "schedules.retrain.ScheduleExpressionTimezone",
        "is Europe/Berln, which is not a time zone.",
        "Did you mean Europe/Berlin?",
        "schedules: {retrain: {ScheduleExpression: rate(1 day), ScheduleExpressionTimezone: Europe/Berlin}}",
    ),
    (
        "schedules: {retrain: {ScheduleExpression: rate(1 day), State: off}}",
        "schedules.retrain",
        "State is off.",
        "Use one of: ENABLED, DISABLED.",
        "schedules: {retrain: {ScheduleExpression: rate(1 day), State: DISABLED}}",
    ),
    (
        "solutions: {s: {recipe: aws-sims, performAutoTraining: true, solutionConfig: {autoTrainingConfig: "
        "{schedulingExpression: rate(12 hours)}}}}",
        "solutions.s.solutionConfig.autoTrainingConfig.schedulingExpression",
        "is rate(12 hours), which is not a schedule of automatic training.",
        "Write rate(1 day) to rate(30 days).",
        "solutions: {s: {recipe: aws-sims, performAutoTraining: true, solutionConfig: {autoTrainingConfig: "
        "{schedulingExpression: rate(1 day)}}}}",
    ),
    # members and values
    (
        "solutions: {s: {recipe: aws-sims, campain: false}}",
        "solutions.s.campain",
        "is unknown to CreateSolution.",
        "Did you mean campaign?",
        "solutions: {s: {recipe: aws-sims, campaign: false}}",
    ),
    (
        "solutions: {s: {recipe: aws-sims, minProvisionedTPS: 1}}",
        "solutions.s.minProvisionedTPS",
        "is unknown to CreateSolution.",
        "Move it below campaign.",
        "solutions: {s: {recipe: aws-sims, campaign: {minProvisionedTPS: 1}}}",
    ),
    (
        job("good").replace("solution:", "solutoin:"),
        "batch.j.solutoin",
        "is unknown to CreateBatchInferenceJob.",
        "Did you mean solution?",
        job("good"),
    ),
    (
        "solutions: {s: {recipe: aws-sims, campaign: no}}",
        "solutions.s.campaign",
        "is no.",
        "Write false.",
        "solutions: {s: {recipe: aws-sims, campaign: false}}",
    ),
    (
        "solutions: {s: {recipe: aws-sims, performHPO: yes}}",
        "solutions.s",
        "Invalid type for parameter performHPO, value: yes",
        "Write true or false.",
        "solutions: {s: {recipe: aws-sims, performHPO: true}}",
    ),
    (
        "solutions: {s: {recipe: aws-sims, campaign: {minProvisionedTPS: '1'}}}",
        "solutions.s.campaign",
        "Invalid type for parameter minProvisionedTPS, value: 1",
        "Write a number, without quotes.",
        "solutions: {s: {recipe: aws-sims, campaign: {minProvisionedTPS: 1}}}",
    ),
    (
        PARAMETER % "2",
        "solutions.s",
        "Invalid type for parameter solutionConfig.algorithmHyperParameters.min_cointeraction_count",
        "Put it into quotes.",
        PARAMETER % "'2'",
    ),
    (
        "solutions: {s: {recipe:aws-sims}}",
        "solutions.s.recipe:aws-sims",
        "is unknown to CreateSolution.",
        "Write a blank after the colon (name: value).",
        SIMS,
    ),
    (
        SOLUTION % UP + "\nexports: {s: {numResults: '10'}}",
        "exports.s.numResults",
        "is '10'.",
        ", without quotes.",
        SOLUTION % UP + "\nexports: {s: {numResults: 10}}",
    ),
    (
        SOLUTION % UP + "\nexports: {s: {users: {COUNTRY: true}}}",
        "exports.s.users.COUNTRY",
        "is True.",
        "in quotes, or a list of them.",
        SOLUTION % UP + "\nexports: {s: {users: {COUNTRY: 'true'}}}",
    ),
    (
        "solutions:\n\ts: {recipe: aws-sims}",
        "",
        "is not readable",
        "Indent with blanks, not with tabs.",
        "solutions:\n  s: {recipe: aws-sims}",
    ),
]


@pytest.fixture(scope="module")
def shop(shared_world: World) -> World:
    for name, content in FILES.items():
        shared_world.put(f"shop/{name}", content)
    return shared_world


def load(shop: World, config: str) -> Inputs | None:
    shop.put("shop/usher.yaml", config)
    return load_inputs(shop.bucket, "shop", shop.inventory, ARN_PREFIX)


@pytest.mark.parametrize(
    ("wrong", "place", "message", "remedy", "right"), MISTAKES, ids=[f"{one[1]} {one[2][:40]}" for one in MISTAKES]
)
def test_a_mistake_is_named_and_its_remedy_works(
    shop: World, wrong: str, place: str, message: str, remedy: str, right: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(shop, wrong)
    problems = caught.value.problems
    assert len(problems) <= 2, "one mistake, and at most what it leads to"
    (found,) = (one for one in problems if message in one.message)
    if place:
        assert found.place == (place if place.startswith("shop/") else f"{PLACE}{place}")
    assert found.remedy.endswith(remedy)
    assert load(shop, right)


def test_mistakes_of_all_kinds_are_named_at_once(shop: World) -> None:
    with pytest.raises(InputError) as caught:
        load(
            shop,
            """
solution: {}
solutions: {s: {recipe: aws-user-personalization, gate: {metric: ndcg, atLeast: 1}}}
filters: {a: "INCLUDE ItemID WHERE Items.PRIZE < 2", b: INCLUDE ItemID}
exports: {s: {metadata: [TITEL]}}
batch: {j: {solution: s, input: shop/batch/user.jsonl}}
schedules: {retrain: daily}
""",
        )
    assert [problem.place.removeprefix(PLACE) for problem in caught.value.problems] == [
        "solution", "filters.b", "schedules.retrain", "solutions.s.gate.metric", "filters.a", "exports.s.metadata",
        "shop/batch/user.jsonl line 1",
    ]  # fmt: skip

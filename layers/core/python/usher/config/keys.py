"""Usher's own keys of `usher.yaml`, each with its JSON Schema: the parser and the editor's schema use these tables.

All other keys are members of the operations of OPERATIONS.
"""

from collections.abc import Collection, Mapping
from typing import Any

from usher.prices import PRICES
from usher.storage.layout import DATASETS

Keys = Mapping[str, Mapping[str, Any]]

TRAINING_MODES = ("FULL", "UPDATE")
IDLE_MODES = ("keep", "table")
FORMATS = ("csv", "parquet")
DEFAULT_KEEP = 7
MAX_BUDGET = 1e9
MAX_PRICE_FACTOR = 1000
"""The most by which `prices` may multiply a price of PRICES."""

OPERATIONS = {
    "group": "CreateDatasetGroup",
    "solutions": "CreateSolution",
    "campaign": "CreateCampaign",
    "recommenders": "CreateRecommender",
    "filters": "CreateFilter",
    "metricAttribution": "CreateMetricAttribution",
    "batch": "CreateBatchInferenceJob",
    "segments": "CreateBatchSegmentJob",
}
"""The operation whose members a section takes verbatim."""
_JOB = ("jobName", "solutionVersionArn", "filterArn", "jobInput", "jobOutput", "roleArn")
FILLED_IN: Mapping[str, Collection[str]] = {
    "CreateDatasetGroup": ("name",),
    "CreateSolution": ("name", "datasetGroupArn", "recipeArn"),
    "CreateCampaign": ("name", "solutionVersionArn"),
    "CreateRecommender": ("name", "datasetGroupArn", "recipeArn"),
    "CreateFilter": ("name", "datasetGroupArn"),
    "CreateMetricAttribution": ("name", "datasetGroupArn", "metricsOutputConfig"),
    "CreateBatchInferenceJob": _JOB,
    "CreateBatchSegmentJob": _JOB,
    "CreateSchedule": ("Name", "Target", "FlexibleTimeWindow"),
    "TagResource": ("resourceArn",),
}
"""The members that Usher sets, by operation."""

READING: Keys = {
    "columns": {"description": "Names in Personalize by names in your files; false leaves a column out."},
    "timestamps": {"description": "The format of times in your files: s (Unix seconds), ms, us, ns or iso."},
    "deduplicate": {"description": "Whether only one of equal rows is imported."},
}
"""The settings for reading data files: each for all datasets, or by dataset."""
SECTIONS: Keys = {
    **READING,
    "group": {"description": "Members of CreateDatasetGroup: domain, kmsKeyArn, tags. Without it, a custom group."},
    "schemas": {"description": "Avro schemas by dataset. Without one, it is inferred from the CSVs."},
    "solutions": {"description": "Solutions by name, in order of preference."},
    "recommenders": {"description": "Recommenders of a domain dataset group, by name."},
    "filters": {"description": "Filter expressions by name, or members of CreateFilter."},
    "exports": {"description": "Recommendations for many users or items at once, by solution; false: none."},
    "catalogue": {
        "description": "Columns of the items that the API knows, or an object; false: it knows no users, either.",
    },
    "context": {
        "description": "By field of the interactions: context that Usher derives from requests.",
        "type": "object",
    },
    "batch": {"description": "Batch inference jobs by name."},
    "segments": {"description": "Batch segment jobs by name."},
    "metricAttribution": {"description": "Members of CreateMetricAttribution: metrics; false: none."},
    "schedules": {"description": "When to import, to retrain and to export."},
    "tags": {"description": "Tags of every resource that has none of its own."},
    "prune": {"description": "Whether resources that this file no longer names are deleted.", "type": "boolean"},
    "prices": {"description": "US dollars by name, in place of the known prices."},
    "budget": {"description": "The group's limit per month: new spending stops there, serving continues."},
    "adopt": {
        "description": "Names of resources in Personalize that existed before Usher, by resource id.",
    },
}
CONTEXT_SOURCES = ("country", "device", "hour", "weekday")
"""Sources of context that every request has."""
SOLUTION: Keys = {
    "recipe": {"description": "The name or ARN of a recipe.", "type": "string"},
    "campaign": {"description": "Members of CreateCampaign; false: trained and exported, but not served."},
    "retrain": {
        "description": "Whether new data starts a training: always; manual: only on request; atMost: no more often.",
    },
    "gate": {"description": "Conditions on Personalize's offline metrics for a new version to go live."},
    "trainingMode": {"description": "How versions after the first are trained.", "enum": TRAINING_MODES},
    "schedules": {"description": "When to train even without new data, by training mode."},
    "idle": {
        "description": "table: a campaign without requests in two weeks is deleted, and its export answers instead.",
        "enum": IDLE_MODES,
    },
}
RECOMMENDER: Keys = {"recipe": {"description": "The name or ARN of a use case.", "type": "string"}}
GATE: Keys = {
    "metric": {"description": "The name of an offline metric, such as precision_at_25.", "type": "string"},
    "atLeast": {"description": "The minimum.", "type": "number"},
    "versusLive": {"description": "The minimum, as a share of the live version's value.", "type": "number"},
    "versusPopularity": {
        "description": "The minimum, as a share of the value of the solution with aws-popularity-count.",
        "type": "number",
    },
}
JOB: Keys = {
    "solution": {
        "description": "The solution: its newest version answers, or, with a gate, its live one.",
        "type": "string",
    },
    "filter": {"description": "The name of a filter.", "type": "string"},
    "schedule": {"description": "When it runs. Without it, once for each new version."},
    "input": {"description": "The key of its input: one of the group's own files.", "type": "string"},
    "optional": {"description": "Whether the job is left out while its input is missing.", "type": "boolean"},
}
SCHEDULES: Keys = {
    "import": {"description": "When new data is imported."},
    "retrain": {"description": "When every solution is trained."},
    "export": {"description": "When all exports are made."},
}
SCHEDULE: Keys = {
    "ScheduleExpression": {"description": "rate(1 day), cron(0 3 * * ? *) or at(2030-01-31T03:00:00)."},
    "ScheduleExpressionTimezone": {"description": "The time zone of the expression, such as Europe/Berlin."},
    "State": {"description": "ENABLED or DISABLED."},
}
"""The members of EventBridge Scheduler's CreateSchedule that a schedule may have."""
EXPORT: Keys = {
    "filter": {"description": "The name of a filter.", "type": "string"},
    "filterValues": {"description": "The values of the filter's placeholders: texts, numbers or lists of them."},
    "users": {"description": "The users to export for, by columns of users.csv and their values."},
    "items": {"description": "The items to export for."},
    "attributes": {"description": 'Expressions of segments, such as ITEMS.GENRES = "Comedy".'},
    "formats": {"description": "The formats of the exported files."},
    "escapeFormulas": {
        "description": "Whether texts of CSVs that spreadsheets run as formulas are escaped.",
        "type": "boolean",
    },
    "metadata": {"description": "Columns of items.csv that are added to each recommendation."},
    "keep": {"description": "How many complete exports are kept.", "type": "integer", "minimum": 1},
    "table": {"description": "Whether the API answers from it where no campaign does.", "type": "boolean"},
    "schedule": {"description": "When it is made. Without it, the group's or the stack's schedule counts."},
}
CATALOGUE: Keys = {
    "columns": {"description": "Columns of the items, for details of answers and for filters on stored ones."},
    "available": {
        "description": "A column of the items. Items for which it is false are not recommended.",
        "type": "string",
    },
    "users": {"description": "Columns of the users, for filters with CurrentUser on stored answers."},
}
PRICE_KEYS: Keys = {
    name: {"description": f"Instead of {price:g}.", "type": "number", "minimum": 0, "maximum": MAX_PRICE_FACTOR * price}
    for name, price in PRICES.items()
}
BUDGET: Keys = {
    "monthly": {
        "description": "US dollars in a calendar month (UTC).", "type": "number", "exclusiveMinimum": 0,
        "maximum": MAX_BUDGET,
    },
    "warnAt": {"description": "You are notified at this share of it.", "type": "number", "minimum": 0, "maximum": 1},
    "stopAt": {
        "description": "The share of it at which nothing more is imported, trained or exported.", "type": "number",
        "minimum": 0, "maximum": 1,
    },
}  # fmt: skip
SCHEMA_KEYS: Keys = {name: {"description": f"The Avro schema of {name}."} for name in DATASETS}

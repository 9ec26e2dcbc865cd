"""Personalize's quotas in this account, and their use."""

from collections.abc import Mapping

from usher.aws import client

from usher_cli.doctor.examination import REFUSALS, Deployment

# https://docs.aws.amazon.com/personalize/latest/dg/limits.html
QUOTAS: Mapping[str, tuple[str, int, bool]] = {
    "dataset_group": ("dataset groups", 5, False),
    "schema": ("schemas", 500, False),
    "solution": ("solutions", 10, True),
    "campaign": ("campaigns", 5, True),
    "recommender": ("recommenders", 5, True),
    "filter": ("filters", 30, True),
}
"""By kind: its words in Service Quotas, the default, and whether it holds for each dataset group."""


def quotas() -> dict[str, int]:
    """Personalize's quotas in this account, by their names in lower case; empty if they can't be listed."""
    try:
        pages = client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="personalize")
        return {one["QuotaName"].lower(): int(one["Value"]) for page in pages for one in page["Quotas"]}
    except REFUSALS:
        return {}


def dataset_group(deployment: Deployment) -> str | None:
    """The ARN of the dataset group of the deployment's group, if there is one."""
    pages = client("personalize").get_paginator("list_dataset_groups").paginate()
    arns = [
        one["datasetGroupArn"] for page in pages for one in page["datasetGroups"] if one["name"] == deployment.group
    ]
    return arns[0] if arns else None


def count(kind: str, group: str | None) -> int:
    """The number of resources of a kind, in the region or in a dataset group."""
    personalize = client("personalize")
    if kind == "campaign" and group:
        solutions = personalize.get_paginator("list_solutions").paginate(datasetGroupArn=group)
        arns = [one["solutionArn"] for page in solutions for one in page["solutions"]]
        parents = [{"solutionArn": arn} for arn in arns]
    else:
        parents = [{"datasetGroupArn": group}] if QUOTAS[kind][2] and group else [{}]
    pages = [page for parent in parents for page in personalize.get_paginator(f"list_{kind}s").paginate(**parent)]
    return sum(len(one) for page in pages for name, one in page.items() if isinstance(one, list))

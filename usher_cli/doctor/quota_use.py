"""How much of Personalize's quotas is in use."""

from usher.aws import client
from usher.resources.kinds import Kind

from usher_cli.doctor.examination import Deployment


def dataset_group(deployment: Deployment) -> str | None:
    """The ARN of the dataset group of the deployment's group, if there is one."""
    pages = client("personalize").get_paginator("list_dataset_groups").paginate()
    arns = [
        one["datasetGroupArn"] for page in pages for one in page["datasetGroups"] if one["name"] == deployment.group
    ]
    return arns[0] if arns else None


def count(kind: Kind, group: str | None) -> int:
    """The number of resources of a kind, in the region or in a dataset group."""
    personalize = client("personalize")
    if kind.deploys_versions and group:
        solutions = personalize.get_paginator("list_solutions").paginate(datasetGroupArn=group)
        arns = [one["solutionArn"] for page in solutions for one in page["solutions"]]
        parents = [{"solutionArn": arn} for arn in arns]
    else:
        parents = [{"datasetGroupArn": group}] if kind.in_dataset_group and group else [{}]
    pages = [page for parent in parents for page in personalize.get_paginator(f"list_{kind.name}s").paginate(**parent)]
    return sum(len(one) for page in pages for name, one in page.items() if isinstance(one, list))

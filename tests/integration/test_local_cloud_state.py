"""What `make up STATE=dir` keeps."""

from pathlib import Path

from usher_local.clock import Clock
from usher_local.cloud.server import LocalCloud

TEMPLATE = Path(__file__).parents[1] / "unit/cloud/fixtures/stack/template.yaml"


def test_personalize_is_as_it_was_when_the_cloud_starts_again(tmp_path: Path) -> None:
    with LocalCloud(TEMPLATE, 0, 0, Clock.parse("instant"), state=tmp_path / "state") as cloud:
        made = cloud.client("personalize").create_dataset_group(name="films")["datasetGroupArn"]
    with LocalCloud(TEMPLATE, 0, 0, Clock.parse("instant"), state=tmp_path / "state") as cloud:
        found = cloud.client("personalize").describe_dataset_group(datasetGroupArn=made)["datasetGroup"]
        assert (found["name"], found["status"]) == ("films", "ACTIVE")
    with LocalCloud(TEMPLATE, 0, 0, Clock.parse("instant")) as cloud:
        assert cloud.client("personalize").list_dataset_groups()["datasetGroups"] == []

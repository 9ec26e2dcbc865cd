"""An outage of Personalize for some seconds: accepted events reach the tracker and the bucket, each session's in
order."""

from benchmarks.event_outage import outage
from tests.integration.conftest import Site, interactions


def test_no_accepted_event_is_lost_in_an_outage_and_each_session_keeps_its_order(site: Site, group: str) -> None:
    site.drop(f"{group}/usher.yaml", "solutions: {popular: {recipe: aws-popularity-count, campaign: false}}")
    site.drop(f"{group}/interactions.csv", interactions())
    site.run(group)
    found = outage(site.cloud, site.api, group, seconds=2, usual=1, sessions=4, per_second=12)
    assert (found["lost"], found["not in the bucket"], found["order kept"]) == (0, 0, "yes"), found
    assert (found["without an answer"], found["accepted"]) == (0, 48), found
    assert found["queued"], found

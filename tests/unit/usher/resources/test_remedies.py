"""The remedies for the service's failures."""

import pytest
from usher.resources.remedies import REMEDIES, remedy_for


@pytest.mark.parametrize(("piece", "remedy"), REMEDIES)
def test_each_piece_is_found_in_a_sentence_and_none_hides_another(piece: str, remedy: str) -> None:
    assert remedy_for(f"It says: {piece} and so on") == remedy


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("Cannot create a campaign. More than 5 resources in ACTIVE state. Please delete some and try again.", "quota"),
        ("Dataset has fewer than 1000 interactions after filtering by event type: watch", "interactions"),
        ("Insufficient privileges for accessing data in Amazon S3", "Redeploy"),
        ("Something that nobody has seen", "drop the file"),
    ],
)
def test_the_services_own_words_lead_to_a_remedy(reason: str, word: str) -> None:
    assert word in remedy_for(reason)

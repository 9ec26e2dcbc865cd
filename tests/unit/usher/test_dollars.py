"""Amounts of dollars have one format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.dollars import dollars, once, up_to


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "$0.00"), (1e-9, "under $0.01"), (0.0099, "under $0.01"), (0.01, "$0.01"), (1234.5, "$1,234.50")],
)
def test_an_amount_is_shown_with_cents(amount: float, text: str) -> None:
    assert dollars(amount) == text
    assert once(amount) == (text if amount else "nothing")


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_maximum_is_shown_if_it_is_a_cent_more(amount: float, more: float) -> None:
    assert ("at most" in up_to(amount, amount + more)) == (amount + more - amount >= 0.01)

"""Amounts of US dollars in texts. Pure."""

CENT = 0.01


def dollars(amount: float) -> str:
    """An amount: `$1,234.50`, `$0.00`; of less than a cent `under $0.01`."""
    return "under $0.01" if 0 < amount < CENT else f"${amount:,.2f}"


def once(amount: float) -> str:
    """A cost that may be zero: `nothing`, else the amount."""
    return dollars(amount) if amount else "nothing"


def up_to(amount: float, most: float) -> str:
    """The known amount and, if it is more, the most: `$1.00 (at most $3.00)`."""
    return dollars(amount) + (f" (at most {dollars(most)})" if most - amount >= CENT else "")

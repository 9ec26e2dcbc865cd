"""Unit tests run offline."""

from tests import offline  # noqa: F401

import types

import pytest

from usher_local.cloud.core.patching import UpstreamChangedError, replaced


def test_a_name_is_replaced_for_the_block_only() -> None:
    module = types.ModuleType("library")
    vars(module)["name"] = 1
    with pytest.raises(ZeroDivisionError), replaced(module, "name", 2):
        assert vars(module)["name"] == 2
        raise ZeroDivisionError
    assert vars(module)["name"] == 1


def test_a_name_that_upstream_moved_is_an_error() -> None:
    with (
        pytest.raises(UpstreamChangedError, match="library no longer defines name"),
        replaced(types.ModuleType("library"), "name", 2),
    ):
        pass

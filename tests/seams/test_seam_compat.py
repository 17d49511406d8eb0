"""The shim's seams: what it uses of anyio's plugin and of pytest is there."""

from __future__ import annotations

from typing import Any

import pytest
from anyio import pytest_plugin

from anyrig_compat.seams import anyio as anyio_seam
from anyrig_compat.seams.pytest import definition_of, substitute


@pytest.fixture
def named() -> str:
    """What another fixture stands in for."""
    return "the first"


@pytest.fixture(scope="session")
def other() -> str:
    """The one that stands in."""
    return "the other"


def test_anyios_plugin_keeps_its_runner_and_counts_leases() -> None:
    """The names that the shim sets are those that ``get_runner`` reads."""
    get_runner: Any = pytest_plugin.get_runner
    assert {"_current_runner", "_runner_leases"} <= set(get_runner.__wrapped__.__code__.co_names)


def test_a_runner_is_used_and_not_closed() -> None:
    """A call of anyio's plugin runs in the runner that was put there, which stays open."""

    async def answer() -> int:
        return 1

    with anyio_seam.new_runner({}) as runner:
        for _ in range(2):
            with (
                anyio_seam.running_in(runner),
                pytest_plugin.get_runner("asyncio", {}) as found,
            ):
                assert found is runner
                assert found.run_fixture(answer, {}) == 1


def test_the_definition_of_a_fixture(request: pytest.FixtureRequest) -> None:
    """The definition that a test sees is found by name."""
    found = definition_of("named", request.node)
    assert found is not None
    assert found.argname == "named"
    assert definition_of("nobody", request.node) is None


def test_another_fixture_for_one_test(request: pytest.FixtureRequest) -> None:
    """A fixture that stands in for another is what the test gets."""
    substitute(request.node, "named", "other")
    assert request.getfixturevalue("named") == "the other"

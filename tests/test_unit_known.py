"""The tasks that are kept on purpose, asked directly."""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Any

import pytest

from anyrig import known


async def keeps() -> None:
    """Nothing."""


@types.coroutine
def keeps_as_a_generator() -> Generator[None, None, None]:
    """The same, as a compiled library may have it."""
    yield


@pytest.mark.parametrize("function", [keeps, keeps_as_a_generator])
def test_module_is_that_of_what_runs(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    """A task on the list is known by the module of what it runs, whatever kind that is of."""
    monkeypatch.setattr(known, "TASKS", (known.Known(f"{__name__}.keeps*", "a reason"),))
    one = function()
    try:
        assert known.is_known_task("Task-1", [one], ())
    finally:
        one.close()

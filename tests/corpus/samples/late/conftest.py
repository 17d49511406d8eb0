"""Hooks that forget an await: during the collection, in tests' phases, between and after them."""

from __future__ import annotations

from typing import Any

import pytest
from store import save

FOLDER = "late/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    save(1)  # FOUND missed_await collect late many of nothing


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.name.startswith("test_hook_forgets"):
        save(1)  # FOUND missed_await setup of late/bad_hooks.py::test_hook_forgets


def pytest_runtest_logfinish(nodeid: str, location: Any) -> None:
    if nodeid.endswith("test_before_a_hook"):
        save(1)  # FOUND missed_await between late of nothing


def pytest_sessionfinish() -> None:
    save(1)  # FOUND missed_await between late many of nothing

"""Fixtures of module scope that forget an await, in setup and teardown."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import pytest
from store import save


@pytest.fixture(scope="module")
def of_module() -> Generator[None, None, None]:
    save(1)  # FOUND missed_await setup of test_module_first
    yield
    save(2)  # FOUND missed_await teardown of test_module_last


@pytest.fixture(scope="module")
async def async_of_module() -> AsyncGenerator[None, None]:
    save(1)  # FOUND missed_await setup of test_module_first
    yield
    save(2)  # FOUND missed_await teardown of test_module_last


async def test_module_first(of_module: None, async_of_module: None) -> None: ...


async def test_module_last(of_module: None, async_of_module: None) -> None: ...

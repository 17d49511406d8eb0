"""Classes and xunit methods that await in the end what they keep."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from store import save


class TestTeardownMethod:
    later: Any

    def setup_method(self) -> None:
        self.made_in_setup: Any = save(1)

    def teardown_method(self) -> None:
        asyncio.run(self.later)
        self.made_in_setup.close()

    def test_sync(self) -> None:
        self.later = save(1)

    async def test_async(self) -> None:
        self.later = save(1)


class TestTeardownClass:
    later: list[Any] = []

    @classmethod
    def teardown_class(cls) -> None:
        for coroutine in cls.later:
            asyncio.run(coroutine)

    async def test_first(self) -> None:
        self.later.append(save(1))

    async def test_second(self) -> None:
        self.later.append(save(2))


class TestFixtureOfTheClass:
    later: Any

    @pytest.fixture(autouse=True)
    def finish(self) -> Any:
        yield
        asyncio.run(self.later)

    def test_sync(self) -> None:
        self.later = save(1)


class TestAwaited:
    async def test_kept_in_self(self) -> None:
        self.kept = save(1)
        assert await self.kept == 1


LATER: list[Any] = []


def teardown_module() -> None:
    while LATER:
        LATER.pop().close()


def test_leaves_a_global_to_teardown_module() -> None:
    LATER.append(save(1))


async def test_async_leaves_a_global_to_teardown_module() -> None:
    LATER.append(save(1))

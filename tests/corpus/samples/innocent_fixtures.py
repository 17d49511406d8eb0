"""Fixtures that hand out or keep a coroutine, which is awaited in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from store import save


@pytest.fixture
def handed_out() -> Any:
    return save(1)


async def test_awaits_what_a_fixture_hands_out(handed_out: Any) -> None:
    assert await handed_out == 1


@pytest.fixture
async def awaited_in_teardown() -> AsyncGenerator[list[Any], None]:
    later: list[Any] = []
    yield later
    for coroutine in later:
        await coroutine


async def test_leaves_it_to_the_teardown(awaited_in_teardown: list[Any]) -> None:
    awaited_in_teardown.append(save(1))


def test_sync_test_leaves_it_to_the_teardown(sync_teardown: list[Any]) -> None:
    sync_teardown.append(save(1))


@pytest.fixture
def sync_teardown() -> Generator[list[Any], None, None]:
    later: list[Any] = []
    yield later
    for coroutine in later:
        asyncio.run(coroutine)


@pytest.fixture
def finalized(request: pytest.FixtureRequest) -> list[Any]:
    later: list[Any] = []
    request.addfinalizer(lambda: [coroutine.close() for coroutine in later])
    return later


def test_leaves_it_to_a_finalizer(finalized: list[Any]) -> None:
    finalized.append(save(1))


GLOBAL: list[Any] = []


@pytest.fixture
async def awaits_a_global() -> AsyncGenerator[None, None]:
    yield
    await GLOBAL.pop()


async def test_leaves_a_global_to_the_teardown(awaits_a_global: None) -> None:
    GLOBAL.append(save(1))


@pytest.fixture(scope="module")
async def wide() -> AsyncGenerator[list[Any], None]:
    later: list[Any] = []
    yield later
    for coroutine in later:
        await coroutine


async def test_leaves_it_to_a_wider_fixture(wide: list[Any]) -> None:
    wide.append(save(1))


async def test_leaves_another_to_a_wider_fixture(wide: list[Any]) -> None:
    wide.append(save(2))


@pytest.fixture(scope="class")
def made_for_the_class() -> Any:
    return [save(1), save(2)]


class TestWide:
    async def test_awaits_the_first(self, made_for_the_class: Any) -> None:
        assert await made_for_the_class[0] == 1

    async def test_awaits_nothing(self, made_for_the_class: Any) -> None: ...

    async def test_awaits_the_second(self, made_for_the_class: Any) -> None:
        assert await made_for_the_class[1] == 2


@pytest.fixture
async def awaits_all_over() -> AsyncGenerator[None, None]:
    await save(1)
    yield
    await save(2)


async def test_between_awaits(awaits_all_over: None) -> None:
    await save(3)


def test_gets_the_value_by_name(request: pytest.FixtureRequest) -> None:
    asyncio.run(request.getfixturevalue("handed_out"))

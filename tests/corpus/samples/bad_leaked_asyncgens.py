"""Async generators that are dropped in the middle, with cleanup pending."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack

import anyio
import pytest


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def rows() -> AsyncGenerator[int]:
    try:
        yield 1
        yield 2
    finally:
        await turns(1)


async def connected() -> AsyncGenerator[int]:
    async with AsyncExitStack():
        yield 1


async def watched() -> AsyncGenerator[int]:
    with open(__file__, encoding="utf-8"):
        yield 1


async def hears() -> AsyncGenerator[int]:
    try:
        yield 1
    except GeneratorExit:
        raise


async def outer() -> AsyncGenerator[int]:
    async for row in rows():  # FOUND leaked_asyncgen call of test_inner
        yield row


async def test_break() -> None:
    async for _ in rows():  # FOUND leaked_asyncgen call
        break


async def test_break_and_go_on() -> None:
    async for _ in rows():  # FOUND leaked_asyncgen call
        break
    await turns()


async def test_async_with() -> None:
    async for _ in connected():  # FOUND leaked_asyncgen call
        break
    await turns()


async def test_with() -> None:
    async for _ in watched():  # FOUND leaked_asyncgen call
        break
    await turns()


async def test_handler() -> None:
    async for _ in hears():  # FOUND leaked_asyncgen call
        break
    await turns()


async def test_anext() -> None:
    items = rows()
    assert await anext(items) == 1  # FOUND leaked_asyncgen call
    del items
    await turns()


async def first(items: AsyncIterator[int]) -> int:
    async for item in items:  # FOUND leaked_asyncgen call of test_in_a_function, test_in_a_task
        return item
    raise LookupError


async def test_in_a_function() -> None:
    assert await first(rows()) == 1


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's
async def test_inner() -> None:
    async for _ in outer():
        break
    await turns()


async def test_exception_in_the_loop() -> None:
    with pytest.raises(KeyError):
        await fails()


async def fails() -> None:
    async for _ in rows():  # FOUND leaked_asyncgen call of test_exception_in_the_loop
        raise KeyError


async def test_several() -> None:
    for _ in range(3):
        async for _ in rows():  # FOUND leaked_asyncgen call times 3
            break


async def test_in_a_task() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first, rows())


@pytest.fixture
async def drops(anyio_backend: object) -> AsyncGenerator[None]:
    async for _ in rows():  # FOUND leaked_asyncgen setup of test_fixture
        break
    yield
    async for _ in rows():  # FOUND leaked_asyncgen teardown of test_fixture
        break
    await turns()


async def test_fixture(drops: None) -> None:
    pass


@pytest.mark.anyrig(allow=["leaked_asyncgen"])
async def test_permitted() -> None:
    async for _ in rows():  # FOUND leaked_asyncgen call permitted
        break


@pytest.mark.anyrig(leaked_asyncgens="warn")
async def test_warned() -> None:
    async for _ in rows():  # FOUND leaked_asyncgen call warned
        break


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's
async def test_generator_expression_over_one() -> None:
    numbers = (number async for number in rows())  # FOUND leaked_asyncgen call
    async for _ in numbers:
        break

"""Async generators that end, are closed, or have nothing to clean up."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

KEPT: list[Any] = []


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def rows() -> AsyncGenerator[int]:
    try:
        yield 1
        yield 2
    finally:
        await turns(1)


async def plain() -> AsyncGenerator[int]:
    yield 1
    yield 2


async def after_its_cleanup() -> AsyncGenerator[int]:
    try:
        await turns(1)
    finally:
        await turns(1)
    yield 1


async def hears_other_things() -> AsyncGenerator[int]:
    try:
        yield 1
    except (KeyError, ValueError):
        await turns(1)


async def suppresses() -> AsyncGenerator[int]:
    with contextlib.suppress(KeyError):
        yield 1


async def in_its_finally() -> AsyncGenerator[int]:
    try:
        await turns(1)
    finally:
        yield 1


async def test_exhausted() -> None:
    assert [row async for row in rows()] == [1, 2]


async def test_closed() -> None:
    items = rows()
    async for _ in items:
        break
    await items.aclose()


async def test_aclosing() -> None:
    async with contextlib.aclosing(rows()) as items:
        async for _ in items:
            break


async def test_never_begun() -> None:
    rows()


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's
@pytest.mark.parametrize(
    "function", [plain, after_its_cleanup, hears_other_things, suppresses, in_its_finally]
)
async def test_nothing_to_clean_up(function: Any) -> None:
    async for _ in function():
        break
    await turns()


@contextlib.asynccontextmanager
async def opened() -> AsyncGenerator[int]:
    try:
        yield 1
    finally:
        await turns(1)


async def test_context_manager() -> None:
    async with opened() as value:
        assert value == 1


async def test_context_manager_with_an_exception() -> None:
    with pytest.raises(KeyError):
        async with opened():
            raise KeyError


@pytest.mark.xfail(raises=KeyError, strict=True)
async def test_own_failure_in_the_loop() -> None:
    async for _ in rows():
        raise KeyError  # ENDS xfailed call


async def test_skipped_in_the_loop() -> None:
    async for _ in rows():
        pytest.skip("no matter")  # ENDS skipped call


@pytest.fixture
async def fixture(anyio_backend: object) -> AsyncGenerator[int]:
    try:
        yield 1
    finally:
        await turns(1)


@pytest.fixture(scope="module")
async def wide(anyio_backend: object) -> AsyncGenerator[Any]:
    async with contextlib.aclosing(rows()) as items:
        await anext(items)
        yield items


async def test_fixtures(fixture: int, wide: Any) -> None:
    assert fixture == 1
    assert await anext(wide) == 2


async def test_held() -> None:
    KEPT.append(rows())
    await anext(KEPT[0])
    await KEPT.pop().aclose()


async def test_raises_inside() -> None:
    async def fails() -> AsyncGenerator[int]:
        try:
            yield 1
            raise KeyError
        finally:
            await turns(1)

    with pytest.raises(KeyError):
        async for _ in fails():
            pass


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's
async def test_never_stepped() -> None:
    method: Any = rows().asend(None)
    method.close()


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's
async def test_generator_expression() -> None:
    async def plain_sum(number: int) -> int:
        return number

    async for _ in (await plain_sum(number) for number in [1, 2]):
        break
    await turns()


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's
async def test_generator_expression_over_a_generator() -> None:
    numbers = (number async for number in plain())
    async for _ in numbers:
        break
    del numbers
    await turns()


def test_loop_that_closes_what_is_left() -> None:
    async def main() -> None:
        async for _ in plain():
            break

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    with warnings.catch_warnings():  # Python's own, of what the loop makes to close it
        warnings.simplefilter("ignore", RuntimeWarning)
        loop.close()

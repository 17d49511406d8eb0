"""The methods of async generators, awaited or closed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from store import numbers

KEPT: list[Any] = []


async def test_asend_awaited() -> None:
    generator = numbers()
    assert await generator.asend(None) == 1
    assert await generator.asend(5) == 2
    await generator.aclose()


async def test_athrow_awaited() -> None:
    generator = numbers()
    await anext(generator)
    with pytest.raises(ValueError, match="in"):
        await generator.athrow(ValueError("in"))


async def test_iterated() -> None:
    assert [number async for number in numbers()] == [1, 2]


async def test_closing() -> None:
    async with contextlib.aclosing(numbers()) as generator:
        assert await anext(generator) == 1


async def test_kept_and_awaited() -> None:
    generator = numbers()
    KEPT.append(generator.asend(None))
    assert await KEPT[-1] == 1
    KEPT.append(generator.aclose())
    await KEPT[-1]


def test_asend_closed() -> None:
    method: Any = numbers().asend(None)
    method.close()


def test_aclose_closed() -> None:
    method: Any = numbers().aclose()
    method.close()


def test_asend_driven_by_hand() -> None:
    async def one() -> AsyncGenerator[int, None]:
        yield 1

    method: Any = one().asend(None)
    with pytest.raises(StopIteration) as stop:
        method.send(None)
    assert stop.value.value == 1


def test_never_started_generator_is_no_coroutine() -> None:
    KEPT.append(numbers())


async def test_async_context_manager() -> None:
    @contextlib.asynccontextmanager
    async def managed() -> AsyncGenerator[int, None]:
        yield 1

    async with managed() as one:
        assert one == 1

"""The methods of async generators are coroutine-like, and are forgotten the same way."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import trio
from store import numbers

import anyrig

KEPT: list[Any] = []


async def test_asend_dropped() -> None:
    generator = numbers()
    generator.asend(None)  # FOUND missed_await call
    await generator.aclose()


async def test_anext_dropped() -> None:
    generator = numbers()
    generator.__anext__()  # FOUND missed_await call
    await generator.aclose()


async def test_athrow_dropped() -> None:
    generator = numbers()
    await anext(generator)
    generator.athrow(ValueError())  # FOUND missed_await call
    await generator.aclose()


async def test_aclose_dropped() -> None:
    generator = numbers()
    await anext(generator)
    generator.aclose()  # FOUND missed_await call
    await generator.aclose()


async def test_asend_held() -> None:
    generator = numbers()
    KEPT.append(generator.asend(None))  # FOUND missed_await call
    KEPT.append(generator)


async def test_athrow_held() -> None:
    generator = numbers()
    KEPT.append(generator.athrow(ValueError()))  # FOUND missed_await call
    KEPT.append(generator)


async def test_aclose_held() -> None:
    generator = numbers()
    KEPT.append(generator.aclose())  # FOUND missed_await call
    KEPT.append(generator)


async def test_aclose_in_a_cycle() -> None:
    generator = numbers()
    cycle: list[Any] = [generator.aclose()]  # FOUND missed_await call
    cycle.append(cycle)


def test_asend_in_a_sync_test() -> None:
    numbers().asend(None)  # FOUND missed_await call


def test_aclose_under_asyncio_run() -> None:
    async def main() -> None:
        generator = numbers()
        await anext(generator)
        generator.aclose()  # FOUND missed_await call
        await generator.aclose()

    asyncio.run(main())


def test_aclose_under_trio_run() -> None:
    async def main() -> None:
        generator = numbers()
        await anext(generator)
        generator.aclose()  # FOUND missed_await call
        await generator.aclose()

    trio.run(main)


async def close(generator: Any) -> None:
    generator.aclose()  # FOUND missed_await call of test_aclose_in_a_helper


async def test_aclose_in_a_helper() -> None:
    generator = numbers()
    await close(generator)
    await generator.aclose()


async def test_anext_held() -> None:
    generator = numbers()
    KEPT.append(generator)
    KEPT.append(anext(generator))  # FOUND missed_await call


async def test_anext_with_default_held() -> None:
    generator = numbers()
    assert await anext(generator, 0) == 1
    KEPT.append(generator)
    KEPT.append(anext(generator, 0))  # FOUND missed_await call


async def rows() -> AsyncGenerator[int, None]:
    try:
        yield 1
    finally:
        await trio.lowlevel.checkpoint()


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's
async def test_asend_dropped_before_the_first_step() -> None:
    rows().asend(None)  # FOUND missed_await call


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's
async def test_asend_that_may_be_dropped() -> None:
    with anyrig.allow("missed_await"):
        rows().asend(None)  # FOUND missed_await call permitted


def test_aclose_of_a_loop_of_its_own() -> None:
    loop = asyncio.new_event_loop()

    async def main() -> None:
        async for _ in numbers():
            break
        numbers().aclose()  # FOUND missed_await call

    loop.run_until_complete(main())
    with warnings.catch_warnings():  # Python's own, of what the loop makes to close both
        warnings.simplefilter("ignore", RuntimeWarning)
        loop.close()


async def test_anext_with_default_dropped() -> None:
    generator = numbers()
    anext(generator, 0)  # FOUND missed_await call if python >= (3, 13)
    await generator.aclose()

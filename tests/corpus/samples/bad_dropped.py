"""A coroutine is made and dropped at once."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, cast

import anyio
import pytest
import trio
from store import Store, save


async def test_statement() -> None:
    save(1)  # FOUND missed_await call


async def test_method() -> None:
    Store().save(1)  # FOUND missed_await call


async def test_result_used_as_truth() -> None:
    assert save(1)  # FOUND missed_await call


async def test_result_rebound() -> None:
    result: Any = save(1)  # FOUND missed_await call
    result = await save(2)
    assert result == 2


async def test_after_an_await() -> None:
    await save(1)
    save(2)  # FOUND missed_await call
    await save(3)


async def test_in_a_comprehension() -> None:
    [save(n) for n in range(3)]  # FOUND missed_await call times 3


async def test_two_lines() -> None:
    save(1)  # FOUND missed_await call
    save(2)  # FOUND missed_await call


async def helper() -> None:
    save(1)  # FOUND missed_await call of test_in_a_helper, test_in_a_helper_again


async def test_in_a_helper() -> None:
    await helper()


async def test_in_a_helper_again() -> None:
    await helper()


async def test_swallowed_with_a_suppressed_error() -> None:
    with contextlib.suppress(TypeError):
        print(1 + cast(int, save(1)))  # FOUND missed_await call


@pytest.mark.parametrize("number", [1, 2])
async def test_with_parameters(number: int) -> None:
    if number == 2:
        save(number)  # FOUND missed_await call of test_with_parameters[2]


def test_in_a_sync_test() -> None:
    save(1)  # FOUND missed_await call


def test_under_asyncio_run() -> None:
    async def main() -> None:
        save(1)  # FOUND missed_await call

    asyncio.run(main())


def test_under_trio_run() -> None:
    async def main() -> None:
        save(1)  # FOUND missed_await call

    trio.run(main)


def test_under_anyio_run() -> None:
    async def main() -> None:
        save(1)  # FOUND missed_await call

    anyio.run(main, backend="trio")


def test_under_a_runner() -> None:
    async def main() -> None:
        save(1)  # FOUND missed_await call

    with asyncio.Runner() as runner:
        runner.run(main())


def test_under_run_until_complete() -> None:
    async def main() -> None:
        save(1)  # FOUND missed_await call

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()

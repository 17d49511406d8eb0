"""The same as in bad_dropped, awaited."""

from __future__ import annotations

import asyncio

import anyio
import trio
from store import Store, save


async def test_statement() -> None:
    await save(1)


async def test_method() -> None:
    await Store().save(1)


async def test_kept_and_awaited() -> None:
    coroutine = save(1)
    assert coroutine
    assert await coroutine == 1


async def test_in_a_task() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save, 1)


def test_under_asyncio_run() -> None:
    assert asyncio.run(save(1)) == 1


def test_under_trio_run() -> None:
    assert trio.run(save, 1) == 1


def test_under_run_until_complete() -> None:
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(save(1)) == 1
    loop.close()


def test_gathered() -> None:
    async def main() -> None:
        assert list(await asyncio.gather(save(1), save(2))) == [1, 2]

    asyncio.run(main())

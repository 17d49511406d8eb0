"""Callbacks and finalizers that see to it that what they make is awaited."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import Any

from store import save

TASKS: set[Any] = set()


def test_call_soon_makes_a_task() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: TASKS.add(loop.create_task(save(1))))
        await asyncio.sleep(0)
        await TASKS.pop()

    asyncio.run(main())


def test_done_callback_makes_a_task() -> None:
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(lambda _: TASKS.add(asyncio.ensure_future(save(1))))
        await task
        await asyncio.sleep(0)
        await TASKS.pop()

    asyncio.run(main())


async def test_async_callback() -> None:
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(save, 1)


class Thing: ...


def test_weakref_finalize_runs_it() -> None:
    thing = Thing()
    weakref.finalize(thing, lambda: asyncio.run(save(1)))
    del thing


class Closing:
    def __init__(self) -> None:
        self.coroutine: Any = save(1)

    def __del__(self) -> None:
        self.coroutine.close()


def test_del_closes_it() -> None:
    Closing()


def test_del_closes_it_in_a_cycle() -> None:
    thing: Any = Closing()
    thing.me = thing

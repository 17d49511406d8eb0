"""Callbacks and finalizers that make a coroutine and drop what they made."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import weakref
from collections.abc import Generator
from typing import Any

import pytest
import sniffio
from store import save

KEPT: list[Any] = []


def test_call_soon() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: print(save(1)))  # FOUND missed_await call
        await asyncio.sleep(0)

    asyncio.run(main())


def test_async_function_given_to_call_soon() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(save, 1)
        await asyncio.sleep(0)

    asyncio.run(main())  # FOUND missed_await call


async def test_call_soon_on_the_running_loop() -> None:
    if sniffio.current_async_library() != "asyncio":
        pytest.skip("asyncio's own")  # ENDS skipped call if library == "trio"

    def callback() -> None:
        save(1)  # FOUND missed_await call if library == "asyncio"

    asyncio.get_running_loop().call_soon(callback)
    await asyncio.sleep(0)


def test_add_done_callback() -> None:
    async def main() -> None:
        def callback(task: asyncio.Task[None]) -> None:
            save(1)  # FOUND missed_await call

        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(callback)
        await task
        await asyncio.sleep(0)

    asyncio.run(main())


def test_exit_stack_callback() -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: print(save(1)))  # FOUND missed_await call


async def test_async_function_as_a_sync_callback() -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(forget)


def forget() -> None:
    save(1)  # FOUND missed_await call of test_async_function_as_a_sync_callback


def test_like_atexit() -> None:
    def callback() -> None:
        save(1)  # FOUND missed_await call

    atexit.register(callback)
    atexit.unregister(callback)
    callback()


class Thing: ...


class Closing:
    def __del__(self) -> None:
        save(1)  # FOUND missed_await call of test_del, test_del_in_a_cycle, test_del_async


def test_weakref_finalize() -> None:
    thing = Thing()
    weakref.finalize(thing, lambda: print(save(1)))  # FOUND missed_await call
    del thing


def test_weakref_callback() -> None:
    thing = Thing()
    KEPT.append(weakref.ref(thing, lambda ref: KEPT.append(save(1))))  # FOUND missed_await call
    del thing


async def test_weakref_finalize_in_a_cycle() -> None:
    thing: Any = Thing()
    thing.me = thing
    weakref.finalize(thing, lambda: print(save(1)))  # FOUND missed_await call
    del thing
    gc.collect()


@pytest.fixture
def without_automatic_collections() -> Generator[None, None, None]:
    gc.disable()
    yield
    gc.enable()


def test_finalized_after_its_call(without_automatic_collections: None) -> None:
    thing: Any = Thing()
    thing.me = thing
    weakref.finalize(thing, lambda: print(save(1)))  # FOUND missed_await teardown


def test_del() -> None:
    Closing()


def test_del_in_a_cycle() -> None:
    thing: Any = Closing()
    thing.me = thing
    del thing
    gc.collect()


async def test_del_async() -> None:
    Closing()


class Resurrecting:
    def __init__(self) -> None:
        self.content: Any = save(1)  # FOUND missed_await call of test_resurrected_by_del

    def __del__(self) -> None:
        KEPT.append(self)


def test_resurrected_by_del() -> None:
    Resurrecting()

"""Exceptions that somebody sees, or that are none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
import unittest
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import pytest
import sniffio

KEPT: list[Any] = []


class Lost(Exception):
    pass


async def boom() -> None:
    raise Lost


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


def is_asyncio() -> bool:
    return sniffio.current_async_library() == "asyncio"


async def test_awaited() -> None:
    if is_asyncio():
        with pytest.raises(Lost):
            await asyncio.create_task(boom())


async def test_asked() -> None:
    if is_asyncio():
        task = asyncio.create_task(boom())
        await turns()
        assert isinstance(task.exception(), Lost)
        KEPT.append(task)


async def test_cancelled() -> None:
    if is_asyncio():
        task = asyncio.create_task(anyio.sleep_forever())
        await turns()
        task.cancel()
        await turns()
        KEPT.append(task)


async def test_gather_that_returns_them() -> None:
    if is_asyncio():
        assert len(await asyncio.gather(boom(), boom(), return_exceptions=True)) == 2


async def test_gather_of_several() -> None:
    if is_asyncio():
        with pytest.raises(Lost):
            await asyncio.gather(boom(), boom())


async def test_wait() -> None:
    if is_asyncio():
        done, _ = await asyncio.wait([asyncio.create_task(boom())])
        assert [type(task.exception()) for task in done] == [Lost]


async def two_that_fail() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(boom)
        tasks.start_soon(boom)


async def test_groups() -> None:
    with pytest.raises(ExceptionGroup):
        await two_that_fail()
    if is_asyncio():
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                KEPT.append(group.create_task(boom()))


@pytest.fixture
async def background(anyio_backend: object) -> AsyncGenerator[list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    yield tasks
    for task in tasks:
        with suppress(Lost):
            await task


async def test_retrieved_in_the_teardown(background: list[asyncio.Task[None]]) -> None:
    if is_asyncio():
        background.append(asyncio.create_task(boom()))
        await turns()


@pytest.fixture(scope="module")
async def wide(anyio_backend: object) -> AsyncGenerator[list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    yield tasks
    await asyncio.gather(*tasks, return_exceptions=True) if tasks else None


async def test_retrieved_by_a_wider_fixture(wide: list[asyncio.Task[None]]) -> None:
    if is_asyncio():
        wide.append(asyncio.create_task(boom()))
        await turns()


async def test_next_to_that(wide: list[asyncio.Task[None]]) -> None:
    await turns()


async def test_own_handler() -> None:
    if is_asyncio():
        heard: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: heard.append(context["exception"]))

        def callback() -> None:
            raise Lost

        loop.call_soon(callback)
        asyncio.create_task(boom())
        await turns()
        assert {type(one) for one in heard} == {Lost}


async def test_handler_of_its_own_and_a_task_that_is_held() -> None:
    if is_asyncio():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        KEPT.append(asyncio.create_task(boom()))
        await turns()


class Dies:
    def __del__(self) -> None:
        raise Lost


def test_own_unraisablehook(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: heard.append(args.exc_type))
    Dies()
    assert heard == [Lost]


def test_own_excepthook(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: heard.append(args.exc_type))
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    assert heard == [Lost]


def fails() -> None:
    raise Lost


async def test_thread_of_a_pool() -> None:
    with pytest.raises(Lost):
        await anyio.to_thread.run_sync(fails)


def test_executor() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        KEPT.append(pool.submit(fails))


def test_finaliser_that_catches() -> None:
    class Quiet:
        def __del__(self) -> None:
            with suppress(Lost):
                raise Lost

    Quiet()


async def closes_well() -> AsyncGenerator[int]:
    try:
        yield 1
    finally:
        await turns(1)


async def test_failing_generator_that_is_closed() -> None:
    items = closes_well()
    await anext(items)
    await items.aclose()


async def loses() -> None:
    asyncio.create_task(boom())
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_log_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(loses())
    assert "Task exception was never retrieved" in caplog.text


class TestCase(unittest.IsolatedAsyncioTestCase):
    async def test_log_is_heard(self) -> None:
        with self.assertLogs("asyncio"):
            await loses()


def test_handler_of_its_own() -> None:
    heard = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: heard.append(context["exception"]))
        await loses()

    asyncio.run(main())
    assert isinstance(heard[0], Lost)


def test_loop_of_its_own() -> None:
    async def main() -> None:
        with pytest.raises(Lost):
            await asyncio.create_task(boom())

    asyncio.run(main())


async def stubborn() -> AsyncGenerator[int, None]:
    try:
        yield 1
    except GeneratorExit:
        yield 2  # its end is refused, and it is ended by that


async def closes() -> None:
    generator = stubborn()
    KEPT.append(generator)
    assert await anext(generator) == 1
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        await generator.aclose()


async def test_a_generator_that_is_closed_twice() -> None:
    await closes()


def test_a_generator_that_is_closed_twice_by_a_run() -> None:
    asyncio.run(closes())

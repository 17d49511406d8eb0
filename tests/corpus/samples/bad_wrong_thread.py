"""Calls from another thread that let a test go on, and do not tell its loop, which sleeps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
import sniffio

import anyrig
from asleep import until_asleep

THREADS: list[threading.Thread] = []


@pytest.fixture(autouse=True)
def joined() -> Iterator[None]:
    yield
    while THREADS:
        THREADS.pop().join()


def only_on_asyncio() -> None:
    if sniffio.current_async_library() == "trio":
        pytest.skip("trio lets no thread do so")


def while_it_sleeps(function: Callable[[], Any]) -> None:
    """Call something in a thread, once the running loop sleeps."""
    loop = asyncio.get_running_loop()

    def work() -> None:
        until_asleep(loop)
        function()

    THREADS.append(threading.Thread(target=work))
    THREADS[-1].start()


async def test_event() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    event = asyncio.Event()

    def sets() -> None:
        event.set()  # FOUND wrong_thread call if library == "asyncio"

    while_it_sleeps(sets)
    await event.wait()


async def test_timer() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    timer = threading.Timer(1, event.set)
    timer.finished.wait = lambda timeout=None: until_asleep(loop)  # type: ignore[assignment]
    timer.start()  # FOUND wrong_thread call if library == "asyncio"
    await event.wait()


async def test_queue() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    queue: asyncio.Queue[int] = asyncio.Queue()

    def puts() -> None:
        queue.put_nowait(1)  # FOUND wrong_thread call if library == "asyncio"

    while_it_sleeps(puts)
    await queue.get()


async def test_future() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    future = asyncio.get_running_loop().create_future()

    def gives() -> None:
        future.set_result(1)  # FOUND wrong_thread call if library == "asyncio"

    while_it_sleeps(gives)
    await future


async def test_task_that_is_cancelled() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    task = asyncio.create_task(asyncio.Event().wait())

    def cancels() -> None:
        task.cancel()  # FOUND wrong_thread call if library == "asyncio"

    while_it_sleeps(cancels)
    await asyncio.wait([task])


async def test_timer_of_the_loops() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def asks() -> None:
        loop.call_later(0.01, event.set)  # FOUND wrong_thread call if library == "asyncio"

    while_it_sleeps(asks)
    await event.wait()


async def test_beside_a_timer_that_is_far_off() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    event = asyncio.Event()

    def sets() -> None:
        event.set()  # FOUND wrong_thread call if library == "asyncio"

    while_it_sleeps(sets)
    async with asyncio.timeout(10**6):
        await event.wait()


async def test_from_a_loop_of_another_thread() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    event = asyncio.Event()

    async def sets() -> None:
        event.set()  # FOUND wrong_thread call if library == "asyncio"

    while_it_sleeps(lambda: asyncio.run(sets()))
    await event.wait()


@pytest.fixture
async def ready(anyio_backend: object) -> None:
    only_on_asyncio()  # ENDS skipped setup of test_setup if library == "trio"
    event = anyio.Event()

    def sets() -> None:
        event.set()  # FOUND wrong_thread setup of test_setup if library == "asyncio"

    while_it_sleeps(sets)
    await event.wait()


async def test_setup(ready: None) -> None:
    pass


async def test_while_until_asks() -> None:
    only_on_asyncio()  # ENDS skipped call if library == "trio"
    event, asked = asyncio.Event(), threading.Event()

    def work() -> None:
        asked.wait()
        event.set()  # FOUND wrong_thread call if library == "asyncio"

    def has_come() -> bool:
        asked.set()
        return task.done()

    task = asyncio.create_task(event.wait())
    THREADS.append(threading.Thread(target=work))
    THREADS[-1].start()
    await anyrig.until(has_come)


async def test_on_trio_the_call_itself_fails() -> None:
    if sniffio.current_async_library() != "trio":
        pytest.skip("trio's own")  # ENDS skipped call if library == "asyncio"
    event = anyio.Event()

    def sets() -> None:
        asked.wait()
        event.set()  # FOUND lost_exception call if library == "trio"

    asked = threading.Event()
    THREADS.append(threading.Thread(target=sets))
    THREADS[-1].start()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(event.wait)
        await anyio.wait_all_tasks_blocked()
        asked.set()
        await anyio.sleep_forever()  # FOUND deadlock call if library == "trio"

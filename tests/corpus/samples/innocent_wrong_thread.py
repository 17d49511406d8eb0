"""Threads that let a test go on in the ways that tell its loop, and loops of their own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
import sniffio
import trio

import anyrig
from asleep import until_asleep

THREADS: list[threading.Thread] = []


@pytest.fixture(autouse=True)
def joined() -> Iterator[None]:
    yield
    while THREADS:
        THREADS.pop().join()


def only_on(library: str) -> None:
    if sniffio.current_async_library() != library:
        pytest.skip(f"{library}'s own")


def in_a_thread(work: Callable[[], Any]) -> None:
    THREADS.append(threading.Thread(target=work))
    THREADS[-1].start()


def told(function: Callable[..., Any], *args: Any) -> None:
    """Have the running loop call something, from a thread, once it sleeps."""
    loop = asyncio.get_running_loop()

    def work() -> None:
        until_asleep(loop)
        loop.call_soon_threadsafe(function, *args)

    in_a_thread(work)


async def test_event() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    event = asyncio.Event()
    told(event.set)
    await event.wait()


async def test_queue() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    queue: asyncio.Queue[int] = asyncio.Queue()
    told(queue.put_nowait, 1)
    assert await queue.get() == 1


async def test_future() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    future = asyncio.get_running_loop().create_future()
    told(future.set_result, 1)
    assert await future == 1


async def test_task_that_is_cancelled() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    task = asyncio.create_task(asyncio.Event().wait())
    told(task.cancel)
    await asyncio.wait([task])


async def test_timer_of_the_loops() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    event = asyncio.Event()
    told(asyncio.get_running_loop().call_later, 0.01, event.set)
    await event.wait()


async def test_beside_timers_that_are_far_off() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def work() -> None:
        time.sleep(0.5)  # until it was looked at several times
        loop.call_soon_threadsafe(event.set)

    in_a_thread(work)
    timers = [loop.call_later(after, print) for after in (86_500, 10**6, 10**9, float("inf"))]
    await event.wait()
    for timer in timers:
        timer.cancel()


async def test_many_calls() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[int]()

    def work() -> None:
        for number in range(1000):
            loop.call_soon_threadsafe(queue.put_nowait, number)

    in_a_thread(work)
    assert [await queue.get() for _ in range(1000)] == list(range(1000))


async def test_coroutine() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    async def sets() -> None:
        event.set()

    def work() -> None:
        until_asleep(loop)
        asyncio.run_coroutine_threadsafe(sets(), loop).result()

    in_a_thread(work)
    await event.wait()


async def test_loop_of_another_thread() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    async def main() -> None:
        event = asyncio.Event()
        asyncio.get_running_loop().call_soon(event.set)
        asyncio.get_running_loop().call_later(0.001, event.set)
        await event.wait()
        await asyncio.create_task(asyncio.sleep(0.002))
        loop.call_soon_threadsafe(ended.set)

    def work() -> None:
        until_asleep(loop)
        asyncio.run(main())

    in_a_thread(work)
    await ended.wait()


async def test_executor() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    await loop.run_in_executor(None, loop.call_soon_threadsafe, event.set)
    await event.wait()


async def test_from_thread() -> None:
    event = anyio.Event()

    def work() -> int:
        anyio.from_thread.run_sync(event.set)
        anyio.from_thread.run(anyio.sleep, 0)
        return 1

    assert await anyio.to_thread.run_sync(work) == 1
    await event.wait()


async def test_stream() -> None:
    send, receive = anyio.create_memory_object_stream[int]()
    async with anyio.create_task_group() as tasks:
        with send, receive:
            work = partial(anyio.from_thread.run, send.send, 1)
            tasks.start_soon(anyio.to_thread.run_sync, work)
            assert await receive.receive() == 1


async def test_token_of_trios() -> None:
    only_on("trio")  # ENDS skipped call if library == "asyncio"
    event, token = trio.Event(), trio.lowlevel.current_trio_token()
    in_a_thread(partial(token.run_sync_soon, event.set))
    await event.wait()


async def test_from_thread_of_trios() -> None:
    only_on("trio")  # ENDS skipped call if library == "asyncio"
    event, token = trio.Event(), trio.lowlevel.current_trio_token()
    in_a_thread(lambda: trio.from_thread.run_sync(event.set, trio_token=token))
    await event.wait()


async def test_until() -> None:
    came: list[int] = []
    in_a_thread(partial(came.append, 1))
    await anyrig.until(lambda: came)


async def test_until_of_a_thread_that_tells() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    loop, event, asked = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work() -> None:
        asked.wait()
        loop.call_soon_threadsafe(event.set)

    def has_come() -> bool:
        asked.set()
        return task.done()

    task = asyncio.create_task(event.wait())
    in_a_thread(work)
    await anyrig.until(has_come)


async def test_until_of_an_event_of_threads() -> None:
    event = threading.Event()
    in_a_thread(event.set)
    await anyrig.until(event)

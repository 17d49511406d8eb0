"""Tests whose sleeps take no time, that leave nothing behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator

import anyio
import anyio.to_thread
import not_on_uvloop
import pytest
import sniffio
import trio
from anyio.abc import TaskGroup

from anyrig import FastSleep

HOUR = 3600.0

anyio_backend = not_on_uvloop.anyio_backend


@pytest.fixture
async def slow(fast_sleep: FastSleep) -> AsyncGenerator[FastSleep]:
    await anyio.sleep(HOUR)
    yield fast_sleep
    await anyio.sleep(HOUR)


async def test_sleep(fast_sleep: FastSleep) -> None:  # ENDS skipped setup if uvloop
    await anyio.sleep(24 * HOUR)
    assert fast_sleep.total == 24 * HOUR


async def test_fixture_that_sleeps(slow: FastSleep) -> None:  # ENDS skipped setup if uvloop
    assert slow.total == HOUR


async def test_sleep_of_the_library(fast_sleep: FastSleep) -> None:  # ENDS skipped setup if uvloop
    if sniffio.current_async_library() == "trio":
        await trio.sleep(HOUR)
    else:
        await asyncio.sleep(HOUR)
    assert [call.seconds for call in fast_sleep.calls] == [HOUR]


async def test_order(fast_sleep: FastSleep) -> None:  # ENDS skipped setup if uvloop
    log: list[float] = []

    async def nap(hours: float) -> None:
        await anyio.sleep(hours * HOUR)
        log.append(hours)

    async with anyio.create_task_group() as tasks:
        for hours in (5, 1, 3):
            tasks.start_soon(nap, hours)
    assert log == [1, 3, 5]
    assert len(fast_sleep.calls) == 3


async def test_timeouts(fast_sleep: FastSleep) -> None:  # ENDS skipped setup if uvloop
    with anyio.fail_after(2 * HOUR):
        await anyio.sleep(HOUR)
    with pytest.raises(TimeoutError), anyio.fail_after(HOUR):
        await anyio.sleep(2 * HOUR)
    assert len(fast_sleep.calls) == 2


async def test_thread(fast_sleep: FastSleep) -> None:  # ENDS skipped setup if uvloop
    done = threading.Event()

    async def wait() -> None:
        with anyio.fail_after(HOUR):
            await anyio.to_thread.run_sync(done.wait)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.sleep(24 * HOUR)
        done.set()


async def test_poller(
    task_group: TaskGroup, fast_sleep: FastSleep
) -> None:  # ENDS skipped setup of test_poller if uvloop
    polls: list[float] = []

    async def poll() -> None:
        while True:
            polls.append(anyio.current_time())
            await anyio.sleep(60)

    task_group.start_soon(poll)
    await anyio.sleep(HOUR)
    assert 59 <= len(polls) <= 61
    assert fast_sleep.total > HOUR

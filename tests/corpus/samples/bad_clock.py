"""Tests in virtual time: what is wrong in them is found as in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import anyio
import not_on_uvloop
import pytest
import sniffio
import trio
from anyio.abc import TaskGroup
from store import save

from anyrig import Clock, FastSleep

HOUR = 3600.0

anyio_backend = not_on_uvloop.anyio_backend


def only_on(library: str) -> None:
    if sniffio.current_async_library() != library:
        pytest.skip(f"{library}'s own")


async def nap() -> None:
    await anyio.sleep(HOUR)


async def test_dropped(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    save(1)  # FOUND missed_await call if not uvloop
    await anyio.sleep(HOUR)


async def test_sleep_is_not_awaited(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    anyio.sleep(HOUR)  # FOUND missed_await call if not uvloop
    assert clock.time() == 0


async def test_advance_is_not_awaited(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    clock.advance(HOUR)  # FOUND missed_await call if not uvloop
    assert clock.time() == 0


@pytest.mark.anyrig(clock="virtual")
async def test_dropped_with_marker() -> None:  # ENDS skipped setup if uvloop
    await anyio.sleep(HOUR)
    save(1)  # FOUND missed_await call if not uvloop


async def test_task(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(nap())  # FOUND leaked_task call if library == "asyncio" and not uvloop
    await anyio.sleep(HOUR / 2)


async def test_system_task(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    only_on("trio")  # ENDS skipped call if library == "asyncio" and not uvloop
    trio.lowlevel.spawn_system_task(nap)  # FOUND leaked_task call if library == "trio"
    await anyio.sleep(HOUR / 2)


@pytest.fixture(scope="module")
async def wide(anyio_backend: object) -> AsyncGenerator[TaskGroup]:
    async with anyio.create_task_group() as tasks:
        yield tasks
        tasks.cancel_scope.cancel()


async def test_wider_group(wide: TaskGroup, clock: Clock) -> None:  # ENDS skipped setup if uvloop
    wide.start_soon(nap)  # FOUND leaked_task teardown if not uvloop
    await anyio.sleep(HOUR / 2)


async def test_beside_what_was_left(wide: TaskGroup) -> None:  # ENDS skipped setup if uvloop
    await anyio.sleep(0.001)


async def fail() -> None:
    await anyio.sleep(HOUR)
    raise KeyError("lamp")


async def test_lost(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(fail())  # FOUND lost_exception call if library == "asyncio" and not uvloop
    await anyio.sleep(2 * HOUR)


async def test_event(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    ready = anyio.Event()
    await ready.wait()  # FOUND deadlock call if not uvloop


async def test_event_after_a_sleep(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    await anyio.sleep(HOUR)
    await anyio.Event().wait()  # FOUND deadlock call if not uvloop


@pytest.mark.anyrig(clock="virtual")
async def test_stuck_with_marker() -> None:  # ENDS skipped setup if uvloop
    async with anyio.create_task_group() as tasks:  # FOUND deadlock call if not uvloop
        tasks.start_soon(anyio.sleep_forever)
        tasks.start_soon(nap)


async def test_fast_sleep(fast_sleep: FastSleep) -> None:  # ENDS skipped setup if uvloop
    await anyio.sleep(HOUR)
    await anyio.Event().wait()  # FOUND deadlock call if not uvloop


@pytest.fixture
async def waits(clock: Clock) -> None:
    await anyio.Event().wait()  # FOUND deadlock setup of test_setup if not uvloop


async def test_setup(waits: None) -> None:  # ENDS skipped setup if uvloop
    pass


async def test_next(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    await anyio.sleep(HOUR)

"""Tasks that ran, were cancelled on purpose, or go on where the test is over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup
from store import save

KEPT: list[Any] = []


def test_awaited() -> None:
    async def main() -> None:
        assert await asyncio.create_task(save(1)) == 1

    asyncio.run(main())


def test_cancelled_before_its_first_step() -> None:
    async def main() -> None:
        task = asyncio.create_task(save(1))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_cancelled_by_asyncio_run_at_its_end() -> None:
    async def main() -> None:
        KEPT.append(asyncio.create_task(save(1)))

    asyncio.run(main())


async def test_cancelled_before_its_first_step_by_a_task_group() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save, 1)
        tasks.cancel_scope.cancel()


async def test_cancelled_group_before_start_soon() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.cancel_scope.cancel()
        tasks.start_soon(save, 1)


@pytest.fixture(scope="module")
async def wide_group() -> AsyncGenerator[TaskGroup, None]:
    async with anyio.create_task_group() as tasks:
        yield tasks
        tasks.cancel_scope.cancel()


@pytest.mark.anyrig(leaked_tasks="off")
async def test_task_outlives_the_test_in_a_wider_runner(wide_group: TaskGroup) -> None:
    wide_group.start_soon(anyio.sleep_forever)


async def test_next_one_with_the_same_runner(wide_group: TaskGroup) -> None:
    await save(1)


async def test_starts_what_a_later_test_sees(wide_group: TaskGroup) -> None:
    wide_group.start_soon(save, 1)


async def test_later_one(wide_group: TaskGroup) -> None:
    await anyio.lowlevel.checkpoint()


async def others() -> None:
    """Wait for all tasks of the loop."""
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})


@pytest.fixture
def loop_in_a_thread() -> Generator[asyncio.AbstractEventLoop, None, None]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    asyncio.run_coroutine_threadsafe(others(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_awaited_by_a_loop_in_another_thread(loop_in_a_thread: asyncio.AbstractEventLoop) -> None:
    future = asyncio.run_coroutine_threadsafe(save(1), loop_in_a_thread)
    assert future.result() == 1


def test_awaited_later_by_a_loop_in_another_thread(
    loop_in_a_thread: asyncio.AbstractEventLoop,
) -> None:
    asyncio.run_coroutine_threadsafe(save(1), loop_in_a_thread)


def test_awaited_by_a_loop_that_is_busy_in_another_thread(
    loop_in_a_thread: asyncio.AbstractEventLoop, busy: threading.Event
) -> None:
    loop_in_a_thread.call_soon_threadsafe(busy.wait)
    asyncio.run_coroutine_threadsafe(save(1), loop_in_a_thread)


@pytest.fixture
def busy(loop_in_a_thread: asyncio.AbstractEventLoop) -> Generator[threading.Event, None, None]:
    event = threading.Event()
    yield event
    event.set()


def test_run_by_a_second_run_of_the_loop() -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(save(1))
    assert loop.run_until_complete(task) == 1
    loop.close()

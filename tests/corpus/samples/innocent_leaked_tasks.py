"""Tasks that end with their test, or are somebody else's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator

import anyio
import anyio.to_process
import pytest
import sniffio
from anyio.abc import TaskGroup

SLOW = 50  # turns of the loop


async def ping() -> None:
    await anyio.sleep_forever()


async def turns(count: int) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def ends_slowly() -> None:
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await turns(SLOW)


def is_asyncio() -> bool:
    return sniffio.current_async_library() == "asyncio"


async def test_awaited() -> None:
    if is_asyncio():
        await asyncio.create_task(turns(1))


async def test_ends_a_few_turns_later() -> None:
    if is_asyncio():
        asyncio.create_task(turns(3))


async def test_being_cancelled() -> None:
    if is_asyncio():
        task = asyncio.create_task(ends_slowly())
        await turns(1)
        task.cancel()


async def test_own_group() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ping)
        await turns(1)
        tasks.cancel_scope.cancel()


async def test_task_group(task_group: TaskGroup) -> None:
    task_group.start_soon(ping)
    await turns(1)


@pytest.fixture(scope="module")
async def server(anyio_backend: object) -> AsyncGenerator[anyio.Event]:
    wanted = anyio.Event()

    async def serve() -> None:
        await wanted.wait()
        tasks.start_soon(ping)  # for a test, but not the test's

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ping)
        tasks.start_soon(serve)
        yield wanted
        tasks.cancel_scope.cancel()


async def test_of_a_wider_fixture(server: anyio.Event) -> None:
    server.set()
    await anyio.wait_all_tasks_blocked()


async def test_beside_a_wider_fixture(server: anyio.Event) -> None:
    await turns(1)


@pytest.fixture
async def background_tasks(anyio_backend: object) -> AsyncGenerator[list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    yield tasks
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def test_list_of_tasks(background_tasks: list[asyncio.Task[None]]) -> None:
    if is_asyncio():
        background_tasks.append(asyncio.create_task(ping()))


async def test_executor() -> None:
    if is_asyncio():
        assert await asyncio.get_running_loop().run_in_executor(None, abs, -1) == 1
        assert await asyncio.to_thread(abs, -1) == 1


async def test_call_that_was_given_up() -> None:
    # a thread can't be cancelled, and what awaited it was
    if is_asyncio():
        go = threading.Event()
        with anyio.move_on_after(0.01):
            await asyncio.to_thread(go.wait, 0.2)


async def keep_alive() -> None:
    await anyio.sleep_forever()


@pytest.mark.anyrig(known_tasks=["keep_*"])
async def test_known() -> None:
    if is_asyncio():
        asyncio.create_task(keep_alive())


async def test_process_pool() -> None:
    # its shutdown waits in a task of anyio's until the loop ends
    assert await anyio.to_process.run_sync(abs, -1) == 1


@pytest.fixture
def sync_fixture(anyio_backend: object) -> Generator[None]:
    yield


def test_run_that_cancels() -> None:
    async def main() -> None:
        task = asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(main())


def test_run_whose_tasks_are_about_to_end() -> None:
    async def main() -> None:
        asyncio.create_task(asyncio.sleep(0))

    asyncio.run(main())


def test_sync(sync_fixture: None) -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.sleep(0))

    asyncio.run(main())

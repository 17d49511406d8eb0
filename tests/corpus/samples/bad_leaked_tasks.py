"""Tasks that are still there when their test has ended."""

from __future__ import annotations

import asyncio
import threading
import unittest
from collections.abc import AsyncGenerator

import anyio
import pytest
import sniffio
import trio
from anyio.abc import TaskGroup


async def ping() -> None:
    await anyio.sleep_forever()


def only_on(library: str) -> None:
    if sniffio.current_async_library() != library:
        pytest.skip(f"{library}'s own")


async def test_create_task() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(ping())  # FOUND leaked_task call if library == "asyncio"


async def test_ensure_future_that_waits_already() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.ensure_future(ping())  # FOUND leaked_task call if library == "asyncio"
    await anyio.wait_all_tasks_blocked()


async def test_gather_that_nobody_awaits() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.gather(ping(), ping())  # FOUND leaked_task call times 2 if library == "asyncio"


def start() -> asyncio.Task[None]:
    return asyncio.create_task(ping())  # FOUND leaked_task call of test_on if library == "asyncio"


async def test_on() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    assert not start().done()


async def test_own_failure_stays() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(ping())  # FOUND leaked_task call if library == "asyncio"
    raise KeyError  # FAILS call KeyError if library == "asyncio"


async def test_system_task() -> None:
    only_on("trio")  # ENDS skipped call if library == "asyncio"
    trio.lowlevel.spawn_system_task(ping)  # FOUND leaked_task call if library == "trio"


def rest() -> None:  # FOUND leaked_task call of test_pool if library == "asyncio"
    threading.Event().wait(0.2)


async def test_pool() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.get_running_loop().run_in_executor(None, rest)
    await anyio.sleep(0.01)


async def idle() -> None:
    await asyncio.Event().wait()


async def leaves() -> None:
    # fmt: off
    asyncio.create_task(idle())  # FOUND leaked_task call of test_run, test_closed_loop, Test::test_it warned
    # fmt: on
    await asyncio.sleep(0)


def test_run() -> None:
    asyncio.run(leaves())


def test_closed_loop() -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(leaves())
    loop.close()


class Test(unittest.IsolatedAsyncioTestCase):
    async def test_it(self) -> None:
        await leaves()


@pytest.mark.anyrig(leaked_tasks="fail")
def test_run_that_is_to_fail() -> None:
    async def main() -> None:
        task = asyncio.create_task(idle())  # FOUND leaked_task call
        await asyncio.wait([task], timeout=0)

    asyncio.run(main())


@pytest.fixture(scope="module")
async def wide(anyio_backend: object) -> AsyncGenerator[TaskGroup]:
    async with anyio.create_task_group() as tasks:
        yield tasks
        tasks.cancel_scope.cancel()


async def test_in_the_group_of_a_wider_fixture(wide: TaskGroup) -> None:
    wide.start_soon(ping)  # FOUND leaked_task teardown


async def test_inner(wide: TaskGroup) -> None:
    async def starts_another() -> None:
        wide.start_soon(ping)  # FOUND leaked_task teardown of test_inner

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(starts_another)


@pytest.fixture
async def leaves_a_task(wide: TaskGroup) -> AsyncGenerator[None]:
    wide.start_soon(ping)  # FOUND leaked_task teardown of test_fixture
    yield


async def test_fixture(leaves_a_task: None) -> None:
    pass


@pytest.mark.anyrig(allow=["leaked_task"])
async def test_permitted(wide: TaskGroup) -> None:
    wide.start_soon(ping)  # FOUND leaked_task teardown permitted


async def test_last(wide: TaskGroup) -> None:
    wide.start_soon(ping)  # FOUND leaked_task teardown

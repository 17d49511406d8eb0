"""Exceptions that are raised where nobody can see them."""

from __future__ import annotations

import asyncio
import gc
import threading
import unittest
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any

import anyio
import pytest
import sniffio
import trio

KEPT: list[Any] = []


class Lost(Exception):
    pass


async def boom() -> None:
    await asyncio.sleep(0)
    raise Lost


async def boom_at_once() -> None:
    raise Lost  # FOUND lost_exception call of test_task_that_fails_at_once if eager


def lose(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.create_task(coroutine)


def keep(coroutine: Coroutine[Any, Any, None]) -> None:
    KEPT.append(asyncio.create_task(coroutine))


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


def only_on(library: str) -> None:
    if sniffio.current_async_library() != library:
        pytest.skip(f"{library}'s own")


async def test_task() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(boom())  # FOUND lost_exception call if library == "asyncio"
    await turns()


async def test_task_that_fails_at_once() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    lose(boom_at_once())  # FOUND lost_exception call if library == "asyncio" and not eager
    await turns()


async def test_task_that_ends_with_the_loop() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(boom())  # FOUND lost_exception call if library == "asyncio"


async def test_task_that_a_global_holds() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    keep(boom())  # FOUND lost_exception call at teardown if library == "asyncio"
    await turns()


async def test_task_in_a_cycle() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    task: Any = asyncio.create_task(boom())  # FOUND lost_exception call if library == "asyncio"
    cycle = [task]
    cycle.append(cycle)
    await turns()


async def test_future() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    future = asyncio.get_running_loop().create_future()

    def later() -> None:
        try:
            raise Lost  # FOUND lost_exception call of test_future if library == "asyncio"
        except Lost as error:
            future.set_exception(error)

    later()


async def fails_a_little_later() -> None:
    await turns(2)
    raise Lost  # FOUND lost_exception call of test_gather if library == "asyncio"


async def test_gather() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.gather(fails_a_little_later(), turns())
    await turns(9)


async def test_callback() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"

    def callback(number: int) -> None:
        raise Lost  # FOUND lost_exception call times 2 of test_callback if library == "asyncio"

    asyncio.get_running_loop().call_soon(callback, 1)
    asyncio.get_running_loop().call_later(0, callback, 1)
    await anyio.sleep(0.001)
    await turns()


async def test_done_callback() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"

    def callback(task: asyncio.Task[None]) -> None:
        raise Lost  # FOUND lost_exception call of test_done_callback if library == "asyncio"

    task = asyncio.create_task(turns(1))
    task.add_done_callback(callback)
    await task
    await turns()


async def test_own_failure_stays() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(boom())  # FOUND lost_exception call if library == "asyncio"
    await turns()
    raise KeyError  # FAILS call KeyError if library == "asyncio"


async def test_skipped() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(boom())  # FOUND lost_exception call warned if library == "asyncio"
    await turns()
    pytest.skip("no matter")  # ENDS skipped call if library == "asyncio"


@pytest.fixture
async def loses(anyio_backend: object) -> AsyncGenerator[None]:
    only_on("asyncio")  # ENDS skipped setup of test_fixture if library == "trio"
    lose(boom())  # FOUND lost_exception setup of test_fixture if library == "asyncio"
    await turns()
    yield
    lose(boom())  # FOUND lost_exception teardown of test_fixture if library == "asyncio"
    await turns()


async def test_fixture(loses: None) -> None:
    pass


class Dies:
    def __del__(self) -> None:
        raise Lost  # FOUND lost_exception call of test_finaliser, test_finaliser_in_an_async_test; FOUND lost_exception teardown of test_finaliser_in_a_cycle


def test_finaliser() -> None:
    Dies()


async def test_finaliser_in_an_async_test() -> None:
    Dies()


def test_finaliser_in_a_cycle() -> None:
    one: Any = Dies()
    one.itself = one


def generator() -> Generator[None]:
    try:
        yield
    finally:
        raise Lost  # FOUND lost_exception call of test_generator


def test_generator() -> None:
    next(generator())


def test_thread() -> None:
    def run() -> None:
        raise Lost  # FOUND lost_exception call of test_thread

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


async def test_thread_in_an_async_test() -> None:
    def run() -> None:
        raise Lost  # FOUND lost_exception call of test_thread_in_an_async_test

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


async def cleans_up_badly() -> AsyncGenerator[int]:
    try:
        yield 1
    finally:
        raise Lost  # FOUND lost_exception call of test_async_generator


async def test_async_generator() -> None:
    async for _ in cleans_up_badly():  # FOUND leaked_asyncgen call
        break
    gc.collect()
    await turns()


def test_loop_of_its_own() -> None:
    async def main() -> None:
        keep(boom())  # FOUND lost_exception call at teardown of test_loop_of_its_own
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(main())


def test_dies_in_a_loop_of_its_own() -> None:
    async def main() -> None:
        asyncio.create_task(boom())  # FOUND lost_exception call of test_dies_in_a_loop_of_its_own
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(main())


async def ends_badly() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        raise Lost


@pytest.mark.anyrig(leaked_tasks="off")
def test_cancelled_at_the_end_of_its_loop() -> None:
    async def main() -> None:
        ends = ends_badly()  # FOUND lost_exception call of test_cancelled_at_the_end_of_its_loop
        task = asyncio.create_task(ends)
        await asyncio.sleep(0)
        KEPT.append(task)

    asyncio.run(main())


class TestCase(unittest.IsolatedAsyncioTestCase):
    async def test_case(self) -> None:
        asyncio.create_task(boom())  # FOUND lost_exception call of TestCase::test_case
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.mark.anyrig(leaked_tasks="off")
async def test_cancelled_at_the_end_of_the_runner() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(ends_badly())  # FOUND lost_exception call if library == "asyncio"
    await turns()


@pytest.mark.anyrig(leaked_tasks="off")
async def test_system_task_cancelled_at_the_end_of_the_run() -> None:
    only_on("trio")  # ENDS skipped call if library == "asyncio"
    trio.lowlevel.spawn_system_task(raises_when_cancelled)
    await turns()


async def raises_when_cancelled() -> None:
    try:
        await anyio.sleep_forever()
    finally:
        raise Lost  # FOUND lost_exception call of test_system_task_cancelled_at_the_end_of_the_run if library == "trio"


@pytest.mark.anyrig(allow=["lost_exception"])
def test_permitted() -> None:
    class Permitted:
        def __del__(self) -> None:
            raise Lost  # FOUND lost_exception call permitted of test_permitted

    Permitted()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_permitted_by_its_author() -> None:
    class Permitted:
        def __del__(self) -> None:
            raise Lost  # FOUND lost_exception call permitted of test_permitted_by_its_author

    Permitted()


@pytest.mark.anyrig(lost_exceptions="warn")
async def test_warned() -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    asyncio.create_task(boom())  # FOUND lost_exception call warned if library == "asyncio"
    await turns()

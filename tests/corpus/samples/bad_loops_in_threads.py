"""Loops that run in threads: what fails in them is of the test that started the thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Any

import pytest

KEPT: list[Any] = []
LOOPS: list[asyncio.AbstractEventLoop] = []
GO, DONE = threading.Event(), threading.Event()
GO_OWN, GO_CHILD = threading.Event(), threading.Event()
THREADS: list[threading.Thread] = []


class Lost(Exception):
    pass


async def boom() -> None:
    raise Lost


def test_starts_a_loop_that_outlives_it() -> None:
    def fail() -> None:
        raise Lost  # FOUND lost_exception call late

    def lose() -> None:
        LOOPS[0].create_task(boom())  # FOUND lost_exception call late

    def keep() -> None:
        KEPT.append(LOOPS[0].create_task(boom()))  # FOUND lost_exception call late

    async def main() -> None:
        for function in (fail, lose, keep):
            LOOPS[0].call_soon(function)
        for _ in range(4):
            await asyncio.sleep(0)

    def serve() -> None:
        GO.wait()
        LOOPS.append(asyncio.new_event_loop())
        LOOPS[0].run_until_complete(main())
        LOOPS[0].call_soon(DONE.set)  # not before: a `stop` would end what runs by then
        LOOPS[0].run_forever()
        LOOPS[0].close()

    THREADS.append(threading.Thread(target=serve))
    THREADS[-1].start()  # FOUND leaked_thread call warned


def test_innocent_while_it_fails() -> None:
    GO.set()
    DONE.wait()


def test_innocent_while_it_ends() -> None:
    LOOPS[0].call_soon_threadsafe(LOOPS[0].stop)
    THREADS[0].join()


def test_starts_asyncio_run() -> None:
    async def main() -> None:
        asyncio.get_running_loop().create_task(boom())  # FOUND lost_exception call late
        asyncio.create_task(asyncio.sleep(3600))  # FOUND leaked_task call warned
        await asyncio.sleep(0)

    def run() -> None:
        GO_OWN.wait()
        asyncio.run(main())

    THREADS.append(threading.Thread(target=run))
    THREADS[-1].start()  # FOUND leaked_thread call warned


async def test_innocent_while_that_runs() -> None:
    GO_OWN.set()
    THREADS[1].join()


def test_starts_a_thread_that_starts_one() -> None:
    def fail() -> None:
        raise Lost  # FOUND lost_exception call late

    async def main() -> None:
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0)

    def start() -> None:
        GO_CHILD.wait()
        child = threading.Thread(target=lambda: asyncio.run(main()))
        child.start()
        child.join()

    THREADS.append(threading.Thread(target=start))
    THREADS[-1].start()  # FOUND leaked_thread call warned


def test_innocent_while_the_second_one_runs(caplog: Any) -> None:
    GO_CHILD.set()
    THREADS[2].join()


@pytest.fixture(scope="module")
def wider_loop() -> Generator[asyncio.AbstractEventLoop, None, None]:
    loop = asyncio.new_event_loop()
    thread, runs = threading.Thread(target=loop.run_forever), threading.Event()
    loop.call_soon(runs.set)
    thread.start()
    runs.wait()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_innocent_first_of_a_wider_loop(wider_loop: asyncio.AbstractEventLoop) -> None:
    assert wider_loop.is_running()


def test_loses_in_a_wider_loop(wider_loop: asyncio.AbstractEventLoop) -> None:
    async def lose() -> None:
        wider_loop.create_task(boom())  # FOUND lost_exception call
        await asyncio.sleep(0)

    asyncio.run_coroutine_threadsafe(lose(), wider_loop).result()

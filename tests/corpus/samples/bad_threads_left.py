"""Threads that are still alive when their test has ended."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncGenerator, Generator

import anyio.to_thread
import pytest

STOP = threading.Event()


def teardown_module() -> None:
    STOP.set()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
        if isinstance(thread, threading.Timer | Worker):
            thread.join()


def wait() -> None:
    STOP.wait()


class Poller:
    def __init__(self) -> None:
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()  # FOUND leaked_thread call of test_code_under_test warned

    def run(self) -> None:
        STOP.wait()


class Worker(threading.Thread):
    def run(self) -> None:
        STOP.wait()


def test_sync() -> None:
    threading.Thread(target=wait).start()  # FOUND leaked_thread call warned


async def test_async() -> None:
    threading.Thread(target=wait, daemon=True).start()  # FOUND leaked_thread call warned


async def test_code_under_test() -> None:
    await anyio.lowlevel.checkpoint()
    assert Poller().thread.is_alive()


async def test_subclass() -> None:
    Worker(daemon=True).start()  # FOUND leaked_thread call warned


async def test_several() -> None:
    for _ in range(3):
        Worker(daemon=True).start()  # FOUND leaked_thread call times 3 warned


def test_timer() -> None:
    timer = threading.Timer(3600, wait)
    timer.daemon = True
    timer.start()  # FOUND leaked_thread call warned


async def test_own_failure_stays() -> None:
    Worker(daemon=True).start()  # FOUND leaked_thread call warned
    raise KeyError  # FAILS call KeyError


@pytest.mark.anyrig(leaked_threads="fail")
async def test_failing() -> None:
    Worker(daemon=True).start()  # FOUND leaked_thread call at teardown


@pytest.mark.anyrig(allow=["leaked_thread"])
async def test_permitted() -> None:
    Worker(daemon=True).start()  # FOUND leaked_thread call permitted


async def test_in_a_task() -> None:
    async def start() -> None:
        Worker(daemon=True).start()  # FOUND leaked_thread call of test_in_a_task warned

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(start)


def start() -> None:
    Worker(daemon=True).start()  # FOUND leaked_thread call of test_in_a_worker, test_pool warned


async def test_in_a_worker() -> None:
    await anyio.to_thread.run_sync(start)


def test_pool() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.submit(start).result()


def test_thread_of_a_thread() -> None:
    def run() -> None:
        Worker(daemon=True).start()  # FOUND leaked_thread call of test_thread_of_a_thread warned

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_loop() -> None:
    async def main() -> None:
        Worker(daemon=True).start()  # FOUND leaked_thread call of test_loop warned

    asyncio.run(main())


@pytest.fixture
def sync_fixture() -> Generator[None]:
    Worker(daemon=True).start()  # FOUND leaked_thread setup of test_sync_fixture warned
    yield


def test_sync_fixture(sync_fixture: None) -> None:
    pass


@pytest.fixture
async def async_fixture(anyio_backend: object) -> AsyncGenerator[None]:
    yield
    Worker(daemon=True).start()  # FOUND leaked_thread teardown of test_async_fixture warned


async def test_async_fixture(async_fixture: None) -> None:
    pass


@pytest.fixture(scope="module")
async def wide(anyio_backend: object) -> AsyncGenerator[None]:
    yield


async def test_beside_a_wider_fixture(wide: None) -> None:
    Worker(daemon=True).start()  # FOUND leaked_thread call warned


def start_another() -> None:
    Worker(daemon=True).start()  # FOUND leaked_thread teardown of TestLast::test_second warned


@pytest.fixture(scope="class")
def narrow() -> Generator[None]:
    start_another()
    yield


class TestLast:
    def test_first(self, narrow: None) -> None:
        pass

    def test_second(self) -> None:
        pass


def test_last() -> None:
    pass  # the module's teardown ends all of them

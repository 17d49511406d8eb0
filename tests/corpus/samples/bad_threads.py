"""Threads of every make, in which an await is forgotten."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Generator
from typing import Any

import anyio.to_thread
import pytest
import trio
from store import save

KEPT: list[Any] = []


def test_in_a_thread() -> None:
    def run() -> None:
        save(1)  # FOUND missed_await call

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_in_a_subclass_of_a_thread() -> None:
    class Worker(threading.Thread):
        def run(self) -> None:
            save(1)  # FOUND missed_await call

    worker = Worker()
    worker.start()
    worker.join()


def test_held_by_a_thread_that_has_ended() -> None:
    def run() -> None:
        KEPT.append(save(1))  # FOUND missed_await call

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


async def test_in_a_thread_of_an_async_test() -> None:
    def run() -> None:
        save(1)  # FOUND missed_await call

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


async def test_anyio() -> None:
    await anyio.to_thread.run_sync(drop)


def drop() -> None:
    save(1)  # FOUND missed_await call of test_anyio, test_asyncio, test_trio, test_pool, test_loop


def test_asyncio() -> None:
    asyncio.run(asyncio.to_thread(drop))


def test_trio() -> None:
    trio.run(trio.to_thread.run_sync, drop)


def test_pool() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.submit(drop).result()


def test_loop() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, drop)

    asyncio.run(main())


def test_returned_by_an_executor() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert pool.submit(save, 1).result()  # FOUND missed_await call


def test_returned_by_asyncio_to_thread() -> None:
    async def main() -> None:
        assert await asyncio.to_thread(save, 1)  # FOUND missed_await call

    asyncio.run(main())


async def test_returned_by_anyio_to_thread() -> None:
    # trio looks at what comes back
    assert await anyio.to_thread.run_sync(save, 1)  # FOUND missed_await call if library != "trio"
    # FAILS call TypeError if library == "trio"


def test_async_target_of_a_thread() -> None:
    thread = threading.Thread(target=save)  # FOUND missed_await call
    thread.start()
    thread.join()


def test_in_a_loop_in_a_thread() -> None:
    async def main() -> None:
        save(1)  # FOUND missed_await call

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()


@pytest.fixture(scope="module")
def pool() -> Generator[concurrent.futures.ThreadPoolExecutor, None, None]:
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        yield pool


def forget() -> None:
    save(1)  # FOUND missed_await call of test_starts_a_shared_pool, test_uses_a_shared_pool


def test_starts_a_shared_pool(pool: concurrent.futures.ThreadPoolExecutor) -> None:
    pool.submit(forget).result()


def test_uses_a_shared_pool(pool: concurrent.futures.ThreadPoolExecutor) -> None:
    pool.submit(forget).result()


def test_innocent_of_a_shared_pool(pool: concurrent.futures.ThreadPoolExecutor) -> None:
    pool.submit(print).result()


def test_in_a_timer() -> None:
    timer = threading.Timer(0, drop_in_a_timer)
    timer.start()
    timer.join()


def drop_in_a_timer() -> None:
    save(1)  # FOUND missed_await call of test_in_a_timer


STOP = threading.Event()
STOPPED: list[threading.Thread] = []


def test_starts_a_thread_that_outlives_it() -> None:
    def run() -> None:
        STOP.wait()
        save(1)  # FOUND missed_await call late

    STOPPED.append(threading.Thread(target=run))
    STOPPED[0].start()  # FOUND leaked_thread call warned


def test_innocent_while_it_forgets() -> None:
    STOP.set()
    STOPPED[0].join()

"""Threads that await, or hand a coroutine to somebody who does."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Generator
from typing import Any

import anyio.from_thread
import anyio.to_thread
import pytest
from store import save


def test_loop_in_a_thread() -> None:
    thread = threading.Thread(target=lambda: asyncio.run(save(1)))
    thread.start()
    thread.join()


def test_coroutine_as_an_argument_of_a_thread() -> None:
    thread = threading.Thread(target=asyncio.run, args=(save(1),))
    thread.start()
    thread.join()


async def test_back_from_a_thread() -> None:
    assert await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(save, 1)) == 1


def test_executor_runs_it() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert pool.submit(lambda: asyncio.run(save(1))).result() == 1


def test_portal() -> None:
    with anyio.from_thread.start_blocking_portal("asyncio") as portal:
        assert portal.call(save, 1) == 1
        assert portal.start_task_soon(save, 2).result() == 2


@pytest.fixture
def gate() -> Generator[threading.Event, None, None]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def waiting(gate: threading.Event) -> Generator[list[Any], None, None]:
    coroutines: list[Any] = []

    def run() -> None:
        gate.wait()
        for coroutine in coroutines:
            asyncio.run(coroutine)

    thread = threading.Thread(target=run)
    thread.start()
    yield coroutines
    gate.set()
    thread.join()


def test_awaited_by_a_thread_that_waits(waiting: list[Any]) -> None:
    waiting.append(save(1))


THREADS: list[tuple[threading.Event, threading.Thread]] = []


@pytest.mark.anyrig(leaked_threads="off")
def test_held_by_a_thread_that_outlives_the_test() -> None:
    event = threading.Event()

    def run(coroutine: Any) -> None:
        event.wait()
        asyncio.run(coroutine)

    thread = threading.Thread(target=run, args=(save(1),))
    thread.start()
    THREADS.append((event, thread))


def test_that_ends_the_thread_of_another() -> None:
    event, thread = THREADS.pop()
    event.set()
    thread.join()


def test_innocent_after_both() -> None: ...

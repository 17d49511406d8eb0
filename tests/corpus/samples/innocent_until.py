"""Tests that wait for threads, futures, events and predicates, and leave nothing behind."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import anyio
import pytest
from store import save

import anyrig


async def test_event_and_thread() -> None:
    started = threading.Event()
    thread = threading.Thread(target=started.set)
    thread.start()
    assert await anyrig.until(started)
    await anyrig.until(thread)


async def test_future() -> None:
    with ThreadPoolExecutor() as pool:
        assert await anyrig.until(pool.submit(sum, [1, 2])) == 3


async def test_predicate_that_is_async() -> None:
    assert await anyrig.until(lambda: save(1)) == 1


async def test_what_does_not_come() -> None:
    future: Future[None] = Future()
    for what in (threading.Event(), future, anyio.Event(), lambda: False):
        with pytest.raises(anyrig.DidNotHappen):
            await anyrig.until(what, timeout=0.01)


async def test_coroutine_is_refused() -> None:
    with pytest.raises(TypeError):
        await anyrig.until(save(1))


async def test_settled() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        await anyrig.settled()
        group.cancel_scope.cancel()

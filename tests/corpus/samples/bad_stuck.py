"""Tests in which everything waits, and nothing is left that could wake anything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import sniffio


async def test_event() -> None:
    ready = anyio.Event()
    await ready.wait()  # FOUND deadlock call


async def test_two_locks() -> None:
    one, two = anyio.Lock(), anyio.Lock()

    async def take(first: anyio.Lock, second: anyio.Lock) -> None:
        async with first:
            await anyio.lowlevel.checkpoint()
            async with second:
                pass

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take, one, two)
        tasks.start_soon(take, two, one)
        await anyio.sleep_forever()  # FOUND deadlock call


async def test_stream() -> None:
    send, receive = anyio.create_memory_object_stream[int]()
    with send, receive:
        await receive.receive()  # FOUND deadlock call


async def test_group() -> None:
    async with anyio.create_task_group() as tasks:  # FOUND deadlock call
        tasks.start_soon(anyio.sleep_forever)


async def test_shielded() -> None:
    with anyio.CancelScope(shield=True):
        await anyio.sleep_forever()  # FOUND deadlock call


async def test_future() -> None:
    if sniffio.current_async_library() == "trio":
        pytest.skip("asyncio's own")  # ENDS skipped call if library == "trio"
    future = asyncio.get_running_loop().create_future()
    await future  # FOUND deadlock call if library == "asyncio"


async def test_after_a_thread() -> None:
    await anyio.to_thread.run_sync(int)
    await anyio.sleep_forever()  # FOUND deadlock call


async def test_beside_a_thread_that_ends() -> None:
    go = threading.Event()
    threading.Thread(target=go.wait).start()
    ready = anyio.Event()
    go.set()
    await ready.wait()  # FOUND deadlock call


@pytest.fixture
async def waits(anyio_backend: object) -> None:
    await anyio.Event().wait()  # FOUND deadlock setup of test_setup


async def test_setup(waits: None) -> None:
    pass


@pytest.fixture
async def waits_at_its_end(anyio_backend: object) -> AsyncGenerator[None]:
    yield
    await anyio.Event().wait()  # FOUND deadlock teardown of test_end


async def test_end(waits_at_its_end: None) -> None:
    pass


async def test_next() -> None:
    await anyio.lowlevel.checkpoint()

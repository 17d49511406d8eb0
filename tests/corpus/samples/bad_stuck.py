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


@pytest.fixture(autouse=True)
def told(anyio_backend: object) -> None:
    if "uvloop" in str(anyio_backend):
        pytest.skip("uvloop does not say what it waits for")


async def test_event() -> None:  # ENDS skipped setup if uvloop
    ready = anyio.Event()
    await ready.wait()  # FOUND deadlock call if not uvloop


async def test_two_locks() -> None:  # ENDS skipped setup if uvloop
    one, two = anyio.Lock(), anyio.Lock()

    async def take(first: anyio.Lock, second: anyio.Lock) -> None:
        async with first:
            await anyio.lowlevel.checkpoint()
            async with second:
                pass

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take, one, two)
        tasks.start_soon(take, two, one)
        await anyio.sleep_forever()  # FOUND deadlock call if not uvloop


async def test_stream() -> None:  # ENDS skipped setup if uvloop
    send, receive = anyio.create_memory_object_stream[int]()
    with send, receive:
        await receive.receive()  # FOUND deadlock call if not uvloop


async def test_group() -> None:  # ENDS skipped setup if uvloop
    async with anyio.create_task_group() as tasks:  # FOUND deadlock call if not uvloop
        tasks.start_soon(anyio.sleep_forever)


async def test_shielded() -> None:  # ENDS skipped setup if uvloop
    with anyio.CancelScope(shield=True):
        await anyio.sleep_forever()  # FOUND deadlock call if not uvloop


async def test_future() -> None:  # ENDS skipped setup if uvloop
    if sniffio.current_async_library() == "trio":
        pytest.skip("asyncio's own")  # ENDS skipped call if library == "trio"
    future = asyncio.get_running_loop().create_future()
    await future  # FOUND deadlock call if library == "asyncio" and not uvloop


async def test_after_a_thread() -> None:  # ENDS skipped setup if uvloop
    await anyio.to_thread.run_sync(int)
    await anyio.sleep_forever()  # FOUND deadlock call if not uvloop


async def test_beside_a_thread_that_ends() -> None:  # ENDS skipped setup if uvloop
    go = threading.Event()
    threading.Thread(target=go.wait).start()
    ready = anyio.Event()
    go.set()
    await ready.wait()  # FOUND deadlock call if not uvloop


@pytest.fixture
async def waits(anyio_backend: object) -> None:
    await anyio.Event().wait()  # FOUND deadlock setup of test_setup if not uvloop


async def test_setup(waits: None) -> None:  # ENDS skipped setup if uvloop
    pass


@pytest.fixture
async def waits_at_its_end(anyio_backend: object) -> AsyncGenerator[None]:
    yield
    await anyio.Event().wait()  # FOUND deadlock teardown of test_end if not uvloop


async def test_end(waits_at_its_end: None) -> None:  # ENDS skipped setup if uvloop
    pass


async def test_next() -> None:  # ENDS skipped setup if uvloop
    await anyio.lowlevel.checkpoint()

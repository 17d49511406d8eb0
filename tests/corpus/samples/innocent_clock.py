"""Tests in virtual time that leave nothing behind, and others beside them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator

import anyio
import anyio.lowlevel
import anyio.to_thread
import not_on_uvloop
import pytest
import sniffio
import trio
from anyio.abc import ByteStream, TaskGroup, TaskStatus
from anyio.streams.memory import MemoryObjectSendStream

import anyrig
from anyrig import Clock

HOUR = 3600.0
Orders = MemoryObjectSendStream[anyio.Event]

anyio_backend = not_on_uvloop.anyio_backend


@anyrig.service(scope="module")
async def bakery(*, task_status: TaskStatus[Orders]) -> None:
    send, receive = anyio.create_memory_object_stream[anyio.Event]()
    with send, receive:
        task_status.started(send)
        async for order in receive:
            order.set()


async def test_sleep(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    await anyio.sleep(HOUR)
    assert clock.time() == HOUR


@pytest.mark.anyrig(clock="virtual")
async def test_marker() -> None:  # ENDS skipped setup if uvloop
    start = anyio.current_time()
    await anyio.sleep(24 * HOUR)
    assert anyio.current_time() == start + 24 * HOUR


async def test_sleep_of_the_library(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    if sniffio.current_async_library() == "trio":
        await trio.sleep(HOUR)
    else:
        await asyncio.sleep(HOUR)
    assert clock.time() == HOUR


async def test_timeout_that_fires(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    with pytest.raises(TimeoutError), anyio.fail_after(30):
        await anyio.sleep_forever()
    assert clock.time() == 30


async def test_nested_timeouts(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    with anyio.move_on_after(20) as outer, anyio.move_on_after(10) as inner:
        await anyio.sleep(15)
    assert (inner.cancelled_caught, outer.cancelled_caught, clock.time()) == (True, False, 10)


async def test_task_that_is_cancelled_in_its_sleep(
    task_group: TaskGroup, clock: Clock
) -> None:  # ENDS skipped setup of test_task_that_is_cancelled_in_its_sleep if uvloop
    woken: list[float] = []

    async def tick() -> None:
        while True:
            await anyio.sleep(60)
            woken.append(clock.time())

    task_group.start_soon(tick)
    await anyio.sleep(150)
    assert woken == [60, 120]


async def test_advance(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    clock.autojump = False
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep, 10)
        await clock.advance(9)
        await clock.advance(1)
    assert clock.time() == 10


async def test_worker_thread(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    with anyio.fail_after(30):
        await anyio.to_thread.run_sync(time.sleep, 0.05)
    assert clock.time() == 0


async def test_thread(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    ready = anyio.Event()
    if sniffio.current_async_library() == "trio":
        hand = trio.lowlevel.current_trio_token().run_sync_soon
    else:
        hand = asyncio.get_running_loop().call_soon_threadsafe

    def work() -> None:
        time.sleep(0.05)
        hand(ready.set)

    thread = threading.Thread(target=work)
    thread.start()
    with anyio.fail_after(30):
        await ready.wait()
    thread.join()
    assert clock.time() == 0


async def echo(stream: ByteStream) -> None:
    async with stream:
        async for data in stream:
            await stream.send(data)


async def test_echo(clock: Clock) -> None:  # ENDS skipped setup if uvloop
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, echo)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with await anyio.connect_tcp("127.0.0.1", port) as client:
            for _ in range(2):
                with anyio.fail_after(30):
                    await client.send(b"?")
                    assert await client.receive() == b"?"
                await anyio.sleep(HOUR)
        tasks.cancel_scope.cancel()
    assert clock.time() == 2 * HOUR


async def ask(bakery: Orders) -> None:
    order = anyio.Event()
    with anyio.fail_after(30):
        await bakery.send(order)
        await order.wait()


async def test_service(bakery: Orders, clock: Clock) -> None:  # ENDS skipped setup if uvloop
    await ask(bakery)
    await anyio.sleep(HOUR)
    await ask(bakery)
    assert clock.time() == HOUR


async def test_service_in_real_time(bakery: Orders) -> None:  # ENDS skipped setup if uvloop
    await ask(bakery)


@pytest.mark.anyrig(clock="virtual")
async def test_service_again(bakery: Orders) -> None:  # ENDS skipped setup if uvloop
    await ask(bakery)
    await anyio.sleep(HOUR)


@pytest.fixture
async def naps(anyio_backend: object) -> AsyncGenerator[None]:
    await anyio.sleep(HOUR)
    yield
    await anyio.sleep(HOUR)


async def test_fixture(naps: None, clock: Clock) -> None:  # ENDS skipped setup if uvloop
    assert clock.time() == HOUR


@pytest.mark.anyrig(clock="virtual")
class Test:
    async def test_method(self) -> None:  # ENDS skipped setup if uvloop
        await anyio.sleep(HOUR)

    async def test_does_not_wait(self) -> None:  # ENDS skipped setup if uvloop
        await anyio.lowlevel.checkpoint()


async def test_real_time() -> None:  # ENDS skipped setup if uvloop
    await anyio.sleep(0.001)

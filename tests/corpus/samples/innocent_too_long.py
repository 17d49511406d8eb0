"""Tests that wait for what is going to come."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from types import FrameType

import anyio
import anyio.abc
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
import sniffio


def soon() -> Callable[[Callable[[], object]], object]:
    """What hands a call to the running loop, from any thread."""
    if sniffio.current_async_library() == "trio":
        import trio

        return trio.lowlevel.current_trio_token().run_sync_soon
    return asyncio.get_running_loop().call_soon_threadsafe


async def test_thread_sets() -> None:
    ready, hand = anyio.Event(), soon()

    def later() -> None:
        time.sleep(0.4)  # longer than any look of the watchdog's
        hand(ready.set)

    threading.Thread(target=later).start()
    await ready.wait()


async def test_worker_thread() -> None:
    await anyio.to_thread.run_sync(time.sleep, 0.4)


async def test_many_workers() -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(200):
            tasks.start_soon(anyio.to_thread.run_sync, int)


async def test_back_from_a_thread() -> None:
    ready = anyio.Event()

    def work() -> None:
        time.sleep(0.4)
        anyio.from_thread.run_sync(ready.set)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, work)
        await ready.wait()


async def test_process() -> None:
    await anyio.run_process([sys.executable, "-c", "import time; time.sleep(0.4)"])


async def test_socket() -> None:
    ours, theirs = socket.socketpair()

    def answer() -> None:
        time.sleep(0.4)
        theirs.send(b"x")

    with ours, theirs:
        ours.setblocking(False)
        thread = threading.Thread(target=answer)
        thread.start()
        await anyio.wait_readable(ours)
        thread.join()


async def test_client_in_another_process() -> None:
    script = "import socket, time; time.sleep(0.4); socket.create_connection(('127.0.0.1', {}))"
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        client = subprocess.Popen([sys.executable, "-c", script.format(port)])
        with anyio.CancelScope() as scope:

            async def answer(stream: anyio.abc.SocketStream) -> None:
                await stream.aclose()
                scope.cancel()

            await listener.serve(answer)
    client.wait()


async def test_protocol() -> None:
    if sniffio.current_async_library() == "trio":
        pytest.skip("asyncio's own")  # ENDS skipped call if library == "trio"
    script = "import socket, time; time.sleep(0.4); socket.create_connection(('127.0.0.1', {}))"
    called = anyio.Event()

    def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        called.set()

    server = await asyncio.start_server(call, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    client = subprocess.Popen([sys.executable, "-c", script.format(port)])
    await called.wait()
    client.wait()
    server.close()


async def test_signal() -> None:
    ready, hand = anyio.Event(), soon()

    def handle(number: int, frame: FrameType | None) -> None:
        hand(ready.set)

    before = signal.signal(signal.SIGHUP, handle)
    try:
        command = f"import time, os, signal; time.sleep(0.4); os.kill({os.getpid()}, signal.SIGHUP)"
        process = subprocess.Popen([sys.executable, "-c", command])
        await ready.wait()
        process.wait()
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_timer() -> None:
    with anyio.move_on_after(0.4):
        await anyio.sleep_forever()


@pytest.fixture(scope="module")
async def server(anyio_backend: object) -> AsyncGenerator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep_forever)
        yield
        tasks.cancel_scope.cancel()


async def test_beside_what_waits_for_ever(server: None) -> None:
    await anyio.to_thread.run_sync(time.sleep, 0.4)


def test_between_two_calls(server: None) -> None:
    time.sleep(0.4)  # the loop waits, and nobody waits for it


@pytest.mark.anyrig(blocked_loop_after=0.2)
async def test_turns() -> None:
    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        await anyio.lowlevel.checkpoint()


@pytest.mark.anyrig(blocked_loop_after=0.2)
async def test_thread_is_held() -> None:
    await anyio.to_thread.run_sync(time.sleep, 0.4)


@pytest.mark.anyrig(blocked_loop_after=0.2)
def test_sync() -> None:
    time.sleep(0.4)


@pytest.mark.anyrig(timeout=60)
async def test_in_time() -> None:
    await anyio.lowlevel.checkpoint()


@pytest.mark.anyrig(timeout="off")
async def test_without_limit() -> None:
    await anyio.lowlevel.checkpoint()

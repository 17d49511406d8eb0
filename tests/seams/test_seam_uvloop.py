"""The functions of libuv, and what is read of its structures, that say what uvloop waits for."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from anyrig.seams import asyncio as asyncio_seam

uvloop = pytest.importorskip("uvloop", reason="without uvloop there is no such loop")

from anyrig.seams.uvloop import LoopWaits, waits_of  # noqa: E402 - it imports uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives on a new loop of uvloop's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def asked() -> LoopWaits:
    """What says of the running loop what it waits for."""
    waits = waits_of(asyncio.get_running_loop())
    assert waits is not None, "uvloop's module, or what it exports of libuv, has other names"
    return waits


async def nothing() -> bool:
    """What is said where nothing is to come."""
    return asked().is_for_nothing()


def test_nothing() -> None:
    """A loop that only what wakes it and signals can reach waits for nothing."""
    assert run(nothing())


def test_nothing_in_another_thread() -> None:
    """Without signals there is one handle less."""
    said: list[bool] = []
    thread = threading.Thread(target=lambda: said.append(run(nothing())))
    thread.start()
    thread.join()
    assert said == [True]


def test_timers() -> None:
    """A timer is something to wait for, but one that never comes."""

    async def main() -> tuple[bool, bool]:
        loop, waits = asyncio.get_running_loop(), asked()
        loop.call_later(math.inf, print)
        first = waits.is_for_nothing()
        loop.call_later(9, print)
        return first, waits.is_for_nothing()

    assert run(main()) == (True, False)


def test_reader() -> None:
    """A descriptor that is waited for is something, until it is not any more."""

    async def main() -> tuple[bool, bool]:
        loop, waits = asyncio.get_running_loop(), asked()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            loop.add_reader(ours, print)
            first = waits.is_for_nothing()
            loop.remove_reader(ours)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return first, waits.is_for_nothing()

    assert run(main()) == (False, True)


def test_server() -> None:
    """So is a server."""

    async def main() -> bool:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0):
            return asked().is_for_nothing()

    assert not run(main())


def test_process() -> None:
    """So is a process."""

    async def main() -> bool:
        process = await asyncio.create_subprocess_exec("sleep", "9")
        is_for_nothing = asked().is_for_nothing()
        process.kill()
        await process.wait()
        return is_for_nothing

    assert not run(main())


def test_request() -> None:
    """So is a name that is looked up in a thread of libuv's: a request, which has no handle."""

    async def main() -> bool:
        waits, task = asked(), asyncio.create_task(_address())
        await asyncio.sleep(0)
        is_for_nothing = waits.is_for_nothing()
        await task
        return is_for_nothing

    async def _address() -> None:
        # no address: it would be told without a look-up
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    assert not run(main())


def test_what_reads_otherwise_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a handle's loop is another one, or handles are miscounted, nothing is said."""

    async def main() -> tuple[bool, bool]:
        waits = asked()
        with monkeypatch.context() as patch:
            patch.setattr(waits, "_has_ref", lambda handle: 0)
            miscounted = waits.is_for_nothing()
        with monkeypatch.context() as patch:
            read = waits._handles
            patch.setattr(waits, "_handles", lambda: [one - 8 for one in read()])
            patch.setattr(waits, "_is_active", lambda handle: 0)
            elsewhere = waits.is_for_nothing()
        return miscounted, elsewhere

    assert run(main()) == (False, False)


def test_loop_turns_once_for_a_look() -> None:
    """``uv_metrics_info`` counts turns: one for each look from another thread, more for others."""
    said: list[bool] = []

    async def main() -> None:
        loop, waits, ready = asyncio.get_running_loop(), asked(), asyncio.Event()

        def look(is_last: bool) -> None:
            said.append(waits.is_same())
            looked.set()
            if is_last:
                ready.set()

        def looks() -> None:
            for number in range(4):
                looked.clear()
                if number == 3:
                    turned = threading.Event()
                    loop.call_soon_threadsafe(turned.set)
                    turned.wait()
                loop.call_soon_threadsafe(look, number == 3)
                looked.wait()

        looked = threading.Event()
        thread = threading.Thread(target=looks)
        thread.start()
        await ready.wait()
        thread.join()

    run(main())
    assert said[1:] == [True, True, False]


def test_executor_is_what_the_collector_knows() -> None:
    """What the loop's executor runs is known while somebody's future waits for it."""
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait()

    async def main() -> tuple[list[Any], list[Any]]:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(None, work)
        begun.wait()
        try:
            during = asyncio_seam.calls_of(loop)
        finally:
            go.set()
        await future
        return during, asyncio_seam.calls_of(loop)

    assert run(main()) == ([work], [])

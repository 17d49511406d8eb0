"""The functions of libuv, and what is read of its structures, that say what uvloop waits for."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from anyrig.seams import asyncio as asyncio_seam
from anyrig.seams.asyncio_threads import Untold

uvloop = pytest.importorskip("uvloop", reason="without uvloop there is no such loop")

from anyrig.seams.uvloop import LoopWaits, waits_of  # noqa: E402 - it imports uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives on a new loop of uvloop's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def asked() -> LoopWaits:
    """What says of the running loop what it waits for."""
    waits = waits_of(asyncio.get_running_loop(), threading.get_ident())
    assert waits is not None, "uvloop's module has other names"
    return waits


def others() -> int:
    """How many handles and requests there are of the user's; one is active where the loop runs."""
    count = asked().others()
    assert count is not None, "a loop's first handles are laid out in another way"
    return count - 1


async def asleep(ask: Callable[[LoopWaits], bool]) -> None:
    """Return when this has come true of the loop, asked from another thread while it sleeps."""
    loop, waits, event = asyncio.get_running_loop(), asked(), asyncio.Event()

    def look() -> None:
        while not (waits.is_same() and ask(waits)):
            time.sleep(0.001)
        loop.call_soon_threadsafe(event.set)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    await event.wait()
    thread.join()


def test_nothing() -> None:
    """A loop that only what wakes it and signals can reach waits for nothing, in any turn."""

    async def main() -> None:
        assert others() == 0
        await asleep(LoopWaits.is_for_nothing)
        await asyncio.sleep(0.001)
        assert others() == 0
        await asleep(LoopWaits.is_for_nothing)

    run(main())


def test_nothing_in_another_thread() -> None:
    """Without signals there is one handle less."""
    said: list[int] = []

    async def main() -> None:
        await asleep(LoopWaits.is_for_nothing)
        said.append(others())

    thread = threading.Thread(target=lambda: run(main()))
    thread.start()
    thread.join()
    assert said == [0]


def test_timers() -> None:
    """A timer is something to wait for, but one that never comes, or was cancelled."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(math.inf, print)
        loop.call_later(9, print).cancel()
        await asleep(LoopWaits.is_for_nothing)
        timer = loop.call_later(3600, print)
        assert others() == 0
        await asleep(lambda waits: waits.others() == 0 and not waits.is_for_nothing())
        timer.cancel()
        await asleep(LoopWaits.is_for_nothing)

    run(main())


def test_reader() -> None:
    """A descriptor that is waited for is something, until it is not any more."""

    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            loop.add_reader(ours, print)
            first = others()
            loop.remove_reader(ours)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return first, others()

    assert run(main()) == (1, 0)


def test_server() -> None:
    """So is a server."""

    async def main() -> int:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0):
            return others()

    assert run(main()) == 1


def test_process() -> None:
    """So is a process."""

    async def main() -> int:
        process = await asyncio.create_subprocess_exec("sleep", "9")
        count = others()
        process.kill()
        await process.wait()
        return count

    assert run(main()) == 1


def test_request() -> None:
    """So is a name that is looked up in a thread of libuv's: a request, which has no handle."""

    async def main() -> int:
        task = asyncio.create_task(_address())
        await asyncio.sleep(0)
        count = others()
        await task
        return count

    async def _address() -> None:
        # no address: it would be told without a look-up
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    assert run(main()) == 1


def test_what_another_thread_has_made_ready() -> None:
    """It is in the one deque of the loop, which sleeps on; and is no handle of the user's."""

    async def main() -> None:
        loop, waits, seen = asyncio.get_running_loop(), asked(), threading.Event()
        future = loop.create_future()

        def thread() -> None:
            while not (waits.is_same() and waits.is_for_nothing()):
                time.sleep(0.001)
            future.set_result(1)
            while not (waits.is_same() and waits.untold()):
                time.sleep(0.001)
            said.append((waits.others(), waits.untold()))
            loop.call_soon_threadsafe(seen.set)

        threading.Thread(target=thread).start()
        await future

    said: list[tuple[int | None, Untold | None]] = []
    run(main())
    ((count, untold),) = said
    assert count == 1  # what makes the loop call it
    assert untold is not None
    assert (untold.is_endless, len(untold.handles)) == (True, 1)


def test_what_reads_otherwise_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a loop's own handles are not where they should be, nothing is said."""

    async def main() -> tuple[int | None, bool]:
        waits = asked()
        monkeypatch.setattr(waits, "_check", None)
        return waits.others(), waits.is_for_nothing()

    assert run(main()) == (None, False)


def test_closed_loop_is_not_read() -> None:
    """What a loop's memory says once it is closed is no answer."""

    async def main() -> LoopWaits:
        return asked()

    assert run(main()).others() is None


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
